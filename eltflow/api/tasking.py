"""Tasks in a run: programs, and conditions that are waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing
from decimal import Decimal
from typing import Any

from eltflow.api.connections import connection_in
from eltflow.api.explain import warehouse_problem
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import EltflowError, without
from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import did_you_mean
from eltflow.base.records import dataclass, replace
from eltflow.base.secrets import secrets_of
from eltflow.compile.node import Compiler
from eltflow.compile.program import ProgramError
from eltflow.engine.run import NotYet
from eltflow.ingest.files import matching
from eltflow.native.settings import YamlRenderer, base_yaml_names
from eltflow.project.config import as_list
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.tasks import EVERY, PATIENCE
from eltflow.tasks.command import Command, run
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.connection import Connection, telling
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError

_RUNNERS = "eltflow.runners"


def done(
    loaded: Loaded,
    compiler: Compiler,
    node: Node,
    session: Session,
    ask: Callable[[], Any],
    waits: MutableMapping[str, Waiting],
    stop: Callable[[], bool],
    run_id: str,
    asked: str,
) -> tuple[str, Iterable[str]]:
    """What kind of task it was, and what is told of it. Raises ProgramError, EltflowError; NotYet for what is still
    waited for, as `waits` keeps it. `asked` names this attempt at whatever was asked for, also when it is begun again after a crash."""
    assert node.task is not None
    if node.task.command:
        return "command", run(_command(loaded, node, run_id), stop)
    waiting = waits.setdefault(node.unique_id, Waiting(since=time.monotonic()))
    wait = node.task.wait_for or node.task.http_job
    patience = float(wait.get("timeout", PATIENCE))
    waited = time.monotonic() - waiting.since
    if node.task.http_job:
        return "http_job", _outside(loaded, node, waiting, stop, asked, patience - waited)
    every = float(wait.get("every", EVERY))
    if _so(loaded, compiler, node, session, ask):
        return "wait", ()
    if waited >= patience:
        what = f"no file matches `{wait['files']}`" if wait.get("files") else "the query of `wait_for` is not true"
        raise ProgramError(
            f"{what} after {waited:,.0f} s", "see what is late, or raise `timeout:` below `wait_for:`", place=("wait_for",)
        )
    raise NotYet(min(every, patience - waited))


@dataclass(slots=True, kw_only=True)
class Waiting:
    """Since when a task waits (on the monotonic clock), and for which job of an API."""

    since: float
    job: str | None = None


def _outside(loaded: Loaded, node: Node, waiting: Waiting, stop: Callable[[], bool], asked: str, left: float) -> Iterable[str]:
    """What is told of a job that an API ran. Raises NotYet until it has ended; ProgramError if it failed, or did not end in time."""
    job, connection, secrets = _job_of(loaded, node)
    every = float(job["poll"].get("every", EVERY))
    try:
        with telling(connection), closing(connection.reader.open(connection.values, loaded.root, stop)) as runner:
            if waiting.job is None:
                waiting.job = runner.start(job, fingerprint(asked, node.unique_id))
            state, answer = (without(secrets, text) for text in runner.state(job, waiting.job))
    except WarehouseError as error:
        if stop():
            raise WarehouseError("cancelled", kind="cancelled") from None
        if waiting.job is not None and error.kind == "connection" and left > 0:
            raise NotYet(min(every, left)) from None  # it goes on there, whether it answers or not
        raise ProgramError(without(secrets, str(error)), error.help, place=("http_job",)) from None
    id = waiting.job
    if state in map(str, as_list(job["done"])):
        waiting.job = None
        return (f"the job {id} is through: {state}",)
    if state in map(str, as_list(job.get("failed"))):
        waiting.job = None
        raise ProgramError(f"the job {id} ended as `{state}`: {answer}", "see there what went wrong", place=("http_job",))
    if left <= 0:
        message = f"the job {id} has not ended in time: it is `{state}`"
        raise ProgramError(message, "see there what is slow, or raise `timeout:` below `http_job:`", place=("http_job",))
    raise NotYet(min(every, left))


def give_up(loaded: Loaded, waits: Mapping[str, Waiting]) -> Iterator[str]:
    """Cancel the jobs that a run leaves behind at their APIs, of which nobody has seen the end; tells of each."""
    for unique_id, waiting in waits.items():
        if waiting.job is None:
            continue
        job, connection, secrets = _job_of(loaded, loaded.graph.nodes[unique_id])
        words = f"the job {waiting.job} was cancelled"
        try:
            with telling(connection), closing(connection.reader.open(connection.values, loaded.root)) as runner:
                if job.get("cancel"):
                    runner.cancel(job, waiting.job)
                else:
                    words = f"the job {waiting.job} runs on: nothing says how to cancel it"
        except WarehouseError as error:
            words = f"the job {waiting.job} may still run: {without(secrets, str(error))}"
        yield f"`{loaded.graph.nodes[unique_id].name}`: {words}"


def check_jobs_outside(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError for what is wrong with the connections of tasks whose jobs APIs run."""
    for node in nodes:
        if node.task is not None and node.task.http_job:
            _job_of(loaded, node)


