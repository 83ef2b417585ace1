"""Tasks in a run: programs, functions, and conditions that are waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import closing, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

from eltflow.api.connections import connection_in, connection_of
from eltflow.api.explain import warehouse_problem
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import Diagnostic, EltflowError, without
from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import did_you_mean, listed, suggest
from eltflow.base.records import dataclass, replace
from eltflow.base.secrets import secrets_of
from eltflow.base.temporary import rows_folder
from eltflow.compile.node import Compiler
from eltflow.compile.program import ProgramError
from eltflow.deliver.parquet import write_parquet
from eltflow.engine.run import NotYet
from eltflow.ingest.files import file_reader, matching
from eltflow.ingest.forks import Forks
from eltflow.ingest.functions import Call, OpenedFunction
from eltflow.native.settings import YamlRenderer, secret_yaml_names
from eltflow.project.config import as_list
from eltflow.project.findings import Findings
from eltflow.project.nodes import IngestInfo, Node
from eltflow.project.surface import copied
from eltflow.project.tasks import EVERY, PATIENCE, parameter
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
    outside: Outside | None,
) -> tuple[str, Iterable[str]]:
    """What kind of task it was, and what is told of it. Raises ProgramError, EltflowError; NotYet for what is still
    waited for, as `waits` keeps it. `asked` names this attempt at whatever was asked for, also when it is begun again after a crash;
    `outside` knows then which job an API runs for it."""
    assert node.task is not None
    if node.task.command:
        return "command", run(_command(loaded, node, run_id), stop)
    waiting = waits.setdefault(node.unique_id, Waiting(since=time.monotonic()))
    wait = node.task.wait_for or node.task.http_job
    patience = float(wait.get("timeout", PATIENCE))
    waited = time.monotonic() - waiting.since
    if node.task.http_job:
        return "http_job", _outside(loaded, node, waiting, stop, asked, outside, patience - waited)
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


class Outside(Protocol):
    """What outlives a process of the jobs that APIs run for nodes."""

    def known(self, unique_id: str) -> str | None:
        """The job that is at work for a node already."""

    def started(self, unique_id: str, job: str) -> None:
        """Write down which one is."""

    def let_go(self) -> bool:
        """Write down that they are cancelled; False where that cannot be, or is not this process's to do: then they go on there, for whoever
        goes on here."""


def _outside(
    loaded: Loaded, node: Node, waiting: Waiting, stop: Callable[[], bool], asked: str, outside: Outside | None, left: float
) -> Iterable[str]:
    """What is told of a job that an API ran. Raises NotYet until it has ended; ProgramError if it failed, or did not end in time."""
    job, connection, secrets = _job_of(loaded, node)
    every = float(job["poll"].get("every", EVERY))
    try:
        with telling(connection), closing(connection.reader.open(connection.values, loaded.root, stop)) as runner:
            if waiting.job is None and outside is not None:
                waiting.job = outside.known(node.unique_id)
            if waiting.job is None:
                waiting.job = runner.start(job, fingerprint(asked, node.unique_id))
                if outside is not None:
                    outside.started(node.unique_id, waiting.job)
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


def give_up(loaded: Loaded, waits: Mapping[str, Waiting], outside: Outside | None) -> Iterator[str]:
    """Cancel the jobs that a run leaves behind at their APIs, of which nobody has seen the end; tells of each. It is written down before:
    whoever asked for one again that is cancelled would be given that."""
    if outside is not None and not outside.let_go():
        yield "what APIs run for this run goes on there: it cannot be written down that it is cancelled"
        return
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


def check_tasks(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError for what is wrong with the connections of tasks whose jobs APIs run, and with functions and what they are given."""
    for node in nodes:
        if node.task is not None and node.task.http_job:
            _job_of(loaded, node)
        elif node.task is not None and node.task.python:
            _call(loaded, node, "")


# -- functions ---------------------------------------------------------------------------------------------------------------------


@contextmanager
def called(
    loaded: Loaded, node: Node, session: Session, stop: Callable[[], bool], run_id: str, forks: Callable[[], Forks]
) -> Iterator[OpenedFunction]:
    """The function of a task, not called yet; what it reads is in files by then. Raises EltflowError."""
    call, tables = _call(loaded, node, run_id)
    with rows_folder() as folder:
        given = dict(call.given)
        for number, (name, table) in enumerate(tables.items()):
            path = str(Path(folder) / f"table-{number}.parquet")
            _written(loaded, node, table, session, path)
            given[name] = ("table", path)
        with closing(OpenedFunction(replace(call, given=given), forks=forks, stop=stop)) as function:
            yield function


def as_step(node: Node) -> Node:
    """A task with a function as the step that loads what it gives."""
    assert node.task is not None
    source = {"kind": "python", "path": node.task.python["path"], "function": _function(node)}
    return replace(node, resource_type="ingest", ingest=IngestInfo(source=source, load="replace", into=node.task.into), config={})


def _function(node: Node) -> str:
    assert node.task is not None
    return str(node.task.python.get("function") or node.task.each or node.name)


def _written(loaded: Loaded, node: Node, table: Node, session: Session, path: str) -> None:
    """Write the rows of a table that a task reads to a file of Parquet: by the engine, or of the values that it gives."""
    assert table.relation is not None
    dialect = loaded.adapter.dialect
    query = f"select * from {dialect.render(table.relation)}"
    copied = dialect.copy_to(query, path, "parquet")
    try:
        found = session.execute(copied or Statement(query, role="query"))
    except WarehouseError as error:
        if error.retriable or error.kind == "cancelled":
            raise
        catalog = Catalog(dialect.fold_relation)
        raise EltflowError(warehouse_problem(loaded, node, None, error, None, catalog)) from None
    if copied is None:
        write_parquet(file_reader(), path, [column.name for column in found.columns], found.rows)


