"""Runs what was selected: lock, catalog, compile, plan, run, write down."""

from __future__ import annotations

import contextlib
import datetime
import functools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow import __version__
from eltflow.api.asking import asking
from eltflow.api.batching import Batches
from eltflow.api.compiling import FirstLook, View, compile_first, compiler_at, files_of, keep_compiled, new_warnings
from eltflow.api.connections import (
    check_backfill,
    check_connections,
    check_unnested,
    opened_files,
    opened_records,
    opened_table,
    reads_database,
    taking_turns,
    unpacked_files,
)
from eltflow.api.copying import Copies, becomes, copying, moving
from eltflow.api.explain import connection_problem, program_problem, warehouse_problem
from eltflow.api.hashing import hasher, hashes
from eltflow.api.loading import Loaded
from eltflow.api.opening import FEW, Site, about_run, opened, said_by, schemas, schemas_of, seen, sites_of
from eltflow.api.past import user_of
from eltflow.api.recording import make_tables
from eltflow.base.diagnostics import Diagnostic, EltflowError, Span, fail
from eltflow.base.names import is_temporary, listed, short, stepped_aside
from eltflow.base.records import dataclass, field, replace
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.contract import contract_of, pointed_at
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.quarantine import quarantine_of, quarantines
from eltflow.compile.materialize.relation import project_hook
from eltflow.compile.materialize.test import stores_failures
from eltflow.compile.node import Compiler
from eltflow.compile.personal import Personal
from eltflow.compile.privacy import masked_rows, masked_text, personal_columns, personal_values
from eltflow.compile.program import Along, FileInfo, Hashing, Job, Looks, LostLease, Outcome, Program, ProgramError
from eltflow.engine.comment import Commented, comment
from eltflow.engine.drive import Trace, drive, patiently
from eltflow.engine.once import Once
from eltflow.engine.pools import Pools
from eltflow.engine.run import run, utc_now
from eltflow.events import Event, Message, RunFinished, StepFinished, StepProgressed, StepResult
from eltflow.ingest.files import digest, file_now, file_reader
from eltflow.ingest.looks import inspect
from eltflow.ingest.remote import OpenedFiles
from eltflow.ingest.sieve import TemporarySieve
from eltflow.ingest.tables import OneMoment
from eltflow.plan.build import make_plan, takes_step
from eltflow.plan.plan import Copy, Plan, Request, Step
from eltflow.project.nodes import Node
from eltflow.state.store import NodeRecord, RunRecord
from eltflow.transfer import SharesMoment, Tables
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import CatalogTable, Purpose, Relation, Statement, WarehouseError

if TYPE_CHECKING:
    from eltflow.api.emitting import Emitter
    from eltflow.api.external import LocalFiles
    from eltflow.api.places import Places
    from eltflow.api.tasking import Outside, Waiting
    from eltflow.ingest.forks import Forks
    from eltflow.ingest.functions import OpenedFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """How a command runs what was selected: the ids in `selected`, or every node where that is None.

    `command` is its name in artifacts and history; `backfill` are the values of their cursors from and up to which steps bring in rows
    again; `sample_rows` is how many failing rows of a test are fetched; `lock_timeout` and
    `timeout` (of one node; None or 0: no limit) are seconds; `pools` are shared with other runs;
    `retries` counts after transient errors; `selection` is what was typed; `asked` names what the run is an attempt at, the same when
    one that was lost is begun again.
    """

    command: str = "build"
    selected: tuple[str, ...] | None = None
    full_refresh: bool = False
    backfill: tuple[str, str] | None = None
    fail_fast: bool = False
    store_failures: bool = False
    sample_rows: int = 5
    lock_timeout: float = 0.0
    retries: int = 2
    timeout: float | None = None
    selection: str = ""
    warn_error: bool = False
    pools: Pools | None = None
    asked: str = ""
    outside: Outside | None = None


@dataclass(slots=True)
class RunState:
    """What a run knows while it goes on; read it after the events ended. `warned` counts what templates and eltflow warned of, tests
    aside. `sites` are its targets."""

    run_id: str
    plan: Plan | None = None
    results: dict[str, StepResult] = field(default_factory=dict)
    compiled: dict[str, Compiled] = field(default_factory=dict)
    warnings: tuple[Diagnostic, ...] = ()
    explained: set[str] = field(default_factory=set)
    catalog: Catalog | None = None
    started_at: datetime.datetime | None = None
    finished: RunFinished | None = None
    warned: int = 0
    cancelled: bool = False
    sites: Sequence[Site] = ()
    hasher: Callable[[str], str] | None = None

    @property
    def fenced(self) -> bool:
        """Whether another run took a target over."""
        return any(site.lease is not None and site.lease.lost for site in self.sites)

    def cancel(self) -> None:
        """Ask the run to stop: what is running is cancelled, the rest is skipped. May be called from anywhere, a signal handler too."""
        self.cancelled = True


