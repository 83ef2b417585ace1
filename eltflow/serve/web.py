"""What the service shows to this machine: `/` how things stand, `/healthz`, `/metrics`."""

from __future__ import annotations

import datetime
import hashlib
import hmac
import html
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from eltflow.api.jobs import signing_secret
from eltflow.base.diagnostics import fail
from eltflow.base.plugins import driver
from eltflow.schedule.due import deadline_of, upcoming
from eltflow.schedule.jobs import Job, Webhook
from eltflow.serve.service import Service
from eltflow.state.jobs import JobRun, JobStore, NewRun
from eltflow.transfer import NotTold

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from starlette.applications import Starlette

_HERE = "127.0.0.1"
#: Seconds without a look at the clock after which the service counts as stuck.
_STUCK = 15.0
#: Bytes of a request that starts a job, at most.
LARGEST = 65_536
#: Seconds by which the time of a request may differ from the clock here.
_FRESH = 300
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


@contextmanager
def listening(service: Service, port: int) -> Iterator[str]:
    """Answer on that port of the loopback interface (0: a free one); gives the address. Raises EltflowError (E0120 it cannot be had, E0702)."""
    import socket

    with driver("`eltflow serve`", "'eltflow[serve]'"):
        import uvicorn
    try:
        sock = socket.create_server((_HERE, port))
    except (OSError, OverflowError) as error:
        why = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise fail("E0120", f"port {port} cannot be had: {why}", help="name another with --port, or 0 for a free one") from None
    config = uvicorn.Config(application(service), log_config=None, access_log=False, lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="eltflow-http", daemon=True)
    thread.start()
    try:
        yield f"http://{_HERE}:{sock.getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(5)
        sock.close()


