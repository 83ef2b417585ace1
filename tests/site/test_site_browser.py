"""The docs site in a real browser: every page, from a file and served, by pointer and by keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import documented, served

PLACES = {
    "#/": "flights",
    "#/models": "Models",
    "#/seeds": "Seeds",
    "#/ingestion": "Ingestion",
    "#/exposures": "Exposures",
    "#/analyses": "Analyses",
    "#/tests": "Tests",
    "#/macros": "Macros",
    "#/groups": "Groups",
    "#/group/airlines": "airlines",
    "#/owners": "Owners",
    "#/runs": "Runs",
    "#/relationships": "Relationships",
    "#/lineage": "Lineage",
    "#/model/fct_flights": "fct_flights",
    "#/seed/airports": "airports",
    "#/ingest/raw.flights": "raw.flights",
    "#/exposure/punctuality_board": "punctuality_board",
    "#/test/scorecards_add_up": "scorecards_add_up",
    "#/macro/delay_figures": "delay_figures",
    "#/lineage/model/fct_flights": "Lineage of fct_flights",
}


@pytest.fixture(params=["folder", "single page", "served"])
def address(request: pytest.FixtureRequest, flights: Path) -> Iterator[Path | str]:
    """The flights docs in each of the ways that people open them."""
    if request.param == "served":
        with served(flights) as at:
            yield at
    else:
        yield flights / ("docs/index.html" if request.param == "folder" else "docs.html")


def go(page: Any, place: str) -> None:
    page.evaluate("place => { location.hash = place }", place)


def test_every_page_opens(address: Path | str, look: Callable[..., Any]) -> None:
    page = look(address).page
    for place, title in PLACES.items():
        go(page, place)
        page.wait_for_function("title => document.querySelector('main h1')?.innerText.includes(title)", arg=title, timeout=10_000)
        page.wait_for_function("() => !document.querySelector('main .loading, main .failed')", timeout=10_000)


def test_the_overview_tells_how_fresh_data_are(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/", wait=".facts").page
    told = page.locator(".facts section", has_text="Freshness").inner_text()
    assert re.search(r"raw\.flights\s+loaded [\w ]+ · 336,776 rows", told), told
    assert "not known" not in told


def test_an_address_lasts(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/model/carrier_scorecard/column/avg_departure_delay", wait=".origin").page
    origin = page.locator(".origin").inner_text()
    assert "fct_flights.departure_delay_minutes" in origin
    assert "aggregated" in origin
    assert "AVG(departure_delay_minutes)" in origin
    assert page.title() == "avg_departure_delay · carrier_scorecard · flights"


def test_a_model_tells_everything(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/model/fct_flights", wait="#code").page
    text = page.locator("main").inner_text()
    for words in (
        "One row a flight",
        "336,776",
        "incremental",
        "append",
        "int_flight_times",
        "weather_delays",
        "not_null",
        "SMALLINT",
    ):
        assert words in text
    assert page.locator("#code .code").count() == 2
    assert "{{ config" in page.locator("#code .code").first.inner_text()
    assert page.locator("#runs tbody tr").count() == 1
    assert "success" in page.locator("#runs tbody tr").inner_text()
    page.locator("nav.sections button", has_text="Code").click()
    page.wait_for_function("() => document.getElementById('code').getBoundingClientRect().top < 400")


def test_what_is_not_there_is_said(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/model/nothing", wait="main .empty").page
    assert "no model called “nothing”" in page.locator("main").inner_text()
    go(page, "#/nowhere")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('no such page')")


def test_why_columns_are_not_known_is_said(project: Callable[..., Path], look: Callable[..., Any]) -> None:
    files = {
        "models/a.sql": "select * from {{ source('raw', 'old') }}",
        "models/b.sql": "select 1 as one, o.* from {{ source('raw', 'old') }} as o",
        "models/s.yml": "sources: [{name: raw, tables: [{name: old}]}]",
    }
    site = documented(project(files), build=False) / "docs/index.html"
    page = look(site, "#/model/a", wait="#columns").page
    assert page.locator("#columns .warned").inner_text() == "They are not known: the columns of source.p.raw.old are not known"
    assert page.locator("#columns table").count() == 0
    page = look(site, "#/model/b", wait="#columns").page
    assert page.locator("#columns .warned").inner_text() == "There may be more: the columns of source.p.raw.old are not known"
    assert page.locator("#columns tbody tr").count() == 1


def test_searching_by_keys(address: Path | str, look: Callable[..., Any]) -> None:
    page = look(address).page
    page.keyboard.press("/")
    box = page.locator("dialog input")
    box.wait_for()
    box.fill("fct_fli")
    page.wait_for_selector("#hits li")
    assert page.locator("#hits li").first.inner_text().split()[1] == "fct_flights"
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('main h1').innerText.includes('fct_flights')")
    page.keyboard.press("Control+k")
    page.locator("dialog input").fill("carrier_scorecard avg_departure")
    page.wait_for_selector("#hits li")
    assert page.locator("#hits li[aria-selected=true]").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector(".origin")
    assert page.evaluate("location.hash") == "#/model/carrier_scorecard/column/avg_departure_delay"
    page.keyboard.press("/")
    page.locator("dialog input").fill("zzzz")
    page.wait_for_function("() => document.querySelector('dialog .hint').innerText === 'Nothing found'")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")


def test_search_looks_into_descriptions_and_code(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html").page
    page.locator(".search-button").click()
    page.locator("dialog input").fill("school mark")
    page.wait_for_selector("#hits li")
    assert "carrier_scorecard" in page.locator("#hits li").first.inner_text()
    page.locator("dialog input").fill("lag(")
    page.wait_for_function("() => document.querySelector('#hits li')?.innerText.includes('in its code')", timeout=10_000)


def test_search_finds_tests_owners_and_groups_and_their_pages_lead_on(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html").page

    def find(words: str, kind: str) -> None:
        page.keyboard.press("/")
        page.locator("dialog input").fill(words)
        page.wait_for_function("kind => document.querySelector('#hits li')?.innerText.includes(kind)", arg=kind)
        page.keyboard.press("Enter")
        page.wait_for_selector("dialog", state="detached")

    find("unique_airlines_carrier", "test")
    page.wait_for_selector(".origin")
    assert page.evaluate("location.hash") == "#/seed/airlines/column/carrier"
    find("airlines@example.com", "owner")
    page.wait_for_selector("table.nodes")
    assert page.locator("main h1").inner_text().split("\n")[-1] == "Airline desk · airlines@example.com"
    assert {"carrier_scorecard", "punctuality_board"} <= set(
        page.locator("table.nodes .node-link span:last-child").all_inner_texts()
    )
    page.locator("main p a", has_text="airlines").click()
    page.wait_for_function("() => location.hash === '#/group/airlines'")
    assert "How the carriers compare." in page.locator("main").inner_text()
    page.locator("table.nodes a", has_text="carrier_scorecard").first.click()
    page.locator(".badges a", has_text="group airlines").click()
    page.wait_for_function("() => location.hash === '#/group/airlines'")
    go(page, "#/group/none")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('no group called “none”')")
    go(page, "#/owner/nobody")
    page.wait_for_function("() => document.querySelector('main').innerText.includes('no owner called “nobody”')")


def test_personal_columns_and_what_is_inherited_are_marked(docs_of: Callable[..., Path], look: Callable[..., Any]) -> None:
    target = docs_of(
        {
            "models/a.sql": "select 'x' as mail",
            "models/b.sql": "select mail, upper(mail) as loud from a",
            "models/p.yml": "models:\n  - {name: a, columns: [{name: mail, tags: [pii], meta: {source: form}}]}\n"
            "  - {name: b, config: {docs: {inherit: true}}, columns: [{name: mail, tags: [own]}]}\n",
        }
    )
    page = look(target / "docs/index.html", "#/model/b", wait="table.columns").page
    mail, loud = (row.inner_text() for row in page.locator("table.columns tbody tr").all())
    assert re.search(r"#own\s+#pii\s*source: form\s*from a\.mail", mail), mail
    assert re.search(r"pii\s*made of a\.mail", loud), loud
    page.locator("table.columns a", has_text="a.mail").last.click()
    page.wait_for_function("() => location.hash === '#/model/a/column/mail'")


def test_a_column_lights_up_through_tables(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/lineage/model/carrier_scorecard", wait=".pick").page
    page.locator(".pick", has_text="avg_departure_delay").click()
    page.wait_for_selector(".edge.hop", state="attached")
    rows = page.locator(".card .row").all_text_contents()
    assert any("dep_delay" in row for row in rows)
    assert page.locator(".card").count() == 4
    assert page.locator(".edge.hop").count() == 3
    hops = page.locator(".hops").inner_text()
    for words in ("raw.flights", "renamed", "copied", "aggregated", "ROUND(AVG(departure_delay_minutes), 1)"):
        assert words in hops
    # the path of another column, by the keyboard
    page.locator(".card [aria-label^='Column dep_delay']").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelectorAll('.card').length > 6")
    assert page.evaluate("location.hash").startswith("#/lineage/ingest/raw.flights?")
    page.get_by_label("Filters and joins").check()
    page.wait_for_selector(".edge.indirect", state="attached")


def test_the_drawing_obeys(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/lineage/model/fct_flights", wait=".card").page
    first = page.locator(".card").count()
    page.get_by_role("combobox", name="Up", exact=True).select_option("0")
    page.wait_for_function("many => document.querySelectorAll('.card').length < many", arg=first)
    page.get_by_role("combobox", name="Up", exact=True).select_option("all")
    page.get_by_role("combobox", name="Down", exact=True).select_option("all")
    page.wait_for_function("many => document.querySelectorAll('.card').length > many", arg=first)
    page.get_by_role("combobox", name="Fold by").select_option("folder")
    page.wait_for_selector(".card.folded")
    folded = page.locator(".card").count()
    page.locator(".card.folded [role=button]").first.click()
    page.wait_for_function("many => document.querySelectorAll('.card').length > many", arg=folded)
    page.get_by_role("combobox", name="Colour").select_option("status")
    page.wait_for_function("() => document.querySelector('.legend').innerText.includes('passed')")
    frame = page.locator(".frame")
    place = "() => document.querySelector('.frame svg > g').getAttribute('transform')"
    before = page.evaluate(place)
    frame.focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(place) != before
    box = frame.bounding_box()
    zoomed = page.evaluate(place)
    page.mouse.move(box["x"] + 40, box["y"] + 40)
    page.mouse.wheel(0, -400)
    page.wait_for_function("old => document.querySelector('.frame svg > g').getAttribute('transform') !== old", arg=zoomed)
    wheeled = page.evaluate(place)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 90, steps=4)
    page.mouse.up()
    assert page.evaluate(place) != wheeled


def test_references_are_drawn(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", "#/relationships", wait=".card").page
    said = page.locator(".card [role=button]").evaluate_all("all => all.map(one => one.getAttribute('aria-label'))")
    assert {"Table stg_airports", "Table stg_flights", "Column dest of stg_flights", "Column airport of stg_airports, key"} <= set(
        said
    )
    assert page.locator(".edge.reference").count() == 6
    page.get_by_label("Filter tables").fill("delay")
    page.wait_for_function("() => document.querySelectorAll('.edge.reference').length === 1")
    page.get_by_role("button", name="Table delay_bands").click()
    page.wait_for_function("() => document.querySelector('main h1').innerText.includes('delay_bands')")


def test_light_and_dark(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", color_scheme="dark").page
    paper = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(18, 21, 28)"
    page.get_by_label("Use light colours").click()
    page.wait_for_function("() => getComputedStyle(document.body).backgroundColor === 'rgb(255, 255, 255)'")
    page.reload()
    page.wait_for_selector("main h1")
    assert page.evaluate(paper) == "rgb(255, 255, 255)"


def test_a_phone_is_wide_enough(flights: Path, look: Callable[..., Any]) -> None:
    page = look(flights / "docs/index.html", viewport={"width": 375, "height": 740}, has_touch=True).page
    for place in PLACES:
        go(page, place)
        page.wait_for_function("() => !document.querySelector('main .loading')")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, place
    page.get_by_label("Menu").click()
    page.wait_for_function("() => document.querySelector('nav.side').getBoundingClientRect().left === 0")
    page.locator("nav.side a", has_text="Seeds").click()
    page.wait_for_function("() => document.querySelector('main h1').innerText.includes('Seeds')")
    page.wait_for_function("() => getComputedStyle(document.querySelector('nav.side')).visibility === 'hidden'")