def execute(loaded: Loaded, options: RunOptions, state: RunState | None = None) -> Generator[Event, None, None]:
    """Compile everything selected, lock the target, read its catalog, plan, run, and write down what happened.

    Compiling comes first, against the last view of the target, so that what is wrong in the project is told before the warehouse is
    asked; what is compiled stands if the target is still what it was.
    Raises EltflowError before anything is touched: E02xx to E04xx what compiling finds, E0803 locked, E0805 no connection.
    """
    state = state or RunState(run_id=loaded.options.invocation_id)
    loaded.heard.clear()  # each run says it once
    loaded.places.runs(state.run_id)
    runnable = _runnable(loaded, options)
    first = compile_first(loaded, runnable, seen(loaded, options.selected), full_refresh=options.full_refresh)
    _check_hooks(loaded, first.compiler)
    check_connections(loaded, runnable)
    if any(n.task is not None for n in runnable):
        from eltflow.api.tasking import check_tasks

        check_tasks(loaded, runnable)
    check_unnested(loaded, runnable)
    if options.backfill is not None:
        check_backfill(loaded, runnable)
    state.hasher = hasher(loaded, runnable)
    emitter = _emitter(loaded, options, state)
    runnable = [loaded.places.seen(node) for node in runnable]
    _check_apart(loaded, runnable)
    copies = loaded.places.copies(runnable)
    sites = sites_of(loaded, runnable, options.selected, copies)
    state.sites = tuple(sites.values())
    with (
        opened(state.sites, state.run_id, about_run(loaded), options.lock_timeout),
        contextlib.closing(_execute(loaded, options, state, sites, copies, runnable, first)) as events,
    ):
        for event in _emitted(events, emitter) if emitter is not None else events:
            state.warned += isinstance(event, Message) and event.level == "warning"
            yield event


def _runnable(loaded: Loaded, options: RunOptions) -> list[Node]:
    """The nodes to run. Deliveries and tasks are among them if they were asked for by their ids. Raises EltflowError for what is wrong with
    these."""
    nodes = loaded.graph.nodes
    if options.selected is None:
        return [n for n in nodes.values() if takes_step(n) and n.outside is None]
    chosen = [nodes[i] for i in options.selected]
    if any(n.outside is not None for n in chosen):
        from eltflow.api.delivering import check_deliveries, guarded  # most runs send nothing

        ids, told = guarded(loaded, options.selected)
        loaded.messages.extend(told)
        chosen = [nodes[i] for i in ids]
        check_deliveries(loaded, chosen)
    return [n for n in chosen if takes_step(n)]


def _check_apart(loaded: Loaded, running: Iterable[Node]) -> None:
    """Raise EltflowError (E0210) for two nodes that make one table, one at the run's target and one because it says so: among those of the
    targets that the run has to do with, whether they run or not."""
    places, made = loaded.places, dict[tuple[str, str], Node]()
    if not any("target" in node.config for node in places.loaded.graph.nodes.values()):
        return
    concerned = {"", *map(places.step_target, running)}  # of the others nothing may be known without their settings
    for node in places.graph.nodes.values():
        if node.relation is None or node.resource_type not in ("model", "seed", "ingest") or node.materialized == "ephemeral":
            continue
        if places.step_target(node) not in concerned:
            continue
        there = places.at(places.step_target(node))
        other = made.setdefault((there.target_key, there.adapter.dialect.fold_relation(str(node.relation), True)), node)
        if other is not node:
            message = (
                f"{other.noun} `{other.name}` and {node.noun} `{node.name}` both make {node.relation} on `{there.target.name}`"
            )
            help = f"give one of them another `alias` or `schema` (the other is {other.path})"
            raise EltflowError(Diagnostic(code="E0210", message=message, span=Span(file=node.path, line=1), help=help))


def _emitter(loaded: Loaded, options: RunOptions, state: RunState) -> Emitter | None:
    """What sends the run's events as OpenLineage's, if somebody wants them. Raises EltflowError for settings that are wrong."""
    if loaded.opened.project.settings.openlineage is None and "OPENLINEAGE_URL" not in loaded.options.env:
        return None
    from eltflow.api.emitting import emitter  # imports an HTTP client

    return emitter(loaded, options.command, state.run_id, lambda node: state.compiled.get(node), lambda: state.catalog)


def _emitted(events: Iterable[Event], emitter: Emitter) -> Iterator[Event]:
    """The events, each sent on its way; before the last one what did not arrive."""
    ended = False
    try:
        for event in events:
            emitter.take(event)
            if isinstance(event, RunFinished):
                ended = True
                yield from emitter.close()
            yield event
    finally:
        if not ended:
            emitter.take(RunFinished(run_id="", finished_at=utc_now(), seconds=0.0, cancelled=True))
            list(emitter.close())


