"""What a run says at its end: each failure once more, what it kept from being built, and counts that agree."""

from __future__ import annotations

TABLE = "{{ config(materialized='table') }} "
NO_NUMBER = TABLE + "select cast('x' as int) as id"
NOT_NULL = "models: [{name: b, columns: [{name: id, data_tests: [not_null]}]}]"
TWO_FAILURES = {
    "models/a.sql": NO_NUMBER,
    "models/of_a.sql": "select * from a",
    "models/b.sql": "select cast(null as int) as id",
    "models/b.yml": NOT_NULL,
    "models/of_b.sql": "select * from b",
    "models/of_of_b.sql": "select * from of_b",
}


def test_each_failure_names_what_was_skipped_below_it(eltflow, project):
    out = eltflow("build", cwd=project(TWO_FAILURES)).out.splitlines()
    assert "skipped 1 node below a: of_a" in out
    at = out.index("skipped 2 nodes below the test not_null on b.id: of_b, of_of_b")
    assert out[at - 4] == "FAILED  test not_null on b.id: 1 row"


def test_what_fail_fast_kept_from_starting_is_not_said_to_be_below_the_failure(eltflow, project):
    root = project({"models/a.sql": NO_NUMBER, "models/of_a.sql": "select * from a", "models/z.sql": "select 1 as id"})
    ran = eltflow("build", "--fail-fast", "--threads", "1", cwd=root)
    assert "skipped 1 node below a: of_a" in ran.out
    assert "1 node not started (--fail-fast): z" in ran.out


def test_a_node_that_fail_fast_cancelled_has_not_failed(eltflow, project):
    slow = TABLE + "select count(*) as n from range(100000000) t(x), range(1000) u(y) where x % 7 = y % 3"
    late = TABLE + "select cast('x' as int) as id from a"
    root = project(
        {"models/a.sql": TABLE + "select count(*) as n from range(3000000)", "models/late.sql": late, "models/slow.sql": slow}
    )
    ran = eltflow("build", "--fail-fast", cwd=root)
    assert ran.code == 1
    assert "1 node failed · 1 cancelled" in ran.out
    assert "CANCELLED  slow: cancelled: --fail-fast" in ran.err
    assert "INTERRUPT" not in ran.text


def test_blank_lines_stand_on_the_stream_of_what_they_set_apart(eltflow, project):
    root = project({f"models/{name}.sql": NO_NUMBER for name in "abc"})
    ran = eltflow("build", cwd=root)
    assert ran.err.count("error[E0601]") == 3
    assert "\n\n\n" not in ran.out + "\n" + ran.err
    assert ran.out.count("\n\n") == 2  # after the first line, and before the last two


def test_nothing_but_ephemeral_models_is_nothing_to_do(eltflow, project):
    root = project({"models/a.sql": "{{ config(materialized='ephemeral') }} select 1 as id"})
    ran = eltflow("run", cwd=root)
    assert (ran.code, ran.out) == (0, "nothing to do: an ephemeral model is part of what reads it\n")


def test_what_fail_calc_gives_is_not_taken_for_rows(eltflow, project):
    test = "{{ config(fail_calc='max(amount)') }} select * from a"
    root = project({"models/a.sql": "select 20 as amount union all select 50", "tests/limits.sql": test})
    ran = eltflow("build", cwd=root)
    assert "FAILED  test limits: max(amount) is 50" in ran.out
    assert "  FAIL      limits  max(amount) is 50" in ran.out
    assert "more:" not in ran.out
    assert "50 rows" not in ran.text


NAMED = """models:
- name: s
  columns:
  - name: id
    data_tests:
    - not_null
    - not_null: {name: old_ones, config: {where: "kind = 'old'"}}
    - not_null: {name: not_null_of_new, config: {where: "kind = 'new'"}}
    - accepted_values: {arguments: {values: [1, 2]}, config: {where: id > 0}}
"""


def test_a_test_with_a_name_of_its_own_is_told_by_it(eltflow, project):
    rows = "select null::int as id, 'new' as kind union all select null, 'old' union all select 3, 'x'"
    out = eltflow("build", cwd=project({"models/s.sql": rows, "models/s.yml": NAMED})).out
    assert "  FAIL      not_null on s.id  2 rows" in out
    assert "  FAIL      old_ones (not_null on s.id)  1 row" in out
    assert "FAILED  test not_null_of_new (not_null on s.id): 1 row" in out
    assert "  FAIL      accepted_values on s.id  1 row" in out


def test_no_more_rows_are_shown_than_are_counted(eltflow, project):
    rows = "select unnest(range(9)) as id"
    entry = "models: [{name: s, columns: [{name: id, data_tests: [{accepted_values: {arguments: {values: [100]}, config: {limit: 2}}}]}]}]"
    out = eltflow("build", cwd=project({"models/s.sql": rows, "models/s.yml": entry})).out
    assert "FAILED  test accepted_values on s.id: 2 rows" in out
    shown = out.partition("FAILED")[2].partition("again:")[0].splitlines()
    assert sum(line.split()[:1] != [] and line.split()[0].isdigit() for line in shown[2:]) == 2, out
    assert " more: --rows" not in out


SAYING = "{{ log('logged', info=True) }}{{ print('printed') }}{% do exceptions.warn('warned') %}select {{ 'x' | length }} as id"


def test_what_a_template_says_is_told_once(eltflow, project):
    settings = {"hooks": "on_run_start: [\"{{ print('started') }} select 1\"]\non_run_end: [\"{{ print('ended') }} select 1\"]\n"}
    incremental = "{{ config(materialized='incremental') }}" + SAYING + "{% if is_incremental() %} where true{% endif %}"
    root = project({"models/a.sql": SAYING, "models/b.sql": incremental, "models/of_b.sql": "select * from b"})
    (root / "eltflow.yml").write_text((root / "eltflow.yml").read_text() + settings["hooks"])
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
        for word in ("logged", "printed", "warned"):
            assert ran.out.count(f" {word}\n") == 2, ran.out  # by two nodes
        assert ran.out.count(" started\n") == ran.out.count(" ended\n") == 1, ran.out
        assert ran.out.index(" started\n") < ran.out.index(" view") < ran.out.index(" ended\n")


def test_debug_makes_no_database(eltflow, project):
    root = project({"models/a.sql": "select 1 as id"})
    ran = eltflow("debug", cwd=root)
    assert ran.code == 0, ran.text
    assert "no database yet: the first build makes p.duckdb" in ran.out
    assert not list(root.glob("*.duckdb*"))
    assert eltflow("build", cwd=root).code == 0
    assert "✓ ok      rights" in eltflow("debug", cwd=root).out
