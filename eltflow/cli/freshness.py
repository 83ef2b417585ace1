"""The command that looks how fresh sources are."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from eltflow.base.plurals import counted
from eltflow.cli import options as o

if TYPE_CHECKING:
    from eltflow.api.freshness import Fresh


@o.takes(o.PROJECT, o.NODES, o.PRINTING, o.WARNING)
def freshness(given: o.Given) -> int:
    from eltflow.api import check_target_folder
    from eltflow.api.freshness import look, write_sources
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    chosen = given.selection(loaded, frozenset({"source"}), told=given.selects)
    check_target_folder(loaded)
    started = time.monotonic()
    found = list(look(loaded, chosen.ids))
    write_sources(loaded, found, ["eltflow", *sys.argv[1:]], time.monotonic() - started)
    if given.voice.machine:
        given.voice.result([_document(one) for one in found])
    elif not found:
        render.note("no source here has limits of freshness: set `freshness:` and `loaded_at_field:` where it is described")
    elif not given.quiet or any(one.status != "pass" for one in found):
        rows = [
            (one.node.display, _when(one), _age(one), one.status, (one.message or "").splitlines()[0] if one.message else "")
            for one in found
        ]
        for line in render.table(("source", "latest row (UTC)", "age", "verdict", ""), rows):
            render.out(line)
    statuses = {one.status for one in found}
    return 1 if statuses & {"error", "runtime error"} or (given.warn_error and "warn" in statuses) else 0


def _document(one: Fresh) -> dict[str, Any]:
    return {
        "id": one.node.unique_id,
        "status": one.status,
        "loaded_at": one.loaded_at.isoformat() if one.loaded_at else None,
        "seen_at": one.seen_at.isoformat() if one.seen_at else None,
        "age_seconds": one.age,
        "message": one.message,
    }


def _when(one: Fresh) -> str:
    return f"{one.loaded_at:%Y-%m-%d %H:%M:%S}" if one.loaded_at is not None and one.message is None else ""


def _age(one: Fresh) -> str:
    if one.age is None or one.message is not None:
        return ""
    for unit, seconds in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if one.age >= seconds:
            count = int(one.age // seconds)
            return counted(count, unit)
    return f"{max(0, int(one.age))} seconds"
