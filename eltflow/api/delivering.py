"""Deliveries in a run: which of them may go out, by what, and what must be right before."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterable, Iterator, Sequence

from eltflow.api.connections import connection_in
from eltflow.api.explain import program_problem, warehouse_problem
from eltflow.api.loading import Loaded
from eltflow.api.opening import connected, schemas_of
from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import fingerprint
from eltflow.base.names import listed
from eltflow.base.plurals import counted
from eltflow.base.records import replace
from eltflow.compile.program import ProgramError, Steps
from eltflow.deliver.files import OpenedFile, OpenedObject
from eltflow.deliver.job import Delivery
from eltflow.deliver.outside import OpenedMessage, OpenedRecipient
from eltflow.deliver.program import would
from eltflow.engine.drive import Trace, drive
from eltflow.events import Message
from eltflow.ingest.files import file_reader
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.steps import is_remote
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.connection import Connection
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError

_ROWS, _PEOPLE, _FILES = "eltflow.recipients", "eltflow.destinations", "eltflow.sources"
#: The type of connection by which each of these kinds goes, and the plug-ins among which that is; all others by any that takes rows.
_TYPES = {"webhook": "webhook", "email": "smtp", "files": "s3"}
_GROUPS = {"webhook": _PEOPLE, "email": _PEOPLE, "files": _FILES}


def guarded(loaded: Loaded, ids: Iterable[str]) -> tuple[tuple[str, ...], tuple[Message, ...]]:
    """The ids without the deliveries and tasks of other targets, which are told of; and with the tests of what the others send, that
    stand before them."""
    graph, target = loaded.graph, loaded.target.name
    kept: dict[str, None] = {}
    tests: dict[str, None] = {}
    told = []
    for unique_id in ids:
        node = graph.nodes[unique_id]
        targets = node.outside
        if targets is not None and target not in targets:
            there, how = listed([f"`{name}`" for name in targets]), "sent" if node.deliver is not None else "run"
            text = f"`{node.name}` is not {how}: its targets are {there}, and this one is `{target}`"
            told.append(Message(text=text, level="warning"))
            continue
        kept[unique_id] = None
        if node.deliver is not None:
            tests |= dict.fromkeys(test for parent in node.parents for test in graph.tests_of(parent))
    return tuple(kept | tests), tuple(told)


def check_deliveries(loaded: Loaded, nodes: Sequence[Node]) -> None:
    """Raise EltflowError for what is wrong with what deliveries send, and with the connections that they go out by."""
    findings = Findings(loaded.read)
    for node in nodes:
        parent = loaded.graph.nodes[node.parents[0]] if node.deliver is not None else None
        if parent is not None and parent.materialized == "ephemeral":
            message = f"`{parent.name}` is ephemeral: there is no table of it that could be sent"
            help = "set `materialized: view`, or send a model that reads it"
            findings.at(node.patch or node.path, (*node.place, "from"), "E0103", message, help=help)
    findings.stop()
    for node in nodes:
        if node.deliver is not None and ("connection" in node.deliver.to or _elsewhere(node)):
            _connection(loaded, node)


def _elsewhere(node: Node) -> bool:
    """Whether a delivery's file is not on this machine."""
    assert node.deliver is not None
    return node.deliver.to["kind"] == "files" and is_remote(node.deliver.to["path"])


def _connection(loaded: Loaded, node: Node) -> Connection:
    """The connection of a delivery. Raises EltflowError, also (E0103) for one that rows of its kind do not go out by."""
    assert node.deliver is not None
    settings, to = loaded.opened.project.settings, node.deliver.to
    if "connection" not in to:
        return Connection(name="s3", reader=plugins.load(_FILES, "s3"), values={"type": "s3"})
    name, kind = str(to["connection"]), str(to["kind"])
    type = str(settings.connections[name].get("type"))
    wanted = _TYPES.get(kind)
    made = None
    if wanted is None or type == wanted:
        made = connection_in(settings, loaded.opened.environ, loaded.read, name, _GROUPS.get(kind, _ROWS))
    if made is None or (wanted is None and kind not in made.reader.kinds):
        findings = Findings(loaded.read)
        message = f"`{name}` is a {type} connection, by which no delivery of kind `{kind}` goes out"
        help = f"name one of type {wanted}" if wanted else "name another connection, or set another `kind`"
        findings.at(node.patch or node.path, (*node.place, "to", "connection"), "E0103", message, help=help)
        findings.stop()
    assert made is not None
    return made


