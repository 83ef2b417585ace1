"""A real Prometheus scrapes the service, by the settings that the documentation gives."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchdog
from test_serve_process import FILES, Project, Run, serve

ROOT = Path(__file__).resolve().parents[2]
HOW = "Prometheus is not installed: `apt-get install prometheus` (Debian, Ubuntu) or `brew install prometheus`, as `.ci/run` does"


def documented(name: str) -> str:
    """The text of a file as docs/reference/jobs.md shows it."""
    found = re.search(rf"```yaml foreign={re.escape(name)}\n(.*?)```", (ROOT / "docs/reference/jobs.md").read_text(), re.DOTALL)
    assert found is not None, name
    return found[1]


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[Any]:
    """Starts one that scrapes an address every second; gives what asks it."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.fail(HOW, pytrace=False)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    processes = []

    def ask(path: str, **words: str) -> Any:
        url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(words)}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)["data"]

    def start(address: str) -> Any:
        settings = documented("prometheus.yml").replace("127.0.0.1:8580", urllib.parse.urlsplit(address).netloc)
        (tmp_path / "prometheus.yml").write_text(settings.replace("interval: 30s", "interval: 1s"))
        (tmp_path / "eltflow.rules.yml").write_text(documented("eltflow.rules.yml").replace("for: 1m", "for: 0s"))
        command = [program, "--config.file=prometheus.yml", "--storage.tsdb.path=kept", f"--web.listen-address=127.0.0.1:{port}"]
        with (tmp_path / "prometheus.log").open("w") as log:
            process = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        processes.append(process)
        watchdog.write_down("prometheus", process.pid, signal.SIGTERM)
        return ask

    yield start
    for process in processes:
        process.terminate()
        process.wait(30)
        watchdog.forget("prometheus", process.pid)


def until(look: Any, seconds: float = 30) -> Any:
    """What `look` gives, once it gives something."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


def test_figures_alerts_and_their_end(project: Project, eltflow: Run, prometheus: Any) -> None:
    root = project(FILES)
    with serve(root) as (address, process):
        assert eltflow("trigger", "nightly", "--wait", cwd=root).code == 0
        assert eltflow("trigger", "broken", "--wait", cwd=root).code == 1
        ask = prometheus(address)

        def value(query: str) -> dict[tuple[str, ...], float]:
            found = ask("query", query=query)["result"]
            values = (tuple(one["metric"].get(key, "") for key in ("exported_job", "outcome")) for one in found)
            return dict(zip(values, (float(one["value"][1]) for one in found), strict=True))

        until(lambda: [t["health"] for t in ask("targets")["activeTargets"]] == ["up"])
        ended = until(lambda: value("eltflow_job_runs_total"))
        assert ended[("nightly", "ok")] == 1
        assert ended[("broken", "failed")] == 1
        kinds = ask("metadata")
        assert {kinds[name][0]["type"] for name in kinds if name == "eltflow_job_runs_total"} <= {"counter"}
        firing = until(lambda: {a["labels"]["alertname"] for a in ask("alerts")["alerts"] if a["state"] == "firing"})
        assert firing == {"EltflowJobFailed"}
        process.kill()
        process.wait()
        until(lambda: "EltflowDown" in {a["labels"]["alertname"] for a in ask("alerts")["alerts"] if a["state"] == "firing"})
