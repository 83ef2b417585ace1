"""Functions as nodes of the graph: what they are given, what becomes of what they give, and how they end."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from ran import Ran, everything
from test_tasks import alive, until

Project = Callable[..., Path]
Eltflow = Callable[..., Ran]
MODELS = {
    "models/features.sql": "select 1 as id, cast(2.5 as decimal(9, 2)) as x, cast('2024-02-29' as date) as d union all select 2, null, null",
    "models/scored.sql": "select id, score from scoring.scores",
    "models/s.yml": "sources: [{name: scoring, schema: s, tables: [{name: scores}, {name: others}]}]\n",
}
SCORE = """
def score(features, factor):
    print("given", features.num_rows, features.schema.names)
    for row in features.to_pylist():
        yield {"id": row["id"], "score": None if row["x"] is None else row["x"] * factor}
"""


def function(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "python": {"path": "work.py"}, "targets": ["dev"], **more}


def files(code: str, *entries: dict[str, Any], **more: str) -> dict[str, str]:
    return {**MODELS, "work.py": code, "tasks/t.yml": json.dumps({"tasks": entries}), **more}


def scoring(code: str = SCORE, **more: Any) -> dict[str, str]:
    return files(code, function("score", reads=["features"], params={"factor": 2}, into="scoring.scores", **more))


def on(target: dict[str, Any] | None, given: dict[str, str]) -> dict[str, str]:
    """The files with a target of their own."""
    return {**given, "eltflow.yml": json.dumps({"name": "p", "targets": {"dev": target}})} if target else given


def asked(root: Path, query: str) -> list[Any]:
    with duckdb.connect(str(root / "p.duckdb"), read_only=True) as con:
        return list(con.execute(query).fetchall())


def test_rows_become_a_table_that_others_read(project: Project, eltflow: Eltflow) -> None:
    root = project(scoring())
    assert eltflow("run", "--select", "features", cwd=root).code == 0
    listed = eltflow("ls", "--select", "features+", "--exclude", "resource_type:test", cwd=root).out.split()
    assert listed == ["features", "score", "scoring.scores", "scored"]
    left_out = eltflow("build", "--select", "features", "score", cwd=root)
    assert "1 task left out: `score`" in left_out.text
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    assert "`score`: printed: given 2 ['id', 'x', 'd']" in done.out
    assert eltflow("run", "--select", "scored", cwd=root).code == 0
    assert [tuple(map(str, row)) for row in asked(root, "select id, score from s.scored order by 1")] == [
        ("1", "5.00"),
        ("2", "None"),
    ]
    node = asked(root, "select distinct node from eltflow_meta.applied where relation like '%scores%'")
    assert node == [("task.p.score",)]
    shown = json.loads((root / "target/manifest.json").read_text())
    assert shown["parent_map"]["model.p.scored"] == ["source.p.scoring.scores"]


@pytest.mark.parametrize("engine", ["postgres", "sqlite"])
def test_on_engines_that_write_no_files(engine: str, project: Project, eltflow: Eltflow, postgres: Any) -> None:
    target = postgres.target() if engine == "postgres" else {"type": "sqlite", "path": "p.sqlite", "schema": "s"}
    if engine == "postgres":
        with closing(postgres.connect()) as con:
            con.execute("drop schema if exists s, eltflow_meta cascade")
    root = project(on(target, scoring()))
    assert eltflow("run", "--select", "features", cwd=root).code == 0
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    shown = eltflow("show", "scored", "--json", cwd=root) if eltflow("run", "--select", "scored", cwd=root).code == 0 else None
    assert shown is not None
    assert sorted((row["id"], row["score"] and float(row["score"])) for row in json.loads(shown.out)) == [(1, 5.0), (2, None)]


GIVEN = """
import os

def given(word, day, nested, crm, limit, api_key, unset="free"):
    print(word, day, nested, dict(crm)["user"], limit, unset, len(api_key), os.environ["ELTFLOW_TARGET"], os.environ["REGION"])
    print(api_key, crm, crm["password"])
