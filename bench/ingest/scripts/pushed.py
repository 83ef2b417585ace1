"""A Parquet file into a table of a PostgreSQL server, as CSV by COPY: `pushed.py SOCKET_FOLDER FILE`."""

import sys

import duckdb
import psycopg

COLUMNS = "id bigint, name text, email text, amount numeric(12,2), active boolean, born date, seen timestamp, note text, score double precision"
host, path = sys.argv[1:]
duckdb.execute("set threads = 2")
duckdb.execute(f"copy (from '{path}') to 'spool.csv' (format csv, header false)")
with psycopg.connect(host=host, user="postgres", dbname="postgres") as server:
    server.execute("drop table if exists bare")
    server.execute(f"create table bare ({COLUMNS})")
    with server.cursor().copy("copy bare from stdin (format csv)") as copy, open("spool.csv", "rb") as file:
        while block := file.read(1 << 20):
            copy.write(block)
