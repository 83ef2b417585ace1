"""Types that do not go together (E0414): found by every command that compiles, before anything runs; silence where that is not sure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

FILES = {
    "seeds/s.csv": "id,name\n1,one\n",
    "models/a.sql": "select id, name from s",
    "models/b.sql": "select sum(name) as x from a",
}
SOURCE = {
    "models/s.yml": "sources:\n  - name: raw\n    tables: [{name: pay}]\n",
    "models/a.sql": "select sum(amount) as amount from {{ source('raw', 'pay') }}",
}
CLASH = "error[E0414]: model `b` puts types together that do not go together: No function matches"


@pytest.mark.parametrize("command", ["check", "compile", "build", "run", "plan"])
def test_every_command_that_compiles_finds_it_and_nothing_is_touched(project, eltflow, command):
    root = project(FILES)
    for _ in range(2):  # what is found is not kept as fine
        ran = eltflow(command, cwd=root)
        assert ran.code == (1 if command == "check" else 2), ran.text
        assert CLASH in ran.err
        assert " --> models/b.sql:1:8\n" in ran.err
    assert not list(root.glob("*.duckdb"))


def test_it_is_found_when_only_what_stands_above_has_changed(project, eltflow):
    root = project({**FILES, "models/b.sql": "select sum(id) as x from a"})
    assert eltflow("compile", cwd=root).code == 0
    (root / "models/a.sql").write_text("select id || '!' as id, name from s")
    ran = eltflow("compile", cwd=root)
    assert ran.code == 2
    assert CLASH in ran.err


def _table(root: Path, type: str) -> None:
    with duckdb.connect(root / "p.duckdb") as connection:
        connection.execute(f"create schema if not exists raw; create or replace table raw.pay (amount {type})")


def _built(project: Callable[..., Path], eltflow: Callable[..., Any]) -> Path:
    root = project(SOURCE, name="p")
    _table(root, "integer")
    assert eltflow("build", cwd=root).code == 0
    return root


def test_types_of_the_targets_tables_are_taken_as_they_are_now(project, eltflow):
    root = _built(project, eltflow)
    _table(root, "varchar")
    assert eltflow("compile", cwd=root).code == 0  # which looks at nothing
    ran = eltflow("build", cwd=root)
    assert ran.code == 2
    assert "error[E0414]: model `a` puts types together" in ran.err


def test_types_that_may_be_others_by_now_are_a_warning(project, eltflow):
    root = _built(project, eltflow)
    (root / "models/a.sql").write_text(
        "select sum(amount) as amount from {{ source('raw', 'pay') }} where amount > date '2026-01-01'"
    )
    for command, code in (("check", 0), ("compile", 0), ("build", 2)):
        ran = eltflow(command, cwd=root)
        assert ran.code == code, ran.text
        assert ("error[E0414]" if code else "warning[E0414]") in ran.err
        assert ("as they were seen at" in ran.err) is (code == 0)
    _table(root, "date")
    (root / "models/a.sql").write_text(
        "select max(amount) as amount from {{ source('raw', 'pay') }} where amount > date '2026-01-01'"
    )
    ran = eltflow("build", cwd=root)
    assert ran.code == 0, ran.text  # it was told of by nobody: the table was asked first


@pytest.mark.parametrize(
    "settings",
    [
        'on_run_start: ["create macro sum(x) as length(x)"]',
        'on_run_start: ["set old_implicit_casting = true"]',
    ],
)
def test_nothing_is_said_where_the_project_has_rules_of_its_own(project, eltflow, settings):
    root = project(FILES)
    (root / "eltflow.yml").write_text(f"{(root / 'eltflow.yml').read_text()}\n{settings}\n")
    for command in ("check", "compile"):
        ran = eltflow(command, cwd=root)
        assert (ran.code, ran.err) == (0, "")


def test_settings_of_the_target_may_make_types_go_together(project, eltflow):
    root = project({**FILES, "models/b.sql": "select id from a where name > id"})
    assert eltflow("compile", cwd=root).code == 2
    text = (root / "eltflow.yml").read_text()
    assert "path:" in text
    (root / "eltflow.yml").write_text(text.replace("path:", "settings: {old_implicit_casting: true}, path:", 1))
    ran = eltflow("build", cwd=root)
    assert "E0414" not in ran.text
