"""The tools that are measured and the words by which each is given the same commands."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench import peers

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "bench" / "work"
TRASH = WORK / "trash"
LOADING = ("load_cold", "load_same", "load_edit")
NAMING = ("version", "help")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A row of the table: its words for dbt and for eltflow, and what is done before it (`forget`, `reload`, `edit`, `warm`, `again`)."""

    key: str
    title: str
    words: tuple[str, ...]
    before: str = "warm"


COMMANDS = (
    Command(key="version", title="`--version`", words=("--version",), before=""),
    Command(key="help", title="`--help`", words=("--help",), before=""),
    Command(key="load_cold", title="load, cold", words=("parse",), before="forget"),
    Command(key="load_same", title="load, nothing changed", words=("parse",)),
    Command(key="load_edit", title="load, one file changed", words=("parse",), before="edit"),
    Command(key="ls", title="`ls`", words=("ls",)),
    Command(key="run_one", title="`run --select` one model", words=("run", "--select", "ONE"), before="again"),
    Command(key="compile_cold", title="compile all, cold", words=("compile",), before="forget"),
    Command(key="compile_loaded", title="compile all, project loaded", words=("compile",), before="reload"),
    Command(key="compile_same", title="compile all, cached", words=("compile",)),
    Command(key="seed", title="seed", words=("seed",)),
    Command(key="run", title="run all, cache warm", words=("run",), before="again"),
    Command(key="test", title="test all", words=("test",)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something that is measured: how it is called, on which project, and which of the commands it knows."""

    name: str
    family: str
    prefix: tuple[str, ...] = ()
    suffix: tuple[str, ...] = ()
    flavour: str = "eltflow"
    style: str = "ref"
    python: str = sys.executable
    environment: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    knows: tuple[str, ...] = tuple(command.key for command in COMMANDS)
    problem: str = ""

    def folder(self, size: int) -> Path:
        """The project that the tool works on: one of its own, so that no tool finds another's files."""
        return WORK / "projects" / f"{size}" / self.name.replace(" ", "-")

    def argv(self, command: Command, size: int) -> list[str]:
        """The words of a command at one size."""
        folder = self.folder(size)
        if self.family == "engine":
            return [*self.prefix, command.key, str(folder), str(folder / "bench.duckdb")]
        if command.key in NAMING:
            return [*self.prefix, *command.words]
        one = json.loads((folder / "facts.json").read_text())["one"]
        return [*self.prefix, *(one if word == "ONE" else word for word in command.words), *self.suffix]


def python_version(python: str, package: str) -> str:
    """The version of a package as another Python sees it, or "none"."""
    code = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))"
    done = subprocess.run([python, "-c", code, package], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "none"


def engine(name: str, python: str) -> Tool:
    """The bare engine under one Python."""
    version = python_version(python, "duckdb") if os.access(python, os.X_OK) else "none"
    return Tool(
        name=name,
        family="engine",
        prefix=(python, str(ROOT / "bench" / "engine.py")),
        python=python,
        versions={"duckdb": version, "python": platform.python_version()},
        knows=("run_one", "seed", "run", "test"),
        problem="" if version != "none" else "not measured: no DuckDB in this Python",
    )


def eltflow_tools(executable: Path) -> list[Tool]:
    """Eltflow on the three styles of project; loading and compiling only where the style makes the difference."""
    there = os.access(executable, os.X_OK)
    problem = "" if there else "not measured: no `eltflow` executable"
    beside = executable.parent / "python"
    python = str(beside) if there and beside.exists() else sys.executable
    packages = ("eltflow", "duckdb", "sqlglot", "sqlglotc", "jinja2", "typer")
    versions = {package: python_version(python, package) for package in packages} if there else {}
    some = (*LOADING, "compile_cold", "compile_loaded", "compile_same")
    every = tuple(command.key for command in COMMANDS)
    return [
        Tool(
            name=f"eltflow {style}",
            family="eltflow",
            prefix=(str(executable),),
            suffix=("--project-dir", ".", "--target", "dev"),
            style=style,
            python=python,
            versions=versions,
            knows=every if style == "ref" else some,
            problem=problem,
        )
        for style in ("ref", "bare", "bare-macros")
    ]


def peer_tool(peer: peers.Peer) -> Tool:
    """An installed peer, or one with the reason why it is not."""
    return Tool(
        name=peer.name,
        family="peer",
        prefix=(peer.executable,),
        suffix=("--project-dir", ".", "--profiles-dir", "."),
        flavour="dbt",
        environment=peer.environment,
        versions=peer.versions,
        problem=peer.problem or ("" if peers.ready(peer) else "not measured: its executable is gone"),
    )


def all_tools(executable: Path) -> list[Tool]:
    """Every tool, ours first; the bare engine under our Python and under the peers'."""
    ours = eltflow_tools(executable)
    theirs = str(WORK / "peers" / "dbt-core" / "bin" / "python")
    engines = [engine("engine", ours[0].python), engine("engine of the peers", theirs)]
    return [*ours, *engines, *(peer_tool(peer) for peer in peers.recorded().values())]


def prepare(tools: Sequence[Tool], size: int, warehouse: bool) -> None:
    """Writes each tool's project and, with `warehouse`, a database of its own DuckDB where all is built."""
    built: dict[str, Path] = {}
    for tool in tools:
        folder = tool.folder(size)
        command = [sys.executable, "-m", "bench.generate", "--models", str(size), "--out", str(folder)]
        command += ["--style", tool.style, "--flavour", tool.flavour]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        if not warehouse or not needs_warehouse(tool):
            continue
        python = tool.python if tool.family != "peer" else peer_python()
        if python not in built:
            built[python] = build_warehouse(python, folder, size)
        shutil.copyfile(built[python], folder / "bench.duckdb")


def tests_of(tool: Tool, size: int) -> int:
    """How many tests the tool's project has; 0 when it was not written."""
    path = tool.folder(size) / "facts.json"
    return int(json.loads(path.read_text())["tests"]) if path.exists() else 0


def needs_warehouse(tool: Tool) -> bool:
    """Whether the tool runs anything."""
    return "run" in tool.knows


def peer_python() -> str:
    """The Python whose DuckDB the peers share, or our own when there is none."""
    path = WORK / "peers" / "dbt-core" / "bin" / "python"
    return str(path) if path.exists() else sys.executable


def build_warehouse(python: str, folder: Path, size: int) -> Path:
    """A database of the project with everything built by the bare engine."""
    home = WORK / "projects" / f"{size}" / f"warehouse-{python_version(python, 'duckdb')}"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    path = home / "bench.duckdb"
    subprocess.run([python, str(ROOT / "bench" / "engine.py"), "build", str(folder), str(path)], check=True)
    return path


def forget(tool: Tool, size: int) -> None:
    """Takes away all that the tool derived from the project. It is moved, and deleted by `sweep`: ext4 is slow to make files for some
    seconds after many were deleted, which the tool would pay for."""
    derived = tool.folder(size) / "target"
    if derived.exists():
        TRASH.mkdir(parents=True, exist_ok=True)
        derived.rename(TRASH / f"{time.monotonic_ns()}")


def sweep() -> None:
    """Deletes what `forget` took away."""
    shutil.rmtree(TRASH, ignore_errors=True)


def edit(tool: Tool, size: int, turn: int) -> None:
    """Really changes the SQL of one staging model, differently at every turn."""
    folder = tool.folder(size)
    path = folder / json.loads((folder / "facts.json").read_text())["edited"]
    text = path.read_text().split("\nlimit ", maxsplit=1)[0].rstrip()
    path.write_text(f"{text}\nlimit {100000 + turn}\n")