def _job_of(loaded: Loaded, node: Node) -> tuple[Mapping[str, Any], Connection, tuple[str, ...]]:
    """A task's job with its texts rendered, its connection, and what of both is kept out of all that is shown. Raises EltflowError."""
    assert node.task is not None
    findings = Findings(loaded.read)
    settings = loaded.opened.project.settings
    file = node.patch or node.path
    name = str(node.task.http_job["connection"])
    if name not in settings.connections:
        help = did_you_mean(name, settings.connections) or "add it under `connections:` in eltflow.yml"
        findings.at(file, (*node.place, "http_job", "connection"), "E0118", f"there is no connection `{name}`", help=help)
    render = YamlRenderer(base_yaml_names(settings.vars, loaded.opened.environ), findings)
    job = render(dict(node.task.http_job), file, (*node.place, "http_job"))
    findings.stop()
    connection = connection_in(settings, loaded.opened.environ, loaded.read, name, _RUNNERS)
    return job, connection, (*connection.secrets, *_rendered_within(node.task.http_job, job))


def _rendered_within(written: Any, rendered: Any) -> Iterator[str]:
    """What may be secret of texts at any depth: those that are not as they were written."""
    if isinstance(rendered, Mapping):
        for key, value in rendered.items():
            yield from _rendered_within(written[key], value)
    elif isinstance(rendered, list):
        for before, after in zip(written, rendered, strict=True):
            yield from _rendered_within(before, after)
    elif rendered != written:
        yield from secrets_of(rendered)


def _so(loaded: Loaded, compiler: Compiler, node: Node, session: Session, ask: Callable[[], Any]) -> bool:
    """Whether what a task waits for is so. Raises EltflowError."""
    assert node.task is not None
    wait = node.task.wait_for
    if wait.get("files"):
        return bool(matching(loaded.root, [str(wait["files"])]))
    sql = compiler.hook(replace(node, config={**node.config, "sql": str(wait["sql"])}), ask())
    try:
        rows = session.execute(Statement(sql, role="query")).rows
    except WarehouseError as error:
        if error.retriable or error.kind == "cancelled":
            raise
        raise EltflowError(
            warehouse_problem(loaded, node, None, error, None, Catalog(loaded.adapter.dialect.fold_relation))
        ) from None
    value = rows[0][0] if rows else None
    if value is not None and not isinstance(value, bool | int | float | Decimal):
        message = f"the query of `wait_for` gives `{value}`, which is neither true nor a number"
        raise ProgramError(message, "write a condition: select count(*) > 0 from ...", place=("wait_for", "sql"))
    return value is not None and value > 0


def _command(loaded: Loaded, node: Node, run_id: str) -> Command:
    assert node.task is not None
    info = node.task
    about = {"ELTFLOW_RUN": run_id, "ELTFLOW_TARGET": loaded.target.name, "ELTFLOW_NODE": node.unique_id}
    if loaded.options.interval is not None:
        start, end = loaded.options.interval
        about |= {"ELTFLOW_INTERVAL_START": start.isoformat(), "ELTFLOW_INTERVAL_END": end.isoformat()}
    folder = loaded.root / info.folder
    if not folder.is_dir():
        raise ProgramError(
            f"there is no folder `{info.folder}`", "correct `folder:`: it begins at the project root", place=("folder",)
        )
    findings = Findings(loaded.read)
    render = YamlRenderer(base_yaml_names(loaded.opened.project.settings.vars, loaded.opened.environ), findings)
    file = node.patch or node.path
    env = {name: str(render(value, file, (*node.place, "env", name))) for name, value in info.env.items()}
    arguments = [str(render(text, file, (*node.place, "command", n))) for n, text in enumerate(info.command)]
    findings.stop()
    return Command(
        arguments=arguments,
        folder=folder,
        environ={**loaded.options.env, **about, **env},
        memory=(info.memory_mb or 0) * 1_000_000,
        secrets=(
            *loaded.target.secrets,
            *_secrets(info.env, env),
            *_secrets(dict(enumerate(info.command)), dict(enumerate(arguments))),
        ),
    )


def _secrets(written: Mapping[Any, str], rendered: Mapping[Any, str]) -> Iterator[str]:
    """What may be secret of values: all that is not written down."""
    for key, value in rendered.items():
        if value != written[key]:
            yield from secrets_of(value)
