"""What machines read: --json is one document whatever happens, --log-format json one object a line, and exit codes mean one thing."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time

import pytest

SHOP = {
    "models/a.sql": "select 1 as x union all select 1",
    "models/a.yml": "models:\n  - name: a\n    columns:\n      - {name: x, data_tests: [unique]}\n",
}
#: Every command, as it is called in a project.
CALLS = (
    ["build"], ["run"], ["test"], ["seed"], ["ingest"], ["parse"], ["compile"], ["ls"], ["ls", "--external"], ["show", "a"], ["plan"],
    ["build", "--dry-run"], ["lineage", "a"], ["debug"], ["clean"], ["history"], ["docs", "generate"], ["schema"],
)  # fmt: skip
SELECTING = ("build", "run", "test", "seed", "ingest", "compile", "plan", "ls")


def lines(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_every_command_answers_machines(eltflow, project, call):
    root = project(SHOP)
    assert eltflow("run", cwd=root).code == 0
    document = eltflow(*call, "--json", cwd=root)
    assert document.code in (0, 1), document.text
    value = json.loads(document.out)
    as_lines = eltflow(*call, "--log-format", "json", cwd=root)
    assert as_lines.code == document.code
    assert as_lines.err == ""
    events = lines(as_lines.out)
    assert events
    if call[0] not in ("build", "run", "test", "seed", "ingest", "history", "clean") or "--dry-run" in call:
        assert events[-1] == {"event": "Result", "result": value}


@pytest.mark.parametrize("command", SELECTING)
def test_nothing_selected_is_json_too(eltflow, project, command):
    root = project(SHOP)
    ran = eltflow(command, "-s", "nope", "--json", cwd=root)
    assert ran.code == 0
    value = json.loads(ran.out)
    assert (value.get("results", value.get("steps")) if isinstance(value, dict) and value else value) in ([], {})
    assert "warning[W0501]" in ran.err
    assert "nothing is selected" in ran.err
    as_lines = eltflow(command, "-s", "nope", "--log-format", "json", cwd=root)
    assert as_lines.err == ""
    assert lines(as_lines.out)[0]["code"] == "W0501"
    strict = eltflow(command, "-s", "nope", "--warn-error", "--json", cwd=root)
    assert strict.code == 1
    assert [error["code"] for error in json.loads(strict.out)["errors"]] == ["W0501"]
    assert eltflow(command, "-s", "nope", "--warn-error", cwd=root).code == 1


@pytest.mark.parametrize("call", [c for c in CALLS if c[0] not in ("history", "clean", "schema")], ids=" ".join)
def test_errors_are_json_objects(eltflow, project, call):
    root = project({"models/a.sql": "select 1 as x\nfrom {{ ref('bb') }}", "models/b.sql": "select 1 as y"})
    ran = eltflow(*call, "--json", cwd=root)
    if call == ["debug"]:
        assert ran.code == 1
        assert json.loads(ran.out)[1]["check"] == "project"
        return
    assert ran.code == 2
    (error,) = json.loads(ran.out)["errors"]
    assert (error["code"], error["severity"], error["file"], error["line"]) == ("E0203", "error", "models/a.sql", 2)
    assert error["help"] == "did you mean `b` (models/b.sql:1)?"
    assert "`bb`" in error["message"]
    assert "error[E0203]" in ran.err
    as_lines = eltflow(*call, "--log-format=json", cwd=root)
    assert as_lines.code == 2
    assert as_lines.err == ""
    assert lines(as_lines.out) == [{"event": "Diagnostic", **error}]


def test_usage_errors_are_json_too(eltflow, project):
    root = project(SHOP)
    for words, said in (
        (["build", "--nope", "--json"], "there is no option `--nope`"),
        (["bild", "--json"], "there is no command `bild`"),
        (["ls", "--json", "--log-format", "json"], "--json and --log-format json exclude each other"),
        (["ls", "--json", "--output", "x"], "--output cannot be `x`"),
        (["show", "--json"], "show takes a name, or --inline SQL"),
    ):
        ran = eltflow(*words, cwd=root)
        assert ran.code == 2
        (error,) = json.loads(ran.out)["errors"]
        assert error["message"] == said
        assert error["help"]
        assert said in ran.err


def test_an_error_of_the_warehouse_is_a_json_object(eltflow, project):
    root = project({"models/a.sql": "{{ config(materialized='table') }} select cast('u' as int) as x"})
    ran = eltflow("build", "--json", cwd=root)
    assert ran.code == 1
    (result,) = json.loads(ran.out)["results"]
    assert [found["code"] for found in result["diagnostics"]] == ["E0601"]


WARNS = {"models/a.sql": "{% do exceptions.warn('uh') %}select {{ 1 + 0 }} as x"}


@pytest.mark.parametrize("command", ["build", "run", "compile", "plan", "docs generate", "show a"])
def test_a_template_that_warns_is_a_warning(eltflow, project, command):
    root = project(WARNS)
    assert eltflow("run", cwd=root).code == 0
    for _ in range(2):
        assert eltflow(*command.split(), cwd=root).code == 0
        ran = eltflow(*command.split(), "--warn-error", cwd=root)
        assert ran.code == 1, ran.text
        assert "uh" in ran.text
    fresh = project(WARNS, name="fresh")
    assert eltflow("build", "--warn-error", cwd=fresh).code == 1


def test_the_last_line_names_warn_error(eltflow, project):
    root = project(SHOP, settings="data_tests: {+severity: warn}\n")
    assert eltflow("build", cwd=root).out.splitlines()[-2].startswith("done after")
    for options in ((), ("--quiet",)):
        ran = eltflow("build", "--warn-error", *options, cwd=root)
        assert ran.code == 1
        assert "failed after" in ran.out
        assert "warnings are taken for errors: --warn-error" in ran.out


def test_options_of_every_command(eltflow, project):
    root = project(SHOP)
    shared = ["--target", "dev", "--vars", "{a: 1}", "--project-dir", str(root), "--quiet", "--debug", "--log-format", "text"]
    for command in SELECTING:
        more = ["--indirect-selection", "cautious", "--full-refresh", "--warn-error", "--exclude", "nope*", "-s", "a"]
        ran = eltflow(command, *shared, *more, cwd=root)
        assert "no option" not in ran.err
        assert "note[W0501]: `nope*` matches nothing" in ran.err
        # The test fails; and that a seed or a step is asked for, and none is there, is a warning.
        assert ran.code == (1 if command in ("build", "test", "seed", "ingest") else 0), ran.text
    for command in ("seed", "ingest"):
        assert eltflow(command, "--warn-error", cwd=root).code == 0  # there is none, and none was asked for
    for command in (["parse"], ["show", "a"], ["lineage", "a"], ["docs", "generate"]):
        ran = eltflow(*command, *shared, "--full-refresh", "--warn-error", cwd=root)
        assert ran.code in (0, 1), ran.text
        assert "no option" not in ran.err
    for command in ("debug", "history"):
        assert eltflow(command, *shared, cwd=root).code == 0


def test_who_is_known_without_user(eltflow, project):
    import pwd

    root = project({"models/a.sql": "select 1 as x"})
    assert eltflow("build", cwd=root, env={"USER": "joe"}).code == 0
    assert eltflow("build", cwd=root, env={"USER": "", "LOGNAME": ""}).code == 0
    runs = json.loads(eltflow("history", "--json", cwd=root).out)
    assert [run["user"] for run in runs] == [pwd.getpwuid(os.getuid()).pw_name, "joe"]


SLOW = {
    "models/a.sql": "{{ config(materialized='table') }} select count(*) as n from range(3000000) a(x), range(200000) b(y) where x * y % 7 = 1"
}


def start(root, *words):
    return subprocess.Popen(
        [sys.executable, "-m", "eltflow.cli.main", *words], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def until_running(root, eltflow):
    for _ in range(100):
        time.sleep(0.1)
        runs = json.loads(eltflow("history", "--json", cwd=root).out)
        if runs and runs[0]["status"] == "running":
            return
    raise AssertionError("it never began")


def test_a_run_that_was_killed_is_told_as_that(eltflow, project):
    root = project(SLOW)
    running = start(root, "build")
    until_running(root, eltflow)
    assert json.loads(eltflow("history", "--json", cwd=root).out)[0]["status"] == "running"
    running.kill()
    running.communicate()
    assert json.loads(eltflow("history", "--json", cwd=root).out)[0]["status"] == "killed"
    assert "killed" in eltflow("history", cwd=root).out
    (root / "models/a.sql").write_text("select 1 as n")
    assert eltflow("build", cwd=root).code == 0
    assert [run["status"] for run in json.loads(eltflow("history", "--json", cwd=root).out)] == ["success", "killed"]


@pytest.mark.parametrize("words", [["build"], ["ls", "--json"], ["parse", "--log-format", "json"]])
def test_ctrl_c_ends_with_130_from_the_start(project, words):
    root = project({f"models/m{n}.sql": f"select {n} as x" for n in range(50)})
    for delay in (0.06, 0.1, 0.15, 0.2, 0.3):
        running = start(root, *words)
        time.sleep(delay)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
        ours = "eltflow/cli" in err.replace("\\", "/") and "runpy" not in err
        if ("Traceback" in err and not ours) or running.returncode == -signal.SIGINT:
            continue  # Python itself had not come so far as to start us
        assert running.returncode in (130, 0), err
        assert "Traceback" not in err
        if running.returncode == 130 and "--json" in words:
            assert json.loads(out)["errors"][0]["message"] == "cancelled"


@pytest.mark.parametrize(("env", "redrawn"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_no_color_draws_nothing_twice(project, env, redrawn):
    root = project({"models/a.sql": "{{ config(materialized='table') }} select count(*) as n from range(30000) a, range(10000) b"})
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "eltflow.cli.main", "build"],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", **env},
    )
    os.close(theirs)
    text = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:
            break
        text += piece
        if not piece:
            break
    os.close(ours)
    assert running.wait() == 0
    assert b"done after" in text
    assert (b"\x1b[2K" in text) is redrawn


ODD = "select 'nan'::double as x, '-inf'::double as y, '\\xff\\x00'::blob as b, [1.5, 'inf'::double] as l"


def test_what_json_has_no_words_for_is_text(eltflow, project):
    root = project({"models/m.sql": "select 1 as id", "tests/t.sql": ODD})
    shown = eltflow("show", "--inline", ODD, "--json", cwd=root)

    def refuse(word):
        raise AssertionError(word)

    (row,) = json.loads(shown.out, parse_constant=refuse)
    assert row == {"x": "nan", "y": "-inf", "b": "\\xff00", "l": [1.5, "inf"]}
    ran = eltflow("build", "--json", cwd=root)
    assert json.loads(ran.out, parse_constant=refuse)
    lines = eltflow("build", "--log-format", "json", cwd=root).out.splitlines()
    assert all(json.loads(line, parse_constant=refuse) for line in lines)
    assert "\\xff00" in eltflow("show", "--inline", ODD, cwd=root).out
