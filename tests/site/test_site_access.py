"""The docs site by keyboard and for a screen reader: axe-core finds nothing on any page, light or dark, wide or narrow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from emulators import make, need

PLACES = (
    "#/",
    "#/models",
    "#/tests",
    "#/macros",
    "#/groups",
    "#/group/airlines",
    "#/owners",
    "#/runs",
    "#/model/fct_flights",
    "#/model/carrier_scorecard/column/avg_departure_delay",
    "#/exposure/punctuality_board",
    "#/ingest/raw.flights",
    "#/macro/delay_figures",
    "#/lineage",
    "#/lineage/model/carrier_scorecard?column=avg_departure_delay",
    "#/relationships",
)


@pytest.mark.parametrize(("scheme", "width"), [("light", 1300), ("dark", 1300), ("light", 390)])
def test_axe_finds_nothing(flights: Path, look: Callable[..., Any], scheme: str, width: int) -> None:
    need("node")
    page = look(flights / "docs/index.html", color_scheme=scheme, viewport={"width": width, "height": 900}).page
    page.evaluate((make.packages() / "axe-core/axe.min.js").read_text())
    found = []
    for place in PLACES if (scheme, width) == ("light", 1300) else PLACES[::3]:  # every page once; how it is drawn tells on a few
        page.evaluate("place => { location.hash = place }", place)
        page.wait_for_function("() => !document.querySelector('main .loading')")
        page.wait_for_timeout(150)
        result = page.evaluate("() => axe.run(document, {resultTypes: ['violations'], preload: false})")
        assert result["passes"], "axe looked at nothing"
        found += [(place, v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in result["violations"]]
    page.keyboard.press("/")
    page.locator("dialog input").fill("fli")
    page.wait_for_selector("#hits li")
    result = page.evaluate("() => axe.run(document.querySelector('dialog'), {resultTypes: ['violations'], preload: false})")
    found += [("search", v["id"], [n["html"][:160] for n in v["nodes"]][:3]) for v in result["violations"]]
    assert found == []


def test_the_keyboard_reaches_everything(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/models").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "search"
    page.keyboard.type("scorecard")
    page.wait_for_function("() => document.querySelectorAll('main tbody tr').length === 2")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.activeElement.tagName === 'H1' && document.activeElement.innerText.includes('scorecard')"
    )
