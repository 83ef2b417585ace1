"""Rows in a file: `rows.py FILE FIRST ROWS`; CSV, NDJSON or Parquet by its ending."""

import sys

import duckdb

ROWS = """
select i as id, 'name ' || i % 1000 as name, 'u' || i || '@example.com' as email, cast(i * 7.13 as decimal(12,2)) as amount,
  i % 3 = 0 as active, date '1950-01-01' + cast(i % 20000 as integer) as born, timestamp '2020-01-01' + to_microseconds(i * 7123456) as seen,
  case when i % 5 = 0 then null else md5(i::varchar) end as note, i / 7.0::double as score
from range({first}, {end}) as rows(i)"""
FORMATS = {"csv": "format csv, header", "ndjson": "format json", "parquet": "format parquet"}

path, first, rows = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
select = ROWS.format(first=first, end=first + rows)
duckdb.execute(f"copy ({select}) to '{path}' ({FORMATS[path.rpartition('.')[2]]})")
