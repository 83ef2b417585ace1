"""The program of the docs site: the committed bundle is what its sources build with the locked packages, and its own tests pass."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from emulators import make, need

ROOT = Path(__file__).resolve().parents[2]
ASSETS = ROOT / "eltflow/report/site/assets"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with the locked packages beside them."""
    need("node")
    copy = tmp_path_factory.mktemp("bundle") / "docs_site"
    shutil.copytree(ROOT / "docs_site", copy, ignore=shutil.ignore_patterns("node_modules"))
    (copy / "node_modules").symlink_to(make.packages())
    return copy


def test_the_types_hold(sources: Path) -> None:
    done = make.node("node_modules/typescript/bin/tsc", "--noEmit", cwd=sources)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_committed_bundle_is_what_the_sources_build(sources: Path) -> None:
    out = sources.parent / "built"
    done = make.node("node_modules/vite/bin/vite.js", "build", cwd=sources, env={"SITE_OUT": str(out)})
    assert done.returncode == 0, done.stdout + done.stderr
    assert {file.name for file in out.iterdir()} == {"site.js", "site.css"} == {file.name for file in ASSETS.iterdir()}
    for name in ("site.js", "site.css"):
        same = (out / name).read_bytes() == (ASSETS / name).read_bytes()
        assert same, f"{name} is not what docs_site/ builds: run `make site`"


def test_its_own_tests_pass(sources: Path) -> None:
    done = make.node("node_modules/vitest/vitest.mjs", "run", "--reporter=json", cwd=sources)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads(done.stdout[done.stdout.index("{") :])
    assert counts["numPassedTests"] >= 30
    assert counts["numTotalTests"] == counts["numPassedTests"]


def test_the_program_can_stand_inside_a_page() -> None:
    program = (ASSETS / "site.js").read_text(encoding="utf-8")
    # Within <script> these would end it, or open one that its end would not end.
    assert not re.search(r"</?script", program, re.IGNORECASE)
    assert "</style" not in (ASSETS / "site.css").read_text(encoding="utf-8")
    for word in ("eval(", "new Function(", "importScripts", "XMLHttpRequest", "fetch("):
        assert word not in program


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((ROOT / "docs_site/package-lock.json").read_text())
    assert len(lock["packages"]) > 50
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]