def application(service: Service) -> Starlette:
    """The pages. They read the state store alone."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.middleware import Middleware
    from starlette.middleware.trustedhost import TrustedHostMiddleware
    from starlette.requests import Request
    from starlette.responses import HTMLResponse, JSONResponse, Response
    from starlette.routing import Route

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Figures(service))

    def healthz(request: Request) -> Response:
        stuck = time.monotonic() - service.ticked > _STUCK
        lost = service.without_state
        body = {
            "status": "stuck" if stuck else "no state" if lost is not None else "ok",
            "jobs": service.broken or "ok",
            "project": service.keeping.broken or "ok",
            "state": lost or "ok",
            "leads": service.led,
        }
        return JSONResponse(body, 200 if body["status"] == "ok" else 503, _HEADERS)

    def metrics(request: Request) -> Response:
        return Response(generate_latest(registry), headers={**_HEADERS, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def status(request: Request) -> Response:
        return HTMLResponse(status_page(service), headers=_HEADERS)

    async def hook(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST:
                return JSONResponse({"error": f"the body is larger than {LARGEST:,} bytes"}, 413, _HEADERS)
        code, answer = await run_in_threadpool(asked_by_hook, service, request.path_params["job"], dict(request.headers), body)
        return JSONResponse(answer, code, _HEADERS)

    routes = [
        Route("/", status),
        Route("/healthz", healthz),
        Route("/metrics", metrics),
        Route("/hooks/{job}", hook, methods=["POST"]),
    ]
    # A page elsewhere may give its own name this machine's address; what it asks for carries that name.
    hosts = Middleware(TrustedHostMiddleware, allowed_hosts=[_HERE, "localhost"])
    return Starlette(routes=routes, middleware=[hosts])


def asked_by_hook(service: Service, name: str, headers: Mapping[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """Queue a run that a signed request asks for; gives status code and answer. What is wrong with a request is told to nobody in detail:
    a job that is not there, one without such a trigger and a wrong signature are one answer."""
    refused = (401, {"error": "the request is not signed as it must be"})
    job = next((job for job in service.jobs.jobs if job.name == name), None)
    connections = [t.connection for t in job.triggers if isinstance(t, Webhook)] if job is not None else []
    time, told = headers.get("x-eltflow-timestamp", ""), headers.get("x-eltflow-signature", "")
    if not (time.isascii() and time.isdigit()) or abs(service.now().timestamp() - int(time)) > _FRESH:
        return refused
    for connection in connections:
        try:
            secret = signing_secret(service.jobs, connection)
        except NotTold as error:
            service.say(f"{name}: a webhook cannot be checked: {error}")
            return 503, {"error": "the service cannot check signatures now"}
        seal = "sha256=" + hmac.new(secret.encode(), time.encode() + b"." + body, hashlib.sha256).hexdigest()
        if hmac.compare_digest(seal.encode(), told.encode()):
            break
    else:
        return refused
    with closing(JobStore(service.jobs.store)) as store:
        if (state := store.known().get(name)) is not None and state.paused:
            return 409, {"error": f"the job {name} is paused"}
        idem = f"hook {name} {told}"
        if store.asked(idem):
            return 409, {"error": "this request was taken before"}
        run_id = store.queue(NewRun(job=name, started_by="webhook", idem=idem), service.now())
    service.wake.set()
    return 202, {"run": run_id, "job": name}


class _Figures:
    """Figures for Prometheus, read when they are asked for."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterable[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        with closing(JobStore(self._service.jobs.store)) as store:
            counts, last, alerts, known = store.counts(), store.last_ok(), store.alert_counts(), store.known()
            failed = store.last_failed()
        ended = CounterMetricFamily("eltflow_job_runs", "Runs of jobs that ended, by outcome.", labels=["job", "outcome"])
        going = GaugeMetricFamily("eltflow_job_runs_now", "Runs of jobs that are queued or running.", labels=["job", "state"])
        for (job, state), count in counts.items():
            (going if state in ("queued", "running") else ended).add_metric([job, state], count)
        through = GaugeMetricFamily("eltflow_job_last_success_timestamp_seconds", "When a job was last through.", labels=["job"])
        for job, at in last.items():
            through.add_metric([job], at.timestamp())
        failing = GaugeMetricFamily("eltflow_job_last_run_failed", "Whether a job failed the last time.", labels=["job"])
        for job, value in failed.items():
            failing.add_metric([job], int(value))
        told = GaugeMetricFamily(
            "eltflow_alerts", "Alerts, by what they tell of and whether they arrived.", labels=["occasion", "state"]
        )
        for (occasion, state), count in alerts.items():
            told.add_metric([occasion, state], count)
        paused = GaugeMetricFamily("eltflow_job_paused", "Whether a job's triggers are stopped.", labels=["job"])
        for one in self._service.jobs.jobs:
            paused.add_metric([one.name], int(one.name in known and known[one.name].paused))
        broken = GaugeMetricFamily("eltflow_jobs_broken", "Whether jobs.yml cannot be read and the jobs of before go on.")
        broken.add_metric([], int(self._service.broken is not None))
        wrong = GaugeMetricFamily("eltflow_project_broken", "Whether the project cannot be read and the one of before goes on.")
        wrong.add_metric([], int(self._service.keeping.broken is not None))
        lag = GaugeMetricFamily("eltflow_scheduler_seconds_since_tick", "Seconds since the scheduler last looked at the clock.")
        lag.add_metric([], time.monotonic() - self._service.ticked)
        return [ended, going, through, failing, told, paused, broken, wrong, lag]


_STYLE = """
:root{color-scheme:light dark;--line:#8884;--dim:light-dark(#666,#999)}
:root{--bad:light-dark(#b03020,#ff7b6b);--good:light-dark(#1e7a3f,#5fd38a)}
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}
h1{font-size:1.3rem}h2{font-size:1rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid var(--line)}
th,td{vertical-align:top}.time{white-space:nowrap}td:last-child{overflow-wrap:anywhere}
th{font-weight:600}.failed,.late{color:var(--bad);font-weight:600}.ok{color:var(--good)}.none{color:var(--dim)}code{font-size:.9em}
.wide{overflow-x:auto}
"""


