"""An emulator of BigQuery on loopback: bqemulator, which runs the SQL on DuckDB. Run by its own environment's Python.

    HOME=FOLDER python bqemulator_server.py PROJECT

It prints its port and that of the Storage Read API, and serves until it is stopped. HOME is a folder of its own, which DuckDB's spatial
extension is put into, that comes from PyPI: it would be downloaded else.
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_spatial
from bqemulator import server as emulator
from bqemulator.catalog import ddl_sync
from bqemulator.catalog.models import TableMeta, TableSchema
from bqemulator.config import Settings
from bqemulator.jobs import executor
from bqemulator.server import EmulatorServer
from bqemulator.sql.rewriter import information_schema
from bqemulator.storage.engine import DuckDBEngine


def install_extension() -> None:
    file = next(Path(duckdb_extension_spatial.__path__[0]).glob("extensions/*/*.duckdb_extension"))
    with duckdb.connect() as connection:
        connection.execute(f"install '{file}'")


def string(value: str | None) -> str:
    """A literal in BigQuery's way. (The emulator by itself doubles apostrophes, which takes them out of what INFORMATION_SCHEMA tells.)"""
    if value is None:
        return "NULL"
    escapes = {"\\": "\\\\", "'": "\\'", "\n": "\\n"}
    return "'" + "".join(escapes.get(character, character) for character in value) + "'"


#: The table that a job says its result stands in.
_RESULT = re.compile(r'"\w+___bqemu_anonymous"\."anon(\w+)"')
#: Statements after which what INFORMATION_SCHEMA tells is not what there is.
_UNTOLD = re.compile(rb"\balter\b|execute immediate", re.IGNORECASE)


def with_catalog(create_app: Any) -> Any:
    """Makes the emulator's application so that its catalog follows ALTER and what scripts make, which it does not by itself."""

    def create(context: Any) -> Any:
        inner = create_app(context)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http" or not scope["path"].endswith("/jobs") or scope["method"] != "POST":
                return await inner(scope, receive, send)
            body, more = b"", True
            while more:
                message = await receive()
                body, more = body + message.get("body", b""), message.get("more_body", False)
            waiting = [{"type": "http.request", "body": body, "more_body": False}]

            async def again() -> Any:
                return waiting.pop() if waiting else await receive()

            held: list[Any] = []
            untold = _UNTOLD.search(body) is not None

            async def keep(message: Any) -> None:
                held.append(message)

            await inner(scope, again, keep if untold else send)
            if untold:
                async with context.engine.write_lock():
                    follow(context, scope["path"].split("/projects/")[1].split("/")[0])
                for message in held:
                    await send(message)
            return None

        return app

    return create


def follow(context: Any, project: str) -> None:
    """Bring the emulator's catalog to what its engine holds."""
    found = context.engine.execute(
        "select table_schema, table_name, table_type from information_schema.tables where table_schema like ?", [f"{project}__%"]
    ).fetchall()
    there = {(schema.removeprefix(f"{project}__"), name): kind for schema, name, kind in found}
    for dataset in {dataset for dataset, _ in there}:
        for table in context.catalog.list_tables(project, dataset):
            if (dataset, table.table_id) not in there:
                context.catalog.delete_table(project, dataset, table.table_id, not_found_ok=True)
    for (dataset, name), kind in there.items():
        known = context.catalog.get_table(project, dataset, name)
        try:
            schema: TableSchema = ddl_sync._introspect_schema(project, dataset, name, context)
        except duckdb.Error:  # a view whose table is away
            continue
        if known is not None:
            if known.schema_ != schema:
                context.catalog.update_table(known.model_copy(update={"schema_": schema}))
        elif context.catalog.get_dataset(project, dataset) is not None:
            context.catalog.create_table(made(context, project, dataset, name, kind, schema))


def made(context: Any, project: str, dataset: str, name: str, kind: str, schema: TableSchema) -> TableMeta:
    """What the emulator's catalog says of a relation that it has not seen being made."""
    now, view = context.clock.now(), None
    if kind == "VIEW":
        (text,) = context.engine.execute(
            "select sql from duckdb_views() where schema_name = ? and view_name = ?", [f"{project}__{dataset}", name]
        ).fetchone()
        view = (
            re.split(r"\sAS\s", text, maxsplit=1, flags=re.IGNORECASE)[1].rstrip(" ;").replace(f'"{project}__{dataset}"', dataset)
        )
    return TableMeta(
        project_id=project,
        dataset_id=dataset,
        table_id=name,
        table_type="VIEW" if kind == "VIEW" else "TABLE",
        schema=schema,
        view_query=view,
        creation_time=now,
        last_modified_time=now,
        etag=name,
    )


def read_result(fetch: Any) -> Any:
    """Reads what a job says its result stands in, where the emulator has no table, from the job."""

    def fetched(self: Any, sql: str, *more: Any) -> Any:
        found = _RESULT.search(sql)
        return fetch(self, sql, *more) if found is None else executor.JOB_RESULTS[found.group(1)]

    return fetched


async def serve(project: str) -> None:
    settings = Settings(
        rest_host="127.0.0.1", rest_port=0, grpc_host="127.0.0.1", grpc_port=0, default_project_id=project, log_level="error"
    )
    server = EmulatorServer(settings)
    await server.start()
    print(server.rest_port, server.grpc_port, sep="\n", flush=True)
    await asyncio.Event().wait()


install_extension()
information_schema._sql_literal = string
emulator.create_app = with_catalog(emulator.create_app)
DuckDBEngine.fetch_arrow = read_result(DuckDBEngine.fetch_arrow)
asyncio.run(serve(sys.argv[1]))
