"""What can be told without writing to the warehouse: the plan, the rows of a node, a node by the name that people use."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

from eltflow.api.asking import asking
from eltflow.api.compiling import compile_all, compiler_at, files_of, last_catalog, make_compiler
from eltflow.api.connections import asks, calls, reads_database, reads_elsewhere
from eltflow.api.explain import connection_problem, masked, not_there
from eltflow.api.loading import Loaded
from eltflow.api.opening import connected, schemas_of
from eltflow.api.running import job_of, project_hooks
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import did_you_mean, listed
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass, replace
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.materialize.cursor import name_of
from eltflow.compile.materialize.ingest import fresh_files
from eltflow.compile.materialize.meta import loaded_files
from eltflow.compile.node import Ask, Compiler
from eltflow.compile.personal import Personal
from eltflow.compile.privacy import Reach, masked_rows, masked_text, personal_columns, personal_columns_in
from eltflow.compile.program import FileInfo, Job, ProgramError
from eltflow.engine.drive import dry
from eltflow.engine.interruptible import Interruptible
from eltflow.ingest.files import digest
from eltflow.plan.build import make_plan
from eltflow.plan.plan import Plan, Request, Step
from eltflow.project.config import as_list
from eltflow.project.external import is_turned
from eltflow.project.nodes import Node
from eltflow.project.steps import shown_path
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Estimates, Session
from eltflow.warehouse.values import Column, Result, Statement, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step with the statements that it would send. `word` says what it does; `queries` are those that its template asks; `reads` are
    the bytes that its query would read, where the warehouse was asked and tells."""

    step: Step
    word: str
    statements: tuple[str, ...]
    queries: tuple[str, ...] = ()
    reads: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for people: `assumption` says what it takes to exist."""

    plan: Plan
    steps: tuple[PlannedStep, ...]
    assumption: str


def plan(loaded: Loaded, ids: Sequence[str], *, full_refresh: bool = False, connect: bool = False) -> Planned:
    """What a build of the nodes would do. Without `connect` the target is not touched: its last view says what exists."""
    catalog, seen = last_catalog(loaded)
    nodes = [loaded.graph.nodes[i] for i in ids]
    places = loaded.places
    names = dict.fromkeys(name for node in nodes if (name := places.step_target(node)))
    others = {name: _ask(places.at(name))[0] if connect else last_catalog(places.at(name))[0] for name in names}
    known: _Known | None = None
    tells = False
    if connect:
        catalog, known, tells = _ask(loaded, nodes)
        assumption = "what exists was read from the warehouse"
    elif seen is None:
        assumption = "this target was never seen: everything is taken to be new"
    else:
        assumption = f"compared with the target as it was last seen ({seen[:16].replace('T', ' ')} UTC)"
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh, others=others)
    runnable = [n for n in nodes if n.resource_type in ("model", "test", "seed", "ingest") and n.materialized != "ephemeral"]
    compiled, deferred = compile_all(compiler, runnable)
    runnable = [places.seen(n) for n in runnable]
    catalogs = {"": catalog, **others}
    request = Request(command="build", selected=tuple(n.unique_id for n in runnable), full_refresh=full_refresh)
    loads = {n.unique_id: _load(loaded, n, catalog, known) for n in runnable if n.ingest is not None}
    reasons = {n.unique_id: _reason(n, catalogs[places.step_target(n)], full_refresh, loads.get(n.unique_id)) for n in runnable}
    made = make_plan(
        places.graph,
        request,
        loaded.store.durations(loaded.target_key),
        reasons,
        project_hooks(loaded),
        copies=places.copies(runnable),
        at=places.step_target,
    )
    steps = []
    reads = _estimates(loaded, {i: one for i, one in compiled.items() if i not in places.elsewhere}) if tells else {}
    for step in made.steps.values():
        one = compiled.get(step.id)
        asks = ("run_query: the SQL is known when it runs",) if step.id in deferred else ()
        load = loads.get(step.id)
        if load is not None and not load.sure:
            asks = ("which of its files were loaded before: the SQL is that for all of them",)
        there = places.at(step.target)
        steps.append(
            PlannedStep(
                step=step,
                word=_word(step, catalogs.get(step.target, catalog)),
                statements=_statements(there, step, one, catalogs.get(step.target, catalog), compiler, full_refresh, load),
                queries=asks,
                reads=reads.get(step.id),
            )
        )
    return Planned(plan=made, steps=tuple(steps), assumption=assumption)


def _estimates(loaded: Loaded, compiled: Mapping[str, Compiled]) -> Mapping[str, int]:
    """The bytes that each node's query would read; of a warehouse that can tell beforehand."""
    with connected(loaded, read_only=True) as database:
        assert isinstance(database, Estimates)
        try:
            told = {node: database.estimate(one.sql) for node, one in compiled.items() if one.sql}
        except WarehouseError as error:
            raise EltflowError(connection_problem(loaded, error, "ask")) from None
    return {node: size for node, size in told.items() if size is not None}


