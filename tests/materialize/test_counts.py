"""How many statements a node sends, on two engines, with the lease and the record: never more than dbt's for it and the record's one.

dbt's are those of dbt-core 1.12.6 with dbt-duckdb 1.11.1 and dbt-postgres 1.11.0, counted by `python -m bench.counting`.
"""

from pathlib import Path

import eltflow_duckdb
import eltflow_postgres
import pytest

from eltflow.testing.bench import Subject, opened

QUERY = "select 1 as id, 'a' as v"
FILES = {
    "models/view.sql": "{{ config(materialized='view') }} " + QUERY,
    "models/table.sql": "{{ config(materialized='table') }} " + QUERY,
    "models/append.sql": "{{ config(materialized='incremental', incremental_strategy='append') }} " + QUERY,
    "models/delete_insert.sql": "{{ config(materialized='incremental', unique_key='id') }} " + QUERY,
    "models/merge.sql": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} " + QUERY,
    "seeds/seed.csv": "id,v\n1,a\n",
}
#: (engine, kind) → ours when it is built first and again, dbt's when it is built first and again.
COUNTS = {
    ("duckdb", "view"): ((4, 4), (7, 8)),
    ("duckdb", "table"): ((4, 4), (7, 9)),
    ("duckdb", "append"): ((4, 5), (5, 7)),
    ("duckdb", "delete_insert"): ((4, 8), (5, 7)),
    ("duckdb", "merge"): ((4, 8), (5, 7)),
    ("duckdb", "seed"): ((4, 4), (6, 6)),
    ("postgres", "view"): ((4, 5), (5, 6)),
    ("postgres", "table"): ((4, 7), (5, 6)),
    ("postgres", "append"): ((4, 5), (3, 7)),
    ("postgres", "delete_insert"): ((4, 8), (3, 7)),
    ("postgres", "merge"): ((4, 7), (3, 7)),
    ("postgres", "seed"): ((5, 5), (4, 4)),
}


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_counts(engine, request, tmp_path):
    if engine == "duckdb":
        target = {"type": "duckdb", "path": str(tmp_path / "w.duckdb"), "schema": "s"}
        subject = Subject(adapter=eltflow_duckdb.ADAPTER, target=target, root=tmp_path)
    else:
        subject = Subject(adapter=eltflow_postgres.ADAPTER, target=request.getfixturevalue("postgres").target(), root=tmp_path)
    with opened(subject) as bench:
        built = [bench.project(FILES), bench.project(FILES)]
    for kind in FILES:
        name = Path(kind).stem
        ours, dbts = COUNTS[engine, name]
        assert tuple(results[name].statements for results in built) == ours, name
        assert all(mine <= theirs + 1 for mine, theirs in zip(ours, dbts, strict=True)), name