@contextlib.contextmanager
def opened(
    loaded: Loaded, node: Node, catalog: Catalog, *, stop: Callable[[], bool], anew: bool, fence: Statement | None
) -> Iterator[Delivery]:
    """A delivery with the way out that it needs, closed at the end. Raises EltflowError."""
    info = node.deliver
    assert info is not None
    parent = loaded.graph.nodes[node.parents[0]]
    assert parent.relation is not None
    now = loaded.options.started_at
    made = Delivery(
        node=node,
        origin=parent.relation,
        existing=catalog.get(parent.relation),
        database=loaded.target.database,
        dialect=loaded.adapter.dialect,
        destination="",
        day=now.date(),
        new_key=lambda: secrets.token_hex(16),
        anew=anew,
        fence=fence,
    )
    with contextlib.ExitStack() as stack:
        if _elsewhere(node):
            there = OpenedObject(_connection(loaded, node), info.to, loaded.root, made.day, file_reader)
            yield replace(made, writing=stack.enter_context(contextlib.closing(there)))
            return
        if info.to["kind"] == "files":
            file = stack.enter_context(contextlib.closing(OpenedFile(info.to, loaded.root, made.day, file_reader)))
            yield replace(made, writing=file)
            return
        connection = _connection(loaded, node)
        if info.to["kind"] in _GROUPS:
            about = {"project": loaded.name, "delivery": node.name, "target": loaded.target.name, "at": now.isoformat()}
            yield replace(made, telling=OpenedMessage(connection, info.to, node.name, about))
            return
        rows = stack.enter_context(contextlib.closing(OpenedRecipient(connection, info.to, info.key, loaded.root, stop)))
        place = [str(connection.values.get(key)) for key in ("url", "host", "port", "dbname", "path")]
        where = fingerprint(connection.name, *place, str(info.to.get("path") or info.to.get("table")))[:16]
        yield replace(made, sending=rows, destination=where)


def rehearse(loaded: Loaded, ids: Iterable[str], *, anew: bool = False) -> tuple[tuple[Message, ...], list[tuple[Node, str]]]:
    """What each of the deliveries would send now, in words, and what is said beside; the warehouse is read, and nothing goes out. Raises
    EltflowError."""
    kept, told = guarded(loaded, ids)
    nodes = [n for i in kept if (n := loaded.graph.nodes[i]).deliver is not None]
    check_deliveries(loaded, nodes)
    origins = [loaded.graph.nodes[n.parents[0]] for n in nodes]
    made: list[tuple[Node, str]] = []
    if not nodes:
        return told, made
    with connected(loaded, read_only=True) as database, contextlib.closing(database.session()) as session:
        tables = database.catalog(schemas_of(origins), [n.relation for n in origins if n.relation is not None])
        catalog = Catalog(loaded.adapter.dialect.fold_relation, tables)
        for node in nodes:
            with opened(loaded, node, catalog, stop=lambda: False, anew=anew, fence=None) as delivery:
                made.append((node, _words(loaded, node, would(replace(delivery, dry=True)), session, catalog)))
    return told, made


def _words(loaded: Loaded, node: Node, program: Steps[str], session: Session, catalog: Catalog) -> str:
    try:
        return drive(program, session, Trace())
    except WarehouseError as error:
        raise EltflowError(warehouse_problem(loaded, node, None, error, None, catalog)) from None
    except ProgramError as error:
        raise EltflowError(program_problem(loaded, node, error)) from None


def left_out(loaded: Loaded, ids: Sequence[str]) -> str:
    """What a build says of the deliveries and tasks that it was asked for."""
    nodes = [loaded.graph.nodes[i] for i in ids]
    counts = {"delivery": sum(n.deliver is not None for n in nodes), "task": sum(n.task is not None for n in nodes)}
    words = [counted(n, noun) for noun, n in counts.items() if n]
    by = " and ".join(f"`eltflow {command}`" for command, noun in (("deliver", "delivery"), ("task", "task")) if counts[noun])
    names = listed([f"`{node.name}`" for node in nodes], 5)
    return f"{' and '.join(words)} left out: {names} (by {by}, or in a job)"
