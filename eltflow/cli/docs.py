"""The `docs` commands."""

from __future__ import annotations

import signal
import sys
from typing import Annotated

import typer

from eltflow.cli import options as o


def docs() -> typer.Typer:
    """The group of docs commands."""
    app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Generate the docs site, and look at it.")

    @app.callback()
    def root() -> None:
        pass

    app.command("generate", help="Write the docs site into the target folder.")(o.command(generate))
    app.command("serve", help="Serve the docs site to this machine, until Ctrl-C.")(o.command(serve))
    return app


@o.takes(o.GRAPH, o.SELECTING, o.PRINTING, o.WARNING)
def generate(
    given: o.Given,
    single_file: Annotated[bool, typer.Option("--single-file", help="One page that holds everything, to send or attach.")] = False,
) -> int:
    from eltflow import api
    from eltflow.cli import render
    from eltflow.cli.columns import covered

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    chosen = given.selection(loaded, frozenset(n.resource_type for n in loaded.graph.nodes.values())) if given.selects else None
    made = api.generate_docs(loaded, None if chosen is None else chosen.ids, single_file=single_file)
    given.warn(api.said_warnings(loaded))
    if given.voice.machine:
        given.voice.result({"page": str(made.page), "lineage": str(made.lineage), "coverage": made.coverage.plain()})
    elif not given.quiet:
        missing = made.coverage.unknown or made.coverage.unlisted
        parts = [*covered(made.coverage), *(["eltflow lineage --unknown lists the others"] if missing else [])]
        render.out(f"docs written: open {made.page}")
        render.out(f"lineage written: {made.lineage} · {render.dotted(parts)}")
    return 0


@o.takes(o.PROJECT, o.PRINTING)
def serve(
    given: o.Given,
    port: Annotated[int, typer.Option("--port", help="The port to listen on (default: a free one).", min=0, max=65535)] = 0,
) -> int:
    from eltflow import api
    from eltflow.cli import render

    opened = api.open_only(o.project_root(given.project_dir), o.new_options(given.target, given.vars))
    with api.docs_server(opened.target_path / api.DOCS_FOLDER, port) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
        if given.voice.machine:
            given.voice.result({"address": address})
        else:
            render.out(f"docs at {address} (Ctrl-C ends it)")
        sys.stdout.flush()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            return 0
    return 0
