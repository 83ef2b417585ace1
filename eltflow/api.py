"""The stages wired together, for scripts and for the command line. Owns the files under `target/` and the state beside the project.

Nothing here is global: two calls in one process, on two threads, know nothing of each other.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, fail, with_source
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.files import META, meta_tables
from eltflow.compile.node import Compiler
from eltflow.compile.program import FileInfo, Job, Outcome, ProgramError
from eltflow.compile.query import QueryResult
from eltflow.engine.drive import Trace, drive
from eltflow.engine.run import run, utc_now
from eltflow.events import Event, Message, RunFinished, StepFinished, StepResult
from eltflow.graph.build import FactStore, Names, build_graph, candidate_words
from eltflow.graph.facts import Extractor
from eltflow.graph.graph import Graph
from eltflow.ingest.files import digest, file_info, matching
from eltflow.native.open import Opened, open_project
from eltflow.plan.build import make_plan
from eltflow.plan.plan import Plan, Request, Step
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.project.options import Options
from eltflow.project.surface import base_names, target_names
from eltflow.state.lock import run_lock
from eltflow.state.store import NodeRecord, RunRecord, Store
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Adapter, Database, Session
from eltflow.warehouse.values import CatalogTable, Relation, Statement, Target, WarehouseError

VERSION = "0.1.0"
STATE_FOLDER = ".eltflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A project, its graph and what is needed to compile and run it."""

    opened: Opened
    graph: Graph
    options: Options
    base: Mapping[str, Any]
    messages: list[Message] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.opened.project.root

    @property
    def target(self) -> Target:
        return self.opened.project.target

    @property
    def adapter(self) -> Adapter:
        return self.opened.adapter

    @property
    def target_key(self) -> str:
        """What a run locks and history is kept under: where the target physically is, and its database and schema."""
        return target_key(self.adapter, self.target, self.root)

    @property
    def store(self) -> Store:
        return Store(self.root / STATE_FOLDER / "state.sqlite")


def target_key(adapter: Adapter, target: Target, root: Path) -> str:
    location = adapter.location(target, root)
    unique = f"#{os.getpid()}" if location == ":memory:" else ""
    return f"{adapter.name}:{location}{unique}"


def new_options(**values: Any) -> Options:
    """Options for this process: its environment, the time now and a fresh invocation id, unless given."""
    given = {"env": dict(os.environ), "invocation_id": str(uuid.uuid4()), "started_at": utc_now(), **values}
    return Options(**given)


def load(root: Path, options: Options | None = None) -> Loaded:
    """Open the project at `root` and build its graph. Raises EltflowError with everything that is wrong."""
    options = options or new_options()
    opened = open_project(root, options)
    project, adapter = opened.project, opened.adapter
    messages: list[Message] = []
    base = base_names(
        vars=project.vars,
        environ=opened.environ,
        flags=_flags(options),
        invocation_id=options.invocation_id,
        started_at=options.started_at,
        say=lambda text, shown: None,
        warn=lambda text: None,
    )
    base["target"] = target_names(project.target, adapter.secret_fields)
    with _offline(adapter) as parse:
        extractor = Extractor(
            opened.renderer, base, adapter.dialect, project.target, candidate_words(project), parse, strict=options.strict
        )
        graph = build_graph(project, FactStore(extractor), adapter.dialect, _naming(opened, base))
    said = base_names(
        vars=project.vars,
        environ=opened.environ,
        flags=_flags(options),
        invocation_id=options.invocation_id,
        started_at=options.started_at,
        say=lambda text, shown: messages.append(Message(text=text, level="info" if shown else "debug")),
        warn=lambda text: messages.append(Message(text=text, level="warning")),
    )
    return Loaded(
        opened=opened, graph=graph, options=options, base={**said, "target": base["target"]}, messages=messages
    )


def _flags(options: Options) -> dict[str, Any]:
    return {"FULL_REFRESH": False, "STORE_FAILURES": False, "WHICH": "", **options.flags}


