"""What a case needs that its folder cannot hold. A function here has its case's name, is given the project, and may be a context manager."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from unittest import mock

Arrangement = Callable[[Path], "AbstractContextManager[None] | None"]

ARRANGEMENTS: dict[str, Arrangement] = {}


def arranges(make: Arrangement) -> Arrangement:
    ARRANGEMENTS[make.__name__] = make
    return make


@contextmanager
def _other_process(code: str) -> Iterator[None]:
    """Another Python process that has said a line, and is there until the block ends."""
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        process.stdout.readline()
        yield
    finally:
        process.stdin.close()
        process.wait(timeout=20)


@arranges
@contextmanager
def database_locked(root: Path) -> Iterator[None]:
    code = "import duckdb; c = duckdb.connect('p.duckdb'); print('ready', flush=True); input()".replace(
        "input()", "import sys; sys.stdin.read()"
    )
    with _other_process(code):
        yield


@arranges
@contextmanager
def run_lock_held(root: Path) -> Iterator[None]:
    code = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from eltflow.state.lock import run_lock\n"
        "about = {'user': 'ann', 'started_at': '2026-03-01T08:00:00+00:00'}\n"
        "with run_lock('duckdb:' + str(Path('p.duckdb').resolve()), os.environ, 0, about):\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with _other_process(code):
        yield


@arranges
@contextmanager
def disk_full(root: Path) -> Iterator[None]:
    """A limit on the size of a file stands in for a full disk: it needs no mount, and holds for root too."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@arranges
@contextmanager
def database_file_read_only(root: Path) -> Iterator[None]:
    """As somebody who may read the file but not write it; root may write everything, and is somebody else meanwhile."""
    database = root / "p.duckdb"
    database.chmod(0o444)
    if os.geteuid() != 0:
        yield
        return
    for path in (root.parent, *root.parent.rglob("*")):
        os.chown(path, 65534, 65534, follow_symlinks=False)
    os.chown(database, 0, 0)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@arranges
def database_is_no_database(root: Path) -> None:
    (root / "p.duckdb").write_text("this is no database\n" * 40, encoding="utf-8")


@arranges
def history_unreadable(root: Path) -> None:
    (root / ".eltflow").mkdir()
    (root / ".eltflow" / "state.sqlite").write_text("this is no database\n" * 40, encoding="utf-8")


@arranges
@contextmanager
def missing_driver(root: Path) -> Iterator[None]:
    names = [
        name
        for name in sys.modules
        if name.split(".")[0] == "duckdb" or name in ("eltflow_duckdb.session", "eltflow_duckdb.offline")
    ]
    kept = {name: sys.modules.pop(name) for name in names}
    sys.modules["duckdb"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["duckdb"]
        sys.modules.update(kept)


@arranges
@contextmanager
def file_changes_meanwhile(root: Path) -> Iterator[None]:
    """An editor that saves a model after the project was read, and before the model is compiled."""
    from eltflow.compile import node

    read = node.read_bytes

    def late(folder: Path, path: str) -> bytes:
        (folder / path).write_text("select 2 as id\n", encoding="utf-8")
        return read(folder, path)

    node.read_bytes = late
    try:
        yield
    finally:
        node.read_bytes = read


@arranges
def history_of_a_newer_version(root: Path) -> None:
    import sqlite3

    (root / ".eltflow").mkdir()
    connection = sqlite3.connect(root / ".eltflow" / "state.sqlite")
    connection.execute("pragma user_version = 99")
    connection.close()


@arranges
@contextmanager
def plugin_broken(root: Path) -> Iterator[None]:
    """An installed package that another version of eltflow would be needed for."""
    packages = root.parent / "packages"
    about = packages / "eltflow_vertica-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: eltflow-vertica\nVersion: 1.0\n", encoding="utf-8")
    (about / "entry_points.txt").write_text("[eltflow.adapters]\nvertica = eltflow_vertica:ADAPTER\n", encoding="utf-8")
    (packages / "eltflow_vertica.py").write_text("raise RuntimeError('eltflow 0.9 or later is needed')\n", encoding="utf-8")
    sys.path.insert(0, str(packages))
    try:
        yield
    finally:
        sys.path.remove(str(packages))
        sys.modules.pop("eltflow_vertica", None)


@arranges
def links_in_a_ring(root: Path) -> None:
    (root / "models" / "again").symlink_to("..", target_is_directory=True)
    (root / "models" / "self.sql").symlink_to("self.sql")


@arranges
def link_to_nowhere(root: Path) -> None:
    (root / "models" / "gone.sql").symlink_to("../elsewhere/gone.sql")


@arranges
def newline_in_a_file_name(root: Path) -> None:
    (root / "models" / "two\nlines\x1b[31m.sql").write_text("select 1 as a\n", encoding="utf-8")


@arranges
def ingest_file_vanishes(root: Path) -> None:
    (root / "data" / "a.csv").unlink()


@arranges
def very_long_model_name(root: Path) -> None:
    (root / "models" / f"{'a' * 240}.sql").write_text("select nothing_here from b\n", encoding="utf-8")


__all__ = ["ARRANGEMENTS"]


@arranges
@contextmanager
def jobs_served_already(root: Path) -> Iterator[None]:
    code = (
        "import sys, os\n"
        "from pathlib import Path\n"
        "from eltflow.state.lock import service_key\n"
        "from eltflow.state.lock import run_lock\n"
        "about = {'user': 'ann', 'started_at': '2026-03-01T08:00:00+00:00'}\n"
        "with run_lock(service_key(Path('.eltflow')), os.environ, 0, about):\n"
        "    print('ready', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    with _other_process(code):
        yield


@arranges
@contextmanager
def jobs_on_a_network(root: Path) -> Iterator[None]:
    """A file system over a network takes a second machine: what the kernel says of mounts stands in for it."""
    mounts = root / "mounts"
    mounts.write_text(f"server:/home {root} nfs4 rw 0 0\n")
    from eltflow.serve.service import network_file_system

    with mock.patch("eltflow.serve.service.network_file_system", lambda folder: network_file_system(folder, str(mounts))):
        yield


def _with_run(root: Path, state: str) -> None:
    """The run of a job that was asked for, under an id that a command can name, and in a state."""
    with closing(sqlite3.connect(root / ".eltflow" / "state.sqlite")) as connection, connection:
        connection.execute("update job_run set id = '3f2a91c0-0000-4000-8000-000000000000', state = ?", (state,))


@arranges
def job_run_that_has_ended(root: Path) -> None:
    _with_run(root, "ok")


@arranges
def job_run_that_goes_on(root: Path) -> None:
    _with_run(root, "running")
