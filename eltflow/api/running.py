"""Runs what was selected: lock, catalog, compile, plan, run, write down."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eltflow import __version__
from eltflow.api.compiling import compile_all, files_of, keep_compiled, make_compiler
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, with_source
from eltflow.compile.compiled import Compiled
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.files import meta_tables
from eltflow.compile.node import Compiler
from eltflow.compile.program import FileInfo, Job, Outcome, ProgramError
from eltflow.compile.query import QueryResult
from eltflow.engine.drive import Trace, drive
from eltflow.engine.run import run, utc_now
from eltflow.events import Event, RunFinished, StepFinished, StepResult
from eltflow.ingest.files import digest
from eltflow.plan.build import make_plan
from eltflow.plan.plan import Plan, Request, Step
from eltflow.project.nodes import Node
from eltflow.report.rows import masked_rows
from eltflow.state.lock import run_lock
from eltflow.state.store import NodeRecord, RunRecord
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Database, Session
from eltflow.warehouse.values import Relation, Statement, Target, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a command runs what was selected."""

    command: str = "build"
    selected: tuple[str, ...] = ()
    full_refresh: bool = False
    fail_fast: bool = False
    store_failures: bool = False
    sample_rows: int = 5
    lock_timeout: float = 0.0
    retries: int = 2
    timeout: float | None = None
    selection: str = ""


@dataclass(slots=True)
class RunState:
    """What a run knows while it goes on; read it after the events ended."""

    run_id: str
    plan: Plan | None = None
    results: dict[str, StepResult] = field(default_factory=dict)
    compiled: dict[str, Compiled] = field(default_factory=dict)
    catalog: Catalog | None = None
    started_at: datetime.datetime | None = None
    finished: RunFinished | None = None


def execute(loaded: Loaded, options: RunOptions, state: RunState | None = None) -> Generator[Event, None, None]:
    """Lock the target, read its catalog, compile everything selected, plan, run, and write down what happened.

    Raises EltflowError before anything is touched: E0803 locked, E0805 no connection, E02xx to E04xx what compiling finds.
    """
    state = state or RunState(run_id=loaded.options.invocation_id)
    about = {"user": loaded.options.env.get("USER"), "started_at": loaded.options.started_at.isoformat(timespec="seconds")}
    with (
        run_lock(loaded.target_key, loaded.options.env, options.lock_timeout, about),
        connected(loaded) as database,
    ):
        yield from _execute(loaded, options, state, database)


@contextlib.contextmanager
def connected(loaded: Loaded, *, read_only: bool = False) -> Iterator[Database]:
    try:
        database = loaded.adapter.open(loaded.target, loaded.root, read_only=read_only)
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error)) from None
    try:
        yield database
    finally:
        database.close()


def connection_problem(loaded: Loaded, error: WarehouseError) -> Diagnostic:
    """What to tell when a target cannot be opened."""
    helps = {
        "locked": "close the other program that has the file open (a notebook, a shell, another tool)",
        "read_only": "give the file write permission, or name another `path`",
        "connection": "check the target's settings in eltflow.yml, then `eltflow debug`",
    }
    where = loaded.adapter.location(loaded.target, loaded.root)
    message = f"cannot open the target `{loaded.target.name}` ({loaded.adapter.name} {where}): {error.engine_message}"
    return Diagnostic(code="E0805", message=message, help=helps.get(error.kind, helps["connection"]))


def schemas_of(loaded: Loaded, nodes: Iterable[Node]) -> list[tuple[str | None, str]]:
    found = {(n.relation.database, n.relation.schema): None for n in nodes if n.relation is not None and n.relation.schema}
    return [(database, schema) for database, schema in found if schema is not None]


