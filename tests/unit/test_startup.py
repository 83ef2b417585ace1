"""What a command imports: start-up is decided by it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAVY = ("duckdb", "sqlglot", "jinja2", "yaml", "sqlalchemy", "pydantic", "rich")


def imported(*arguments, cwd):
    program = (
        "import json, sys\nfrom eltflow.cli import main\ntry:\n    main.main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "sys.stderr.write('\\n' + json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], cwd=cwd, capture_output=True, text=True, env=dict(os.environ), check=False
    )
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["build", "--help"], ["ls", "--help"]])
def test_help_imports_no_driver_and_no_parser(arguments, tmp_path):
    assert not imported(*arguments, cwd=tmp_path).intersection(HEAVY)


def test_version_imports_no_typer(tmp_path):
    assert "typer" not in imported("--version", cwd=tmp_path)


def test_a_warm_ls_imports_no_driver_no_parser_no_yaml(project):
    root = project({"models/a.sql": "select 1 as x", "models/b.sql": "select * from a"})
    imported("ls", cwd=root)
    assert not imported("ls", cwd=root).intersection(HEAVY)


def test_completion_knows_the_commands(tmp_path):
    env = {**os.environ, "_ELTFLOW_COMPLETE": "complete_bash", "COMP_WORDS": "eltflow bu", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "eltflow.cli.main"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == ["build"]
