"""A project that is edited into an error while the service runs: the last good one goes on, and it is told once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from served import Bench, Hook, bench

from eltflow.serve.web import status_page
from eltflow.state.jobs import NewRun

Project = Callable[..., Path]
OPS = "connections:\n  ops: {type: webhook, url: \"{{ env_var('OPS') }}\"}\n"
JOBS = "jobs:\n  - {name: j, alerts: [{on: failure, to: ops}]}\n"
TABLE = "{{ config(materialized='table') }} "


def rows(root: Path, query: str) -> list[tuple]:
    with duckdb.connect(str(root / "p.duckdb")) as connection:
        return connection.execute(query).fetchall()


def ran(made: Bench) -> tuple[str, str | None]:
    made.store.queue(NewRun(job="j", started_by="hand"), made.clock())
    run = made.look(minutes=1)[-1]
    made.send()
    return run.state, run.message


def keep(made: Bench) -> None:
    made.service.keeping.look(made.service.jobs)


def copies(root: Path) -> list[Path]:
    return sorted(path for path in (root / ".eltflow" / "good").glob("*/*") if path.is_dir())


def told(hook: Hook) -> list[str]:
    return [json.loads(body)["eltflow"]["message"] for body, _ in hook.bodies]


def test_the_last_good_project_goes_on(project: Project, hook: Hook) -> None:
    models = {"models/a.sql": TABLE + "select 1 as id", "models/b.sql": TABLE + "select id from a"}
    root = project({**models, "jobs.yml": JOBS}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (root / "models" / "a.sql").write_text(TABLE + "select 2 as id")
        assert ran(made)[0] == "ok"  # an edit that is right is run with at once
        assert rows(root, "select id from s.b") == [(2,)]
        (root / "models" / "c.sql").write_text("select * from {{ ref('nothing') }}")
        (root / "models" / "a.sql").unlink()
        for _ in range(2):
            assert ran(made) == ("ok", None)
        assert rows(root, "select id from s.b") == [(2,)]
        why = made.service.keeping.broken
        assert why == "E0203: model `c` refers to `nothing`, which does not exist (models/c.sql:1)"
        assert made.said.count(f"the project cannot be read, the one of before goes on: {why}") == 1
        assert told(hook) == [f"the project cannot be read, it goes on as it was: {why}"]
        assert f"the one of before goes on: {why}</p>" in status_page(made.service)
        (root / "models" / "c.sql").unlink()
        (root / "models" / "a.sql").write_text(TABLE + "select 3 as id")
        assert ran(made) == ("ok", None)
        assert rows(root, "select id from s.b") == [(3,)]
        assert made.service.keeping.broken is None
        assert "the project can be read again" in made.said
        (root / "models" / "a.sql").write_text("{% if %}")
        assert ran(made)[0] == "ok"
        assert len(hook.bodies) == 2  # another time that it broke
        assert len(copies(root)) == 1
    assert copies(root) == []


def test_a_model_that_is_broken_behind_the_jobs(project: Project, hook: Hook) -> None:
    """While `jobs.yml` is in error that alone is told; of a model that is, once the jobs are mended and it is not."""
    root = project({"models/a.sql": TABLE + "select 1 as id", "jobs.yml": JOBS}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (root / "jobs.yml").write_text("jobs: [{nam: j}]\n")
        made.look()
        (root / "models" / "a.sql").write_text("{% if %}")
        for _ in range(2):
            assert ran(made) == ("ok", None)
        assert [text[:25] for text in told(hook)] == ["jobs.yml cannot be read, "]
        (root / "jobs.yml").write_text(JOBS)
        for _ in range(2):
            assert ran(made) == ("ok", None)
        assert [text[:36] for text in told(hook)[1:]] == ["the project cannot be read, it goes "]


def test_a_folder_that_is_new_while_the_jobs_are_broken(project: Project, hook: Hook) -> None:
    """The copy holds all that the settings name by then."""
    root = project({"models/a.sql": TABLE + "select 1 as id", "jobs.yml": JOBS}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (root / "jobs.yml").write_text("jobs: [{nam: j}]\n")
        settings = (root / "eltflow.yml").read_text()
        (root / "eltflow.yml").write_text(f"{settings}model_paths: [models, more]\n")
        (root / "more").mkdir()
        (root / "more" / "b.sql").write_text(TABLE + "select 2 as id")
        assert ran(made) == ("ok", None)
        (root / "more" / "b.sql").write_text("{% if %}")
        assert ran(made) == ("ok", None)
        assert rows(root, "select id from s.b") == [(2,)]
        assert made.service.keeping.broken is not None


STEP = "import eltflow\n\n\n@eltflow.step(into='raw.events')\ndef events():\n    yield {'id': %s}\n"


def test_all_that_a_project_is_made_of(project: Project, hook: Hook) -> None:
    """Seeds, macros, steps in Python and settings are those of before; data, the database and what is written stay where they are."""
    columns = "s.id, {{ one() }} as m, e.id as e, f.id as f, '{{ env_var('WHO') }}' as who"
    files = {
        "seeds/s.csv": "id\n1\n",
        "macros/m.sql": "{% macro one() %}1{% endmacro %}",
        "ingest/e.py": STEP % 1,
        "ingest/f.yml": "steps:\n  - {name: f, into: raw.landed, source: {kind: files, path: landing/*.csv}}\n",
        "landing/a.csv": "id\n1\n",
        "models/a.sql": f"{TABLE} select {columns} from s, raw.events e, raw.landed f",
        "jobs.yml": JOBS,
        ".env": "WHO=ann\n",
    }
    root = project(files, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (copy,) = copies(root)
        kept = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()}
        definitions = {"seeds/s.csv", "macros/m.sql", "ingest/e.py", "ingest/f.yml", "models/a.sql", "eltflow.yml"}
        assert kept == definitions  # no .env, which holds secrets
        (root / "seeds" / "s.csv").write_text("id\n2\n")
        (root / "macros" / "m.sql").write_text("{% macro one() %}2")
        (root / "ingest" / "e.py").write_text(STEP % 2)
        (root / "landing" / "a.csv").write_text("id\n2\n")
        (root / ".env").write_text("WHO=bob\n")
        assert ran(made) == ("ok", None)
        assert rows(root, "select id, m, e, f, who from s.a") == [(1, 1, 1, 2, "ann")]
        assert not list(copy.glob("*.duckdb*"))
        assert not (copy / ".eltflow").exists()
        manifest = json.loads((root / "target" / "manifest.json").read_text())
        assert manifest["nodes"]["model.p.a"]["original_file_path"] == "models/a.sql"


def test_an_env_file_that_is_broken(project: Project, hook: Hook) -> None:
    sql = TABLE + "select '{{ env_var('WHO') }}' as who"
    root = project({"models/a.sql": sql, "jobs.yml": JOBS, ".env": "WHO=ann\n"}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (root / ".env").write_text("s3cret without a name\n")
        assert ran(made) == ("ok", None)
        assert rows(root, "select who from s.a") == [("ann",)]
        assert made.service.keeping.broken == "E0116: this is no NAME=value (.env:1)"
        assert made.service.broken == "this is no NAME=value (.env:1)"
        assert told(hook) == ["jobs.yml cannot be read, its jobs go on as they were: this is no NAME=value (.env:1)"]
        assert status_page(made.service).count(".env:1") == 2
        assert "s3cret" not in "".join(made.said)


def test_what_goes_wrong_in_the_last_good_project_is_told_at_its_file(project: Project, hook: Hook) -> None:
    step = STEP.replace("yield {'id': %s}", "raise ValueError('no')")
    root = project({"ingest/e.py": step, "models/a.sql": "select 1 as id", "jobs.yml": JOBS}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        (root / "models" / "a.sql").write_text("{% if %}")
        state, message = ran(made)
        assert state == "failed"
        assert message is not None
        assert message.endswith("ValueError: no")
        log = (root / ".eltflow" / "logs" / f"{made.runs()[-1].id}.log").read_text()
        assert "ValueError: no" in log
        assert ".eltflow/good" not in log


def test_a_database_among_the_models(project: Project) -> None:
    """Each run changes it, and it is no file of the project."""
    settings = "name: p\ntargets:\n  dev: {type: duckdb, path: models/p.duckdb}\n"
    root = project({"eltflow.yml": settings, "models/a.sql": TABLE + "select 1 as id", "jobs.yml": "jobs: [{name: j}]\n"})
    with bench(root) as made:
        keep(made)
        (copy,) = copies(root)
        assert ran(made) == ("ok", None)
        keep(made)
        assert copies(root) == [copy]
        assert [path.name for path in (copy / "models").iterdir()] == ["a.sql"]


def test_a_project_that_was_never_good(project: Project, hook: Hook) -> None:
    root = project({"models/a.sql": "{% if %}", "jobs.yml": JOBS}, settings=OPS)
    with bench(root, OPS=hook.url) as made:
        keep(made)
        state, message = ran(made)
        assert (state, message) == ("failed", made.service.keeping.broken)
        assert made.said[0] == f"the project cannot be read, and there is none of before: {message}"
        assert told(hook) == [message]  # of the run
        assert copies(root) == []


def test_copies_of_services_that_died_are_taken_away(project: Project) -> None:
    root = project({"models/a.sql": "select 1 as id", "jobs.yml": "jobs: [{name: j}]\n"})
    with bench(root) as made:
        keep(made)
        (mine,) = copies(root)
        dead = root / ".eltflow" / "good" / "77" / "1"
        dead.mkdir(parents=True)
        other = Bench(root, made.clock, {})  # of a folder that two services share
        keep(other)
        assert not dead.exists()
        assert len(copies(root)) == 2
        other.service.close()
        assert copies(root) == [mine]


def test_a_file_that_cannot_be_copied(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room on the disk: the copy of before is still there."""
    root = project({"models/a.sql": TABLE + "select 1 as id", "jobs.yml": "jobs: [{name: j}]\n"})
    with bench(root) as made:
        keep(made)
        before = copies(root)

        def full(*given: Any) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(shutil, "copyfile", full)
        (root / "models" / "a.sql").write_text(TABLE + "select 2 as id")
        assert ran(made)[0] == "ok"
        assert made.said.count("the project cannot be kept as it is now: No space left on device") == 1
        monkeypatch.undo()
        (root / "models" / "a.sql").write_text("{% if %}")
        assert ran(made)[0] == "ok"
        assert rows(root, "select id from s.a") == [(1,)]
        assert copies(root) == before


