"""Values of columns tagged `pii` are nowhere to be seen, whatever a query calls them; and showing rows changes no verdict."""

from __future__ import annotations

import base64
import json
import re
import zlib

import pytest

SECRET = "ann@secret.example"
USERS = f"select 1 as id, '{SECRET}' as email, 2.5 as amt"
FILES = {
    "models/u.sql": f"{{{{ config(materialized='table') }}}} {USERS}",
    "models/u.yml": "models:\n  - name: u\n    columns:\n      - {name: id}\n      - {name: email, tags: [pii]}\n",
}


def sample(eltflow, root, sql, name="s1"):
    (root / "tests").mkdir(exist_ok=True)
    (root / f"tests/{name}.sql").write_text(sql)
    ran = eltflow("test", "-s", name, "--json", cwd=root)
    (result,) = json.loads(ran.out)["results"]
    assert result["status"] == "fail", ran.text
    return result["sample"]


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("select email as id from u", {"id": "*****"}),
        ("select max(email) as id from u", {"id": "*****"}),
        ("select email.upper() as id from u", {"id": "*****"}),
        ("select (u.email).replace('a', 'b').length() as id from u", {"id": "*****"}),
        ("select {'a': email} as id from u", {"id": "*****"}),
        ("select id, amt, count(*) as n, current_date as d from u group by all", {"id": 1, "amt": "2.5", "n": 1, "d": "*****"}),
        ("select * from u", {"id": 1, "email": "*****", "amt": "2.5"}),
        ("select e.x as id, e.id as y from e", {"id": "*****", "y": 1}),
        ("select id, email from o", {"id": 1, "email": "*****"}),
        ("select x as amt from w", {"amt": "clear"}),
        ("select current_date is not null as d, count(*) as n from w", {"d": True, "n": 1}),
    ],
)
def test_rows_are_masked_by_where_values_come_from(eltflow, project, sql, row):
    files = {
        "models/e.sql": "{{ config(materialized='ephemeral') }} select id, email as x from u",
        "models/o.sql": "{{ config(materialized='ephemeral') }} select id, email from u",
        "models/w.sql": "select 'clear' as x",
    }
    root = project({**FILES, **files})
    assert eltflow("run", cwd=root).code == 0
    assert sample(eltflow, root, sql) == [row]


def test_tags_of_a_source_hold_for_the_step_that_loads_it(eltflow, project):
    root = project(
        {
            "data/u.csv": f"id,email\n1,{SECRET}\n",
            "ingest/i.yml": "steps: [{name: users, source: {kind: files, path: data/u.csv}, into: raw.users}]\n",
            "models/s.yml": "sources:\n  - name: crm\n    schema: s_raw\n    tables:\n      - name: users\n        columns:\n"
            "          - {name: email, config: {tags: pii}}\n",
        }
    )
    assert eltflow("ingest", cwd=root).code == 0
    for read in ("{{ source('crm', 'users') }}", "{{ ref('users') }}"):
        assert sample(eltflow, root, f"select email as x, id from {read}") == [{"x": "*****", "id": 1}]


def test_show_masks_too(eltflow, project):
    root = project({**FILES, "models/v.sql": "select email as id, amt from u"})
    assert eltflow("run", cwd=root).code == 0
    for words, rows in (
        (["u"], [{"id": 1, "email": "*****", "amt": "2.5"}]),
        (["v"], [{"id": "*****", "amt": "2.5"}]),
        (["--inline", "select email as x, id from u"], [{"x": "*****", "id": 1}]),
        (["--inline", "select 'me@example.org' || 1 as x"], [{"x": "me@example.org1"}]),
    ):
        ran = eltflow("show", *words, "--json", cwd=root)
        assert json.loads(ran.out) == rows, ran.text
        assert SECRET not in eltflow("show", *words, "--csv", cwd=root).out + eltflow("show", *words, cwd=root).out


def test_errors_of_the_warehouse_hold_no_values(eltflow, project):
    files = {
        "models/bad.sql": "{{ config(materialized='table') }} select cast(email as int) as z from u",
        "tests/t.sql": "select * from u join bad on cast(email as int) = z",
        "tests/w.sql": "select * from u where cast(email as int) > 0 and amt < (select max(amt) + 1 from e)",
        "models/e.sql": "select 1 as amt",
    }
    root = project({**FILES, **files})
    for options in ((), ("--json",), ("--log-format", "json"), ("--junit", "j.xml")):
        ran = eltflow("build", *options, cwd=root)
        assert ran.code == 1
        assert "Could not convert string *****" in ran.text
        assert SECRET not in ran.text
    shown = eltflow("show", "--inline", "select cast(email as int) as q from u", cwd=root)
    assert "Could not convert string *****" in shown.err
    eltflow("docs", "generate", cwd=root)
    for path in ("logs/eltflow.log", "target/run_results.json", "j.xml"):
        assert "Could not convert" in (root / path).read_text()
        assert SECRET not in (root / path).read_text().replace(USERS, "")
    assert SECRET not in eltflow("history", json.loads(eltflow("history", "--json", cwd=root).out)[0]["id"], cwd=root).text
    written = "".join(path.read_text() for path in (root / "target/docs").rglob("*.*"))
    parts = [zlib.decompress(base64.b64decode(text)).decode() for text in re.findall(r'"([A-Za-z0-9+/]{40,}=*)"', written)]
    assert any("email" in part for part in parts)
    # What stands in quotes is the model's own SQL, and the expression that makes its column.
    assert not [part for part in (written, *parts) if SECRET in part.replace(f"'{SECRET}'", "")]


