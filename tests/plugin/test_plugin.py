"""The adapter of docs/how-to/write-an-adapter.md: installed as a distribution of its own, it passes the contract and builds a project."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/docs"))

import pages  # noqa: E402


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """The folder of the page's files, with the distribution installed in `installed`."""
    folder = tmp_path_factory.mktemp("page")
    for block in pages.blocks(ROOT / "docs/how-to/write-an-adapter.md"):
        if "file" in block.marks:
            path = folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--quiet", "install", "--no-deps", "--target", "installed", "./quack"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return folder


def run(folder, *arguments, **more):
    paths = os.pathsep.join([str(folder / "installed"), str(ROOT), str(ROOT / "tests")])
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    return subprocess.run(
        [sys.executable, "-m", *arguments], env={**env, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=600, **more
    )


@pytest.mark.parametrize("sample", ["5", pytest.param("1", marks=pytest.mark.prove)])
def test_the_contract_from_outside(plugin, sample, monkeypatch):
    monkeypatch.setenv("SAMPLE", sample)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "sampled"]
    done = run(plugin, "pytest", *options, "test_quack.py", cwd=plugin / "quack")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


def test_a_project_on_it(plugin, tmp_path):
    made = run(plugin, "eltflow.cli.main", "init", "shop", "--adapter", "quack", cwd=tmp_path)
    assert made.returncode == 0, made.stdout + made.stderr
    for command in (["debug"], ["build"], ["build"], ["docs", "generate"]):
        done = run(plugin, "eltflow.cli.main", *command, cwd=tmp_path / "shop")
        assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "shop/shop.db").exists()


def test_a_broken_plugin(plugin, tmp_path):
    """Neither an unknown adapter nor a missing driver: a message of its own."""
    broken = plugin / "installed/eltflow_quack/dialect.py"
    text = broken.read_text()
    broken.write_text("import nothing_of_that_name\n" + text)
    try:
        (tmp_path / "eltflow.yml").write_text("name: p\ntargets:\n  dev: {type: quack, path: x.db}\n")
        done = run(plugin, "eltflow.cli.main", "build", cwd=tmp_path)
    finally:
        broken.write_text(text)
    assert done.returncode == 2
    assert "error[E0703]: the plug-in `quack` (eltflow_quack:ADAPTER) cannot be loaded: ModuleNotFoundError" in done.stderr
