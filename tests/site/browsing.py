"""A real headless Chromium, what it notes of a page, and sites for it to look at."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from eltflow import api

_FLAGS = [
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@dataclass
class Seen:
    """A page, what it said on the console, and what it asked of other places."""

    page: Any
    said: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser; without one the test is skipped, in CI it fails."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        message = "there is no chromium: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=_FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Any) -> Iterator[tuple[Callable[..., Seen], list[Seen]]]:
    """Gives a function that opens pages, and the pages that it opened; they are closed at the end."""
    pages: list[Seen] = []
    contexts = []

    def look(address: Path | str, place: str = "#/", *, wait: str = "main h1", **options: Any) -> Seen:
        base = address.resolve().as_uri() if isinstance(address, Path) else address
        context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}, **options})
        contexts.append(context)
        seen = Seen(context.new_page())
        pages.append(seen)
        _watch(seen, base)
        seen.page.goto(base + place)
        seen.page.wait_for_selector(wait, timeout=20_000)
        return seen

    try:
        yield look, pages
    finally:
        for context in contexts:
            context.close()


def _watch(seen: Seen, base: str) -> None:
    home = urlsplit(base)

    def asked(request: Any) -> None:
        seen.asked.append(request.url)
        at = urlsplit(request.url)
        if (at.scheme, at.netloc) != (home.scheme, home.netloc) and at.scheme != "data":
            seen.outside.append(request.url)

    seen.page.on("request", asked)
    seen.page.on("console", lambda message: seen.said.append(f"{message.type}: {message.text}"))
    seen.page.on("pageerror", lambda error: seen.said.append(f"error: {error}"))
    seen.page.on("dialog", lambda dialog: (seen.said.append(f"dialog: {dialog.message}"), dialog.dismiss()))


def documented(root: Path, *, build: bool = True, env: dict[str, str] | None = None) -> Path:
    """Build the project and write its site, both ways; gives the target folder."""
    loaded = api.load(root, api.new_options(env={"USER": "me", **(env or {})}))
    if build:
        state = api.RunState(run_id=loaded.options.invocation_id)
        for _ in api.execute(loaded, api.RunOptions(selected=tuple(loaded.graph.nodes)), state):
            pass
    api.generate_docs(loaded, single_file=True)
    return api.generate_docs(loaded).page.parent.parent


@contextmanager
def served(target: Path) -> Iterator[str]:
    """The address of a server of the site in that target folder."""
    with api.docs_server(target / api.DOCS_FOLDER) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