#: What was loaded before, by the id of the step: path → (size, mtime, hash).
_Known = Mapping[str, Mapping[str, tuple[int, int, str]]]


def _ask(loaded: Loaded, nodes: Sequence[Node] = ()) -> tuple[Catalog, _Known, bool]:
    """What the target holds, which files were loaded by those of the nodes that append, and whether the warehouse tells what a query
    costs; asked without writing anything."""
    fold = loaded.adapter.dialect.fold_relation
    location = loaded.adapter.location(loaded.target, loaded.root)
    known: dict[str, Mapping[str, tuple[int, int, str]]] = {}
    try:
        with connected(loaded, read_only=True) as database:
            catalog = Catalog(fold, database.catalog(schemas_of(loaded.graph.nodes.values())))
            with contextlib.closing(database.session()) as session:
                for node in nodes:
                    if _appends(node, catalog):
                        known[node.unique_id] = _loaded_before(loaded, node, session)
            return catalog, known, isinstance(database, Estimates)
    except EltflowError as error:
        if "there is no database" in str(error) and location != ":memory:":
            return Catalog(fold), known, False
        raise


def _appends(node: Node, catalog: Catalog) -> bool:
    """Whether a step adds files to a table that is there. (A build never loads everything again.)"""
    existing = catalog.get(node.relation) if node.relation is not None else None
    return node.ingest is not None and node.ingest.load != "replace" and existing is not None and existing.kind == "table"


def _loaded_before(loaded: Loaded, node: Node, session: Session) -> Mapping[str, tuple[int, int, str]]:
    assert node.relation is not None
    asking = loaded_files(Job(node=node, relation=node.relation, dialect=loaded.adapter.dialect, run=""))
    try:
        asking.send(session.execute(next(asking)))
    except StopIteration as told:
        found: Mapping[str, tuple[int, int, str]] = told.value
        return found
    except WarehouseError:  # no eltflow_meta: nothing was loaded by us
        return {}
    raise AssertionError("one question")


@dataclass(frozen=True, slots=True)
class _Load:
    """The files that a step would load, in words too; not `sure` where only the warehouse knows which were loaded before."""

    files: tuple[FileInfo, ...]
    reason: str
    sure: bool = True


def _from_connection(node: Node, catalog: Catalog) -> str:
    """What a step that reads a connection would do; its source is not asked."""
    assert node.ingest is not None
    source, step = node.ingest.source, node.ingest.step
    cursor = name_of(step["cursor"]) if "cursor" in step else None
    if calls(node):
        what = f"what the function `{source['function']}` gives"
    else:
        what = f"{source.get('table') or source.get('path') or 'a query'} of the connection `{source['connection']}`"
    if not _appends(node, catalog):
        return f"loads all of {what}"
    return (
        f"{_BRINGS[node.ingest.load]} what is new by `{cursor}` in {what}"
        if cursor
        else f"{_BRINGS[node.ingest.load]} all of {what}"
    )


_BRINGS = {"append": "appends", "merge": "merges", "delete+insert": "brings in", "history": "adds versions of"}


