"""What the pages say is so: links lead somewhere, commands and options exist, snippets are read, and what is shown is what is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import commands_page
import pages
import pytest

from eltflow.native.jobs import worded
from eltflow.project import yamlfile
from eltflow.project.deliveries import DELIVERIES
from eltflow.project.jobs import JOBS
from eltflow.project.properties import PROPERTIES, STEPS
from eltflow.project.settings import SELECTORS, SETTINGS
from eltflow.project.shape import check
from eltflow.project.tasks import TASKS

PAGES = [pytest.param(page, id=str(page.relative_to(pages.ROOT))) for page in pages.pages()]
#: Written elsewhere, and not yet in every branch.
_LATER = {pages.ROOT / "docs/reference/errors.md"}
_RUN = [p for p in PAGES if any("run" in block.marks for block in pages.blocks(p.values[0]))]
_TIME = re.compile(r"\b\d+(?:\.\d+)? (?:s|min)\b")
_COMMAND = re.compile(r"(?:^|[\s`$(])eltflow ((?:[a-z]+)(?: [^\n`|&;>)]*)?)")


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return commands_page.commands()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: Path) -> None:
    for path, anchor in pages.links(page):
        target = (page.parent / path).resolve() if path else page
        if target in _LATER and not target.exists():
            continue
        assert target.exists(), f"{page.relative_to(pages.ROOT)} links to {path}"
        assert pages.ROOT in target.parents, f"{page.relative_to(pages.ROOT)} links out of the repository: {path}"
        if anchor and target.suffix == ".md":
            assert anchor in pages.anchors(target), f"{page.relative_to(pages.ROOT)} links to {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_options_exist(page: Path, commands: dict[str, Any]) -> None:
    text = page.read_text(encoding="utf-8")
    spans = re.findall(r"`(eltflow [^`\n]+)`", pages.prose(page))
    scripts = [
        re.sub(r"(?m)(^|\s)#.*$", "", block.text) for block in pages.blocks(page) if block.language in ("sh", "yaml", "console", "")
    ]
    for place in [*spans, *scripts]:
        for found in _COMMAND.finditer(place.replace("\\\n", " ")):
            words = found.group(1).split(" #", 1)[0].split()
            name = " ".join(words[:2]) if " ".join(words[:2]) in commands else words[0]
            if name == "version" or (words[0] == "docs" and len(words) == 1):
                continue
            assert name in commands, f"{page.name} tells of `eltflow {found.group(1)}`"
            known = commands_page.options(commands[name])
            for word in words[1:]:
                option = word.split("=", 1)[0].rstrip(".,:")
                if re.fullmatch(r"--?[a-z][a-z-]*", option):
                    assert option in known, f"{page.name}: `eltflow {name}` has no option {option}"
    everywhere = {spelling for command in commands.values() for spelling in commands_page.options(command)}
    everywhere |= {"--version", "--install-completion", "--show-completion"}
    if page.parent.name == "reference":
        for option in re.findall(r"`(--[a-z][a-z-]+)", pages.prose(page)):
            assert option in everywhere, f"{page.name} tells of {option}"
    for target in re.findall(r"\bmake ([a-z-]+)`", text):
        assert f"\n{target}:" in (pages.ROOT / "Makefile").read_text(), f"{page.name} tells of `make {target}`"


def _shape(value: Any) -> tuple[Any, Any]:
    """The shape of a snippet by its keys, and the snippet with what such a file must have besides."""
    keys = set(value)
    if "steps" in keys:
        return (DELIVERIES if any("to" in step for step in value["steps"]) else STEPS), value
    if "tasks" in keys and isinstance(value["tasks"], list):
        return TASKS, value
    if "jobs" in keys:
        return JOBS, worded(value)
    if "selectors" in keys:
        return SELECTORS, value
    trees = {"models", "seeds", "sources", "data_tests", "exposures"} & keys
    if trees and all(isinstance(value[key], list) for key in trees):
        return PROPERTIES, value
    if keys <= set(PROPERTIES.fields) and not keys <= set(SETTINGS.fields):
        return PROPERTIES, value
    return SETTINGS, {"name": "p", "targets": {"dev": {"type": "duckdb"}}, **value}


@pytest.mark.parametrize("page", PAGES)
def test_yaml_is_read_strictly(page: Path) -> None:
    for block in pages.blocks(page):
        if block.language != "yaml" or "foreign" in block.marks:
            continue
        value = yamlfile.read(block.text, block.place)
        assert isinstance(value, dict), block.place
        shape, whole = _shape(value)
        problems = check(whole, shape, strict=True)
        assert not problems, f"{block.place}: {problems}"


@pytest.mark.parametrize("page", _RUN)
def test_what_is_shown_is_what_is_printed(page: Path, tmp_path: Path) -> None:
    """Runs a page from top to bottom, each chain of blocks in its own folder."""
    env = _environment(tmp_path)
    printed = ""
    folders: dict[str, Path] = {}
    for block in pages.blocks(page):
        chain = block.marks.get("run", "")
        folder = folders.get(chain)
        if folder is None and ("run" in block.marks or "file" in block.marks):
            folder = folders[chain] = _folder(tmp_path / f"chain{len(folders)}", empty=page.name == "README.md")
        if "file" in block.marks:
            assert folder is not None
            path = folder / block.marks["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif "run" in block.marks:
            assert folder is not None
            where = tmp_path / "where"
            done = subprocess.run(
                ["bash", "-c", f"set -e\n{block.text}\npwd > {where}"],
                cwd=folder,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=120,
            )
            printed = done.stdout + done.stderr
            assert done.returncode == int(block.marks.get("exit", "0")), f"{block.place}\n{printed}"
            if where.exists():
                folders[chain] = Path(where.read_text().strip())
                where.unlink()
        elif "output" in block.marks:
            _printed(block, printed)


def _environment(tmp_path: Path) -> dict[str, str]:
    """An environment in which `eltflow` is this checkout's, and `python` this interpreter."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name, module in (("eltflow", " -m eltflow.cli.main"), ("python", "")):
        shim = tools / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        shim.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
        "MY_SCHEMA": "me",
        "PYTHONPATH": f"{pages.ROOT}{os.pathsep}{pages.ROOT / 'adapters'}",
    }


