"""The flights example, built, with its docs; and a browser that notes whatever it should not do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import Seen, chromium, documented, opened

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The flights example after a build, with its site as a folder and as one page; gives the target folder."""
    root = tmp_path_factory.mktemp("site") / "flights"
    ignored = shutil.ignore_patterns("*.duckdb", "*.wal", ".eltflow", "target", "logs")
    shutil.copytree(ROOT / "examples/flights", root, ignore=ignored)
    return documented(root)


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