def _check_hooks(loaded: Loaded, compiler: Compiler) -> None:
    """Raise EltflowError for a hook of the project that is wrong whatever the target holds; what it says is kept for when it runs."""
    said, heard = len(loaded.messages), set(loaded.heard)
    for node in project_hooks(loaded):
        with contextlib.suppress(NeedsWarehouse):
            compiler.hook(node)
    del loaded.messages[said:]
    loaded.heard.intersection_update(heard)


def _execute(
    loaded: Loaded,
    options: RunOptions,
    state: RunState,
    sites: Mapping[str, Site],
    copies: Sequence[Copy],
    runnable: list[Node],
    first: FirstLook,
) -> Generator[Event, None, None]:
    graph = loaded.graph
    for site in state.sites:
        _look(site)
        returned = _put_back(site, _writers(site.nodes, options)) if site.written else ()
        if returned:
            yield Message(text=f"put back what a run that was killed had put aside: {listed([str(r) for r in returned])}")
            _look(site)
    state.catalog = sites[""].catalog
    views = [_view(site) for site in state.sites]
    compiler, state.compiled = first.against(loaded, views, runnable, full_refresh=options.full_refresh)
    keep_compiled(loaded, compiler)
    state.warnings = tuple(new_warnings(loaded, state.compiled.values(), running=True))
    # A table that may be misspelt is told of when its reader is through: where the warehouse knows no such table, the error says it all.
    running = {node.unique_id for node in runnable}
    held: dict[str, list[Message]] = {}
    for node_id, one in state.compiled.items():
        for found in one.warnings:
            if found in state.warnings and found.code == "W0204" and not options.warn_error and node_id in running:
                held.setdefault(node_id, []).append(_warning(found))
    told = {message.text for messages in held.values() for message in messages}
    paths = {node.path for node in runnable}
    elsewhere = [w for w in graph.warnings if w.code == "W0204" and (w.span is None or w.span.file not in paths)]
    yield from (_warning(found) for found in (*elsewhere, *state.warnings) if found.message not in told)
    if state.warnings and options.warn_error:
        return
    hooks = project_hooks(loaded) if options.command in ("build", "run", "seed", "test", "ingest") else []
    request = Request(
        command=options.command,
        selected=tuple(n.unique_id for n in runnable),
        full_refresh=options.full_refresh,
        fail_fast=options.fail_fast,
        threads=loaded.target.threads,
        retries=options.retries,
        timeout=options.timeout,
        threads_at={site.name: site.loaded.target.threads for site in state.sites if site.name},
    )
    places = loaded.places
    durations = loaded.store.durations(loaded.target_key)
    plan = make_plan(places.graph, request, durations, hooks=hooks, copies=copies, at=places.step_target)
    state.plan = plan
    state.started_at = utc_now()
    left = [table for site in state.sites if site.written for table in _prepared(site, options)]
    loaded.store.start(_start_record(loaded, options, state))
    if left:
        names = listed([str(t.relation) for t in left])
        yield Message(text=f"dropped what a run that was killed had left: {names}")
    for site in state.sites:
        yield from _grants_unknown(site.loaded, site.nodes)
    moved = Copies(copies, sites)
    workers = {
        site.name: _Worker(site, options, compiler_at(compiler, site.name), state, moved) for site in state.sites if site.written
    }
    main = workers[""]
    try:
        events = run(
            plan,
            sites[""].database.session,
            lambda step, session, tell: workers[step.target](step, session, tell),
            run_id=state.run_id,
            ledger=state.results,
            cancelled=lambda: state.cancelled or state.fenced,
            pools=options.pools or Pools(taking_turns(loaded)),
            elsewhere={name: site.database.session for name, site in sites.items()},
        )
        for event in events:
            moved.take(event)
            if isinstance(event, StepFinished):
                yield from (Message(text=text) for site in state.sites for text in said_by(site.database))
            while loaded.messages:
                yield loaded.messages.pop(0)
            if isinstance(event, StepFinished) and event.result.step not in state.explained:
                yield from held.pop(event.result.step, ())
            if isinstance(event, RunFinished):
                yield from moved.sweep(state.results)
                for text in _left_behind(loaded, main, options):
                    yield Message(text=text, level="warning")
                state.finished = event
                _finish(loaded, state)
            yield event
    finally:
        if state.finished is None:
            events.close()
            for _ in (*moved.sweep(state.results), *_left_behind(loaded, main, options)):
                pass
            _finish(loaded, state)
        for worker in workers.values():
            worker.close()


def _look(site: Site) -> None:
    """Read what the target holds. Raises EltflowError (E0805)."""
    loaded = site.loaded
    wanted = schemas_of(loaded.graph.nodes.values()) if site.seen is None else schemas(site.seen)
    copied = schemas_of(copy.node for copy in site.copies)
    try:
        site.tables = site.database.catalog(list(dict.fromkeys((*wanted, *copied))), site.seen)
    except WarehouseError as error:
        raise EltflowError(connection_problem(loaded, error, "ask")) from None
    there = (t for t in site.tables if not is_temporary(t.relation.identifier))
    site.catalog = Catalog(loaded.adapter.dialect.fold_relation, there)