def _folder(path: Path, *, empty: bool) -> Path:
    """A folder for a chain of blocks: empty for a README, which makes its own project; else a fresh copy of the template."""
    if empty:
        path.mkdir()
    else:
        shutil.copytree(
            pages.ROOT / "project_template", path, ignore=shutil.ignore_patterns("*.duckdb", "target", ".eltflow", "logs")
        )
    return path


def _printed(block: pages.Block, printed: str) -> None:
    have = [_plain(line) for line in printed.splitlines()]
    at = 0
    for line in map(_plain, block.text.splitlines()):
        if line in ("…", ""):
            continue
        assert line in have[at:], f"{block.place} shows\n  {line}\nbut this was printed:\n{printed}"
        at = have.index(line, at) + 1


def _plain(line: str) -> str:
    return re.sub(r"\s+", " ", _TIME.sub("0 s", line)).strip()


def test_the_commands_page_is_up_to_date() -> None:
    text = commands_page.PAGE.read_text(encoding="utf-8")
    assert text.split(commands_page.MARK)[1].strip() == commands_page.generated().strip(), "run: python tests/docs/commands_page.py"


def test_the_readme_counts_the_example(example) -> None:  # type: ignore[no-untyped-def]
    from eltflow import api

    counts = api.load(example("examples/flights")).counts
    assert f"{counts['model']} models, {counts['test']} tests" in (pages.ROOT / "README.md").read_text(encoding="utf-8")


def test_the_stages_are_the_same_everywhere() -> None:
    def table(path: str) -> list[list[str]]:
        rows = [
            line
            for line in (pages.ROOT / path).read_text(encoding="utf-8").splitlines()
            if re.match(r"\| *(stage|open|graph|plan|compile|program|run|report) *\|", line)
        ]
        return [[re.sub(r"\s+", " ", cell).strip() for cell in row.strip("|").split("|")] for row in rows]

    face = table("eltflow/__init__.py")
    assert len(face) == 9
    assert table("README.md") == face
    assert table("docs/explanation/architecture.md") == face


def test_the_stages_are_functions() -> None:
    from eltflow.compile.materialize import MATERIALIZATIONS
    from eltflow.compile.node import Compiler
    from eltflow.engine.run import run
    from eltflow.graph.build import build_graph
    from eltflow.native.open import open_project
    from eltflow.plan.build import make_plan
    from eltflow.report.manifest import manifest
    from eltflow.report.run_results import run_results

    text = (pages.ROOT / "eltflow/__init__.py").read_text(encoding="utf-8")
    for function in (open_project, build_graph, make_plan, Compiler.node, run, manifest, run_results):
        assert f"`{function.__qualname__}(" in text, function
    assert "`MATERIALIZATIONS[" in text
    assert {"view", "table", "incremental"} <= set(MATERIALIZATIONS)
