"""A fake of BigQuery's jobs, on loopback, for what the emulator cannot show: slow jobs, cancelling, errors of the service, lost answers.

It runs no SQL: every query gives one row, `n = 1`, and what a test has put down for a text happens to the job. It shows what our session
does with such answers, not that BigQuery gives them.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROBLEMS = {
    409: (409, "duplicate", "Already Exists: Table w:s.job"),
    503: (503, "backendError", "The service is away for a moment"),
    429: (429, "jobRateLimitExceeded", "Exceeded rate limits: too many jobs"),
    403: (403, "quotaExceeded", "Quota exceeded: your project exceeded quota for query bytes"),
}


@dataclass
class Fake:
    """What was asked, and what is to happen.

    `hiccups` are used up one by one by requests that start a job: "before" and "after" cut the connection before and after the job is
    started ("late" after a while in which nobody is answered), a number is the status of an answer without a job. `polls` are those of
    requests that ask for a job. `datasets` are those that there are, with their locations. `fails` and `slow` are texts of statements →
    the job's error, and those that run until they are cancelled. `asked` are what jobs were to be called, and where they were to run.
    """

    port: int = 0
    hiccups: list[str | int] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)
    datasets: dict[str, str] = field(default_factory=dict)
    fails: dict[str, tuple[str, str]] = field(default_factory=dict)
    slow: set[str] = field(default_factory=set)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, str]] = field(default_factory=list)
    requests: list[tuple[str, str]] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, body: dict[str, Any]) -> dict[str, Any]:
        query = body["configuration"]["query"]
        job_id = body["jobReference"]["jobId"]
        text = query["query"]
        self.ran.append(text)
        statistics: dict[str, Any] = {"totalBytesProcessed": "2048", "query": {"totalBytesBilled": "10485760", "totalSlotMs": "7"}}
        statistics["query"] |= {"cacheHit": False, "totalBytesProcessed": "2048", "statementType": "SELECT"}
        if query.get("createSession") or query.get("connectionProperties"):
            statistics["sessionInfo"] = {"sessionId": "session-1"}
        status: dict[str, Any] = {"state": "RUNNING" if text in self.slow else "DONE"}
        if text in self.fails:
            reason, message = self.fails[text]
            status["errorResult"] = {"reason": reason, "message": message}
        job = {
            "kind": "bigquery#job",
            "id": f"w:US.{job_id}",
            "jobReference": {"projectId": "w", "jobId": job_id, "location": body["jobReference"].get("location", "US")},
            "configuration": {"jobType": "QUERY", **body["configuration"]},
            "status": status,
            "statistics": statistics,
        }
        self.jobs[job_id] = job
        return job


def error(reason: str, message: str, code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    fake: Fake

    def log_message(self, *arguments: Any) -> None: ...

    def answer(self, body: dict[str, Any], code: int = 200) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def problem(self, status: int) -> None:
        code, reason, message = PROBLEMS[status]
        self.answer(error(reason, message, code), code)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or b"{}")
        path = self.path.split("?")[0]
        with self.fake.lock:
            self.fake.requests.append(("POST", path))
            if self.refused():
                return None
            cancelled = re.search(r"/jobs/([^/]+)/cancel$", path)
            if cancelled:
                job = self.fake.jobs[cancelled[1]]
                job["status"] = {"state": "DONE", "errorResult": {"reason": "stopped", "message": "Job execution was cancelled"}}
                return self.answer({"kind": "bigquery#jobCancelResponse", "job": job})
            return self.insert(body)

    def refused(self) -> bool:
        """Whether the request is refused for the token that it brings."""
        if self.headers.get("authorization") != "Bearer expired":
            return False
        self.answer(error("authError", "Request had invalid authentication credentials", 401), 401)
        return True

    def insert(self, body: dict[str, Any]) -> None:
        fake = self.fake
        if body["configuration"].get("dryRun"):
            done = {
                "status": {"state": "DONE"},
                "statistics": {"totalBytesProcessed": "123456", "query": {"totalBytesProcessed": "123456"}},
            }
            reference = {"projectId": "w", "jobId": body["jobReference"]["jobId"], "location": "US"}
            return self.answer({"configuration": body["configuration"], "jobReference": reference, **done})
        hiccup = fake.hiccups.pop(0) if fake.hiccups else None
        if hiccup == "before":
            return self.cut()
        if isinstance(hiccup, int):
            return self.problem(hiccup)
        job_id = body["jobReference"]["jobId"]
        fake.asked.append(body["jobReference"])
        if job_id in fake.jobs:
            return self.answer(error("duplicate", f"Already Exists: Job w:US.{job_id}", 409), 409)
        job = fake.start(body)
        if hiccup == "late":
            time.sleep(1.5)
        return self.cut() if hiccup in ("after", "late") else self.answer(job)

    def cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        with self.fake.lock:
            self.fake.requests.append(("GET", path))
            dataset = re.search(r"/datasets/([^/]+)$", path)
            if dataset:
                place = self.fake.datasets.get(dataset[1])
                reference = {"projectId": "w", "datasetId": dataset[1]}
                missing = error("notFound", f"Not found: Dataset w:{dataset[1]}", 404)
                return self.answer({"datasetReference": reference, "location": place}) if place else self.answer(missing, 404)
            found = re.search(r"/(jobs|queries)/([^/]+)$", path)
            assert found is not None, path
            if self.fake.polls:
                return self.problem(self.fake.polls.pop(0))
            job = self.fake.jobs.get(found[2])
            # "jobs.get": the location is required, but in these two.
            if job is not None and job["jobReference"]["location"] not in ("US", "EU") and "location=" not in self.path:
                job = None
            if job is None:
                return self.answer(error("notFound", f"Not found: Job w:US.{found[2]}", 404), 404)
            if found[1] == "jobs":
                return self.answer(job)
            failed = job["status"].get("errorResult")
            if failed:
                code = {"accessDenied": 403, "quotaExceeded": 403, "backendError": 503}.get(failed["reason"], 400)
                return self.answer(error(failed["reason"], failed["message"], code), code)
            done = job["status"]["state"] == "DONE"
            rows = {"schema": {"fields": [{"name": "n", "type": "INTEGER"}]}, "totalRows": "1", "rows": [{"f": [{"v": "1"}]}]}
            return self.answer({"jobReference": job["jobReference"], "jobComplete": done, **(rows if done else {})})


@contextmanager
def running() -> Iterator[Fake]:
    """The fake, listening until the block ends."""
    fake = Fake()
    handler = type("Handler", (_Handler,), {"fake": fake})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    fake.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