"""


def test_parameters_come_by_their_names(project: Project, eltflow: Eltflow) -> None:
    params = {"word": "a", "day": "2024-02-29", "nested": {"k": [1, None]}, "api_key": "{{ env_var('SCORING_KEY') }}"}
    crm = {"type": "postgres", "host": "h", "user": "me", "dbname": "d", "password": "pAssOfCrm"}
    settings = f"connections: {{crm: {json.dumps(crm)}}}\nvars: {{limit: 7}}\n"
    root = project(files(GIVEN, function("given", params=params, env={"REGION": "eu"})), settings=settings)
    done = eltflow("task", cwd=root, env={"SCORING_KEY": "k3yOfTheModel"})
    assert done.code == 0, done.text
    assert "printed: a 2024-02-29 {'k': [1, None]} me 7 free 13 dev eu" in done.out
    assert "printed: ***** <connection: type, host, user, dbname, password> *****" in done.out
    assert not [secret for secret in ("k3yOfTheModel", "pAssOfCrm") if secret in everything(root, done)]


def test_it_gets_no_connection_of_the_target(project: Project, eltflow: Eltflow) -> None:
    code = "import os, sys\ndef look(): print([m for m in ('duckdb', 'psycopg') if m in sys.modules], len(os.listdir('/proc/self/fd')))\n"
    done = eltflow("task", cwd=project(files(code, function("look"))))
    assert done.code == 0, done.text
    found = next(line for line in done.out.splitlines() if "printed: []" in line)
    assert int(found.split()[-1]) <= 6, found  # the three of any process, its words, and the folder that is listed


def test_what_a_function_gives_replaces_the_table_or_changes_nothing(project: Project, eltflow: Eltflow) -> None:
    root = project(scoring())
    eltflow("run", "--select", "features", cwd=root)
    assert eltflow("task", cwd=root).code == 0
    (root / "work.py").write_text(SCORE + "    raise ValueError('late')\n")
    failed = eltflow("task", cwd=root)
    assert failed.code == 1
    assert "task `score`: ValueError: late" in failed.text
    assert "work.py:6" in failed.text
    assert asked(root, "select count(*) from s.scores") == [(2,)]
    (root / "work.py").write_text("def score(factor): return []\n")
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    assert asked(root, "select count(*) from s.scores") == [(0,)]


def test_it_has_so_much_memory(project: Project, eltflow: Eltflow) -> None:
    code = "def large():\n    x = bytearray(100_000_000)\n    print('so far')\n    y = bytearray(400_000_000)\n"
    failed = eltflow("task", cwd=project(files(code, function("large", memory_mb=300))))
    assert failed.code == 1
    assert "task `large`: MemoryError" in failed.text
    assert "work.py:4" in failed.text
    assert "printed: so far" in failed.text


def test_it_has_so_much_time(project: Project, eltflow: Eltflow) -> None:
    code = "import os, time\ndef slow():\n    open('pid', 'w').write(str(os.getpid()))\n    time.sleep(120)\n"
    root = project(files(code, function("slow", timeout=1)))
    started = time.monotonic()
    failed = eltflow("task", cwd=root)
    assert failed.code == 1
    assert "timed out after" in failed.text
    assert time.monotonic() - started < 60
    until(lambda: not alive(int((root / "pid").read_text())))


def test_it_ends_itself(project: Project, eltflow: Eltflow) -> None:
    code = "import os\ndef gone():\n    print('so far', flush=True)\n    os._exit(7)\n"
    failed = eltflow("task", cwd=project(files(code, function("gone"))))
    assert failed.code == 1
    assert "the process of the function `gone` ended with the code 7, before its time" in failed.text
    assert "printed: so far" in failed.text


_LONG = """
import os, subprocess, time

