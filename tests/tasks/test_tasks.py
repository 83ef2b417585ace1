"""Programs and conditions as nodes of the graph."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ran import Ran, everything

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]
MODELS = {"models/a.sql": "select 1 as id\n", "models/b.sql": "select id from a\n"}


def program(name: str, code: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "command": [sys.executable, "-c", code], "targets": ["dev"], **more}


def tasks(*entries: dict[str, Any]) -> dict[str, str]:
    return {"tasks/t.yml": json.dumps({"tasks": entries})}


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] != "Z" if Path("/proc").is_dir() else True


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.02)
    return found


def test_a_program_runs_with_what_it_needs(project: Project, eltflow: Eltflow) -> None:
    code = "import os; print(os.getcwd().endswith('/work'), os.environ['ELTFLOW_TARGET'], os.environ['KEY'] == 'crm of k3y'[-3:] + ' of crm')"
    entry = program("score", code, folder="work", env={"KEY": "{{ env_var('CRM_KEY') }}"})
    root = project({**MODELS, **tasks(entry), "work/x": ""})
    env = {"CRM_KEY": "k3y of crm"}
    done = eltflow("task", cwd=root, env=env)
    assert done.code == 0, done.text
    assert "printed: True dev True" in done.out
    assert "1 task done" in done.out
    shown = json.loads((root / "target/manifest.json").read_text())["exposures"]["exposure.p.score"]
    assert shown["meta"]["eltflow"]["command"] == sys.executable
    assert "k3y of crm" not in everything(root, done)


def test_arguments_are_no_shell_s(project: Project, eltflow: Eltflow) -> None:
    entry = {
        "name": "odd",
        "command": [sys.executable, "-c", "import sys; print(sys.argv[1:])", "$(id); a b", "*"],
        "targets": "dev",
    }
    done = eltflow("task", cwd=project({**MODELS, **tasks(entry)}))
    assert "printed: ['$(id); a b', '*']" in done.out


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('so far'); raise SystemExit(3)", "ended with the code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "was ended by the signal SIGSEGV"),
    ],
)
def test_a_program_that_fails(project: Project, eltflow: Eltflow, code: str, message: str) -> None:
    failed = eltflow("task", cwd=project({**MODELS, **tasks(program("bad", code))}))
    assert failed.code == 1
    assert f"task `bad`: `{sys.executable}` {message}" in failed.text
    assert "tasks/t.yml:1:" in failed.text
    assert ("printed: so far" in failed.text) == ("so far" in code)


def test_what_it_prints_of_a_secret_of_several_lines(project: Project, eltflow: Eltflow) -> None:
    """Its short lines too, of which each alone could be any word."""
    code = "import os, sys; print('before'); print(os.environ['KEY']); print(repr(os.environ['KEY'])); sys.exit(3)"
    task = {"name": "t", "command": [sys.executable, "-c", code], "env": {"KEY": "{{ env_var('KEY') }}"}, "targets": ["dev"]}
    root = project({**MODELS, "tasks/t.yml": json.dumps({"tasks": [task]})})
    done = eltflow("task", cwd=root, env={"KEY": "ab'1\ncd\"2\nef"})
    logs = "".join(path.read_text() for path in root.rglob("*.log")) + (root / "target" / "run_results.json").read_text()
    for text in (done.out + done.err, logs):
        assert "printed: before" in text or text is logs
        for part in ("ab'1", 'cd"2', "ab\\", "cd\\", "printed: ef"):
            assert part not in text, (part, text)


def test_a_program_that_is_not_there(project: Project, eltflow: Eltflow) -> None:
    entry = {"name": "none", "command": ["no_such_program"], "targets": "dev"}
    failed = eltflow("task", cwd=project({**MODELS, **tasks(entry)}))
    assert failed.code == 1
    assert "task `none`: there is no program `no_such_program`" in failed.text
    assert "correct `command:`, or install it where eltflow runs" in failed.text


def test_a_program_has_so_much_memory(project: Project, eltflow: Eltflow) -> None:
    entry = program("large", "x = bytearray(600_000_000)", memory_mb=300)
    failed = eltflow("task", cwd=project({**MODELS, **tasks(entry)}))
    assert failed.code == 1
    assert "printed: MemoryError" in failed.text


def test_a_program_has_so_much_time(project: Project, eltflow: Eltflow) -> None:
    entry = program("slow", "import time; time.sleep(60)", timeout=0.5)
    started = time.monotonic()
    failed = eltflow("task", cwd=project({**MODELS, **tasks(entry)}))
    assert failed.code == 1
    assert "timed out after" in failed.text
    assert time.monotonic() - started < 30


_CHILD = "import subprocess, sys, time; p = subprocess.Popen(['sleep', '300']); open('pid', 'w').write(str(p.pid)); time.sleep(300)"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_what_it_started_ends_with_the_run(project: Project, sent: signal.Signals) -> None:
    root = project({**MODELS, **tasks(program("long", _CHILD))})
    process = subprocess.Popen(
        [sys.executable, "-m", "eltflow.cli.main", "task"], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    pid = int(until(lambda: (root / "pid").is_file() and (root / "pid").read_text()))
    assert alive(pid)
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    until(lambda: not alive(pid))


def test_the_graph_has_them(project: Project, eltflow: Eltflow) -> None:
    """A task after a model; a source that it writes; a model of that; a task after all of it, and a delivery."""
    write = "import duckdb; c = duckdb.connect('p.duckdb'); c.execute('create or replace table s.scores as select 7 as score')"
    files = {
        **MODELS,
        "models/scored.sql": "select score from {{ source('raw', 'scores') }}\n",
        "models/p.yml": "sources: [{name: raw, schema: s, tables: [{name: scores}]}]\n",
        **tasks(
            program("score", write, reads=["b"], writes=["raw.scores"]),
            program("tell", "print('told')", after=["score", "scored"]),
        ),
    }
    root = project(files)
    listed = eltflow("ls", "--select", "+tell", "--exclude", "resource_type:test", cwd=root).out.split()
    assert listed == ["a", "b", "score", "raw.scores", "scored", "tell"]
    assert eltflow("ls", "--select", "task:score", "--output", "id", cwd=root).out == "task.p.score\n"
    built = eltflow("build", "--select", "b", "+b", "tell", cwd=root)
    assert built.code == 0
    assert "1 task left out: `tell` (by `eltflow task`, or in a job)" in built.err


def test_only_on_the_targets_that_it_names(project: Project, eltflow: Eltflow) -> None:
    entry = {**program("score", "open('ran', 'w')"), "targets": ["prod"]}
    settings = "  prod: {type: duckdb, path: prod.duckdb, schema: s}\ndefault_target: dev\n"
    root = project({**MODELS, **tasks(entry)}, settings=settings)
    done = eltflow("task", cwd=root)
    assert done.code == 0
    assert "`score` is not run: its targets are `prod`, and this one is `dev`" in done.out
    assert not (root / "ran").exists()


def test_waiting_holds_no_worker(project: Project, eltflow: Eltflow) -> None:
    waits = {"name": "landed", "wait_for": {"files": "landing/*.csv", "every": 0.1, "timeout": 20}, "targets": ["dev"]}
    lands = program("land", "import time; time.sleep(0.5); open('landing/x.csv', 'w')")
    root = project({**MODELS, "landing/.keep": "", **tasks(waits, lands)})
    done = eltflow("task", "--threads", "1", cwd=root)
    assert done.code == 0, done.text
    assert done.out.index("land ") < done.out.index("landed")


def test_a_condition_in_sql(project: Project, eltflow: Eltflow) -> None:
    wait = {"sql": "select count(*) > 0 from {{ ref('b') }}", "every": 0.1, "timeout": 0.3}
    entry = {"name": "rows", "wait_for": wait, "reads": "b", "targets": "dev"}
    root = project({**MODELS, "models/a.sql": "select 1 as id where false\n", **tasks(entry)})
    assert eltflow("build", cwd=root).code == 0
    late = eltflow("task", cwd=root)
    assert late.code == 1
    assert "task `rows`: the query of `wait_for` is not true after" in late.text
    (root / "models/a.sql").write_text("select 1 as id\n")
    eltflow("build", cwd=root)
    assert eltflow("task", cwd=root).code == 0


def test_a_condition_that_is_none(project: Project, eltflow: Eltflow) -> None:
    entry = {"name": "rows", "wait_for": {"sql": "select 'yes'"}, "targets": "dev"}
    failed = eltflow("task", cwd=project({**MODELS, **tasks(entry)}))
    assert failed.code == 1
    assert "the query of `wait_for` gives `yes`, which is neither true nor a number" in failed.text
    entry = {"name": "rows", "wait_for": {"sql": "select nope from nowhere"}, "targets": "dev"}
    failed = eltflow("task", cwd=project({**MODELS, **tasks(entry)}, name="q"))
    assert failed.code == 1
    assert "nowhere" in failed.text


BAD = {
    "neither": ({"name": "x", "targets": "dev"}, "a task is one of `command`, `python`, `wait_for` and `http_job`"),
    "both": (
        {"name": "x", "targets": "dev", "command": ["a"], "wait_for": {"files": "x"}},
        "a task is one of `command`, `python`, `wait_for` and `http_job`, and this is command and wait_for",
    ),
    "a shell's line": ({"name": "x", "targets": "dev", "command": "rm -rf /"}, "`command` must be a list, not text"),
    "no target of that name": ({"name": "x", "targets": "dve", "command": ["a"]}, "there is no target `dve`"),
    "no target": ({"name": "x", "targets": [], "command": ["a"]}, "`targets` names no target, so that it would never run"),
    "no such node": (
        {"name": "x", "targets": "dev", "command": ["a"], "after": ["bb"]},
        "task `x` names `bb`, which does not exist",
    ),
    "no such source": (
        {"name": "x", "targets": "dev", "command": ["a"], "writes": ["raw.b"]},
        "task `x` writes `raw.b`, which",
    ),
    "a folder elsewhere": (
        {"name": "x", "targets": "dev", "command": ["a"], "folder": "/etc"},
        "`/etc` is no folder of the project",
    ),
    "two conditions": (
        {"name": "x", "targets": "dev", "wait_for": {"files": "x", "sql": "select 1"}},
        "`wait_for` is one of `sql` and `files`",
    ),
    "memory to wait": (
        {"name": "x", "targets": "dev", "wait_for": {"files": "x"}, "memory_mb": 100},
        "`memory_mb` means nothing to a task that waits",
    ),
    "an unknown key": ({"name": "x", "targets": "dev", "command": ["a"], "cwd": "x"}, "a task has no key `cwd`"),
}


@pytest.mark.parametrize("case", BAD)
def test_told_before_anything_runs(case: str, project: Project, eltflow: Eltflow) -> None:
    entry, message = BAD[case]
    root = project({**MODELS, **tasks(entry)})
    failed = eltflow("task", cwd=root)
    assert failed.code == 2, failed.text
    assert message in failed.text
    assert "tasks/t.yml:1:" in failed.text
    assert "= help: " in failed.text
    assert not (root / "p.duckdb").exists()


def test_a_ring_of_tasks(project: Project, eltflow: Eltflow) -> None:
    one, other = program("one", "", after="other"), program("other", "", after="one")
    failed = eltflow("task", cwd=project({**MODELS, **tasks(one, other)}))
    assert failed.code == 2
    assert "error[E0202]" in failed.text or "cycle" in failed.text
