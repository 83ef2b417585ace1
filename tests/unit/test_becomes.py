"""What people are told of columns whose type another engine does not have."""

from __future__ import annotations

import pytest

from eltflow.api.copying import becomes
from eltflow.base import plugins
from eltflow.transfer import Field

TYPES = (
    *(
        "BOOLEAN",
        "TINYINT",
        "BIGINT",
        "HUGEINT",
        "UBIGINT",
        "FLOAT",
        "DOUBLE",
        "DECIMAL(18,4)",
        "DECIMAL(38,10)",
        "VARCHAR",
        "ENUM('a')",
    ),
    *("BLOB", "BIT", "DATE", "TIME", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIME WITH TIME ZONE", "INTERVAL", "UUID", "JSON"),
    *("INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)"),
)
NESTED = ("INTEGER[]", "STRUCT(a INTEGER)", "MAP(VARCHAR, INTEGER)")
MYSQL = {"BIT": "longtext", "TIMESTAMP WITH TIME ZONE": "datetime(6)", "INTERVAL": "longtext", "UUID": "char(36)"}
TOLD = {
    "duckdb": {},
    "postgres": dict.fromkeys(NESTED, "jsonb"),
    "sqlite": dict.fromkeys((*NESTED, "BIT", "INTERVAL", "UUID", "JSON"), "text"),
    "mariadb": {**MYSQL, **dict.fromkeys((*NESTED, "JSON"), "longtext")},
    "mysql": {**MYSQL, **dict.fromkeys((*NESTED, "JSON"), "longtext")},
    "redshift": {"BIT": "character varying(65535)", "UUID": "character varying(36)", **dict.fromkeys(NESTED, "super")},
    "snowflake": {
        **dict.fromkeys(("BIT", "UUID", "JSON", "MAP(VARCHAR, INTEGER)"), "VARCHAR"),
        **dict.fromkeys(("INTEGER[]", "STRUCT(a INTEGER)"), "VARIANT"),
    },
    "bigquery": {"BIT": "STRING", "UUID": "STRING", **dict.fromkeys(NESTED, "JSON")},
    "spark": dict.fromkeys((*NESTED, "BIT", "TIME", "INTERVAL", "UUID", "JSON"), "string"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told(name: str) -> None:
    dialect = plugins.load("eltflow.adapters", name).dialect
    told = list(becomes(dialect, [Field(f"c{n}", type) for n, type in enumerate(TYPES)], "wh"))
    kept = TOLD[name]
    assert told == [f"`c{n}` is {type}, and becomes {kept[type]} on `wh`" for n, type in enumerate(TYPES) if type in kept]
