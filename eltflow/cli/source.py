"""The command that writes a step from a live source."""

from __future__ import annotations

from typing import Annotated

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o


@o.takes(o.PROJECT, o.PRINTING)
def init_source(
    given: o.Given,
    source: Annotated[str | None, typer.Argument(help="A connection of eltflow.yml, or the path of files.")] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table", help="A table of the database, or a pattern; all unless told. Of a workbook, its sheet.", metavar="NAME"
        ),
    ] = None,
    schema: Annotated[str | None, typer.Option("--schema", help="The schema of the tables.", metavar="NAME")] = None,
    path: Annotated[str | None, typer.Option("--path", help="The endpoint of the API, e.g. /orders.", metavar="PATH")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The step's name, and its file's.", metavar="NAME")] = None,
    into: Annotated[str, typer.Option("--into", help="The schema to load into.", metavar="SCHEMA")] = "raw",
    tables: Annotated[
        str | None,
        typer.Option("--tables", help="Write down which tables the patterns of this step mean now.", metavar="STEP"),
    ] = None,
) -> int:
    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render

    if (source is None) == (tables is None):
        help = "eltflow init-source CONNECTION, or: eltflow init-source 'data/orders-*.csv'"
        raise fail("E0112", "init-source takes a source, or --tables STEP", help=help)
    root, options = o.project_root(given.project_dir), o.new_options(given.target, given.vars)
    if tables is not None:
        found = api.list_tables(root, options, tables)
    else:
        assert source is not None
        wanted = api.Wanted(source=source, tables=tuple(table or ()), schema=schema, path=path, name=name, into=into)
        found = api.init_source(root, options, wanted)
    if given.voice.machine:
        given.voice.result({"file": found.file, "step": found.step, "tables": list(found.tables)})
    elif not given.quiet:
        count = counted(len(found.tables), "table")
        render.out(f"wrote {found.file} · {count}")
        first = found.step if found.tables == (found.step,) else f"{found.step}.{found.tables[0]}" if found.tables else found.step
        render.out(f"next: eltflow ingest --preview {first}" if tables is None else "next: eltflow ls --resource-type ingest")
    return 0