def test_a_macro_that_nobody_calls_and_a_folder_that_is_gone(project: Project) -> None:
    """Both load well, and are no good project."""
    macro = "{% macro one() %}1{% endmacro %}"
    root = project({"models/a.sql": TABLE + "select {{ one() }} as id", "macros/m.sql": macro, "jobs.yml": "jobs: [{name: j}]\n"})
    with bench(root) as made:
        keep(made)
        for broken in ("{% macro one() %}2{% endmacr %}", "{% macro one() %}2"):
            (root / "macros" / "m.sql").write_text(broken)
            assert ran(made) == ("ok", None)
            assert (made.service.keeping.broken or "").startswith("E0301: broken Jinja")
        (root / "macros" / "m.sql").write_text(macro)
        (root / "models").rename(root / "elsewhere")
        assert ran(made) == ("ok", None)
        assert made.service.keeping.broken == "E0106: there is no folder `models` any more"
        (root / "elsewhere").rename(root / "models")
        assert ran(made) == ("ok", None)
        assert made.service.keeping.broken is None


def test_a_program_of_a_task_that_no_copy_has(project: Project) -> None:
    task = "tasks:\n  - {name: t, python: {path: scripts/f.py, function: go}, targets: [dev]}\n"
    files = {"tasks/t.yml": task, "scripts/f.py": "def go():\n    open('went', 'a').write('x')\n", "models/a.sql": "select 1 as id"}
    root = project({**files, "jobs.yml": "jobs: [{name: j, select: t, command: task}]\n"}, settings="default_target: dev\n")
    with bench(root) as made:
        keep(made)
        (root / "models" / "a.sql").write_text("select {{ nothing() }}")
        (root / "models" / "b.sql").write_text("select * from {{ ref('nothing') }}")
        assert ran(made) == ("ok", None), made.said
        assert made.service.keeping.broken is not None
    assert (root / "went").read_text() == "x"


def test_a_secret_that_is_away_for_a_moment_breaks_nothing(project: Project) -> None:
    settings = "secrets: {type: files, path: kept}\nconnections: {x: {type: webhook, url: \"{{ secret('URL') }}\"}}\n"
    root = project(
        {"models/a.sql": "select 1 as id", "kept/URL": "http://127.0.0.1:9", "jobs.yml": "jobs: [{name: j}]\n"}, settings=settings
    )
    with bench(root) as made:
        keep(made)
        (root / "kept/URL").unlink()
        (root / "models/b.sql").write_text("select 2 as id")
        keep(made)
        assert made.service.keeping.broken is None
