"""A table into DuckDB by ingestr: `ingestr_run.py SOURCE_URI TABLE`."""

import os
import sys
from pathlib import Path

uri, table = sys.argv[1:]
command = str(Path(sys.executable).parent / "ingestr")
words = [
    "ingest",
    "--yes",
    "--source-uri",
    uri,
    "--source-table",
    table,
    "--dest-uri",
    "duckdb:///peer.duckdb",
    "--dest-table",
    "raw.t",
]
os.execv(command, [command, *words, "--incremental-strategy", "replace"])
