"""Runs the cases of this folder: a copy of the broken project, its commands, and what the last of them says.

A case is a folder:

    command.txt    one command a line, as in a shell (`NAME=value` may stand before); those before the last prepare, and must succeed
    message.txt    `exit N`, then what the last command writes to standard error
    after/         files laid over the project after the preparing commands
    pending.txt    why the message is not what it should be yet

and what no folder can hold (a lock, a link to itself, a full disk) is in `arrangements.py` under the case's name.
"""

from __future__ import annotations

import gc
import hashlib
import io
import os
import re
import shlex
import shutil
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import duckdb
from arrangements import ARRANGEMENTS

from eltflow.cli.main import _run

HERE = Path(__file__).resolve().parent
POOR = HERE / "poor"
#: The DuckDB whose words the messages quote; under another one only the lines that are ours are compared.
ENGINE = "2.0"
_OURS = re.compile(r"exit \d|\w+\[[EW]\d{4}\]| *--> | *= help: |error: ")


@dataclass(frozen=True)
class Case:
    """A broken project and its message."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def commands(self) -> list[str]:
        return (self.folder / "command.txt").read_text(encoding="utf-8").splitlines()

    @property
    def expected(self) -> str:
        path = self.folder / "message.txt"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    @property
    def pending(self) -> bool:
        return (self.folder / "pending.txt").exists()


@dataclass(frozen=True)
class Ran:
    """How a command ended. `touched` are the database files that it made or changed."""

    code: int
    out: str
    err: str
    touched: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        return f"exit {self.code}\n{self.err}"


def cases(folder: Path = HERE) -> list[Case]:
    """The cases in a folder, sorted by name."""
    return [Case(path.parent) for path in sorted(folder.glob("*/command.txt"))]


def run_case(case: Case) -> Ran:
    """Run a case in a copy of its own; texts have the places of this machine taken out."""
    with tempfile.TemporaryDirectory(prefix="eltflow-errors-") as place:
        base = Path(place).resolve()
        root, state = base / "p", base / "state"
        skipped = shutil.ignore_patterns("command.txt", "message.txt", "pending.txt", "after", "README.md")
        shutil.copytree(case.folder, root, ignore=skipped, symlinks=True)
        state.mkdir()
        *before, last = case.commands
        env = {"XDG_STATE_HOME": str(state), "USER": "me", "HOME": str(base), "COLUMNS": "100"}
        for line in before:
            done = _one(line, root, env)
            assert done.code == 0, f"{case.name}: `{line}` should succeed:\n{done.message}{done.out}"
        if (case.folder / "after").is_dir():
            shutil.copytree(case.folder / "after", root, dirs_exist_ok=True)
        arrange = ARRANGEMENTS.get(case.name)
        with _environment(root, env), arrange(root) or nullcontext() if arrange is not None else nullcontext():
            known = _databases(root)
            done = _one(last, root, env)
        touched = tuple(sorted(name for name, digest in _databases(root).items() if known.get(name) != digest))
        return Ran(done.code, _anonymous(done.out, base), _anonymous(done.err, base), touched)


def _one(line: str, root: Path, env: Mapping[str, str]) -> Ran:
    words = shlex.split(line)
    own: dict[str, str] = {}
    while "=" in words[0]:
        name, _, value = words.pop(0).partition("=")
        own[name] = value
    assert words.pop(0) == "eltflow", line
    out, err = io.StringIO(), io.StringIO()
    with _environment(root, {**env, **own}), redirect_stdout(out), redirect_stderr(err):
        try:
            code = _run(words)
        except Exception:
            traceback.print_exc()
            code = -1
        finally:
            gc.enable()
    return Ran(code, out.getvalue(), err.getvalue())


@contextmanager
def _environment(root: Path, env: Mapping[str, str]) -> Iterator[None]:
    """Within the block, the process stands in `root` under `env`, without colour."""
    folder, before = Path.cwd(), dict(os.environ)
    for name in ("NO_COLOR", "FORCE_COLOR"):
        os.environ.pop(name, None)
    os.environ.update(env)
    os.chdir(root)
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


def _databases(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.glob("*.duckdb*")
        if path.is_file() and os.access(path, os.R_OK)
    }


_PLACES = (
    (re.compile(r"/\S*?/locks/[0-9a-f]+\.lock"), "<lock>"),
    (re.compile(r"(held in )\S+"), r"\1<program>"),
    (re.compile(r"((?:PID|process) )\d+"), r"\1<pid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+.\d:]*"), "<time>"),
    (re.compile(r"__eltflow_tmp_[0-9a-f]{8}"), "__eltflow_tmp_<run>"),
)


def _anonymous(text: str, base: Path) -> str:
    text = text.replace(str(base / "p"), "<project>").replace(str(base), "<home>")
    for pattern, replacement in _PLACES:
        text = pattern.sub(replacement, text)
    return "\n".join(line.rstrip() for line in text.split("\n"))


def compared(message: str) -> str:
    """The message, without the engine's own words if they are another engine's than the one quoted."""
    if duckdb.__version__.startswith(f"{ENGINE}."):
        return message
    ours = (line for line in message.splitlines() if _OURS.match(line))
    return "\n".join(line.split("]: ")[0] for line in ours)


def rewrite(case: Case, ran: Ran) -> None:
    """Take what was said for the message."""
    (case.folder / "message.txt").write_text(ran.message, encoding="utf-8")