def long():
    child = subprocess.Popen(["sleep", "300"])
    open("pids.new", "w").write(f"{os.getpid()} {os.getppid()} {child.pid}")
    os.rename("pids.new", "pids")
    time.sleep(300)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_it_ends_with_the_run(project: Project, sent: signal.Signals) -> None:
    root = project(files(_LONG, function("long")))
    process = subprocess.Popen(
        [sys.executable, "-m", "eltflow.cli.main", "task"], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    until(lambda: (root / "pids").is_file())
    pids = [int(pid) for pid in (root / "pids").read_text().split()]
    assert all(map(alive, pids))
    process.send_signal(sent)
    process.communicate(timeout=30)
    assert process.returncode == (130 if sent == signal.SIGINT else -signal.SIGKILL)
    until(lambda: not any(map(alive, pids)))


def test_many_are_forked_from_one(project: Project, eltflow: Eltflow) -> None:
    code = "import os\ndef one(n): print('of', os.getppid(), 'n', n)\n"
    root = project(files(code, function("one", params={"n": "{{ item }}"}, for_each=list(range(20)))))
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    told = [line.split() for line in done.out.splitlines() if "printed: of" in line]
    assert sorted(int(words[-1]) for words in told) == list(range(20))
    assert len({words[-3] for words in told}) == 1


# -- for_each ----------------------------------------------------------------------------------------------------------------------

ITEMS = """
import os

def item(region, model, n):
    print("item", region, model, n)
    if region == "us" and not os.path.exists("mended"):
        raise ValueError("no us")

def then():
    print("then")
"""
EACH = function(
    "item",
    for_each=[{"region": "eu", "n": 1}, {"region": "us", "n": 2}],
    params={"region": "{{ item.region }}", "model": "m-{{ item.region }}-{{ item.n }}", "n": "{{ item.n }}"},
)


def test_each_item_is_a_node_of_its_own(project: Project, eltflow: Eltflow) -> None:
    then = {"name": "then", "python": {"path": "work.py"}, "after": ["item"], "targets": ["dev"]}
    root = project(files(ITEMS, EACH, then))
    assert eltflow("ls", "--select", "task:item", cwd=root).out.split() == ["item.eu_1", "item.us_2"]
    assert eltflow("ls", "--select", "item.us_2+", cwd=root).out.split() == ["item.us_2", "then"]
    assert eltflow("ls", "--select", "item", cwd=root).out.split() == ["item.eu_1", "item.us_2"]
    failed = eltflow("task", cwd=root)
    assert failed.code == 1
    assert "`item.eu_1`: printed: item eu m-eu-1 1" in failed.out
    assert "task `item.us_2`: ValueError: no us" in failed.text
    assert "printed: then" not in failed.text
    (root / "mended").touch()
    done = eltflow("task", cwd=root)
    assert done.code == 0, done.text
    assert "printed: then" in done.out


def test_items_of_programs(project: Project, eltflow: Eltflow) -> None:
    program = {"name": "say", "command": ["echo", "{{ item }}", "x{{ item }}"], "for_each": ["a b", 7], "targets": "dev"}
    done = eltflow("task", cwd=project(files("", program)))
    assert done.code == 0, done.text
    assert "`say.a_b`: printed: a b xa b" in done.out
    assert "`say.7`: printed: 7 x7" in done.out


def test_only_items_that_failed_run_again(project: Project) -> None:
    """A job's next attempt passes over what is through, and pools hold for items as for any node."""
    from eltflow import api as project_api
    from eltflow.engine.run import utc_now
    from eltflow.serve.service import Service
    from eltflow.state.jobs import NewRun

    code = """
import os, time

def item(n):
    with open("log", "a") as log:
        log.write(f"{n} begins\\n")
    time.sleep(0.2)
    with open("log", "a") as log:
        log.write(f"{n} ends\\n")
    if n == 2 and not os.path.exists("mended"):
        open("mended", "w").close()
        raise ValueError("not yet")
"""
    each = function("item", for_each=[1, 2, 3], params={"n": "{{ item }}"}, config={"pool": "model"})
    jobs = "pools: {model: 1}\njobs:\n- {name: j, command: task, retries: {attempts: 2, backoff: 1 s}}\n"
    root = project(files(code, each, **{"jobs.yml": jobs}))
    service = Service(root, project_api.new_options(), now=utc_now, say=lambda text: None)
    with closing(service):
        run_id = service.store.queue(NewRun(job="j", started_by="hand"), utc_now())
        assert run_id is not None
        deadline = time.monotonic() + 60
        while service.store.run(run_id).ended_at is None and time.monotonic() < deadline:
            service.tick()
            time.sleep(0.05)
        run = service.store.run(run_id)
        assert (run.state, run.attempt) == ("ok", 2)
        assert set(service.store.nodes(run_id)) == {"task.p.item.1", "task.p.item.2", "task.p.item.3"}
    lines = (root / "log").read_text().splitlines()
    assert sorted(line for line in lines if "begins" in line) == ["1 begins", "2 begins", "2 begins", "3 begins"]
    assert [line.split()[0] for line in lines[::2]] == [line.split()[0] for line in lines[1::2]], "two took one slot"


# -- kill -9 -----------------------------------------------------------------------------------------------------------------------

GENERATIONS = """
def score(features):
    n = int(open("n").read())
    return [{"id": id, "score": n} for id in range(500)]
"""


def prove(engine: str, kills: int, seed: int, project: Project, postgres: Any, forked: Any) -> None:
    """The table is always that of one call, whole; the run after a kill makes it that of the last."""
    chance = random.Random(f"{engine} {seed}")
    target = None
    if engine == "postgres":
        with closing(postgres.connect()) as con:
            con.execute("drop schema if exists s, eltflow_meta cascade")
        target = postgres.target()
    entry = function("score", reads=["features"], into="scoring.scores")
    root = project(on(target, files(GENERATIONS, entry, n="0")))
    query = "select score, count(*) from s.scores group by 1"

    def seen() -> list[Any]:
        if engine == "duckdb":
            return asked(root, query)
        with closing(postgres.connect()) as con:
            return list(con.execute(query).fetchall())

    assert forked("run", "--select", "features", cwd=root)[0] == 0
    assert forked("task", cwd=root)[0] == 0
    killed = 0
    for n in range(1, kills + 1):
        (root / "n").write_text(str(n))
        point, delay = chance.randint(1, 9), chance.choice([0.0, chance.uniform(0, 0.003), chance.uniform(0, 0.05)])
        code, out, err = forked("task", cwd=root, statement=point, delay=delay)
        assert code in (0, -9), out + err
        killed += code == -9
        assert seen() in ([(n - 1, 500)], [(n, 500)]), f"after kill {n} at {point}, {delay}"
        code, out, err = forked("task", cwd=root)
        assert code == 0, out + err
        assert seen() == [(n, 500)]
    assert killed >= kills // 2, f"the kills came too late to prove anything: {killed} of {kills}"


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_killed(engine: str, project: Project, postgres: Any, forked: Any) -> None:
    prove(engine, 6, 1, project, postgres, forked)


@pytest.mark.prove
@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_killed_two_hundred_times(engine: str, project: Project, postgres: Any, forked: Any) -> None:
    prove(engine, 100, 2, project, postgres, forked)