def _call(loaded: Loaded, node: Node, run_id: str) -> tuple[Call, Mapping[str, Node]]:
    """The function of a task and what it is given, but for the tables that it reads, which are beside it by their parameters. Raises
    EltflowError."""
    from eltflow.project import pyfile

    assert node.task is not None
    info, settings = node.task, loaded.opened.project.settings
    findings = Findings(loaded.read)
    file, name, path = node.patch or node.path, _function(node), str(info.python["path"])
    if not (loaded.folder_of(path) / path).is_file():
        findings.at(
            file, (*node.place, "python", "path"), "E0103", f"there is no file `{path}`", help="paths start at the project root"
        )
        findings.stop()
    function = pyfile.function_in(loaded.read(path), path, name)
    if isinstance(function, list):
        place = ("python", "function") if "function" in info.python else ("python", "path")
        help = did_you_mean(name, function) or "name one that stands at the top level of the file: `function:`"
        findings.at(file, (*node.place, *place), "E0103", f"{path} has no function `{name}`", help=help)
        findings.stop()
    assert isinstance(function, pyfile.Function)
    render = YamlRenderer(secret_yaml_names(settings.vars, loaded.opened.environ), findings)
    params = {key: render(value, file, (*node.place, "params", key)) for key, value in info.params.items()}
    env, secrets = _environ(loaded, node, render, run_id)
    secrets += tuple(_rendered_within(info.params, params))
    tables = _tables(loaded, node)
    meant: set[str | None] = set()  # what is misspelt in `params:` is told once
    for key in params:
        if key not in function.takes:
            meant.add(suggest(key, function.takes))
            help = (
                did_you_mean(key, function.takes) or f"it takes {listed([f'`{one}`' for one in function.takes], 12) or 'nothing'}"
            )
            findings.at(file, (*node.place, "params", key), "E0122", f"`{name}` takes no `{key}`", help=help, key=True)
    given: dict[str, tuple[str, Any]] = {}
    for taken in function.takes:
        if taken in params:
            given[taken] = ("param", params[taken])
        elif taken in tables:
            continue
        elif taken in settings.connections:
            connection = connection_of(loaded, taken)
            given[taken] = ("connection", dict(connection.values))
            secrets += connection.secrets
        elif taken in settings.vars:
            given[taken] = ("var", copied(settings.vars[taken]))
        elif taken not in function.free and taken not in meant:
            known = [*info.params, *tables, *settings.connections, *settings.vars]
            message = f"the task `{node.name}` calls `{name}`, which takes `{taken}`, and nothing is called so"
            help = did_you_mean(taken, known) or (
                "what is given to it is what stands in `params:`, the tables in `reads:`, and the connections and variables of eltflow.yml"
            )
            findings.add(Diagnostic(code="E0122", message=message, span=function.spans[taken], help=help))
    findings.stop()
    call = Call(
        root=loaded.root,
        files=loaded.folder_of(path),
        file=path,
        function=name,
        given=given,
        secrets=secrets,
        keeps="table" if info.into else "none",
        environ=env,
        memory=(info.memory_mb or 0) * 1_000_000,
    )
    return call, {taken: tables[taken] for taken in function.takes if taken in tables and taken not in params}


def _tables(loaded: Loaded, node: Node) -> dict[str, Node]:
    """What a task reads, by the names of parameters."""
    assert node.task is not None
    above = [loaded.graph.nodes[parent] for parent in node.parents]
    made = {}
    for name in node.task.reads:
        found = next((one for one in above if one.name == name or one.display == name), None)
        if found is not None and found.relation is not None and found.materialized != "ephemeral":
            made[parameter(name)] = found
    return made


# -- jobs of APIs ------------------------------------------------------------------------------------------------------------------


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
    render = YamlRenderer(secret_yaml_names(settings.vars, loaded.opened.environ), findings)
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


def _environ(loaded: Loaded, node: Node, render: YamlRenderer, run_id: str) -> tuple[Mapping[str, str], tuple[str, ...]]:
    """The environment of what a task runs, and what of it is kept out of all that is shown."""
    assert node.task is not None
    about = {"ELTFLOW_RUN": run_id, "ELTFLOW_TARGET": loaded.target.name, "ELTFLOW_NODE": node.unique_id}
    if loaded.options.interval is not None:
        start, end = loaded.options.interval
        about |= {"ELTFLOW_INTERVAL_START": start.isoformat(), "ELTFLOW_INTERVAL_END": end.isoformat()}
    written = node.task.env
    own = {name: str(render(value, node.patch or node.path, (*node.place, "env", name))) for name, value in written.items()}
    return {**loaded.options.env, **about, **own}, (*loaded.target.secrets, *_rendered_within(written, own))


def _command(loaded: Loaded, node: Node, run_id: str) -> Command:
    assert node.task is not None
    info = node.task
    folder = loaded.root / info.folder
    if not folder.is_dir():
        raise ProgramError(
            f"there is no folder `{info.folder}`", "correct `folder:`: it begins at the project root", place=("folder",)
        )
    findings = Findings(loaded.read)
    render = YamlRenderer(secret_yaml_names(loaded.opened.project.settings.vars, loaded.opened.environ), findings)
    environ, secrets = _environ(loaded, node, render, run_id)
    file = node.patch or node.path
    arguments = [str(render(text, file, (*node.place, "command", n))) for n, text in enumerate(info.command)]
    findings.stop()
    return Command(
        arguments=arguments,
        folder=folder,
        environ=environ,
        memory=(info.memory_mb or 0) * 1_000_000,
        secrets=(*secrets, *_rendered_within([*info.command], arguments)),
    )
