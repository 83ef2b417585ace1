"""Commands about the project itself: init, debug, clean, schema."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from eltflow.cli import options as o


@o.takes(o.PRINTING)
def init(
    given: o.Given,
    name: Annotated[str | None, typer.Argument(help="The folder and project to make.")] = None,
    adapter: Annotated[str | None, typer.Option(help="The warehouse that it is for, e.g. postgres; duckdb unless told.")] = None,
) -> int:
    import sys
    from shlex import quote

    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render

    if name is None:
        if not sys.stdin.isatty() or given.voice.machine:
            raise fail("E0114", "init needs the name of a project", help="eltflow init my_project")
        name = str(typer.prompt("name of the project", default="my_project"))
    written = api.init_project(Path.cwd(), name, adapter)
    if given.voice.machine:
        given.voice.result({"project": name, "files": list(written)})
    elif not given.quiet:
        render.out(f"{name}/")
        for line in written:
            render.out(f"  {line}")
        render.out()
        check = "" if adapter in (None, "duckdb") else "look at eltflow.yml, then eltflow debug && "
        here = (Path.cwd() / name).resolve() == Path.cwd().resolve()
        render.out(f"next: {'' if here else f'cd {quote(name)} && '}{check}eltflow build")
    return 0


@o.takes(o.PROJECT, o.PRINTING)
def debug(given: o.Given) -> int:
    from eltflow import api
    from eltflow.cli import render

    checks = list(api.diagnose(o.project_root(given.project_dir), o.new_options(given.target, given.vars)))
    failed = [check for check in checks if not check.ok]
    if given.voice.machine:
        given.voice.result([{"check": c.what, "ok": c.ok, "detail": c.detail, "help": c.help} for c in checks])
        return 1 if failed else 0
    for check in failed if given.quiet else checks:
        render.out(f"{'✓ ok    ' if check.ok else '✗ failed'}  {check.what:<12} {check.detail}")
        if not check.ok and check.help:
            render.out(f"          = help: {check.help}")
    return 1 if failed else 0


@o.takes(("project_dir",), o.PRINTING)
def clean(given: o.Given) -> int:
    from eltflow import api
    from eltflow.cli import render

    removed = api.clean_project(o.project_root(given.project_dir), dict(os.environ))
    if given.voice.machine:
        given.voice.result({"deleted": list(removed)})
    elif not given.quiet:
        render.out(f"deleted {', '.join(removed)}" if removed else "nothing to delete")
    return 0


@o.takes(o.PRINTING)
def schema(given: o.Given, folder: Annotated[Path, typer.Argument(help="Where the schemas are written.")] = Path()) -> int:
    import json

    from eltflow.api.schemas import json_schemas
    from eltflow.api.writing import check_folder, write_if_changed
    from eltflow.cli import render

    check_folder(folder)
    for file, value in json_schemas().items():
        write_if_changed(folder / file, json.dumps(value, indent=2) + "\n")
    written = [str(folder / file) for file in json_schemas()]
    if given.voice.machine:
        given.voice.result({"files": written})
    elif not given.quiet:
        for path in written:
            render.out(path)
    return 0
