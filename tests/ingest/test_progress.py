"""How far a step is that does not know how much there is: told while it goes on."""

from __future__ import annotations

import json
import time
from contextlib import closing

from api_server import Api

from eltflow.cli.progress import far_said
from eltflow.events import StepProgressed

CODE = """
import time
from eltflow import step

@step(into="raw.f")
def f():
    for number in range(3):
        time.sleep(0.3)
        yield [{"n": one} for one in range(1000)]
"""


def far(ran):
    assert ran.code == 0, ran.text
    events = map(json.loads, ran.out.splitlines())
    return [(one["step"], one["rows"], one["bytes"]) for one in events if one["event"] == "StepProgressed"]


def test_of_functions_and_apis(tmp_path, eltflow):
    def answer(asked):
        time.sleep(0.3)
        return [{"id": asked.params["page"], "text": "x" * 100_000}] if int(asked.params["page"]) < 4 else []

    with closing(Api()) as api:
        api.answers["/rows"] = answer
        settings = {"name": "p", "targets": {"dev": {"type": "duckdb", "path": "p.duckdb", "schema": "s"}}}
        (tmp_path / "eltflow.yml").write_text(json.dumps({**settings, "connections": {"c": {"type": "rest", "url": api.url}}}))
        (tmp_path / "ingest").mkdir()
        (tmp_path / "ingest/f.py").write_text(CODE)
        source = {"kind": "rest", "connection": "c", "path": "/rows", "pagination": {"type": "page"}}
        (tmp_path / "ingest/r.yml").write_text(json.dumps({"steps": [{"name": "r", "source": source, "into": "raw.r"}]}))
        told = far(eltflow("ingest", "--log-format", "json", cwd=tmp_path))
    of_function = [(rows, size) for step, rows, size in told if step == "ingest.p.f"]
    assert of_function
    assert all(rows % 1000 == 0 and 0 < size < 100_000 for rows, size in of_function)
    assert any(rows is None and size > 0 for step, rows, size in told if step == "ingest.p.r")


def test_how_it_is_said():
    said = StepProgressed(step="s", rows=12_000, bytes=3_400_000, seconds=4.0)
    assert far_said(said) == "12,000 rows, 3.4 MB, 3,000 rows/s"
    assert far_said(StepProgressed(step="s", rows=None, bytes=3_400_000, seconds=2.0)) == "3.4 MB, 1.7 MB/s"