def _view(site: Site) -> View:
    relations = site.seen
    if relations is None:
        relations = [n.relation for n in site.loaded.graph.nodes.values() if n.relation is not None]
    return View(target=site.name, catalog=site.catalog, relations=relations)


def _prepared(site: Site, options: RunOptions) -> tuple[CatalogTable, ...]:
    """Make the target ready, and drop what a run that was killed left there, which is given back. Raises EltflowError (E0805)."""
    dialect = site.loaded.adapter.dialect
    writers = [*_writers(site.nodes, options), *(copy.node for copy in site.copies)]
    try:
        with contextlib.closing(site.database.session()) as control:
            left = leftovers(site.tables, schemas_of(writers), dialect)
            for table in left:
                control.execute(dialect.drop(table.relation, table.kind))
            for database, schema in schemas_of(writers):
                patiently(control, dialect.create_schema(database, schema))
            site.records = make_tables(site.loaded, site.nodes, control)
    except WarehouseError as error:
        raise EltflowError(connection_problem(site.loaded, error, "write to")) from None
    return left


def _left_behind(loaded: Loaded, worker: _Worker, options: RunOptions) -> Iterator[str]:
    """Cancel what the run leaves behind at APIs; tells of it."""
    if any(waiting.job is not None for waiting in worker.waits.values()):
        from eltflow.api.tasking import give_up

        yield from give_up(loaded, worker.waits, options.outside)


def _warning(found: Diagnostic) -> Message:
    return Message(text=found.message, level="warning", diagnostic=found)


def _place(found: Diagnostic) -> tuple[str, int | None, int | None] | None:
    return (found.span.file, found.span.line, found.span.column) if found.span is not None else None


def _put_back(site: Site, nodes: Iterable[Node]) -> tuple[Relation, ...]:
    """Give what a killed run had put aside its place again, where nothing has taken it: the relations that are there again."""
    dialect = site.loaded.adapter.dialect
    catalog = Catalog(dialect.fold_relation, site.tables)
    wanted = {node.relation for node in nodes if node.relation is not None and catalog.get(node.relation) is None}
    aside = [
        (t, name) for t in site.tables if (name := stepped_aside(t.relation.identifier)) and t.relation.sibling(name) in wanted
    ]
    if not aside:
        return ()
    try:
        with contextlib.closing(site.database.session()) as session:
            for table, name in aside:
                session.execute(dialect.rename(table.relation, name, table.kind))
    except WarehouseError as error:
        raise EltflowError(connection_problem(site.loaded, error, "write to")) from None
    return tuple(table.relation.sibling(name) for table, name in aside)


def leftovers(
    tables: Iterable[CatalogTable], schemas: Iterable[tuple[str | None, str]], dialect: Dialect
) -> tuple[CatalogTable, ...]:
    """Relations of our own that a killed run left in the schemas that this one writes to. The run's lock says that it is not alive."""
    written = {_folded(dialect, schema) for schema in schemas}
    return tuple(
        t
        for t in tables
        if is_temporary(t.relation.identifier) and _folded(dialect, (t.relation.database, t.relation.schema or "")) in written
    )


def _folded(dialect: Dialect, schema: tuple[str | None, str]) -> tuple[str | None, str]:
    database, name = schema
    return dialect.fold_relation(database, True) if database is not None else None, dialect.fold_relation(name, True)


def _grants_unknown(loaded: Loaded, nodes: Iterable[Node]) -> Iterator[Message]:
    """One warning where nodes ask for grants and the warehouse has none."""
    if loaded.adapter.dialect.capabilities.grants:
        return
    asking = [n.name for n in nodes if n.config.get("grants")]
    if asking:
        message = f"{loaded.adapter.name} has no grants: those of {listed([f'`{name}`' for name in asking])} are left out"
        found = Diagnostic(
            code="W0603",
            severity="warning",
            message=message,
            help="take them out, or set them only where `target.type` is a warehouse that has grants",
        )
        yield Message(text=message, level="warning", diagnostic=found)


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


def _writers(nodes: Iterable[Node], options: RunOptions) -> list[Node]:
    """The nodes that make a relation."""
    return [n for n in nodes if n.resource_type != "test" or stores_failures(n.config, options.store_failures)]