def _execute(loaded: Loaded, options: RunOptions, state: RunState, database: Database) -> Iterator[Event]:
    graph, dialect = loaded.graph, loaded.adapter.dialect
    seen = _seen(loaded, options)
    catalog = Catalog(dialect.fold, database.catalog(schemas_of(loaded, graph.nodes.values()), seen))
    state.catalog = catalog
    compiler = make_compiler(loaded, catalog, full_refresh=options.full_refresh, thorough=True)
    selected = [graph.nodes[i] for i in options.selected]
    runnable = [n for n in selected if n.resource_type in ("model", "test", "seed", "ingest") and n.materialized != "ephemeral"]
    state.compiled, _ = compile_all(compiler, runnable)
    keep_compiled(loaded, compiler)
    hooks = project_hooks(loaded) if options.command in ("build", "run", "seed", "test", "ingest") else []
    request = Request(
        command=options.command,
        selected=tuple(n.unique_id for n in runnable),
        full_refresh=options.full_refresh,
        fail_fast=options.fail_fast,
        threads=loaded.target.threads,
        retries=options.retries,
        timeout=options.timeout,
    )
    plan = make_plan(graph, request, loaded.store.durations(loaded.target_key), hooks=hooks)
    state.plan = plan
    state.started_at = utc_now()
    try:
        control = database.session()
        try:
            _prepare(loaded, runnable, options, control)
        finally:
            control.close()
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error)) from None
    loaded.store.start(_start_record(loaded, options, state))
    worker = _Worker(loaded, options, compiler, catalog, state)
    try:
        for event in run(plan, database.session, worker, run_id=state.run_id):
            while loaded.messages:
                yield loaded.messages.pop(0)
            if isinstance(event, StepFinished):
                state.results[event.result.step] = event.result
            if isinstance(event, RunFinished):
                state.finished = event
                _finish(loaded, state, database)
            yield event
    finally:
        if state.finished is None:
            _finish(loaded, state, database)


#: With more relations than this, the whole catalog is read at once.
_FEW = 300


def _seen(loaded: Loaded, options: RunOptions) -> list[Relation] | None:
    """The relations that a run of few nodes needs to know about: theirs, and those of everything above; None for all."""
    if len(options.selected) > _FEW:
        return None
    ids = {*options.selected, *loaded.graph.ancestors(options.selected)}
    found = [n.relation for i in ids if (n := loaded.graph.nodes[i]).relation is not None]
    return found if len(found) <= _FEW else None


def project_hooks(loaded: Loaded) -> list[Node]:
    """The project's `on_run_start` and `on_run_end` as nodes of their own."""
    settings = loaded.opened.project.settings
    made: list[Node] = []
    for at, texts in (("start", settings.on_run_start), ("end", settings.on_run_end)):
        for index, text in enumerate(texts):
            name = f"{settings.name}-on-run-{at}-{index}"
            made.append(
                Node(
                    unique_id=f"operation.{settings.name}.{name}",
                    resource_type="operation",
                    name=name,
                    package=settings.name,
                    path="eltflow.yml",
                    fqn=(settings.name, "hooks", name),
                    config={"at": at, "sql": text},
                )
            )
    return made


def _prepare(loaded: Loaded, nodes: Sequence[Node], options: RunOptions, control: Session) -> None:
    """Make the schemas that the run writes to, and the tables that ingestion writes down loads in."""
    dialect = loaded.adapter.dialect
    stored = options.store_failures
    writes = [n for n in nodes if n.resource_type != "test" or stored or n.config.get("store_failures")]
    for database, schema in schemas_of(loaded, writes):
        control.execute(dialect.create_schema(database, schema))
    steps = [n for n in nodes if n.resource_type == "ingest"]
    if steps and steps[0].relation is not None:
        job = Job(node=steps[0], relation=steps[0].relation, dialect=dialect, run="")
        for statement in meta_tables(job):
            control.execute(statement)


