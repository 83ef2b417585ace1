"""What a function of a task costs: CPU seconds of `eltflow task`, of all processes, by how many it runs. `python -m bench.functions`"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

MANY = 40
CODE = "def one(n): pass\ndef reads(n, rows): pass\ndef makes(n, rows):\n    return rows\n"
KINDS: dict[str, dict[str, Any]] = {
    "that is given a parameter": {"function": "one"},
    "that is given a table of 1,000 rows too": {"function": "reads", "reads": ["rows"]},
    "whose 1,000 rows become a table too": {"function": "makes", "reads": ["rows"], "into": "made.t{{ item }}"},
}


def _project(root: Path, kind: dict[str, Any], count: int) -> None:
    task = {"name": "t", "targets": "dev", "for_each": list(range(count)), "params": {"n": "{{ item }}"}, **kind}
    task["python"] = {"path": "work.py", "function": task.pop("function")}
    made = {"name": "made", "schema": "s", "tables": [{"name": f"t{n}"} for n in range(count)]}
    files = {
        "eltflow.yml": {"name": "p", "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}}},
        "tasks/t.yml": {"tasks": [task]},
        "models/s.yml": {"sources": [made]},
    }
    for path, value in files.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(json.dumps(value))
    (root / "work.py").write_text(CODE)
    (root / "models/rows.sql").write_text("{{ config(materialized='table') }} select i as id, i * 0.5 as x from range(1000) t(i)")


def _cpu(root: Path, *arguments: str) -> float:
    """CPU seconds of a command, and of all that it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = {**os.environ, "XDG_STATE_HOME": str(root / "state")}
    subprocess.run([sys.executable, "-m", "eltflow.cli.main", *arguments, "-q"], cwd=root, env=env, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    for name, kind in KINDS.items():
        spent = {}
        for count in (1, 1 + MANY):
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder)
                _project(root, kind, count)
                _cpu(root, "run")
                _cpu(root, "task")  # what is cached is cached by then
                spent[count] = min(_cpu(root, "task") for _ in range(2))
        each = (spent[1 + MANY] - spent[1]) / MANY
        print(f"a function {name}: {each * 1000:.1f} CPU ms each; a command with one {spent[1]:.2f} CPU s")


if __name__ == "__main__":
    main()