def job_of(
    loaded: Loaded,
    node: Node,
    compiled: Compiled,
    catalog: Catalog,
    *,
    run_id: str,
    full_refresh: bool,
    dry: bool = False,
    digest: Callable[[FileInfo], str] | None = None,
    inspect: Callable[[FileInfo, str, str, bool], Looks] | None = None,
    ours: Callable[[Relation], bool] = lambda relation: False,
    fence: Statement | None = None,
    records: bool = False,
    options: Mapping[str, Any] | None = None,
    hasher: Callable[[str], str] | None = None,
) -> Job:
    """What the node's materialization needs; its files are looked for now."""
    assert node.relation is not None
    own = node.config.get("full_refresh")
    job = Job(
        node=node,
        relation=node.relation,
        dialect=loaded.adapter.dialect,
        run=short(run_id),
        compiled=compiled,
        existing=catalog.get(node.relation),
        full_refresh=bool(own) if own is not None else full_refresh,
        dry=dry,
        files=files_of(loaded, node),
        digest=digest,
        look=file_now,
        inspect=inspect,
        reader=None if loaded.adapter.dialect.capabilities.reads_files else file_reader(),
        written=files_written(loaded, node, short(run_id)),
        ours=ours,
        contract=contract_of(node, loaded.graph.nodes),
        pointed=pointed_at(node, loaded.graph.nodes, loaded.graph.children.get(node.unique_id, ())),
        fence=fence,
        run_id=run_id if records else None,
        options=options or {},
        hashing=Hashing(file_reader(), hasher or _unhashed) if hashes(node) else None,
        beside=_table_of(loaded, node, catalog),
    )
    return replace(job, children=tuple(_of_lists(loaded, job, child, catalog) for child in loaded.graph.beside(node.unique_id)))


def _of_lists(loaded: Loaded, job: Job, node: Node, catalog: Catalog) -> Job:
    """What a node of the lists of a step needs in the step's own program."""
    assert node.relation is not None
    return replace(
        job,
        node=node,
        relation=node.relation,
        compiled=None,
        existing=catalog.get(node.relation),
        files=(),
        beside=CatalogTable(job.relation, "table"),
        pointed=pointed_at(node, loaded.graph.nodes, loaded.graph.children.get(node.unique_id, ())),
        hashing=None,
    )


def _table_of(loaded: Loaded, node: Node, catalog: Catalog) -> CatalogTable | None:
    """The table whose lists a node unnests; None if it is not there, and of every other node."""
    parents = [loaded.graph.nodes[parent].relation for parent in node.parents] if node.unnests else []
    return next((catalog.get(relation) for relation in parents if relation is not None), None)


def files_written(loaded: Loaded, node: Node, run: str) -> LocalFiles | None:
    """The files that a model is kept in, as `run` (8 hex digits) writes them; None for one that is kept in the warehouse."""
    if node.materialized != "external":
        return None
    from eltflow.api.external import LocalFiles  # few projects have any
    from eltflow.project.external import place_of

    return LocalFiles(place_of(node, loaded.root, loaded.target), run)


def _unhashed(text: str) -> str:
    raise AssertionError("rows are read only where the secret is known")