def job_of(
    loaded: Loaded,
    node: Node,
    compiled: Compiled,
    catalog: Catalog,
    *,
    run_id: str,
    full_refresh: bool,
    digest: Callable[[FileInfo], str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Job:
    """What the node's materialization needs; its files are looked for now."""
    assert node.relation is not None
    own = node.config.get("full_refresh")
    return Job(
        node=node,
        relation=node.relation,
        dialect=loaded.adapter.dialect,
        run=run_id.replace("-", "")[:8],
        compiled=compiled,
        existing=catalog.get(node.relation),
        full_refresh=bool(own) if own is not None else full_refresh,
        files=files_of(loaded, node),
        digest=digest,
        options=options or {},
    )


class _Worker:
    """What a worker does for one step: compile if that waited, make the program, drive it, and say what came of it."""

    def __init__(self, loaded: Loaded, options: RunOptions, compiler: Compiler, catalog: Catalog, state: RunState) -> None:
        self.loaded = loaded
        self.options = options
        self.compiler = compiler
        self.catalog = catalog
        self.state = state

    def __call__(self, step: Step, session: Session, tell: Callable[[Event], None]) -> StepResult:
        if step.action == "hook":
            return self._hook(step, session)
        compiled = self.state.compiled.get(step.id)
        if compiled is None:
            compiled = self.compiler.node(step.node, lambda sql: QueryResult(session.execute(Statement(sql, role="query"))))
            self.state.compiled[step.id] = compiled
        job = self._job(step.node, compiled)
        trace = Trace()
        try:
            outcome = drive(MATERIALIZATIONS[step.node.materialized](job), session, trace)
        except WarehouseError as error:
            if error.kind in ("transient", "cancelled"):
                raise
            raise EltflowError(self._explained(step.node, compiled, error, trace)) from None
        except ProgramError as error:
            span = Span(file=step.node.path)
            raise EltflowError(Diagnostic(code="E0602", message=error.message, span=span, help=error.help)) from None
        for table in outcome.made:
            self.catalog.add(table)
        if outcome.sample:
            outcome = replace(
                outcome, sample=masked_rows(outcome.sample_columns, outcome.sample, step.node, self.loaded.graph.nodes)
            )
        return _result(step, outcome, trace)

    def _hook(self, step: Step, session: Session) -> StepResult:
        names = self.compiler.names(step.node, lambda sql: QueryResult(session.execute(Statement(sql, role="query"))))
        sql = self.loaded.opened.renderer.render(str(step.node.config["sql"]), step.node.path, names.names).text.strip()
        if sql:
            session.execute(Statement(sql, role="user"))
        return StepResult(step=step.id, status="success", kind="hook", statements=1, sql=sql)

    def _job(self, node: Node, compiled: Compiled) -> Job:
        return job_of(
            self.loaded,
            node,
            compiled,
            self.catalog,
            run_id=self.state.run_id,
            full_refresh=self.options.full_refresh,
            digest=digest,
            options={"store_failures": self.options.store_failures, "sample_rows": self.options.sample_rows},
        )

    def _explained(self, node: Node, compiled: Compiled, error: WarehouseError, trace: Trace) -> Diagnostic:
        """The engine's words, at the user's line where the statement holds the compiled SQL."""
        span = Span(file=node.path)
        sql = trace.statements[-1].sql if trace.statements else ""
        at = sql.find(compiled.sql) if compiled.sql else -1
        if error.line is not None and at >= 0:
            before = sql.count("\n", 0, at)
            first_column = at - (sql.rfind("\n", 0, at) + 1)
            line = error.line - before
            column = (error.column or 1) - (first_column if line == 1 else 0)
            if 1 <= line <= compiled.sql.count("\n") + 1:
                span = compiled.place(line, max(1, column))
        label = "test" if node.test is not None else node.resource_type
        found = Diagnostic(
            code="E0601",
            message=f"{label} `{node.name}`: {_masked(error.engine_message, self.loaded.target)}",
            span=span,
            help=f"the compiled SQL is in {compiled_path(self.loaded, node)}" if compiled.sql else None,
        )
        with contextlib.suppress(EltflowError):
            found = with_source(found, self.loaded.opened.project.read(span.file))
        return found


def _masked(text: str, target: Target) -> str:
    for secret in target.secrets:
        if secret:
            text = text.replace(secret, "*****")
    return text


def _result(step: Step, outcome: Outcome, trace: Trace) -> StepResult:
    return StepResult(
        step=step.id,
        status=outcome.status,  # type: ignore[arg-type]
        kind=outcome.kind,
        rows=outcome.rows,
        changed=outcome.changed,
        files=outcome.files,
        failures=outcome.failures,
        message=outcome.message,
        sample_columns=outcome.sample_columns,
        sample=outcome.sample,
        statements=len(trace.statements),
    )


def compiled_path(loaded: Loaded, node: Node) -> str:
    """Where a node's compiled SQL is written, relative to the project root."""
    settings = loaded.opened.project.settings
    short = node.relation.identifier if node.relation is not None else node.name
    name = node.path if node.test is None or node.test.singular else f"{node.path}/{short}.sql"
    return f"{settings.target_path}/compiled/{settings.name}/{name}"


def _start_record(loaded: Loaded, options: RunOptions, state: RunState) -> RunRecord:
    import socket

    assert state.started_at is not None
    return RunRecord(
        id=state.run_id,
        target_key=loaded.target_key,
        target=loaded.target.name,
        command=options.command,
        selection=options.selection,
        status="running",
        started_at=state.started_at.isoformat(timespec="milliseconds"),
        user=loaded.options.env.get("USER"),
        host=socket.gethostname(),
        pid=os.getpid(),
        git_commit=git_commit(loaded.root),
        version=__version__,
    )


def _finish(loaded: Loaded, state: RunState, database: Database) -> None:
    """Write down how the run ended, and what the target holds now."""
    now = utc_now()
    assert state.plan is not None and state.started_at is not None
    finished = state.finished
    bad = any(r.status in ("error", "fail", "cancelled") for r in state.results.values())
    cancelled = finished is None or finished.cancelled
    status = "cancelled" if cancelled else "failed" if bad else "success"
    records = [
        NodeRecord(
            unique_id=r.step,
            name=state.plan.steps[r.step].node.name,
            action=state.plan.steps[r.step].action,
            status=r.status,
            kind=r.kind,
            started_at=r.started_at.isoformat(timespec="milliseconds") if r.started_at else None,
            seconds=round(r.seconds, 4),
            rows=r.rows,
            changed=r.changed,
            files=r.files,
            failures=r.failures,
            message=r.message,
        )
        for r in state.results.values()
    ]
    seconds = (now - state.started_at).total_seconds()
    loaded.store.finish(state.run_id, status, now.isoformat(timespec="milliseconds"), seconds, records)
    with contextlib.suppress(WarehouseError):
        relations = [n.relation for r in state.results.values() if (n := state.plan.steps[r.step].node).relation is not None]
        made = [r for r in relations if r is not None]
        whole = len(made) > _FEW
        tables = database.catalog(schemas_of(loaded, loaded.graph.nodes.values()), None if whole else made)
        loaded.store.save_catalog(loaded.target_key, now.isoformat(timespec="seconds"), tables, None if whole else made)
        for table in tables:
            if state.catalog is not None:
                state.catalog.add(table)


def git_commit(root: Path) -> str | None:
    """The commit that the project's checkout stands at, read from its files; None outside one."""
    for folder in (root, *root.parents):
        head = folder / ".git" / "HEAD"
        try:
            text = head.read_text().strip()
        except OSError:
            continue
        if not text.startswith("ref: "):
            return text
        name = text.removeprefix("ref: ")
        with contextlib.suppress(OSError):
            return (folder / ".git" / name).read_text().strip()
        with contextlib.suppress(OSError):
            for line in (folder / ".git" / "packed-refs").read_text().splitlines():
                if line.endswith(f" {name}"):
                    return line.split()[0]
        return None
    return None
