"""Pages of an API into a file, and the file into a table by one statement: `spooled.py URL PAGES`."""

import sys

import duckdb
import urllib3

url, pages = sys.argv[1], int(sys.argv[2])
http = urllib3.PoolManager()
with open("spool.json", "wb") as file:
    for page in range(1, pages + 1):
        file.write(http.request("GET", f"{url}?page={page}").data + b"\n")
connection = duckdb.connect("bare.duckdb")
connection.execute("set threads = 2")
records = "select unnest(rows) as r from read_json('spool.json', maximum_object_size = 100000000)"
connection.execute(f"create table t as select unnest(r, recursive := false) from ({records})")
connection.close()
