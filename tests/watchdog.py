"""What stops the servers of a run of the tests, however the run ends: a process that waits for its end, which a SIGKILL brings too.

    python watchdog.py FOLDER

It reads its input, which ends when the process that started it does, stops the servers that are written down in FOLDER, and deletes it.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = "ELTFLOW_TEST_RUN"  #: names the folder of this run, for all its workers
PATIENCE = 20  #: seconds that servers get to end by themselves


def begin() -> subprocess.Popen[bytes]:
    """Make the run's folder, and start the process that clears it away."""
    folder = Path(tempfile.mkdtemp(prefix="eltflow-tests-"))
    folder.chmod(0o755)  # servers that refuse to be root's get to their own folders through it
    (folder / "servers").mkdir()
    os.environ[FOLDER] = str(folder)
    # In a session of its own: a signal to the group of the tests is none to it.
    return subprocess.Popen([sys.executable, "-I", __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True)


def end(watching: subprocess.Popen[bytes]) -> None:
    """Have the servers stopped and the folder deleted; once all workers have ended."""
    assert watching.stdin is not None
    watching.stdin.close()
    watching.wait()
    os.environ.pop(FOLDER, None)


def room(name: str) -> Path:
    """A folder of this worker's own in the folder of the run."""
    made = Path(os.environ[FOLDER]) / os.environ.get("PYTEST_XDIST_WORKER", "main") / name
    made.mkdir(parents=True)
    return made


def write_down(name: str, pid: int, stop: signal.Signals = signal.SIGKILL) -> None:
    """Let the server be stopped, by the signal, when the run has ended. Several workers may write down one that they share."""
    (Path(os.environ[FOLDER]) / "servers" / f"{name}-{pid}").write_text(f"{pid} {stop.value}")


def forget(name: str, pid: int) -> None:
    """What was written down of a server that has ended: its number may become another process's."""
    (Path(os.environ[FOLDER]) / "servers" / f"{name}-{pid}").unlink(missing_ok=True)


def alive(pid: int) -> bool:
    """Whether the process is there; one that has ended, and that nobody has asked about, is not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return not Path("/proc/self").exists()  # macOS has no such files


def watch(folder: Path) -> None:
    """Wait for the end of the input; then stop the servers, and delete the folder. (A PostgreSQL that is not written down yet ends by
    itself once its files are gone.)"""
    sys.stdin.read()
    told = [file.read_text().split() for file in (folder / "servers").iterdir()]
    servers = [(int(pid), int(number)) for pid, number in told]
    for pid, number in servers:
        send(pid, number)
    deadline = time.monotonic() + PATIENCE
    while any(alive(pid) for pid, _ in servers) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid, _ in servers:
        if alive(pid):
            send(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


def send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