def _load(loaded: Loaded, node: Node, catalog: Catalog, known: _Known | None) -> _Load:
    files = files_of(loaded, node)
    assert node.ingest is not None and node.relation is not None
    if node.unnests:
        return _Load((), f"the items of `{node.ingest.source['column']}` in what `{node.ingest.source['step']}` loads")
    if reads_database(node) or asks(node):
        return _Load((), _from_connection(node, catalog))
    if reads_elsewhere(node):
        how = f"{_BRINGS[node.ingest.load]} what is new of" if _appends(node, catalog) else "loads all of"
        return _Load((), f"{how} {listed(map(str, map(shown_path, as_list(node.ingest.source['path']))), 3)}")
    if not files:
        return _Load((), f"stops: no file matches {node.ingest.source['path']}")
    if not _appends(node, catalog):
        how = "the table's first: " if node.ingest.load != "replace" else "replaces the table by "
        return _Load(files, f"{how}{_count(files)}")
    if known is None:
        return _Load(
            files, f"{_BRINGS[node.ingest.load]} what was not loaded before, of {_count(files)} (--connect tells)", sure=False
        )
    job = Job(node=node, relation=node.relation, dialect=loaded.adapter.dialect, run="", files=files, digest=digest)
    try:
        fresh = tuple(fresh_files(job, known.get(node.unique_id, {})))
    except ProgramError as error:
        return _Load((), f"stops: {error.message}")
    if not fresh:
        return _Load((), f"nothing new, of {_count(files)}")
    names = listed([f.name for f in fresh], 3)
    return _Load(fresh, f"{counted(len(fresh), 'new file')} ({names})")


def _count(files: Sequence[FileInfo]) -> str:
    return counted(len(files), "file")


def _word(step: Step, catalog: Catalog) -> str:
    if step.action == "ingest":
        return "load"
    if step.action in ("seed", "test", "hook", "copy"):
        return step.action
    existing = catalog.get(step.node.relation) if step.node.relation is not None else None
    return "new" if existing is None else step.node.materialized


def _reason(node: Node, catalog: Catalog, full_refresh: bool, load: _Load | None) -> str:
    """Why, in words. (What changed since the last run is told when builds skip what did not.)"""
    if node.resource_type == "test":
        return ""
    assert node.relation is not None
    existing = catalog.get(node.relation)
    if load is not None:
        return load.reason
    if node.resource_type == "seed":
        return "loads its file"
    if existing is None:
        return f"{node.materialized}: does not exist yet"
    if node.materialized == "incremental":
        own = node.config.get("full_refresh")
        refreshed = bool(own) if own is not None else full_refresh
        return "full refresh" if refreshed else "brings in what is new"
    wanted = "view" if node.materialized in ("view", "external") else "table"
    return f"{node.materialized}: replaces a {existing.kind}" if existing.kind != wanted else "is built again"


def _statements(
    loaded: Loaded,
    step: Step,
    compiled: Compiled | None,
    catalog: Catalog,
    compiler: Compiler,
    full_refresh: bool,
    load: _Load | None,
) -> tuple[str, ...]:
    node = step.node
    if step.action == "copy":
        return _copying(compiler, step)
    if step.action == "hook":
        try:
            sql = compiler.hook(node)
        except NeedsWarehouse:
            return (str(node.config["sql"]),)
        return (sql,) if sql else ()
    if compiled is None or node.relation is None or (load is not None and not load.files):
        return ()
    refreshed = full_refresh and load is None  # only `ingest` itself fetches everything again
    job = job_of(loaded, node, compiled, catalog, run_id="00000000", full_refresh=refreshed, dry=True)
    job = replace(job, files=load.files) if load is not None else job
    if node.ingest is not None and any(is_turned(file.path, node.ingest.source) for file in job.files):
        return ()  # what is read in their place is known when it is made
    existing = job.existing
    columns = tuple(Column(c.name, c.type) for c in existing.columns) if existing is not None else ()
    answer = Result(columns=columns, rows=((0, False, False),)) if step.action == "test" else Result(columns=columns)
    try:
        return tuple(s.sql for s in dry(MATERIALIZATIONS[node.materialized](job), answer))
    except (ProgramError, WarehouseError) as error:  # a dialect may refuse a configuration
        raise fail("E0602", str(error), help=error.help) from None


def _copying(compiler: Compiler, step: Step) -> tuple[str, ...]:
    """What a copy asks the one target for, and where in the other the rows go: how they get there is each loader's own."""
    assert compiler.across is not None
    assert step.node.relation is not None
    (of,) = step.node.parents
    home = compiler.home(compiler.graph.nodes[of])
    there = home.graph.nodes[of]
    assert there.relation is not None
    into = compiler.across.compiler(step.target) if step.target else compiler
    read = f"select * from {home.dialect.render(there.relation)}"
    rows = f"-- its rows go into {into.dialect.render(step.node.relation)}, until its last reader has ended"
    return (f"-- on {home.across.here if home.across is not None else ''}\n{read}", rows)


