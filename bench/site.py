"""Measures the docs site of a generated project: what writing it costs, and how fast it is in a headless Chromium.

    python -m bench.generate --models 10000 --style ref --flavour eltflow --out some/folder
    python -m bench.site some/folder

Times of the browser are wall clock, the least of several; CPU seconds are those of this process.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import re
import shutil
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

QUERIES = ("cust", "customer id", "amount", "fct_customers", "coalesce", "fct_custmers")
TRIES = 5
#: How many relatives the lineage is drawn of.
RELATIVES = 300

_FLAGS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
_SEARCH = """async query => {
    const box = document.querySelector('dialog input');
    const type = async text => {
        box.value = text;
        box.dispatchEvent(new Event('input', {bubbles: true}));
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    };
    await type('');  // or the answer would stand there already
    if (document.querySelectorAll('#hits li').length > 0) throw new Error('hits of nothing');
    const start = performance.now();
    await type(query);
    return [performance.now() - start, document.querySelectorAll('#hits li').length];
}"""
_DRAW = """async ([place, least]) => {
    location.hash = '#/';
    await new Promise(done => setTimeout(done, 300));
    const start = performance.now();
    location.hash = place;
    while (document.querySelectorAll('.card').length < least) await new Promise(requestAnimationFrame);
    await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
    return [performance.now() - start, document.querySelectorAll('.card').length];
}"""


def generated(root: Path) -> dict[str, float]:
    """CPU seconds of loading, of compiling, and of writing the site with and without the lineage kept from before."""
    from eltflow import api

    gc.set_threshold(5_000, 1_000, 1_000)  # as the command line has it
    laps = {}

    def lap(name: str, start: float) -> float:
        laps[name] = time.process_time() - start
        return time.process_time()

    shutil.rmtree(root / "target", ignore_errors=True)
    now = time.process_time()
    loaded = api.load(root, api.new_options(env=dict(os.environ)))
    now = lap("load", now)
    from eltflow.api.compiling import compile_offline

    compile_offline(loaded, loaded.graph.nodes)
    now = lap("compile", now)
    api.generate_docs(loaded)
    now = lap("site", now)
    api.generate_docs(loaded)
    lap("again", now)
    return laps


def part(docs: Path, name: str) -> Any:
    """A part of a site that was written."""
    found = re.search(r',"(.*)"\)', (docs / f"data/{name}.js").read_text())
    assert found is not None
    return json.loads(zlib.decompress(base64.b64decode(found.group(1))))


def related(docs: Path, many: int) -> tuple[str, int]:
    """The address of a lineage of at least so many nodes, and how many it shows."""
    nodes = part(docs, "index")["nodes"]
    down: list[list[int]] = [[] for _ in nodes["kind"]]
    for i, above in enumerate(nodes["up"]):
        for j in above:
            down[j].append(i)
    best: tuple[int, str] | None = None
    for i, kind in enumerate(nodes["kind"]):
        for depth in range(1, 10):
            size = len(_reach(i, nodes["up"], depth) | _reach(i, down, depth))
            if size >= many:
                if best is None or size < best[0]:
                    best = (size, f"#/lineage/{kind}/{nodes['name'][i]}?up={depth}&down={depth}&by=none")
                break
        if best is not None and best[0] < many * 1.1:
            break
    assert best is not None, f"no node has {many} relatives"
    return best[1], best[0]


def _reach(start: int, edges: Sequence[Sequence[int]], depth: int) -> set[int]:
    seen = edge = {start}
    for _ in range(depth):
        edge = {j for i in edge for j in edges[i]} - seen
        seen = seen | edge
    return seen


def looked_at(docs: Path, browser: Any, relatives: int = RELATIVES) -> dict[str, float]:
    """Milliseconds in a Chromium of Playwright's: the first page, the slowest search, a lineage of `relatives` nodes. Raises AssertionError if
    the page shows less than it should, or complains."""
    place, shown = related(docs, relatives)
    address = (docs / "index.html").resolve().as_uri()
    complaints: list[str] = []
    made: dict[str, float] = {"relatives": shown}
    firsts = []
    for _ in range(3):
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        page.wait_for_selector("main h1")
        firsts.append(page.evaluate("performance.now()"))
    made["first page"] = min(firsts)
    page.keyboard.press("/")
    page.wait_for_selector("dialog input")
    page.locator("dialog input").fill("select")
    page.wait_for_function("() => document.querySelector('#hits')?.innerText.includes('in its code')", timeout=60_000)
    for query in QUERIES:
        found = [page.evaluate(_SEARCH, query) for _ in range(TRIES)]
        assert found[0][1] > 0, f"nothing was found for {query}"
        made[f"search {query}"] = min(took for took, _ in found)
    page.keyboard.press("Escape")
    draws = [page.evaluate(_DRAW, [place, shown]) for _ in range(TRIES)]
    assert {cards for _, cards in draws} == {shown}
    made["lineage"] = min(took for took, _ in draws)
    page.close()
    assert not complaints, complaints
    return made


def size(docs: Path) -> int:
    """Bytes of a site."""
    return sum(file.stat().st_size for file in docs.rglob("*") if file.is_file())


def main(root: Path) -> None:
    laps = generated(root)
    docs = root / "target" / "docs"
    nodes = part(docs, "index")["nodes"]
    print(f"{len(nodes['kind']):,} nodes, {sum(nodes['columns']):,} columns, {size(docs) / 1e6:.1f} MB\n")
    for name, took in laps.items():
        print(f"{name:22}{took:8.1f} CPU s")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_FLAGS)
        for name, took in looked_at(docs, browser).items():
            print(f"{name:22}{took:8.0f}{'' if name == 'relatives' else ' ms'}")
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
