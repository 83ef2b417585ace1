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

    app.command("generate", help="Write the docs site into the target folder.")(o.command(generate))
    return app


@o.takes(o.GRAPH, o.SELECTING, o.PRINTING, o.WARNING)
def generate(given: o.Given) -> int:
    from eltflow import api
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    chosen = given.selection(loaded, frozenset(n.resource_type for n in loaded.graph.nodes.values())) if given.selects else None
    path = api.generate_docs(loaded, None if chosen is None else chosen.ids)
    given.warn(api.said_warnings(loaded))
    if given.voice.machine:
        given.voice.result({"page": str(path)})
    elif not given.quiet:
        render.out(f"docs written: open {path}")
    return 0