def find_node(loaded: Loaded, name: str) -> Node:
    """The node that a person means: by unique id, name, or `source.table`; if none is called just so, by the name of a relation as the
    warehouse reads it, in capitals or not. Raises EltflowError (E0214)."""
    nodes = loaded.graph.nodes
    if name in nodes:
        return nodes[name]
    found = [n for n in nodes.values() if name in (n.name, n.display)]
    if not found:
        fold = loaded.adapter.dialect.fold_relation
        called = fold(name, False)
        alike = [n for n in nodes.values() if n.resource_type != "test" and called in (fold(n.name, False), fold(n.display, False))]
        found = alike if len({n.display for n in alike}) == 1 else []
    order = ("model", "seed", "ingest", "source")
    found.sort(key=lambda n: order.index(n.resource_type) if n.resource_type in order else len(order))
    if found:
        return found[0]
    known = [n.display for n in nodes.values() if n.resource_type != "test"]
    raise fail("E0214", f"there is no node `{name}`", help=did_you_mean(name, known) or "eltflow ls lists them")


def show(loaded: Loaded, name: str | None, inline: str | None, limit: int, *, full_refresh: bool = False) -> Result:
    """The rows that a node's query gives now (its table's, for what has no query), or an inline query's. `limit` -1 is all.

    Values that may come from columns tagged `pii` are masked, as in the failing rows of tests."""
    target = loaded.places.step_target(find_node(loaded, name)) if name is not None else ""
    main, loaded = loaded, loaded.places.at(target)
    catalog, _, _ = _ask(loaded)
    others = {target: catalog} if target else None
    whole = make_compiler(main, last_catalog(main)[0] if target else catalog, full_refresh=full_refresh, others=others)
    compiler = compiler_at(whole, target)
    with contextlib.suppress(NeedsWarehouse):
        _shown_sql(loaded, compiler, name, inline, None)  # what is wrong in the project is told before the target is opened
    sql = ""
    with connected(loaded) as database:
        session = Interruptible(database.session())
        try:
            sql = _shown_sql(loaded, compiler, name, inline, asking(session, loaded.adapter.dialect))
            tail = f" limit {limit}" if limit >= 0 else ""
            found = session.execute(Statement(f"select * from (\n{sql}\n) as eltflow_shown{tail}", role="query"))
            personal = Personal(compiler)
            columns = tuple(column.name for column in found.columns)
            return replace(found, rows=masked_rows(columns, found.rows, sql, _reach(loaded, personal, name, sql), personal))
        except WarehouseError as error:
            missing = "build it first: eltflow build" if "does not exist" in error.engine_message else error.help
            help = (not_there(loaded.graph, find_node(loaded, name), catalog, error) if name is not None else None) or missing
            words = masked_text(masked(error, loaded.target), error.code, _reach(loaded, Personal(compiler), name, sql))
            failed = fail("E0601", words, help=help)
            failed.exit_code = 1
            raise failed from None
        finally:
            session.close()


def _reach(loaded: Loaded, personal: Personal, name: str | None, sql: str) -> Reach:
    """The personal columns in reach of what is shown."""
    return personal_columns(find_node(loaded, name), personal) if name is not None else personal_columns_in(sql, personal)


def _shown_sql(loaded: Loaded, compiler: Compiler, name: str | None, inline: str | None, ask: Ask | None) -> str:
    if inline is not None:
        return compiler.inline(inline, ask)
    assert name is not None
    node = find_node(loaded, name)
    if node.resource_type in ("model", "analysis", "test") and not compiler.crosses(node):
        return compiler.node(node, ask).sql
    if node.resource_type == "test" or node.materialized == "ephemeral":
        message = f"`{node.name}` reads rows of several targets, which are brought together only while it runs"
        raise fail("E0218", message, help="show what it reads, each by its name")
    assert node.relation is not None
    return f"select * from {loaded.adapter.dialect.render(node.relation)}"
