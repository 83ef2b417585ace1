"""The command that looks for mistakes and does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eltflow.base.plurals import counted
from eltflow.cli import options as o

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from eltflow.api import Checked
    from eltflow.base.diagnostics import Diagnostic

_TYPES = frozenset({"model", "seed", "ingest", "test", "analysis"})
#: How many models whose columns are not known are named.
_NAMED = 5


@o.takes(o.GRAPH, o.SELECTING, o.TYPES, o.PRINTING, o.WARNING)
def check(given: o.Given) -> int:
    from eltflow import api
    from eltflow.base.diagnostics import EltflowError

    broken: Sequence[Diagnostic] = ()
    try:
        loaded = given.load()
    except api.BrokenProject as error:
        broken, loaded = error.diagnostics, error.sound
    except EltflowError as error:
        if any(one.span is None for one in error.diagnostics):
            raise  # there is no project to find anything in
        return _tell(given, error.diagnostics, None)
    if broken and not loaded.graph.nodes:
        return _tell(given, broken, None)
    chosen = given.selection(loaded, _TYPES)
    done = api.check(loaded, chosen.ids, full_refresh=given.full_refresh, sound=not broken)
    return _tell(given, dict.fromkeys((*broken, *done.findings)), done, left_out=bool(broken))


def _tell(given: o.Given, findings: Collection[Diagnostic], done: Checked | None, *, left_out: bool = False) -> int:
    from eltflow.cli import render

    voice = given.voice
    errors, warnings = (sum(one.severity == kind for one in findings) for kind in ("error", "warning"))
    bad = errors > 0 or (given.warn_error and warnings > 0)
    voice.diagnostics(one for one in findings if not given.quiet or given.warn_error or one.severity == "error")
    if voice.machine:
        known = {"counts": done.counts, "columns_known": done.known, "columns_unknown": done.unknown} if done is not None else {}
        deferred = {"deferred": done.deferred} if done is not None else {}
        voice.result({"findings": [render.as_json(one) for one in findings], **known, **deferred})
    elif not given.quiet:
        if left_out:
            render.note("note: what hangs on these errors is not checked")
        _summary(errors, warnings, done)
    return 1 if bad else 0


def _summary(errors: int, warnings: int, done: Checked | None) -> None:
    from eltflow.cli import render
    from eltflow.cli.look import by_type

    if done is not None:
        for name in done.deferred:
            render.note(f"note: {name} asks the warehouse while it renders: it is checked when it runs")
        for name, reason in list(done.unknown.items())[:_NAMED]:
            render.note(f"note: not all columns of {name} are known: {reason}")
        if len(done.unknown) > _NAMED:
            render.note(f"note: and so it is with {counted(len(done.unknown) - _NAMED, 'model')} more: --json lists them")
    found = [counted(errors, "error")] * bool(errors) + [counted(warnings, "warning")] * bool(warnings)
    parts = [", ".join(found) or "nothing wrong is found"]
    if done is not None and done.counts:
        parts.append(f"{', '.join(by_type(done.counts))} checked")
    if done is not None and done.counts.get("model"):
        parts.append(f"{done.known:,} of {counted(done.counts['model'], 'model')} with all columns known")
    render.out(render.dotted(parts))
