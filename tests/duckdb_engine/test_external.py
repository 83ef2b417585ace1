"""Models that are files, in whole projects: who reads them, where they lie, and what a kill leaves."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import duckdb
import pytest

ROWS = 40_000
SETTINGS = "name: k\ntargets:\n  dev: {type: duckdb, path: k.duckdb, schema: s, threads: 2}\n"
LAYOUTS = {
    "a file": "format='csv'",
    "a folder": "partition_by=['part']",
}


def rows_of(root, query, *parameters):
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as connection:
        return connection.execute(query, parameters).fetchall()


def left(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob(".*__eltflow_tmp_*"))


def test_models_above_tests_and_lineage_go_on(project, eltflow):
    root = project(
        {
            "seeds/orders.csv": "id,country,amount\n1,fr,10\n2,de,20\n3,,30\n",
            "models/by_country.sql": "{{ config(materialized='external', partition_by='country') }} select * from orders",
            "models/total.sql": "{{ config(materialized='external', location='out/total.csv') }} select sum(amount) as total from by_country",
            "models/double.sql": "{{ config(materialized='table') }} select total * 2 as twice from total",
            "models/m.yml": "models: [{name: by_country, columns: [{name: id, data_tests: [unique, not_null]}]}]\n",
        }
    )
    for _ in range(2):
        ran = eltflow("build", cwd=root)
        assert ran.code == 0, ran.text
    assert "external  by_country" in ran.out
    assert "2 tests passed" in ran.out
    assert rows_of(root, "select twice, typeof(twice) from s.double") == [(120, "HUGEINT")]
    assert (root / "out/total.csv").read_text() == "total\n60\n"
    files = sorted(str(path.relative_to(root)) for path in (root / "external/s/by_country").rglob("*.parquet"))
    assert [Path(file).parent.name for file in files] == ["country=__HIVE_DEFAULT_PARTITION__", "country=de", "country=fr"]
    assert left(root) == []
    lineage = eltflow("lineage", "double.twice", "--json", cwd=root)
    assert lineage.code == 0, lineage.text
    assert "orders" in lineage.out
    catalog = json.loads((root / "target/manifest.json").read_text())["nodes"]["model.p.by_country"]
    assert catalog["config"]["materialized"] == "external"


def test_the_root_of_files_is_the_target_s(project, eltflow, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    settings = json.dumps(
        {"name": "p", "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s", "external_root": str(elsewhere)}}}
    )
    whole = tmp_path / "whole.tsv"
    root = project(
        {
            "eltflow.yml": settings,
            "models/a.sql": "{{ config(materialized='external', alias='b', schema='x') }} select 1 as id",
            "models/c.sql": f"{{{{ config(materialized='external', location='{whole}') }}}} select 1 as id, 'x' as v",
            "models/d.sql": "{{ config(materialized='external', location='lake/' ~ target.name ~ '/d.json') }} select id from {{ ref('a') }}",
        }
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert (elsewhere / "s_x/b.parquet").is_file()
    assert whole.read_text() == "id\tv\n1\tx\n"
    assert (root / "lake/dev/d.json").read_text() == '{"id":1}\n'


def test_a_kind_that_changes_keeps_its_rows(project, eltflow):
    root = project({"models/m.sql": "{{ config(materialized=var('as')) }} select 1 as id, 2 as n"})
    for kind in ("table", "external", "table", "view", "external", "incremental", "external"):
        ran = eltflow("build", "--vars", f"{{as: {kind}}}", cwd=root)
        assert ran.code == 0, ran.text
        assert rows_of(root, "select * from s.m") == [(1, 2)]


def test_hooks_and_those_outside_see_the_new_rows(project, eltflow):
    hooks = (
        "pre_hook='create table if not exists s.log (n int)', post_hook=["
        "'insert into s.log select count(*) from {{ this }}',"
        "{'sql': \"insert into s.log select count(*) from 'external/s/m.parquet'\", 'transaction': false}]"
    )
    root = project({"models/m.sql": f"{{{{ config(materialized='external', {hooks}) }}}} select * from range({{{{ var('n') }}}})"})
    for n in (3, 5):
        ran = eltflow("build", "--vars", f"{{n: {n}}}", cwd=root)
        assert ran.code == 0, ran.text
    assert rows_of(root, "select n from s.log order by n") == [(3,), (3,), (5,), (5,)]


def test_a_hook_that_fails_leaves_the_old_file(project, eltflow):
    root = project(
        {"models/m.sql": "{{ config(materialized='external', post_hook=var('hook', 'select 1')) }} select {{ var('n', 1) }} as n"}
    )
    assert eltflow("build", cwd=root).code == 0
    before = (root / "external/s/m.parquet").read_bytes()
    assert eltflow("build", "--vars", "{n: 2, hook: 'select nothing'}", cwd=root).code == 1
    assert (root / "external/s/m.parquet").read_bytes() == before
    assert rows_of(root, "select n from s.m") == [(1,)]
    assert left(root) == []


def test_gc_takes_what_no_view_reads(project, eltflow):
    root = project({"models/m.sql": "{{ config(materialized='external') }} select 1 as n"})
    assert eltflow("build", cwd=root).code == 0
    folder = root / "external/s"
    dead, read = (folder / f".m.parquet__eltflow_tmp_0123abc{n}" for n in (1, 2))
    shutil.copy(folder / "m.parquet", dead)
    shutil.copy(folder / "m.parquet", read)
    (folder / ".m.parquet__eltflow_tmp_mine").touch()
    with duckdb.connect(
        str(root / "p.duckdb")
    ) as connection:  # as a run leaves it that was killed before its file was at its place
        connection.execute(f"create or replace view s.m as select * from read_parquet('{read}')")
    shown = eltflow("gc", cwd=root)
    assert shown.code == 0, shown.text
    assert "external/s/.m.parquet__eltflow_tmp_0123abc1  file  left by a run that was killed" in shown.out
    assert "0 relations, 1 file, 0 runs" in shown.out
    done = eltflow("gc", "--yes", "--json", cwd=root)
    assert json.loads(done.out)["files"] == ["external/s/.m.parquet__eltflow_tmp_0123abc1"]
    assert [path.name for path in sorted(folder.iterdir())] == [
        ".m.parquet__eltflow_tmp_0123abc2",
        ".m.parquet__eltflow_tmp_mine",
        "m.parquet",
    ]
    assert eltflow("build", cwd=root).code == 0
    assert [path.name for path in sorted(folder.iterdir())] == [".m.parquet__eltflow_tmp_mine", "m.parquet"]


def test_a_place_that_cannot_be_written(project, eltflow):
    root = project(
        {"models/m.sql": "{{ config(materialized='external', location='out/m.parquet') }} select 1 as n", "out": "a file\n"}
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert "error[E0601]: model `m`: cannot write out/m.parquet: File exists" in ran.err
    assert "help: see whether the folder can be written, and the disk has room" in ran.err


def test_a_file_that_somebody_deleted_is_written_again(project, eltflow):
    root = project({"models/m.sql": "{{ config(materialized='external') }} select 1 as n", "models/a.sql": "select n from m"})
    assert eltflow("build", cwd=root).code == 0
    (root / "external/s/m.parquet").unlink()
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text
    assert rows_of(root, "select n from s.a") == [(1,)]


def test_an_object_store_without_its_extension(project, eltflow):
    root = project({"models/m.sql": "{{ config(materialized='external', location='s3://lake/m.parquet') }} select 1 as n"})
    ran = eltflow("build", cwd=root)
    assert ran.code == 1
    assert ran.err.startswith("error[E0601]: model `m`: this needs DuckDB's extension `httpfs`, which is not installed\n"), ran.err
    assert (
        "help: install it (DuckDB: INSTALL httpfs), and name it in the target's `extensions:`: nothing is downloaded here"
        in ran.err
    )


# -- kill -9 -------------------------------------------------------------------------------------------------------------------------


def changed(letter: str, more: str = "") -> str:
    return f"select range as id, '{letter}' || range as v, range % 3 as part{more} from range({ROWS})"


def contents(root: Path) -> tuple[object, ...]:
    """What the view gives, and what is recorded of it."""
    with duckdb.connect(str(root / "k.duckdb"), read_only=True) as connection:
        rows = connection.execute("select count(*), sum(hash(m)::hugeint) from s.m as m").fetchone()
        latest = "select fingerprint, rows from eltflow_meta.applied order by applied_at desc limit 1"
        return rows, connection.execute(latest).fetchone()


def outside(root: Path) -> object:
    """What a program without the warehouse reads at the location; None if nothing is there."""
    place = root / "external/s"
    return (place / "m.csv").read_bytes() if (place / "m.csv").exists() else None


def prove(layout: str, kills: int, seed: int, tmp_path: Path, forked) -> None:
    start, root = tmp_path / "start", tmp_path / "k"
    (root / "models").mkdir(parents=True)
    (root / "eltflow.yml").write_text(SETTINGS)
    model = f"{{{{ config(materialized='external', {LAYOUTS[layout]}) }}}}\n"
    (root / "models/m.sql").write_text(model + changed("v"))
    assert forked("build", "--quiet", cwd=root)[0] == 0
    (root / "models/m.sql").write_text(
        model + changed("w", ", 1 as more")
    )  # other columns, which a view of the old ones does not have
    shutil.copytree(root, start)  # the view knows its file by the whole path: every attempt is made in the same folder
    before, old = contents(root), outside(root)
    assert forked("build", "--quiet", cwd=root)[0] == 0
    expected, out = contents(root), outside(root)
    assert before != expected
    chance, killed, between = random.Random(f"{layout} {seed}"), 0, 0
    for number in range(kills):
        shutil.rmtree(root)
        shutil.copytree(start, root)
        point = chance.randint(1, 9), chance.choice([0.0, chance.uniform(0, 0.002), chance.uniform(0, 0.02)])
        code, said, err = forked("build", "--quiet", cwd=root, statement=point[0], delay=point[1])
        assert code in (-9, 0), said + err
        killed += code == -9
        seen = contents(root)
        assert seen in (before, expected), f"half a build after kill {number} at {point}"
        assert outside(root) in (old, out), f"after kill {number} at {point}"
        between += seen == expected and bool(left(root))
        if number % 2:
            assert forked("gc", "--yes", cwd=root)[0] == 0
            assert contents(root) == seen
        code, said, err = forked("build", "--quiet", cwd=root)
        assert code == 0, said + err
        assert (contents(root), outside(root), left(root)) == (expected, out, [])
    assert killed >= kills // 2, "the kills came too late to prove anything"
    assert between, "none came between the view and the file at its place"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_killed(layout, tmp_path, forked):
    prove(layout, 16, 1, tmp_path, forked)


@pytest.mark.prove
@pytest.mark.parametrize("layout", LAYOUTS)
def test_killed_two_hundred_times(layout, tmp_path, forked):
    prove(layout, 200, 2, tmp_path, forked)
