"""Rows of a file in place of those with their keys, by a delete and an insert: `merge.py load|merge FILE`."""

import sys

import duckdb

what, path = sys.argv[1:]
connection = duckdb.connect("bare.duckdb")
connection.execute("set threads = 2")
if what == "load":
    connection.execute(f"create table t as from '{path}'")
else:
    connection.execute("begin")
    connection.execute(f"create temporary table new as from '{path}'")
    connection.execute("delete from t using new where t.id = new.id")
    connection.execute("insert into t from new")
    connection.execute("commit")
connection.close()
