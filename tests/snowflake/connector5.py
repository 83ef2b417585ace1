"""A smoke test of the adapter by connector 5, run by an environment that has it: sign-in, DDL, rows, transactions, errors, the catalog.
`python connector5.py TARGET` (JSON); it prints what it found.

PUT, and with it loads, does not go by connector 5 to the emulator.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import snowflake.connector
from eltflow_snowflake import ADAPTER

from eltflow.warehouse import Relation, Statement, Target, WarehouseError

values = json.loads(sys.argv[1])
database = ADAPTER.open(Target(name="d", type="snowflake", database="W", schema="five", threads=1, values=values), Path())
session, dialect = database.session(), ADAPTER.dialect
t, new = Relation("W", "FIVE", "T"), Relation("W", "FIVE", "NEW")
for statement in (
    dialect.create_schema("W", "FIVE"),
    dialect.create_table_as(t, "select 1 as id, 'a' as v", replace=True),
    dialect.create_table_as(new, "select 1 as id, 'b' as v union all select 2, 'c'", replace=True),
    dialect.merge(t, new, ["ID"], ["ID", "V"], ["V"]),
    dialect.begin(),
    dialect.delete_matching(t, new, ["ID"]),
    dialect.rollback(),
):
    result = session.execute(statement)
found = session.execute(Statement("select id, v, 1.50 as n, true as b from w.five.t order by id", role="query"))
try:
    session.execute(Statement("select 1 from w.five.nowhere", role="query"))
    error = None
except WarehouseError as raised:
    error = [raised.kind, raised.code]
tables = {str(c.relation): [[col.name, col.type] for col in c.columns] for c in database.catalog([("W", "FIVE")])}
session.close()
database.close()
print(
    json.dumps(
        {
            "version": snowflake.connector.__version__.split(".")[0],
            "columns": [[c.name, c.type] for c in found.columns],
            "rows": [[str(v) for v in row] for row in found.rows],
            "error": error,
            "tables": tables,
        }
    )
)
