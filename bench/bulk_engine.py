"""Makes the files of the bulk load and loads them by DuckDB alone, one statement a file.

python bench/bulk_engine.py make FOLDER ROWS
python bench/bulk_engine.py csv|parquet FOLDER
"""

from __future__ import annotations

import sys

import duckdb

ROWS = """\
select
    i as id,
    i * 7919 % 100003 as customer_id,
    (['new', 'paid', 'shipped', 'closed'])[1 + i % 4] as status,
    'note number ' || (i * 31 % 9973) as note,
    (i * 104729 % 1000000) / 100 as amount,
    i % 2 = 0 as is_active,
    date '2024-01-01' + cast(i % 700 as integer) as day,
    timestamp '2024-01-01 00:00:00' + to_seconds(i % 31536000) as created_at
from range({rows}) as rows(i)"""


def main() -> int:
    """The command line."""
    command, folder, *rest = sys.argv[1:]
    if command == "make":
        connection = duckdb.connect()
        connection.execute(f"copy ({ROWS.format(rows=int(rest[0]))}) to '{folder}/seeds/events.csv' (header)")
        connection.execute(f"copy (from '{folder}/seeds/events.csv') to '{folder}/data/events.csv' (header)")
        connection.execute(f"copy (from '{folder}/seeds/events.csv') to '{folder}/data/events.parquet'")
        return 0
    connection = duckdb.connect(f"{folder}/engine.duckdb")
    connection.execute("set threads = 2")
    connection.execute(f"create or replace table events as from '{folder}/data/events.{command}'")
    connection.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