class _Worker:
    """What a worker does for one step at a target: compile if that waited, make the program, drive it, and say what came of it."""

    def __init__(self, site: Site, options: RunOptions, compiler: Compiler, state: RunState, copies: Copies) -> None:
        self.site = site
        self.loaded = site.loaded
        self.options = options
        self.compiler = compiler
        self.catalog = site.catalog
        self.state = state
        self.copies = copies
        self.said = _said(site.loaded, state.run_id)
        assert state.plan is not None
        self.waits: dict[str, Waiting] = {}  #: what tasks wait for
        self.along: dict[str, Along] = {}  #: nodes that the programs of others made
        self._opened = contextlib.ExitStack()
        self._forks: Once[Forks] = Once()
        self._moments: Once[OneMoment] = Once()
        steps = [step for step in state.plan.steps.values() if step.target == site.name]
        self.built = frozenset(step.node.relation for step in steps if step.action != "test")
        tests = (step.node for step in steps if step.action == "test")
        self.batches = Batches(compiler, tests, off=options.store_failures)

    def forks(self) -> Forks:
        """The process that functions of the project are forked from, one for the run."""
        from eltflow.ingest.forks import Forks  # it imports what starts processes

        return self._forks.get(None, lambda: self._opened.enter_context(contextlib.closing(Forks())))

    def close(self) -> None:
        """End what was started for the run."""
        self._opened.close()

    @functools.cached_property
    def relations(self) -> frozenset[Relation]:
        """Those of all nodes."""
        return frozenset(n.relation for n in self.loaded.graph.nodes.values() if n.relation is not None)

    @functools.cached_property
    def personal(self) -> Personal:
        """Made when rows are shown: it looks at every node."""
        return Personal(self.compiler)

    def __call__(self, step: Step, session: Session, tell: Callable[[Event], None]) -> StepResult:
        stopped = functools.partial(getattr, session, "stopped", False)
        if self.said is not None:
            session = Commented(session, comment({**self.said, "node": step.id}))
        if step.action == "hook":
            return self._hook(step, session)
        if step.action == "copy":
            return self._copied(step, session, tell, stopped)
        if step.action == "task":
            return self._task(step, session, tell, stopped)
        if step.action == "deliver":
            return self._delivered(step, session, tell, stopped)
        if step.id in self.along:
            made = self.along[step.id]
            return StepResult(step=step.id, status="success", kind="view" if made.table.kind == "view" else "load", rows=made.rows)
        compiled = self.state.compiled.get(step.id)
        if compiled is None:
            compiled = self.compiler.node(step.node, asking(session, self.loaded.adapter.dialect))
            self.state.compiled[step.id] = compiled
        if step.action == "test" and self.batches.passes(step.node, session):
            return StepResult(step=step.id, status="pass", kind="test", failures=0)
        tables = opened_table(self.loaded, step.node, self._joining(step))
        records = opened_records(self.loaded, step.node, stop=stopped, forks=self.forks, far=_far(step, tell))
        elsewhere = opened_files(self.loaded, step.node, stop=stopped)
        unpacked = unpacked_files(step.node, elsewhere, stop=stopped)
        with contextlib.ExitStack() as opened:
            for one in (tables, records, elsewhere, unpacked):
                if one is not None:
                    opened.enter_context(contextlib.closing(one))
            job = self._within(replace(self._job(step.node, compiled), tables=tables, records=records))
            if elsewhere is not None:
                job = self._listed(step, job, elsewhere)
            if unpacked is not None:
                job = replace(job, bring=unpacked.bring)
            if quarantines(job):
                reach = personal_values(step.node, self.personal)
                sieve = TemporarySieve(file_reader(), None if reach.unsure else reach.names)
                job = replace(job, sieve=opened.enter_context(contextlib.closing(sieve)))
            return self._made(step, session, tell, compiled, job)

    def _joining(self, step: Step) -> Callable[[Tables, Callable[[], Tables]], None] | None:
        """What lets the tables that one step of the project brings be read at one moment, where the server has such; None for all others."""
        members = self._brought.get((step.node.path, step.node.place), ())
        if len(members) < 2:
            return None

        def join(tables: Tables, open: Callable[[], Tables]) -> None:
            if isinstance(tables, SharesMoment):
                key = (step.node.path, step.node.place)
                made = self._moments.get(key, lambda: self._opened.enter_context(contextlib.closing(OneMoment(open(), members))))
                made.join(step.id, tables)

        return join

    @functools.cached_property
    def _brought(self) -> Mapping[tuple[str, tuple[str | int, ...]], list[str]]:
        """The steps of the plan that read databases, by the entry that they are written in."""
        assert self.state.plan is not None
        made: dict[tuple[str, tuple[str | int, ...]], list[str]] = {}
        for step in self.state.plan.steps.values():
            if step.target == self.site.name and reads_database(step.node):
                made.setdefault((step.node.path, step.node.place), []).append(step.id)
        return made

    def _within(self, job: Job) -> Job:
        """The job with the values of its cursor that it is about, where somebody says which. The first load is about everything."""
        if self.options.backfill is not None:
            return replace(job, backfill=self.options.backfill)
        about, step = self.loaded.options.interval, job.node.ingest
        if about is None or step is None or not (step.step.get("cursor") or {}).get("interval") or job.existing is None:
            return job
        start, end = (one.astimezone(datetime.UTC).replace(tzinfo=None).isoformat() for one in about)
        return replace(job, backfill=(start, end), interval=True)

    def _listed(self, step: Step, job: Job, elsewhere: OpenedFiles) -> Job:
        """The job with its files, which are elsewhere."""
        try:
            files = elsewhere.files()
        except WarehouseError as error:
            if error.retriable or error.kind == "cancelled":
                raise
            raise EltflowError(warehouse_problem(self.loaded, step.node, None, error, None, self.catalog)) from None
        return replace(job, files=files, digest=elsewhere.digest, look=elsewhere.look)

    def _made(self, step: Step, session: Session, tell: Callable[[Event], None], compiled: Compiled, job: Job) -> StepResult:
        """Drive the step's program, and take in what it did."""
        program = MATERIALIZATIONS[job.node.materialized](job)
        trace = Trace(purpose=Purpose(self.state.run_id, step.id))
        outcome = self._driven(step, program, session, trace, compiled)
        for table in (*outcome.made, *outcome.moved):
            self.catalog.add(table)
        for relation in outcome.gone:
            self.catalog.remove(relation)
        for one in outcome.along:
            self.catalog.add(one.table)
            self.along[one.node] = one
        if outcome.quarantined:
            where, count = quarantine_of(job), outcome.quarantined
            tell(
                Message(text=f"`{step.node.name}`: {count:,} bad row{'s are' if count > 1 else ' is'} in {where}", level="warning")
            )
        _say(step, outcome.told, tell)
        lost = [relation for relation in outcome.unpointed if relation not in self.built]
        if lost:
            text = f"{listed(map(str, lost))} lost the foreign keys that pointed at the old table: build it too"
            tell(Message(text=f"`{step.node.name}`: {text}", level="warning"))
        if outcome.message is not None and not self.built.issuperset(outcome.gone):
            tell(Message(text=f"`{step.node.name}`: {outcome.message}", level="warning"))
        return self._shown(_result(step, outcome, trace), step.node, compiled, outcome.note_code)

    def _driven(self, step: Step, program: Program, session: Session, trace: Trace, compiled: Compiled | None) -> Outcome:
        """What the program did. Raises EltflowError at the user's line, or WarehouseError for what may be tried again."""
        try:
            return drive(program, session, trace)
        except WarehouseError as error:
            if error.retriable or error.kind == "cancelled":
                raise
            last = trace.statements[-1] if trace.statements else None
            problem = warehouse_problem(self.loaded, step.node, compiled, error, last, self.catalog)
            raise EltflowError(problem if compiled is None else self._meant(step, compiled, problem)) from None
        except LostLease as error:
            assert self.site.lease is not None
            self.site.lease.lost = True
            raise fail("E0807", error.message, help=error.help) from None
        except ProgramError as error:
            raise EltflowError(program_problem(self.loaded, step.node, error)) from None

    def _shown(self, result: StepResult, node: Node, compiled: Compiled, code: str | None) -> StepResult:
        """The result of a test as people may see it: without what is personal in its failing rows."""
        if not result.sample and result.note is None:
            return result
        reach = personal_columns(node, self.personal)
        rows = masked_rows(result.sample_columns, result.sample, compiled.sql, reach, self.personal)
        return replace(result, sample=rows, note=result.note and masked_text(result.note, code, reach))

    def _meant(self, step: Step, compiled: Compiled, found: Diagnostic) -> Diagnostic:
        """What the warehouse refused, with what is known of that very place: one error, and not a warning beside it."""
        for warning in compiled.warnings:
            if warning.code == "W0204" and _place(warning) == _place(found):
                self.state.explained.add(step.id)
                return replace(found, help=warning.help, notes=(warning.message, *found.notes))
        return found

    def _task(self, step: Step, session: Session, tell: Callable[[Event], None], stopped: Callable[[], bool]) -> StepResult:
        from eltflow.api.tasking import called, done

        assert step.node.task is not None
        if step.node.task.python:
            with called(self.loaded, step.node, session, stopped, self.state.run_id, self.forks) as function:
                return self._called(step, session, tell, function)
        asking_for = functools.partial(asking, session, self.loaded.adapter.dialect)
        try:
            run_id = self.state.run_id
            asked, outside = self.options.asked or run_id, self.options.outside
            kind, lines = done(
                self.loaded, self.compiler, step.node, session, asking_for, self.waits, stopped, run_id, asked, outside
            )
        except ProgramError as error:
            raise EltflowError(program_problem(self.loaded, step.node, error)) from None
        _say(step, lines, tell)
        return StepResult(step=step.id, status="success", kind=kind)

    def _called(self, step: Step, session: Session, tell: Callable[[Event], None], function: OpenedFunction) -> StepResult:
        """What became of a task's function: its rows are in their table, if it makes one."""
        from eltflow.api.tasking import as_step

        assert step.node.task is not None
        if step.node.task.into:
            loading = as_step(step.node)
            compiled = self.compiler.node(loading)
            return self._made(step, session, tell, compiled, replace(self._job(loading, compiled), records=function))
        try:
            function.fetch(None)
        except ProgramError as error:
            raise EltflowError(program_problem(self.loaded, step.node, error)) from None
        _say(step, function.told, tell)
        return StepResult(step=step.id, status="success", kind="python")

    def _copied(self, step: Step, session: Session, tell: Callable[[Event], None], stopped: Callable[[], bool]) -> StepResult:
        copy, places = self.copies.of(step), self.places
        of = places.graph.nodes[copy.of]
        origin = next(site for site in self.state.sites if site.name == places.step_target(of))
        trace = Trace(purpose=Purpose(self.state.run_id, step.id))
        try:
            with moving(origin, of, trace.purpose, stopped) as moved:
                changed = becomes(self.loaded.adapter.dialect, moved.rows.fields, self.loaded.target.name)
                for text in (
                    *moved.told,
                    *changed,
                ):  # what a reader gets is not what its model says, which nobody may find out by chance
                    tell(Message(text=f"`{step.node.name}`: {text}", level="warning"))
                outcome = self._driven(step, copying(self.site, step, of, moved, self.state.run_id), session, trace, None)
        except WarehouseError as error:
            if error.retriable or error.kind == "cancelled":
                raise
            raise EltflowError(warehouse_problem(self.loaded, step.node, None, error, None, self.catalog)) from None
        return _result(step, outcome, trace)

    @property
    def places(self) -> Places:
        return (self.loaded.main or self.loaded).places

    def _delivered(self, step: Step, session: Session, tell: Callable[[Event], None], stopped: Callable[[], bool]) -> StepResult:
        from eltflow.api.delivering import opened
        from eltflow.deliver.program import deliver

        trace = Trace(purpose=Purpose(self.state.run_id, step.id))
        anew = self.options.full_refresh and self.options.command == "deliver"
        with opened(self.loaded, step.node, self.catalog, stop=stopped, anew=anew, fence=self._fence) as delivery:
            outcome = self._driven(step, deliver(delivery), session, trace, None)
        _say(step, outcome.told, tell)
        return _result(step, outcome, trace)

    def _hook(self, step: Step, session: Session) -> StepResult:
        sql = self.compiler.hook(step.node, asking(session, self.loaded.adapter.dialect))
        trace = Trace(purpose=Purpose(self.state.run_id, step.id))
        if sql:
            self._driven(step, project_hook(self.loaded.adapter.dialect, sql, self._fence), session, trace, None)
        sent = len(trace.statements)
        return StepResult(step=step.id, status="success", kind="hook", statements=sent, statement_id=trace.statement_id, sql=sql)

    @property
    def _fence(self) -> Statement | None:
        return self.site.lease.fence if self.site.lease is not None else None

    def _refreshes(self, node: Node) -> bool:
        """Whether `--full-refresh` holds for the node: a build brings in what is new, only `ingest` itself fetches everything again."""
        return self.options.full_refresh and (node.ingest is None or self.options.command == "ingest")

    def _job(self, node: Node, compiled: Compiled) -> Job:
        return job_of(
            self.loaded,
            node,
            compiled,
            self.catalog,
            run_id=self.state.run_id,
            full_refresh=self._refreshes(node),
            digest=digest,
            inspect=inspect,
            ours=lambda relation: relation in self.relations,
            fence=self._fence,
            records=self.site.records,
            options={"store_failures": self.options.store_failures, "sample_rows": self.options.sample_rows},
            hasher=self.state.hasher,
        )


