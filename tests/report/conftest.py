"""Projects that were built once, and what a report is made from."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from eltflow import api
from eltflow.api.documenting import site_columns
from eltflow.api.explain import compiled_path
from eltflow.api.running import project_hooks
from eltflow.report.catalog import catalog
from eltflow.report.info import RunInfo
from eltflow.report.junit import junit
from eltflow.report.manifest import SEED_LIMIT, manifest
from eltflow.report.run_results import run_results
from eltflow.report.site.facts import Facts, chunks

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=datetime.UTC)


@dataclass(frozen=True)
class Built:
    """A project after a build."""

    loaded: Any
    state: Any
    info: RunInfo

    @property
    def nodes(self) -> Mapping[str, Any]:
        return self.loaded.graph.nodes  # type: ignore[no-any-return]

    def manifest(self) -> dict[str, Any]:
        loaded = self.loaded

        def seed_bytes(path: str) -> bytes | None:
            file = loaded.root / path
            return file.read_bytes() if file.stat().st_size <= SEED_LIMIT else None

        return manifest(
            loaded.opened.project,
            loaded.graph,
            loaded.adapter.dialect,
            self.info,
            compiled=self.state.compiled,
            compiled_path=lambda node: compiled_path(loaded, node),
            seed_bytes=seed_bytes,
            hooks=project_hooks(loaded),
        )

    def run_results(self) -> dict[str, Any]:
        return run_results(
            self.state.results.values(),
            self.nodes,
            self.loaded.adapter.dialect,
            self.info,
            compiled=self.state.compiled,
            seconds=self.state.finished.seconds,
        )

    def catalog(self) -> dict[str, Any]:
        return catalog(self.nodes, self.state.catalog, self.info)

    def junit(self, **options: Any) -> str:
        return junit(
            self.state.results.values(), self.nodes, self.info, project=self.loaded.opened.project.settings.name, **options
        )

    def site(self, readme: str = "", only: set[str] | None = None, measured: Any = None) -> dict[str, Any]:
        """The parts of the docs site."""
        store = self.loaded.store
        history = [(run, store.nodes(run.id)) for run in store.runs(self.loaded.target_key)]
        found = api.lineages(self.loaded, telling=True)
        facts = Facts(
            **site_columns(self.loaded, found),
            manifest=self.manifest(),
            catalog=self.catalog(),
            history=history,
            readme=readme,
            measured=measured,
            only=only,
        )
        return chunks(facts)


def build(root: Path, home: Path) -> Built:
    """Build the project at `root`."""
    env = {**os.environ, "XDG_STATE_HOME": str(home), "USER": "me"}
    loaded = api.load(root, api.new_options(env=env, started_at=NOW))
    state = api.RunState(run_id=loaded.options.invocation_id)
    for _ in api.execute(loaded, api.RunOptions(selected=tuple(loaded.graph.nodes)), state):
        pass
    info = RunInfo(
        invocation_id=loaded.options.invocation_id,
        started_at=NOW,
        generated_at=NOW,
        command="build",
        version="0.1.0",
        argv=("eltflow", "build"),
        args={"full_refresh": False},
    )
    return Built(loaded, state, info)


@pytest.fixture(scope="session", params=["examples/flights", "project_template"])
def built_example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """One of the repository's projects, built."""
    folder = tmp_path_factory.mktemp("built")
    root = folder / Path(request.param).name
    ignored = shutil.ignore_patterns("*.duckdb", "*.wal", ".eltflow", "target", "logs")
    shutil.copytree(ROOT / request.param, root, ignore=ignored)
    return build(root, folder / "home")


@pytest.fixture
def built(project: Callable[..., Path], tmp_path: Path) -> Callable[..., Built]:
    """Builds a project of a mapping of file → text."""

    def make(files: dict[str, str], **options: str) -> Built:
        return build(project(files, **options), tmp_path / "home")

    return make
