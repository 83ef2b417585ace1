"""Ctrl-C while `show` waits for the engine: the statement is cancelled, and the exit code is 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

LONG = "select count(*) from range(9000000) a, range(90000) b where a.range + b.range = -1"


@pytest.mark.parametrize("after", [1.5, 2.5])
def test_ctrl_c(project, after):
    root = project({"models/m.sql": "select 1 as id"})
    command = [str(Path(sys.executable).parent / "eltflow"), "show", "--inline", LONG]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(after)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "cancelled" in err
