"""The command that writes columns and types into properties YAML."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o

if TYPE_CHECKING:
    from eltflow.api.syncing import FileChange

_TYPES = frozenset({"model", "seed", "source"})
#: How many nodes are named one by one.
_NAMED = 5


@o.takes(o.PROJECT, o.SELECTING, o.TYPES, o.PRINTING, o.WARNING)
def sync(
    given: o.Given,
    write: Annotated[bool, typer.Option("--write", help="Write the files; else only show what would be written.")] = False,
    check: Annotated[bool, typer.Option("--check", help="End with 1 if there is anything to write.")] = False,
) -> int:
    from eltflow import api

    loaded = given.load()
    chosen = given.selection(loaded, _TYPES)
    found = api.sync(loaded, chosen.ids)
    voice = given.voice
    if write:
        api.write_synced(loaded, found)
    if voice.machine:
        files = [{"file": one.path, "new": one.before is None, "diff": "".join(_diff(one))} for one in found.changes]
        gone = [{"node": node, "column": column} for node, column in found.gone]
        voice.result({"files": files, "unknown": found.unknown, "not_in_query": gone, "written": write})
    else:
        for name, reason in list(found.unknown.items())[:_NAMED]:
            voice.note(f"note: {name} is left as it is: {reason}")
        if len(found.unknown) > _NAMED:
            voice.note(f"note: and so it is with {counted(len(found.unknown) - _NAMED, 'node')} more: --json lists them")
        for node, column in found.gone:
            voice.note(f"note: {node} has no column {column}, which its file describes: it stays")
        if not given.quiet:
            _tell(found.changes, write)
    return 1 if check and found.changes else 0


def _tell(changes: tuple[FileChange, ...], write: bool) -> None:
    from eltflow.cli import render

    colour = render.coloured(sys.stdout)
    for change in changes:
        for line in _diff(change):
            style = {"+": "green", "-": "red", "@": "cyan"}.get(line[0]) if line[:3] not in ("+++", "---") else "bold"
            text = render.visible(line.rstrip("\r\n"))
            render.out(render.paint(text, style, colour) if style else text)
    if not changes:
        render.out("the properties files say all that is known: nothing to write")
    elif write:
        render.out(f"{counted(len(changes), 'file')} written")
    else:
        render.out(f"{counted(len(changes), 'file')} would change: write them with `eltflow sync --write`")


def _diff(change: FileChange) -> list[str]:
    from difflib import unified_diff

    before = (change.before or "").splitlines(keepends=True)
    after = change.after.splitlines(keepends=True)
    here = change.path if change.before is not None else "/dev/null"
    return list(unified_diff(before, after, here, change.path))
