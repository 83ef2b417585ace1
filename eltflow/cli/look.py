"""The commands that only look: plan, ls, show, compile, parse, history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from eltflow.base.plurals import counted
from eltflow.cli import options as o

_LISTED = frozenset({"model", "seed", "ingest", "test", "source", "exposure", "deliver", "task", "analysis"})
_BUILT = frozenset({"model", "seed", "ingest", "test"})


@o.takes(o.GRAPH, o.PRINTING, o.WARNING)
def parse(given: o.Given) -> int:
    from eltflow import api
    from eltflow.cli import render

    loaded = given.load()
    if loaded.changed and not loaded.edited:
        api.check_macros(loaded)
    manifest = loaded.root / loaded.target_path / "manifest.json"
    if loaded.edited and loaded.changed and manifest.exists():
        api.patch_manifest(manifest, loaded.graph_id, {i: loaded.read(p) for i, p in loaded.edited_files.items()})
    elif loaded.changed or not manifest.exists():
        api.write_manifest(loaded, api.run_info(loaded, "parse"), {})
    warnings = loaded.graph.warnings if loaded.changed or loaded.warned else ()
    given.warn(warnings, always=True)
    if given.voice.machine:
        given.voice.result({"nodes": loaded.counts, "warnings": [render.as_json(w) for w in warnings]})
    elif not given.quiet:
        counts = loaded.counts
        render.out(f"{loaded.name} · {', '.join(by_type(counts)) or 'no nodes'}")
    return 0


_NOUNS = (
    ("model", "model"),
    ("seed", "seed"),
    ("ingest", "ingestion step"),
    ("source", "source table"),
    ("test", "test"),
    ("exposure", "exposure"),
    ("deliver", "delivery"),
    ("task", "task"),
    ("analysis", "analysis"),
)


def by_type(counts: Mapping[str, int]) -> list[str]:
    """How many nodes there are of each type, in words; nothing of types without any."""
    return [counted(counts[kind], noun) for kind, noun in _NOUNS if counts.get(kind)]


@o.takes(o.GRAPH, o.SELECTING, o.TYPES, o.PRINTING, o.WARNING)
def ls(
    given: o.Given,
    output: Annotated[str, typer.Option("--output", help="name, id, path, table or json.")] = "name",
    external: Annotated[bool, typer.Option("--external", help="List the tables that are read and no part of the project.")] = False,
) -> int:
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render

    kinds = ("name", "id", "path", "table", "json")
    if output not in kinds:
        raise fail("E0112", f"--output cannot be `{output}`", help=f"one of: {', '.join(kinds)}")
    loaded = given.load(FULL_FACTS=external)
    given.warn(loaded.graph.warnings if given.warn_error else ())
    chosen = given.selection(loaded, _LISTED)
    nodes = [loaded.places.graph.nodes[i] for i in chosen.ids]
    listed: list[Any] = sorted({name for node in nodes for name in node.external}) if external else [_listed(n) for n in nodes]
    if given.voice.machine:
        given.voice.result(listed)
    elif output == "json":
        render.out_json(listed)
    elif external:
        for name in listed:
            render.out(name)
    elif output == "table":
        rows = [(n.display, n.resource_type, n.materialized, str(n.relation or ""), n.path) for n in nodes]
        for line in render.table(("name", "type", "materialized", "relation", "file"), rows) if rows else ():
            render.out(line)
    else:
        for node in nodes:
            render.out({"name": node.display, "id": node.unique_id, "path": node.path}[output])
    return 0


def _listed(node: Any) -> dict[str, Any]:
    return {
        "unique_id": node.unique_id,
        "name": node.name,
        "resource_type": node.resource_type,
        "materialized": node.materialized,
        "path": node.path,
        "relation": str(node.relation) if node.relation is not None else None,
        "depends_on": list(node.parents),
        "external": list(node.external),
        "tags": list(node.tags),
        "group": node.group,
        "description": node.description,
        "config": dict(node.config),
    }


@o.takes(o.GRAPH, o.SELECTING, o.PRINTING, o.WARNING)
def compile(given: o.Given) -> int:
    from eltflow import api
    from eltflow.cli import render

    voice = given.voice
    loaded = given.load()
    given.warn(loaded.graph.warnings)
    chosen = given.selection(loaded, frozenset({"model", "test", "analysis"}))
    done = api.compile_offline(loaded, chosen.ids, full_refresh=given.full_refresh)
    compiled = done.compiled
    given.warn(done.unsure)
    given.warn(api.said_warnings(loaded))
    given.warn(api.new_warnings(loaded, compiled.values()))
    written = api.write_compiled(loaded, compiled)
    if voice.machine:
        voice.result({i: {"sql": c.sql, "columns": c.columns} for i, c in compiled.items()})
        return 0
    if len(chosen.ids) == 1 and compiled:
        render.out(next(iter(compiled.values())).sql)
        return 0
    if not given.quiet and chosen.ids:
        folder = f"{loaded.opened.project.settings.target_path}/compiled/"
        render.out(f"{counted(len(compiled), 'node')} compiled, {written} written to {folder}")
    for unique_id in done.deferred:
        voice.note(f"note: {loaded.graph.nodes[unique_id].name} asks the warehouse while it renders: it is compiled when it runs")
    return 0


@o.takes(o.GRAPH, o.SELECTING, o.TYPES, o.PRINTING, o.WARNING)
def plan(
    given: o.Given,
    sql: Annotated[bool, typer.Option("--sql", help="Show the statements of each step.")] = False,
    connect: Annotated[bool, typer.Option("--connect", help="Ask the warehouse what exists (read-only).")] = False,
) -> int:
    return show_plan(given, sql=sql, connect=connect)


def show_plan(given: o.Given, *, sql: bool = False, connect: bool = False) -> int:
    """Print the plan of a build."""
    from eltflow import api
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    chosen = given.selection(loaded, _BUILT)
    if not chosen.ids and not given.voice.machine:
        return 0
    planned = api.plan(loaded, chosen.ids, full_refresh=given.full_refresh, connect=connect)
    given.warn(api.said_warnings(loaded))
    if given.voice.machine:
        given.voice.result(
            {
                "assumption": planned.assumption,
                "steps": [
                    {
                        "id": s.step.id,
                        "action": s.word,
                        "reason": s.step.reason,
                        "waits_for": list(s.step.waits),
                        "statements": list(s.statements),
                        "queries": list(s.queries),
                        "reads_bytes": s.reads,
                    }
                    for s in planned.steps
                ],
            }
        )
        return 0
    render.out(f"{loaded.target.name} · {planned.assumption}")
    render.out()
    _print_steps(planned.steps, sql)
    tests = sum(1 for s in planned.steps if s.step.action == "test")
    other = len(planned.steps) - tests
    parts = [counted(other, "step"), counted(tests, "test")]
    if planned.plan.expected is not None:
        parts.append(f"expected {render.seconds(planned.plan.expected)} of work from history")
    render.out()
    render.out(render.dotted(parts))
    render.out(f"{'' if sql else 'show the SQL: eltflow plan --sql · '}run it: eltflow build")
    return 0


def _size(count: int) -> str:
    """Bytes, in steps of 1000, as prices are."""
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB", "TB"):
        if size < 1000 or unit == "TB":
            break
        size /= 1000
    return f"{count:,} bytes" if unit == "bytes" else f"{size:,.1f} {unit}"


def _print_steps(steps: Sequence[Any], sql: bool) -> None:
    from eltflow.cli import render

    width = min(40, max([20, *(len(s.step.node.display) for s in steps if s.step.action != "test")]))
    for planned in steps:
        node = planned.step.node
        if planned.step.action == "test" and not sql:
            continue
        name = node.name if planned.step.action == "test" else node.display
        render.out(f"  {planned.word:<11} {name:<{width}} {planned.step.reason}".rstrip())
        if planned.reads is not None:
            render.out(f"      reads {_size(planned.reads)}")
        for query in planned.queries:
            render.out(f"      asks: {query}")
        if sql:
            for statement in planned.statements:
                for line in statement.splitlines():
                    render.out(f"      {line}")
                render.out()


@o.takes(o.GRAPH, o.NODES, o.PRINTING, o.WARNING)
def show(
    given: o.Given,
    name: Annotated[str | None, typer.Argument(help="A model, seed, step or source (source.table).")] = None,
    inline: Annotated[str | None, typer.Option("--inline", help="SQL, with Jinja, to show the rows of.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many rows; -1 for all.")] = 20,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
) -> int:
    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render

    loaded = given.load()
    given.warn(loaded.graph.warnings)
    if sum((name is not None, given.selects, inline is not None)) != 1:
        raise fail("E0113", "show takes a name, or --inline SQL", help="eltflow show stg_orders")
    wanted = _one_selected(given, loaded) if given.selects else name
    result = api.show(loaded, wanted, inline, limit, full_refresh=given.full_refresh)
    given.warn(api.said_warnings(loaded))
    headers = [c.name for c in result.columns]
    if given.voice.machine:
        given.voice.result([dict(zip(headers, row, strict=True)) for row in result.rows])
        return 0
    if csv:
        import csv as csvlib
        import sys

        writer = csvlib.writer(sys.stdout, lineterminator="\n")
        writer.writerow(headers)
        writer.writerows(["" if v is None else v for v in row] for row in result.rows)
        return 0
    types = [(c.type or "").lower() for c in result.columns]
    lines = render.table([f"{h} {t}" for h, t in zip(headers, types, strict=True)], result.rows)
    for line in lines:
        render.out(line)
    if not given.quiet:
        render.out(f"{counted(len(result.rows), 'row')}{' (there may be more: --limit)' if len(result.rows) == limit else ''}")
    return 0


def _one_selected(given: o.Given, loaded: Any) -> str:
    """The one node that the options select; of a selection of one word that names a node, that node."""
    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.base.names import IDENTIFIER

    words = given.select or []
    if len(words) == 1 and not given.exclude and not given.selector and api.is_node(loaded, words[0]):
        return words[0]
    chosen = given.selection(loaded, _LISTED - {"test", "exposure"}, told=False)
    ids = chosen.ids
    if not ids and len(words) == 1 and IDENTIFIER.match(words[0]) and not given.exclude and not given.selector:
        return words[0]  # that no node has that name is told by whoever looks for it
    given.warn(chosen.diagnostics, always=True)
    if len(ids) != 1:
        some = ", ".join(loaded.graph.nodes[i].display for i in list(ids)[:5])
        help = f"these are {some}{', …' if len(ids) > 5 else ''}" if ids else "eltflow ls lists the nodes"
        raise fail("E0113", f"show takes one node, and {len(ids) or 'none'} {'are' if len(ids) > 1 else 'is'} selected", help=help)
    return str(ids[0])


@o.takes(o.PROJECT, o.PRINTING)
def history(
    given: o.Given,
    run: Annotated[str | None, typer.Argument(help="A run's id, or its beginning: show its nodes.")] = None,
    limit: Annotated[int, typer.Option("--limit", help="How many runs.", min=1)] = 20,
) -> int:
    from eltflow import api
    from eltflow.base.diagnostics import fail
    from eltflow.cli import render
    from eltflow.state.store import as_mapping

    options = o.new_options(given.target, given.vars)
    loaded = api.open_only(o.project_root(given.project_dir), options)
    store = loaded.store
    runs = api.past_runs(store, loaded.target_key, options.env, 10_000 if run else limit)
    if run is None:
        if given.voice.machine:
            given.voice.result([as_mapping(r) for r in runs])
            return 0
        rows = [
            (
                r.id[:8],
                r.started_at[:19].replace("T", " "),
                r.command,
                r.selection or "everything",
                r.status,
                render.seconds(r.seconds) if r.seconds is not None else "",
                r.user or "",
                (r.git_commit or "")[:8],
            )
            for r in runs
        ]
        for line in render.table(("run", "started (UTC)", "command", "selection", "outcome", "took", "who", "commit"), rows):
            render.out(line)
        if not rows:
            render.note(f"no run on {loaded.target.name} yet")
        return 0
    found = [r for r in runs if r.id.startswith(run)]
    if len(found) != 1:
        why = "no run has" if not found else "several runs have"
        raise fail("E0806", f"{why} an id that begins with `{run}`", help="eltflow history lists them")
    nodes = store.nodes(found[0].id)
    if given.voice.machine:
        given.voice.result({**as_mapping(found[0]), "nodes": [as_mapping(n) for n in nodes]})
        return 0
    table = [
        (n.name, n.action, n.status, n.kind, "" if n.rows is None else f"{n.rows:,}", "" if n.seconds is None else f"{n.seconds:.2f} s",
         (n.message or "").split("\n")[0])
        for n in nodes
    ]  # fmt: skip
    for line in render.table(("node", "action", "outcome", "kind", "rows", "took", "message"), table):
        render.out(line)
    return 0
