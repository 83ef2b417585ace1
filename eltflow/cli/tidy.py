"""`eltflow gc`: what nobody needs any more, shown first."""

from __future__ import annotations

from typing import Annotated

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o


@o.takes(o.PROJECT, o.PRINTING)
def gc(
    given: o.Given,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="SPAN", help="How old runs must be to be forgotten.")
    ] = "90 days",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Take away what is shown.")] = False,
) -> int:
    import datetime

    from eltflow.api.tidying import find_rubbish, take_away
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render
    from eltflow.schedule import durations

    seconds = durations.seconds(older_than)
    if seconds is None:
        raise fail("E0112", f"--older-than cannot be `{older_than}`", help=durations.HELP)
    loaded = given.load()
    found = find_rubbish(loaded, loaded.options.started_at - datetime.timedelta(seconds=seconds))
    killed = "left by a run that was killed"
    lines = [(str(one.table.relation), one.table.kind, one.node or killed) for one in found.orphans]
    files = [str(path.relative_to(loaded.root) if path.is_relative_to(loaded.root) else path) for path in found.files]
    kept: list[dict[str, str]] = []
    if yes:
        for orphan, problem in take_away(loaded, found):
            if problem is not None:
                kept.append({"relation": str(orphan.table.relation), "why": problem})
    if given.voice.machine:
        relations = [{"relation": name, "kind": kind, "made_by": node} for name, kind, node in lines]
        counts = {"runs": found.runs, "job_runs": found.job_runs, "logs": len(found.logs)}
        given.voice.result({"relations": relations, "files": files, **counts, "taken_away": yes, "kept": kept})
        return 1 if kept else 0
    shown = [*lines, *((file, "file", killed) for file in files)]
    for line in render.table(("relation", "kind", "was made by"), shown) if shown and not given.quiet else ():
        render.out(line)
    parts = [
        counted(len(lines), "relation"),
        *([counted(len(files), "file")] if files else []),
        f"{counted(found.runs, 'run')} and {counted(found.job_runs, 'run')} of jobs older than {older_than}",
        counted(len(found.logs), "log"),
    ]
    for one in kept:
        render.err(f"{one['relation']} is kept: {one['why']}")
    if not found:
        given.voice.note("nothing to take away")
    elif not given.quiet:
        render.out(f"{', '.join(parts)}{' taken away' if yes else ': --yes takes them away'}")
    return 1 if kept else 0
