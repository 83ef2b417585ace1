"""Commands about the project itself: init, debug, clean, schema."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from eltflow.cli import options as o


def init(
    name: Annotated[str | None, typer.Argument(help="The folder and project to make.")] = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> int:
    import sys
    from shlex import quote

    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render

    if name is None:
        if not sys.stdin.isatty():
            raise fail("E0114", "init needs the name of a project", help="eltflow init my_project")
        name = str(typer.prompt("name of the project", default="my_project"))
    written = api.init_project(Path.cwd(), name)
    if not quiet:
        render.out(f"{name}/")
        for line in written:
            render.out(f"  {line}")
        render.out()
        render.out(
            "next: eltflow build"
            if (Path.cwd() / name).resolve() == Path.cwd().resolve()
            else f"next: cd {quote(name)} && eltflow build"
        )
    return 0


def debug(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    quiet: o.Quiet = False,
) -> int:
    from eltflow import api
    from eltflow.cli import render

    failed = 0
    for check in api.diagnose(o.project_root(project_dir), o.new_options(target, vars)):
        mark = "✓ ok    " if check.ok else "✗ failed"
        if not (quiet and check.ok):
            render.out(f"{mark}  {check.what:<12} {check.detail}")
        if not check.ok:
            failed += 1
            if check.help:
                render.out(f"          = help: {check.help}")
    return 1 if failed else 0


def clean(
    project_dir: o.ProjectDir = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> int:
    from eltflow import api
    from eltflow.cli import render

    removed = api.clean_project(o.project_root(project_dir), dict(os.environ))
    if not quiet:
        render.out(f"deleted {', '.join(removed)}" if removed else "nothing to delete")
    return 0


def schema(
    folder: Annotated[Path, typer.Argument(help="Where the schemas are written.")] = Path(),
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> int:
    import json

    from eltflow.cli import render
    from eltflow.project.properties import json_schemas

    folder.mkdir(parents=True, exist_ok=True)
    for file, value in json_schemas().items():
        (folder / file).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
        if not quiet:
            render.out(str(folder / file))
    return 0
