"""What can be told without writing to the warehouse: the plan, the rows of a node, a node by the name that people use."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from eltflow.api.asking import asking
from eltflow.api.compiling import compile_all, last_catalog, make_compiler
from eltflow.api.explain import masked, not_there
from eltflow.api.loading import Loaded
from eltflow.api.running import connected, job_of, project_hooks, schemas_of
from eltflow.base.diagnostics import EltflowError, fail
from eltflow.base.names import did_you_mean
from eltflow.compile.compiled import Compiled, NeedsWarehouse
from eltflow.compile.materialize import MATERIALIZATIONS
from eltflow.compile.node import Ask, Compiler
from eltflow.compile.program import ProgramError
from eltflow.engine.drive import dry
from eltflow.ingest.files import matching
from eltflow.plan.build import make_plan
from eltflow.plan.plan import Plan, Request, Step
from eltflow.project.config import as_list
from eltflow.project.nodes import Node
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.values import Column, Result, Statement, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedStep:
    """A step with the statements that it would send. `word` says what it does; `queries` are those that its template asks."""

    step: Step
    word: str
    statements: tuple[str, ...]
    queries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan for people: `assumption` says what it takes to exist."""

    plan: Plan
    steps: tuple[PlannedStep, ...]
    assumption: str


def plan(loaded: Loaded, ids: Sequence[str], *, full_refresh: bool = False, connect: bool = False) -> Planned:
    """What a build of the nodes would do. Without `connect` the target is not touched: its last view says what exists."""
    catalog, seen = last_catalog(loaded)
    if connect:
        catalog, seen = _ask_catalog(loaded), None
    if connect:
        assumption = "what exists was read from the warehouse"
    elif seen is None:
        assumption = "this target was never seen: everything is taken to be new"
    else:
        assumption = f"compared with the target as it was last seen ({seen[:16].replace('T', ' ')} UTC)"
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh)
    nodes = [loaded.graph.nodes[i] for i in ids]
    runnable = [n for n in nodes if n.resource_type in ("model", "test", "seed", "ingest") and n.materialized != "ephemeral"]
    compiled, deferred = compile_all(compiler, runnable)
    request = Request(command="build", selected=tuple(n.unique_id for n in runnable), full_refresh=full_refresh)
    reasons = {n.unique_id: _reason(loaded, n, catalog, full_refresh) for n in runnable}
    made = make_plan(loaded.graph, request, loaded.store.durations(loaded.target_key), reasons, project_hooks(loaded))
    steps = []
    for step in made.steps.values():
        one = compiled.get(step.id)
        asks = ("run_query: the SQL is known when it runs",) if step.id in deferred else ()
        steps.append(
            PlannedStep(
                step=step,
                word=_word(step, catalog),
                statements=_statements(loaded, step, one, catalog, compiler, full_refresh),
                queries=asks,
            )
        )
    return Planned(plan=made, steps=tuple(steps), assumption=assumption)


def _ask_catalog(loaded: Loaded) -> Catalog:
    fold = loaded.adapter.dialect.fold
    location = loaded.adapter.location(loaded.target, loaded.root)
    try:
        with connected(loaded, read_only=True) as database:
            return Catalog(fold, database.catalog(schemas_of(loaded, loaded.graph.nodes.values())))
    except EltflowError as error:
        if "there is no database" in str(error) and location != ":memory:":
            return Catalog(fold)
        raise


def _word(step: Step, catalog: Catalog) -> str:
    if step.action == "ingest":
        return "load"
    if step.action in ("seed", "test", "hook"):
        return step.action
    existing = catalog.get(step.node.relation) if step.node.relation is not None else None
    return "new" if existing is None else step.node.materialized