@contextlib.contextmanager
def _offline(adapter: Adapter) -> Iterator[Callable[[str], tuple[str, int | None, int | None] | None] | None]:
    """The adapter's offline parser, opened when it is first asked."""
    opened: list[Any] = []

    def parse(sql: str) -> tuple[str, int | None, int | None] | None:
        if not opened:
            opened.append(adapter.offline())
        answer: tuple[str, int | None, int | None] | None = opened[0].parse(sql)
        return answer

    try:
        yield parse if adapter.dialect.capabilities.offline_parser else None
    finally:
        for one in opened:
            one.close()


def _naming(opened: Opened, base: Mapping[str, Any]) -> Names:
    """The project's own `generate_schema_name`, `generate_alias_name` and `generate_database_name`, if it has them."""
    renderer = opened.renderer

    def rule(macro: str) -> Callable[..., Any] | None:
        if renderer.macro(macro) is None:
            return None

        def name(custom: Any, node: Node) -> Any:
            shown = {"name": node.name, "config": dict(node.config), "resource_type": node.resource_type, "fqn": list(node.fqn)}
            return renderer.call(macro, {**base, "node": shown}, node.path, custom, shown)

        return name

    return Names(
        schema=rule("generate_schema_name"), alias=rule("generate_alias_name"), database=rule("generate_database_name")
    )


# -- compiling -----------------------------------------------------------------------------------------------------------------


def make_compiler(loaded: Loaded, catalog: Catalog, *, full_refresh: bool = False) -> Compiler:
    """A compiler for the loaded graph against what `catalog` says exists."""
    return Compiler.make(
        loaded.opened.project,
        loaded.graph,
        loaded.opened.renderer,
        loaded.adapter.dialect,
        loaded.base,
        catalog,
        offline=loaded.adapter.offline() if loaded.adapter.dialect.capabilities.offline_parser else None,
        full_refresh=full_refresh,
    )


def compile_all(compiler: Compiler, nodes: Iterable[Node]) -> tuple[dict[str, Compiled], list[str]]:
    """Every node compiled, and the ids of those that must ask the warehouse first. Raises EltflowError with every error."""
    done: dict[str, Compiled] = {}
    deferred: list[str] = []
    found: list[Diagnostic] = []
    for node in nodes:
        try:
            done[node.unique_id] = compiler.node(node)
        except NeedsWarehouse:
            deferred.append(node.unique_id)
        except EltflowError as error:
            found += [d for d in error.diagnostics if d not in found]
    if found:
        raise EltflowError(found)
    return done, deferred


def last_catalog(loaded: Loaded) -> tuple[Catalog, str | None]:
    """The last view of the target, and when that was (ISO 8601, UTC); an empty one if it was never seen."""
    seen = loaded.store.catalog(loaded.target_key)
    fold = loaded.adapter.dialect.fold
    if seen is None:
        return Catalog(fold, known=False), None
    return Catalog(fold, seen[1]), seen[0]


# -- running -------------------------------------------------------------------------------------------------------------------


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


def execute(loaded: Loaded, options: RunOptions, state: RunState | None = None) -> Iterator[Event]:
    """Lock the target, read its catalog, compile everything selected, plan, run, and write down what happened.

    Raises EltflowError before anything is touched: E0803 locked, E0805 no connection, E02xx to E04xx what compiling finds.
    """
    state = state or RunState(run_id=loaded.options.invocation_id)
    about = {"user": loaded.options.env.get("USER"), "started_at": loaded.options.started_at.isoformat(timespec="seconds")}
    with (
        run_lock(loaded.target_key, loaded.options.env, options.lock_timeout, about),
        _connected(loaded) as database,
    ):
        control = database.session()
        try:
            yield from _execute(loaded, options, state, database, control)
        finally:
            control.close()


@contextlib.contextmanager
def _connected(loaded: Loaded, *, read_only: bool = False) -> Iterator[Database]:
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


def _schemas(loaded: Loaded, nodes: Iterable[Node]) -> list[tuple[str | None, str]]:
    found = {(n.relation.database, n.relation.schema): None for n in nodes if n.relation is not None and n.relation.schema}
    return [(database, schema) for database, schema in found if schema is not None]


