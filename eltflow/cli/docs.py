"""The `docs` commands."""

from __future__ import annotations

import typer

from eltflow.cli import options as o


def docs() -> typer.Typer:
    """The group of docs commands."""
    app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Generate the docs site.")

    @app.callback()
    def root() -> None:
        pass

    app.command("generate", help="Write the docs site into the target folder.")(generate)
    return app


def generate(
    project_dir: o.ProjectDir = None,
    target: o.TargetName = None,
    vars: o.Vars = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> int:
    from eltflow import api
    from eltflow.cli import render

    loaded = o.load(o.Common(project_dir=project_dir, target=target, vars=vars))
    path = api.generate_docs(loaded)
    if not quiet:
        render.out(f"docs written: open {path}")
    return 0
