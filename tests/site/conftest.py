"""The flights example, built, with its docs; and a browser that notes whatever it should not do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from browsing import Seen, chromium, opened

from eltflow import api

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights example after a build, with its site as a folder and as one page; gives the target folder."""
    root = tmp_path_factory.mktemp("site") / "flights"
    ignored = shutil.ignore_patterns("*.duckdb", "*.wal", ".eltflow", "target", "logs")
    shutil.copytree(ROOT / "examples/flights", root, ignore=ignored)
    return documented(root)


def documented(root: Path, *, build: bool = True, env: dict[str, str] | None = None) -> Path:
    """Build the project and write its site, both ways; gives the target folder."""
    loaded = api.load(root, api.new_options(env={"USER": "me", **(env or {})}))
    if build:
        state = api.RunState(run_id=loaded.options.invocation_id)
        for _ in api.execute(loaded, api.RunOptions(selected=tuple(loaded.graph.nodes)), state):
            pass
    api.generate_docs(loaded, single_file=True)
    return api.generate_docs(loaded).parent.parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture
def look(browser: Any) -> Iterator[Callable[..., Seen]]:
    """Opens a page: `look(address, "#/model/orders")`. At the end nothing may have been asked of another place or said on the console."""
    with opened(browser) as (look_at, pages):
        yield look_at
        for seen in pages:
            assert seen.outside == [], "something left the page's origin"
            assert seen.said == [], "the console or a script complained"


@pytest.fixture
def docs_of(project: Callable[..., Path]) -> Callable[..., Path]:
    """Writes the docs of a project of a mapping of file → text."""

    def make(files: dict[str, str], *, build: bool = True, **options: str) -> Path:
        return documented(project(files, **options), build=build)

    return make


@contextmanager
def served(target: Path) -> Iterator[str]:
    """The address of a server of the site in that target folder."""
    import threading

    with api.docs_server(target / api.DOCS_FOLDER) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