def test_data_files_are_not_quoted(eltflow, project):
    step = (
        "steps:\n  - name: u\n    source: {kind: files, path: data/*.csv}\n    into: raw.u\n    load: append\n"
        "    columns: {email: {tags: [pii], data_type: int}}\n"
    )
    root = project({"data/u.csv": f"id,email\n1,{SECRET}\n", "ingest/i.yml": step})
    ran = eltflow("ingest", cwd=root)
    assert ran.code == 1
    assert "data/u.csv" in ran.err
    assert SECRET not in ran.text
    (root / "data/u.csv").write_text(f"id,email\n1,2,{SECRET}\n")
    ragged = eltflow("ingest", cwd=root)
    assert "data/u.csv:2" in ragged.err
    assert SECRET not in ragged.text


def test_names_in_an_error_stay(eltflow, project):
    root = project({**FILES, "tests/t.sql": "select x from (select *, 1 as x from u), read_csv('none.csv') where nope"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "nope" in ran.err or "none.csv" in ran.err


LATE = {
    "models/u.sql": "{{ config(materialized='table') }} select 'x1' as k",
    "models/kid.sql": "select * from u",
    "tests/w.sql": "{{ config(severity='warn') }} select cast(k as int) as q from u",
}


def test_rows_that_cannot_be_fetched_change_no_verdict(eltflow, project):
    root = project(LATE)
    for options, noted in ((("--no-rows",), False), ((), True), (("--rows", "2"), True)):
        ran = eltflow("build", *options, cwd=root)
        assert ran.code == 0, ran.text
        assert "WARNED  test w: 1 row" in ran.out
        assert ("its rows cannot be shown: Conversion Error: Could not convert string 'x1' to INT32" in ran.out) is noted
        assert "2 models built" in ran.out
    results = {r["id"]: r for r in json.loads(eltflow("build", "--json", cwd=root).out)["results"]}
    assert results["test.p.w"]["status"] == "warn"
    assert results["test.p.w"]["note"].startswith("its rows cannot be shown")
    tagged = project({**LATE, "models/u.yml": "models: [{name: u, columns: [{name: k, tags: pii}]}]\n"}, name="q")
    ran = eltflow("build", cwd=tagged)
    assert "its rows cannot be shown: Conversion Error: Could not convert string *****" in ran.out
    assert "x1" not in ran.out


DOWN = {
    **FILES,
    "models/v.sql": "select id, email as contact, upper(email) as loud, amt * 2 as twice, email from u",
    "models/w.sql": "{{ config(materialized='table') }}\n"
    "select v.id, cast(contact as varchar) as c, loud || '!' as l, case when contact like 'a%' then 1 end as a, twice from v",
    "models/counted.sql": "select count(c) as n, count(distinct l) filter (where a = 1) as m, count(*) over () as o from w group by all",
}


@pytest.mark.parametrize(
    ("sql", "row"),
    [
        ("select c, l, a, id, twice from w", {"c": "*****", "l": "*****", "a": "*****", "id": 1, "twice": "5.0"}),
        ("select n, m, o from counted", {"n": 1, "m": 1, "o": 1}),
        ("select max(c) as id from w", {"id": "*****"}),
        ("select contact as id, twice from v", {"id": "*****", "twice": "5.0"}),
    ],
)
def test_what_is_made_of_personal_columns_is_masked_models_later(eltflow, project, sql, row):
    root = project(DOWN)
    assert eltflow("run", cwd=root).code == 0
    assert sample(eltflow, root, sql) == [row]


def test_errors_of_the_warehouse_hold_no_values_models_later(eltflow, project):
    root = project({**DOWN, "models/z.sql": "{{ config(materialized='table') }} select cast(c as int) as z from w"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "Could not convert string *****" in ran.text
    assert SECRET not in ran.text


def test_a_column_that_somebody_cleared_is_shown(eltflow, project):
    cleared = "models:\n  - name: v\n    columns: [{name: loud, meta: {pii: false}}]\n"
    root = project({**DOWN, "models/v.yml": cleared})
    assert eltflow("run", cwd=root).code == 0
    assert sample(eltflow, root, "select l, c from w") == [{"l": f"{SECRET.upper()}!", "c": "*****"}]


def test_columns_that_cannot_be_followed_are_masked(eltflow, project):
    """The columns of a pivot that the data names: the engine knows of none of them before there is data."""
    files = {
        "models/j.sql": "{{ config(materialized='table') }} select e.value as v from u, json_each(to_json(u)) as e",
        "models/p.sql": "{{ config(materialized='table') }} pivot u on id using max(email) as m, sum(amt) as s group by amt",
        "models/r.sql": "{{ config(materialized='table') }} pivot u on email using sum(amt) group by id",
    }
    root = project({**FILES, **files})
    assert eltflow("run", cwd=root).code == 0
    assert {row["v"] for row in sample(eltflow, root, "select v from j")} == {"*****"}
    for number, name in enumerate(("p", "r")):
        assert set(sample(eltflow, root, f"select * from {name}", name=f"t{number}")[0].values()) == {"*****"}


def test_columns_that_only_the_engine_can_name_are_masked(eltflow, project):
    model = "{{ config(materialized='table') }} select columns(lambda c: length(c) > 2) from u"
    root = project({**FILES, "models/q.sql": model})
    assert eltflow("run", cwd=root).code == 0
    assert set(sample(eltflow, root, "select amt from q")[0].values()) == {"*****"}


def test_a_recursion_and_a_table_that_reads_itself(eltflow, project):
    grown = "{{ config(materialized='incremental', unique_key='id') }} select id, contact as c from v"
    grown += "{% if is_incremental() %} union all select id, c from {{ this }}{% endif %}"
    root = project({**DOWN, "models/g.sql": grown})
    for _ in range(2):
        assert eltflow("run", cwd=root).code == 0
        assert sample(eltflow, root, "select id, c from g limit 1") == [{"id": 1, "c": "*****"}]