def status_page(service: Service) -> str:
    """How things stand, as a page without scripts: what is late, failing, running, and what comes next."""
    now = service.now()
    with closing(JobStore(service.jobs.store)) as store:
        going = store.runs(states=("queued", "running"))
        known = store.known()
        mutes = store.mutes(now)
        latest = {job.name: store.runs(states=("ok", "failed", "cancelled"), job=job.name, limit=1) for job in service.jobs.jobs}
        # A run that was cancelled, as by the next due time, mends nothing.
        ended = [run for job in service.jobs.jobs for run in store.runs(states=("ok", "failed"), job=job.name, limit=1)]
    by_name = {job.name: job for job in service.jobs.jobs}
    late = [run for run in going if (d := _deadline(by_name.get(run.job), run)) is not None and d <= now]
    failing = [run for run in ended if run.state == "failed"]
    parts = [f"<h1>{_e(service.jobs.name)}</h1>"]
    if not service.led:
        parts.append(f"<p>This service stands by: {_e(service.behind or 'another')} leads.</p>")
    if service.broken is not None:
        parts.append(f'<p class="failed">jobs.yml cannot be read, the jobs of before go on: {_e(service.broken)}</p>')
    if (broken := service.keeping.words) is not None:
        parts.append(f'<p class="failed">{_e(broken)}</p>')
    parts += [
        _section(
            "Late", ("job", "due", "state"), [(r.job, _time(r.slot), _class(r.state, "late")) for r in late], "nothing is late"
        ),
        _section(
            "Failing",
            ("job", "run", "ended", "why"),
            [(r.job, _code(r.id[:8]), _time(r.ended_at), _class(r.message or "", "failed")) for r in failing],
            "no job failed when it last ran",
        ),
        _section(
            "Running and waiting",
            ("job", "run", "state", "since", "attempt", ""),
            [
                (r.job, _code(r.id[:8]), r.state, _time(r.started_at or r.created_at), str(r.attempt), r.message or "")
                for r in going
            ],
            "nothing runs",
        ),
        _section(
            "Jobs",
            ("job", "starts", "next (UTC)", "last run"),
            [
                (job.name, _starts(job), _next(job, now, job.name in known and known[job.name].paused), _last(latest[job.name]))
                for job in service.jobs.jobs
            ],
            "there are no jobs: write some in jobs.yml",
        ),
    ]
    if mutes:
        told = [(f"{one.kind} {one.name}", _time(one.until), one.who, one.reason) for one in mutes]
        parts.append(_section("Muted", ("what", "until (UTC)", "by", "why"), told, ""))
    body = "".join(parts)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="refresh" content="5"><title>{_e(service.jobs.name)} · eltflow</title><style>{_STYLE}</style>'
        f"<main>{body}<p class=none>{now:%Y-%m-%d %H:%M:%S} UTC</p></main></html>"
    )


class _Html(str):
    """Text that is HTML already."""


def _e(text: object) -> str:
    return text if isinstance(text, _Html) else html.escape(str(text))


def _code(text: str) -> _Html:
    return _Html(f"<code>{html.escape(text)}</code>")


def _class(text: str, name: str) -> _Html:
    return _Html(f'<span class="{name}">{html.escape(text)}</span>')


def _section(title: str, heads: tuple[str, ...], rows: list[tuple[Any, ...]], empty: str) -> str:
    if not rows:
        return f"<h2>{title}</h2><p class=none>{empty}</p>"
    head = "".join(f"<th scope=col>{_e(one)}</th>" for one in heads)
    lines = "".join("<tr>" + "".join(f"<td>{_e(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{title}</h2><div class=wide><table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table></div>"


def _at(time: datetime.datetime | None) -> str:
    """A time for people: seconds only where there are any."""
    return "" if time is None else f"{time:%Y-%m-%d %H:%M:%S}".removesuffix(":00")


def _time(time: datetime.datetime | None) -> _Html:
    return _class(_at(time), "time")


def _deadline(job: Job | None, run: JobRun) -> datetime.datetime | None:
    return deadline_of(job, run.slot) if job is not None and run.slot is not None else None


def _starts(job: Job) -> str:
    return ", or ".join(map(str, job.triggers)) or "when it is asked for"


def _next(job: Job, now: datetime.datetime, paused: bool) -> str:
    return "paused" if paused else _time(next(iter(upcoming(job, now, 1)), None))


def _last(runs: list[JobRun]) -> _Html:
    if not runs:
        return _class("not yet", "none")
    run = runs[0]
    return _class(f"{run.state} {_at(run.ended_at)}", run.state if run.state in ("ok", "failed") else "none")


__all__ = ["application", "listening", "status_page"]
