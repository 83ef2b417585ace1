"""What an orchestrator costs for each SQL node, beside Prefect and Dagster and the bare engine.

    python -m bench.orchestrators [ROUNDS]

A chain of views in DuckDB, each over the one table, of 20 and of 220: CPU of all processes, and a node is the difference divided by 200, so
that no start counts. Each keeps history and logs as it comes: Prefect its flow and task runs in SQLite through the server that it starts for
a script, Dagster its event log in SQLite, with the executor that starts no process a node. Both are installed into environments of their own.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.peers import HOME, NotInstalled, call, fresh_venv
from bench.process import Usage, usage

SIZES = (20, 220)
ELTFLOW = [sys.executable, "-m", "eltflow.cli.main"]
SQL = "create or replace view v{n} as select k, count(*) as n, sum(x) as s from t where x % {d} <> 0 group by k"
ENGINE = """\
import sys
import duckdb
con = duckdb.connect("w.duckdb")
for n in range(int(sys.argv[1])):
    con.execute({sql!r}.format(n=n, d=n + 2))
con.close()
"""
PREFECT = """\
import sys
import duckdb
from prefect import flow, task
con = duckdb.connect("w.duckdb")

@task
def node(n, after=None):
    con.execute({sql!r}.format(n=n, d=n + 2))
    return n

@flow
def chain(count):
    done = None
    for n in range(count):
        done = node(n, done)

if __name__ == "__main__":
    chain(int(sys.argv[1]))
"""
DAGSTER = """\
import os
import duckdb
from dagster import In, Nothing, Out, in_process_executor, job, op
con = duckdb.connect("w.duckdb")

def made(n):
    @op(name=f"node_{{n}}", ins={{"after": In(Nothing)}} if n else {{}}, out=Out(Nothing))
    def node():
        con.execute({sql!r}.format(n=n, d=n + 2))
    return node

@job(executor_def=in_process_executor)
def chain():
    done = None
    for n in range(int(os.environ["NODES"])):
        done = made(n)(done) if n else made(n)()
"""


def installed(name: str) -> tuple[Path, str]:
    """The Python of an environment with the package and DuckDB, and what is in it. Raises NotInstalled."""
    folder = HOME / "orchestrators" / name
    python = folder / "bin" / "python"
    if not (folder / "made").exists():
        python = fresh_venv(folder)
        call([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", name, "duckdb"])
        (folder / "made").touch()
    code = f"import importlib.metadata as m; print({name!r}, m.version({name!r}), 'DuckDB', m.version('duckdb'))"
    return python, call([python, "-c", code]).strip()


def folder(root: Path) -> Path:
    """A folder with a database whose one table is there, and all that is run."""
    root.mkdir()
    make = "import duckdb; duckdb.connect('w.duckdb').execute('create table t as select range % 97 as k, range as x from range(10000)')"
    subprocess.run([sys.executable, "-c", make], cwd=root, check=True)
    for name, text in (("engine", ENGINE), ("prefect_chain", PREFECT), ("dagster_chain", DAGSTER)):
        (root / f"{name}.py").write_text(text.format(sql=SQL))
    return root


def project(root: Path, nodes: int) -> Path:
    """The same as a project: a chain, since each view says that it comes after the one before."""
    (root / "models").mkdir(parents=True)
    (root / "eltflow.yml").write_text(
        json.dumps({"name": "p", "targets": {"dev": {"type": "duckdb", "path": "../w.duckdb", "schema": "main", "threads": 1}}})
    )
    for n in range(nodes):
        after = f"-- depends_on: {{{{ ref('v{n - 1}') }}}}\n" if n else ""
        (root / "models" / f"v{n}.sql").write_text(
            f"{after}select k, count(*) as n, sum(x) as s from main.t where x % {n + 2} <> 0 group by k\n"
        )
    return root


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    found: dict[str, Path] = {}
    for name in ("prefect", "dagster"):
        try:
            found[name], versions = installed(name)
            print(f"{versions}")
        except NotInstalled as error:
            print(f"{name} is not installed: {error}")
    print("\n| what | a node, ms CPU | 20 nodes, CPU s | peak MB |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        root = folder(Path(temporary) / "w")
        for nodes in SIZES:
            project(root / f"p{nodes}", nodes)
        for name in ("engine", "eltflow", *found):
            cost = {nodes: [measured(name, found, root, nodes) for _ in range(rounds + 1)][1:] for nodes in SIZES}
            few, many = (statistics.median(one.cpu for one in cost[nodes]) for nodes in SIZES)
            each = 1000 * (many - few) / (SIZES[1] - SIZES[0])
            peak = max(one.peak for ones in cost.values() for one in ones)
            print(f"| {name} | {each:.2f} | {few:.2f} | {peak:.0f} |", flush=True)


def measured(name: str, found: dict[str, Path], root: Path, nodes: int) -> Usage:
    """One run of so many nodes; the first of a size, which compiles or makes a database, is not counted."""
    home = root / f"home-{name}"
    home.mkdir(exist_ok=True)
    quiet = {"PREFECT_HOME": str(home), "DAGSTER_HOME": str(home), "DO_NOT_TRACK": "1", "NODES": str(nodes)}
    quiet |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DAGSTER_DISABLE_TELEMETRY": "1", "PREFECT_LOGGING_LEVEL": "WARNING"}
    command, where = {
        "engine": ([sys.executable, "engine.py", str(nodes)], root),
        "eltflow": ([*ELTFLOW, "run", "-q"], root / f"p{nodes}"),
        "prefect": ([str(found.get("prefect")), "prefect_chain.py", str(nodes)], root),
        "dagster": ([str(found.get("dagster")), "-m", "dagster", "job", "execute", "-f", "dagster_chain.py", "-j", "chain"], root),
    }[name]
    used = usage(command, where, quiet, 600)
    if used.problem:
        raise SystemExit(f"{name}: {used.problem}")
    return used


if __name__ == "__main__":
    main()