def _execute(loaded: Loaded, options: RunOptions, state: RunState, database: Database, control: Session) -> Iterator[Event]:
    graph, dialect = loaded.graph, loaded.adapter.dialect
    catalog = Catalog(dialect.fold, database.catalog(control, _schemas(loaded, graph.nodes.values())))
    state.catalog = catalog
    compiler = make_compiler(loaded, catalog, full_refresh=options.full_refresh)
    selected = [graph.nodes[i] for i in options.selected]
    runnable = [n for n in selected if n.resource_type in ("model", "test", "seed", "ingest") and n.materialized != "ephemeral"]
    state.compiled, _ = compile_all(compiler, runnable)
    hooks = _project_hooks(loaded) if options.command in ("build", "run", "seed", "test", "ingest") else []
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
    record = _start_record(loaded, options, state)
    loaded.store.start(record)
    try:
        _prepare(loaded, runnable, options, control)
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error)) from None
    worker = _Worker(loaded, options, compiler, catalog, state)
    try:
        for event in run(plan, database.session, worker, run_id=state.run_id):
            while loaded.messages:
                yield loaded.messages.pop(0)
            if isinstance(event, StepFinished):
                state.results[event.result.step] = event.result
            if isinstance(event, RunFinished):
                state.finished = event
                _finish(loaded, state, database, control)
            yield event
    finally:
        if state.finished is None:
            _finish(loaded, state, database, control)


def _project_hooks(loaded: Loaded) -> list[Node]:
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
    for database, schema in _schemas(loaded, writes):
        control.execute(dialect.create_schema(database, schema))
    steps = [n for n in nodes if n.resource_type == "ingest"]
    if steps and steps[0].relation is not None:
        job = Job(node=steps[0], relation=steps[0].relation, dialect=dialect, run="")
        for statement in meta_tables(job):
            control.execute(statement)


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
        return _result(step, outcome, trace)

    def _hook(self, step: Step, session: Session) -> StepResult:
        names = self.compiler.names(step.node, lambda sql: QueryResult(session.execute(Statement(sql, role="query"))))
        sql = self.loaded.opened.renderer.render(str(step.node.config["sql"]), step.node.path, names.names).text.strip()
        if sql:
            session.execute(Statement(sql, role="user"))
        return StepResult(step=step.id, status="success", kind="hook", statements=1, sql=sql)

    def _job(self, node: Node, compiled: Compiled) -> Job:
        assert node.relation is not None
        root = self.loaded.root
        files: tuple[FileInfo, ...] = ()
        if node.resource_type == "seed":
            files = (file_info(root, node.path),)
        elif node.ingest is not None:
            files = matching(root, as_list(node.ingest.source["path"]))
        own = node.config.get("full_refresh")
        return Job(
            node=node,
            relation=node.relation,
            dialect=self.loaded.adapter.dialect,
            run=self.state.run_id.replace("-", "")[:8],
            compiled=compiled,
            existing=self.catalog.get(node.relation),
            full_refresh=bool(own) if own is not None else self.options.full_refresh,
            files=files,
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
    name = node.path if node.test is None or node.test.singular else f"{node.path}/{node.name}.sql"
    return f"{settings.target_path}/compiled/{settings.name}/{name}"


# -- what stays ----------------------------------------------------------------------------------------------------------------


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
        version=VERSION,
    )


def _finish(loaded: Loaded, state: RunState, database: Database, control: Session) -> None:
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
        tables = database.catalog(control, _schemas(loaded, loaded.graph.nodes.values()))
        loaded.store.save_catalog(loaded.target_key, now.isoformat(timespec="seconds"), tables)
        state.catalog = Catalog(loaded.adapter.dialect.fold, tables)


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


__all__ = [
    "META",
    "CatalogTable",
    "Loaded",
    "Relation",
    "RunOptions",
    "RunState",
    "compile_all",
    "execute",
    "fail",
    "last_catalog",
    "load",
    "make_compiler",
    "new_options",
    "replace",
]
