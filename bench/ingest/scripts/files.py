"""A file into a table by one statement: `files.py FILE`."""

import sys

import duckdb

connection = duckdb.connect("bare.duckdb")
connection.execute("set threads = 2")
connection.execute(f"create table t as from '{sys.argv[1]}'")
connection.close()