def _reason(loaded: Loaded, node: Node, catalog: Catalog, full_refresh: bool) -> str:
    """Why, in words. (What changed since the last run is told when builds skip what did not.)"""
    if node.resource_type == "test":
        return ""
    assert node.relation is not None
    existing = catalog.get(node.relation)
    if node.ingest is not None:
        files = matching(loaded.root, as_list(node.ingest.source["path"]))
        return f"{node.ingest.load} of {len(files):,} file{'s' if len(files) != 1 else ''}"
    if node.resource_type == "seed":
        return "loads its file"
    if existing is None:
        return f"{node.materialized}: does not exist yet"
    if node.materialized == "incremental":
        own = node.config.get("full_refresh")
        refreshed = bool(own) if own is not None else full_refresh
        return "full refresh" if refreshed else "brings in what is new"
    wanted = "view" if node.materialized == "view" else "table"
    return f"{node.materialized}: replaces a {existing.kind}" if existing.kind != wanted else "is built again"


def _statements(
    loaded: Loaded, step: Step, compiled: Compiled | None, catalog: Catalog, compiler: Compiler, full_refresh: bool
) -> tuple[str, ...]:
    node = step.node
    if step.action == "hook":
        try:
            sql = compiler.hook(node)
        except NeedsWarehouse:
            return (str(node.config["sql"]),)
        return (sql,) if sql else ()
    if compiled is None or node.relation is None:
        return ()
    job = job_of(loaded, node, compiled, catalog, run_id="00000000", full_refresh=full_refresh)
    existing = job.existing
    columns = tuple(Column(c.name, c.type) for c in existing.columns) if existing is not None else ()
    answer = Result(columns=columns, rows=((0, False, False),)) if step.action == "test" else Result(columns=columns)
    try:
        return tuple(s.sql for s in dry(MATERIALIZATIONS[node.materialized](job), answer))
    except ProgramError as error:
        raise fail("E0602", error.message, help=error.help) from None


def find_node(loaded: Loaded, name: str) -> Node:
    """The node that a person means: by unique id, name, or `source.table`. Raises EltflowError (E0214)."""
    nodes = loaded.graph.nodes
    if name in nodes:
        return nodes[name]
    found = [n for n in nodes.values() if name in (n.name, n.display)]
    order = ("model", "seed", "ingest", "source")
    found.sort(key=lambda n: order.index(n.resource_type) if n.resource_type in order else len(order))
    if found:
        return found[0]
    known = [n.display for n in nodes.values() if n.resource_type != "test"]
    raise fail("E0214", f"there is no node `{name}`", help=did_you_mean(name, known) or "eltflow ls lists them")


def show(loaded: Loaded, name: str | None, inline: str | None, limit: int) -> Result:
    """The rows that a node's query gives now (its table's, for what has no query), or an inline query's. `limit` -1 is all."""
    catalog = _ask_catalog(loaded)
    compiler = make_compiler(loaded, catalog)
    with contextlib.suppress(NeedsWarehouse):
        _shown_sql(loaded, compiler, name, inline, None)  # what is wrong in the project is told before the target is opened
    with connected(loaded) as database:
        session = database.session()
        try:
            sql = _shown_sql(loaded, compiler, name, inline, asking(session, loaded.adapter.dialect))
            tail = f" limit {limit}" if limit >= 0 else ""
            return session.execute(Statement(f"select * from (\n{sql}\n) as eltflow_shown{tail}", role="query"))
        except WarehouseError as error:
            missing = "build it first: eltflow build" if "does not exist" in error.engine_message else error.help
            help = (not_there(loaded.graph, find_node(loaded, name), catalog, error) if name is not None else None) or missing
            failed = fail("E0601", masked(error, loaded.target), help=help)
            failed.exit_code = 1
            raise failed from None
        finally:
            session.close()


def _shown_sql(loaded: Loaded, compiler: Compiler, name: str | None, inline: str | None, ask: Ask | None) -> str:
    if inline is not None:
        return compiler.inline(inline, ask)
    assert name is not None
    node = find_node(loaded, name)
    if node.resource_type in ("model", "analysis", "test"):
        return compiler.node(node, ask).sql
    assert node.relation is not None
    return f"select * from {loaded.adapter.dialect.render(node.relation)}"
