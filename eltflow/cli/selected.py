"""What is said about a selection: names that matched nothing, and a selection that is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eltflow.cli import render

if TYPE_CHECKING:
    from eltflow.graph.select import Selection


def nothing_selected(selection: Selection) -> bool:
    """Say what matched nothing, on standard error; True if nothing at all is selected."""
    render.diagnostics(selection.diagnostics)
    if not selection.ids:
        render.note("nothing is selected: there is nothing to do")
        return True
    return False
