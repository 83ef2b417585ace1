"""What ingestion steps would load, printed: `ingest --preview` and `ingest --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eltflow.cli import options as o

if TYPE_CHECKING:
    from eltflow.api.inspecting import Inspected


def show_steps(given: o.Given, preview: str | None) -> int:
    """Print one step with its first rows, or how each of the selected ones would load."""
    from eltflow import api
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    reasons: dict[str, str] = {}
    if preview is not None:
        found: Sequence[Inspected] = (api.preview(loaded, preview),)
    else:
        chosen = given.selection(loaded, frozenset({"ingest"}))
        found = api.inspect_steps(loaded, chosen.ids)
        reasons = {s.step.id: s.step.reason for s in api.plan(loaded, chosen.ids, full_refresh=given.full_refresh).steps}
    if given.voice.machine:
        given.voice.result([_document(one, reasons) for one in found])
        return 0
    for one in found:
        _print(one, reasons.get(one.node.unique_id, ""), render)
    if not given.quiet and found:
        render.out("nothing was loaded")
    return 0


def _document(one: Inspected, reasons: dict[str, str]) -> dict[str, Any]:
    columns = [{"source": c.source, "name": c.name, "read_as": c.read_as, "type": c.type} for c in one.columns]
    names = [c.name for c in one.columns]
    return {
        "id": one.node.unique_id,
        "relation": str(one.node.relation),
        "reason": reasons.get(one.node.unique_id, ""),
        "path": one.path,
        "columns": columns,
        "notes": list(one.notes),
        "rows": [dict(zip(names, row, strict=True)) for row in one.rows],
    }


def _print(one: Inspected, reason: str, render: Any) -> None:
    assert one.node.ingest is not None
    render.out(render.dotted([f"{one.node.name} → {one.node.relation}", one.node.ingest.load, *([reason] if reason else [])]))
    render.out(f"  {one.path}")
    for note in one.notes:
        render.out(f"  {note}")
    render.out()
    renamed = any(c.source != c.name for c in one.columns)
    headers = ("column", *(["in the source"] if renamed else []), "read as", "type")
    lines = [(c.name, *([c.source] if renamed else []), c.read_as.lower(), c.type.lower()) for c in one.columns]
    for line in render.table(headers, lines, indent="  "):
        render.out(line)
    render.out()
    if one.rows:
        for line in render.table([c.name for c in one.columns], one.rows, indent="  "):
            render.out(line)
        render.out()
