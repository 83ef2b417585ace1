"""The statements of materializations on the engines by SQLAlchemy. Rewritten by `GOLDEN=rewrite pytest tests/mariadb`.

For MySQL these texts, and that MariaDB takes nearly the same ones, are all the proof there is.
"""

from __future__ import annotations

from pathlib import Path

import golden_files
import pytest
from eltflow_sqlalchemy import MARIADB, MYSQL, SQLITE

from eltflow.warehouse.values import CatalogColumn, CatalogTable, Column, Relation, Result

FOLDER = Path(__file__).parent / "golden"
T = Relation(None, "s", "t")
TABLE = CatalogTable(T, "table", (CatalogColumn("id", "bigint"), CatalogColumn("v", "text")))
VIEW = CatalogTable(T, "view", (CatalogColumn("id", "bigint"),))
SYNC = {"unique_key": "id", "on_schema_change": "sync_all_columns"}
CHANGED = Result(columns=(Column("id", "bigint"), Column("more", "date")))
CASES = {
    "view new": ("view", {}, None),
    "view over view": ("view", {"existing": VIEW}, None),
    "view over table": ("view", {"existing": TABLE}, None),
    "table new": ("table", {}, None),
    "table over table": ("table", {"existing": TABLE}, None),
    "table over view": ("table", {"existing": VIEW}, None),
    "append": ("incremental", {"existing": TABLE, "config": {"incremental_strategy": "append"}}, None),
    "delete+insert": (
        "incremental",
        {"existing": TABLE, "config": {"unique_key": "id", "incremental_predicates": ["id > 10 and v <> 'eltflow_target.id'"]}},
        None,
    ),
    "sync_all_columns": ("incremental", {"existing": TABLE, "config": SYNC}, CHANGED),
}


@pytest.mark.parametrize("adapter", [SQLITE, MARIADB, MYSQL], ids=lambda adapter: adapter.name)
def test_statements(adapter):
    golden_files.compare(FOLDER / f"{adapter.name}.sql", golden_files.of_cases(adapter, T, CASES))