def _said(loaded: Loaded, run_id: str) -> Mapping[str, str] | None:
    """What the comment of every statement says, but for the node; None where there is to be none."""
    settings = loaded.opened.project.settings
    wanted = settings.query_comment
    if wanted is False or (wanted is None and not loaded.adapter.dialect.capabilities.query_comments):
        return None
    more = wanted if isinstance(wanted, Mapping) else {}
    return {**more, "app": "eltflow", "project": settings.name, "target": loaded.target.name, "run": run_id}


def _far(step: Step, tell: Callable[[Event], None]) -> Callable[[int | None, int], None]:
    """Tells how far a step is, from now on."""
    began = time.monotonic()
    return lambda rows, size: tell(StepProgressed(step=step.id, rows=rows, bytes=size, seconds=time.monotonic() - began))


def _say(step: Step, texts: Iterable[str], tell: Callable[[Event], None]) -> None:
    for text in texts:
        tell(Message(text=f"`{step.node.name}`: {text}"))


def _result(step: Step, outcome: Outcome, trace: Trace) -> StepResult:
    return StepResult(
        step=step.id,
        status=outcome.status,  # type: ignore[arg-type]
        kind=outcome.kind,
        rows=outcome.rows,
        changed=outcome.changed,
        files=outcome.files,
        quarantined=outcome.quarantined,
        failures=outcome.failures,
        message=outcome.message,
        note=outcome.note,
        sample_columns=outcome.sample_columns,
        sample=outcome.sample,
        statements=len(trace.statements),
        statement_id=trace.statement_id,
        statistics=trace.statistics,
    )


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
        user=user_of(loaded.options.env),
        host=socket.gethostname(),
        pid=os.getpid(),
        git_commit=git_commit(loaded.root),
        version=__version__,
    )


def _finish(loaded: Loaded, state: RunState) -> None:
    """Write down how the run ended, and what its targets hold now."""
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
    for site in state.sites:
        if site.written:
            with contextlib.suppress(WarehouseError):
                _look_again(site, state, now)


def _look_again(site: Site, state: RunState, now: datetime.datetime) -> None:
    """Remember what the target holds: the relations of what ran as they are now, the others that were looked at (None: all) as they were
    when the run began."""
    assert state.plan is not None
    steps = [step for i in state.results if (step := state.plan.steps[i]).target == site.name and step.action != "copy"]
    made = [step.node.relation for step in steps if step.node.relation is not None]
    whole = len(made) > FEW
    loaded, seen = site.loaded, site.seen
    tables = site.database.catalog(schemas_of(loaded.graph.nodes.values()) if whole else schemas(made), None if whole else made)
    for relation in made:
        site.catalog.remove(relation)
    for table in tables:
        site.catalog.add(table)
    at = now.isoformat(timespec="seconds")
    if whole or seen is None:
        loaded.store.save_catalog(loaded.target_key, at, tables if whole else site.catalog)
    else:
        loaded.store.save_catalog(loaded.target_key, at, site.catalog, [*seen, *made])


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
