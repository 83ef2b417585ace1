"""`eltflow sample`: some rows of each source, from one target into another."""

from __future__ import annotations

from typing import Annotated

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o

_TYPES = frozenset({"source", "ingest"})


@o.takes(o.PROJECT, o.NODES, o.PRINTING)
def sample(
    given: o.Given,
    origin: Annotated[
        str, typer.Option("--from", metavar="TARGET", help="The target whose rows are taken; nothing is written to it.")
    ],
    count: Annotated[int, typer.Option("--rows", metavar="N", help="How many rows of each table at most.", min=1)] = 1000,
    where: Annotated[
        str | None,
        typer.Option("--where", metavar="SQL", help="A condition that the rows meet, in SQL of the target they are taken from."),
    ] = None,
) -> int:
    from eltflow import api
    from eltflow.api.sampling import sample as bring
    from eltflow.cli import render

    root = o.project_root(given.project_dir)
    loaded = api.load(root, o.new_options(given.target or "local", given.vars))
    other = api.load(root, o.new_options(origin, given.vars))
    chosen = given.selection(loaded, _TYPES)
    brought = []
    for one in bring(loaded, other, chosen.ids, rows=count, where=where) if chosen.ids else ():
        brought.append(one)
        if not given.voice.machine and not given.quiet:
            shown = f" · masked: {', '.join(one.masked)}" if one.masked else ""
            render.out(f"  sample    {one.node:<24} {counted(one.rows, 'row')}{shown}")
        for note in one.told:
            given.voice.note(f"note: {one.node}: {note}")
    if given.voice.machine:
        tables = [
            {"node": one.node, "relation": one.relation, "rows": one.rows, "masked": list(one.masked), "notes": list(one.told)}
            for one in brought
        ]
        given.voice.result({"from": origin, "into": loaded.target.name, "tables": tables})
    elif brought and not given.quiet:
        into = loaded.target.name
        build = f"eltflow build --target {into}" + (" --exclude-resource-type ingest" if any(one.step for one in brought) else "")
        render.out(f"{counted(len(brought), 'table')} of `{origin}` in `{into}` · next: {build}")
    return 0
