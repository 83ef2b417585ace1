"""Makes the environments of the services that tests start: `python tests/services/make.py [NAME...]`; all of them unless named.

Each `NAME.txt` beside this file is what goes into one. It stands under `.services/` of the checkout, or where ELTFLOW_TEST_SERVICES says,
and is kept until that file changes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = Path(os.environ.get("ELTFLOW_TEST_SERVICES") or HERE.parent.parent / ".services")
_STAMP = "eltflow-made"


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
    (folder / _STAMP).write_text(_digest(name))


def _digest(name: str) -> str:
    return hashlib.sha256((HERE / f"{name}.txt").read_bytes() + sys.version.encode()).hexdigest()


if __name__ == "__main__":
    for one in sys.argv[1:] or sorted(path.stem for path in HERE.glob("*.txt")):
        make(one)
