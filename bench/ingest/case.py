"""A path that rows take, and the ways that are measured on it."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.ingest.peers import python_of
from bench.tools import ROOT

SCRIPTS = Path(__file__).resolve().parent / "scripts"
ELTFLOW = str(Path(sys.executable).parent / "eltflow")
EXTENSIONS = ROOT / ".services" / "duckdb15" / "bin" / "python"
"""An environment whose DuckDB has its extensions (`make services`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How one tool brings the rows: the words of its process, where it runs, and the names there that are taken away before each run, or
    put there from a copy (`<name>.kept`)."""

    words: tuple[str, ...]
    folder: Path
    clears: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def reset(self) -> None:
        for name in self.clears:
            path = self.folder / name
            if path.is_dir():
                shutil.rmtree(path)
            path.unlink(missing_ok=True)
            kept = self.folder / f"{name}.kept"
            if kept.exists():
                shutil.copyfile(kept, path)


Ways = Mapping[str, Way]
"""By the names of the tools; the first one is what the others are compared with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A path: what is aimed at and what must hold, as ratios to the bare way (in CPU seconds above it with `above`)."""

    key: str
    title: str
    aim: float
    limit: float
    opened: Callable[[Path, int], AbstractContextManager[Ways]]
    above: bool = False
    times: int = 1
    """Of the rows that are asked for, those of this path."""


def bare(
    name: str, folder: Path, *words: str, python: str | Path = sys.executable, clears: tuple[str, ...] = ("bare.duckdb",)
) -> Way:
    """A script of this folder, by some Python."""
    return Way(words=(str(python), str(SCRIPTS / f"{name}.py"), *words), folder=folder, clears=clears)


def peer(name: str, script: str, folder: Path, *words: str) -> dict[str, Way]:
    """A script by the Python of a peer, if it is installed."""
    python = python_of(name)
    if python is None:
        return {}
    silent = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DISABLE_TELEMETRY": "true", "INGESTR_DISABLE_TELEMETRY": "true"}
    home = {"DLT_DATA_DIR": str(folder / "dlt"), **silent}
    way = bare(script, folder, *words, python=python, clears=("peer.duckdb", "dlt", "pipelines"))
    return {name: Way(words=way.words, folder=folder, clears=way.clears, environment=home)}


def project(root: Path, step: Mapping[str, Any], *, target: Mapping[str, Any] | None = None, **connections: Any) -> Path:
    """A folder with one step."""
    (root / "models").mkdir(parents=True, exist_ok=True)
    (root / "ingest").mkdir(exist_ok=True)
    own = target or {"type": "duckdb", "path": "own.duckdb", "schema": "s", "threads": 2}
    (root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, "connections": connections}))
    (root / "ingest/i.yml").write_text(json.dumps({"steps": [{"name": "t", "into": "raw.t", **step}]}))
    return root


def own(root: Path, *, clears: tuple[str, ...] = ("own.duckdb",), **environment: str) -> Way:
    """eltflow's way: the step of a project."""
    return Way(words=(ELTFLOW, "ingest", "--quiet"), folder=root, clears=clears, environment=environment)
