"""The `connections:` of a project: read, rendered and checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from eltflow.api.loading import Loaded
from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import did_you_mean
from eltflow.base.secrets import passwords_within, secrets_of
from eltflow.compile.program import RecordSource
from eltflow.ingest.files import file_reader
from eltflow.ingest.records import OpenedRecords
from eltflow.ingest.remote import OpenedFiles
from eltflow.ingest.tables import OpenedTable
from eltflow.ingest.unpacked import UnpackedFiles
from eltflow.jinja.values import RenderError
from eltflow.native.settings import YamlRenderer, secret_yaml_names
from eltflow.project.config import as_list
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node, given_types
from eltflow.project.settings import FILE, Settings
from eltflow.project.steps import FETCHED, connection_type, is_remote
from eltflow.project.surface import Environ, copied
from eltflow.transfer import Tables
from eltflow.warehouse.connection import Connection

if TYPE_CHECKING:
    from eltflow.ingest.forks import Forks
    from eltflow.ingest.functions import Call

#: How many records of a function show what it gives.
_SOME = 1000
_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def reads_database(node: Node) -> bool:
    """Whether a node is a step that reads another database."""
    return node.ingest is not None and node.ingest.source.get("kind") == "sql"


def asks(node: Node) -> bool:
    """Whether a node is a step whose records are fetched first: from an API, or by a function."""
    return node.ingest is not None and node.ingest.source.get("kind") in FETCHED


def calls(node: Node) -> bool:
    """Whether a node is a step in Python."""
    return node.ingest is not None and node.ingest.source.get("kind") == "python"


def check_connections(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError for what is wrong with the connections that nodes read from."""
    checked = set()
    for node in nodes:
        if calls(node):
            _call(loaded, node)
        if reads_elsewhere(node):
            _place(loaded, node)
            continue
        if node.ingest is None or "connection" not in node.ingest.source:
            continue
        use = (str(node.ingest.source["connection"]), node.ingest.source["kind"])
        if use not in checked:
            checked.add(use)
            _connected(loaded, node)


def reads_elsewhere(node: Node) -> bool:
    """Whether a node is a step of files that are elsewhere."""
    return node.ingest is not None and node.ingest.source.get("kind") == "files" and is_remote(node.ingest.source.get("path"))


def opened_files(loaded: Loaded, node: Node, *, stop: Callable[[], bool] = lambda: False) -> OpenedFiles | None:
    """The files of a step that are elsewhere, not asked for yet; None for every other node. Raises EltflowError."""
    if node.ingest is None or not reads_elsewhere(node):
        return None
    paths = [str(path) for path in as_list(node.ingest.source["path"])]
    return OpenedFiles(_place(loaded, node), paths, loaded.root, stop=stop)


def unpacked_files(
    node: Node, elsewhere: OpenedFiles | None = None, *, stop: Callable[[], bool] = lambda: False
) -> UnpackedFiles | None:
    """What gives a step's files as engines read them, fetched from `elsewhere` first; None for every other node."""
    if node.ingest is None or node.ingest.source.get("kind") != "files":
        return None
    fetch = None if elsewhere is None else elsewhere.fetch
    return UnpackedFiles(node.ingest.source, file_reader(), declared=_declared(node), fetch=fetch, stop=stop)


def _declared(node: Node) -> tuple[str, ...]:
    """The columns of a step, as its source calls them, whose values are read as a type that is given."""
    assert node.ingest is not None
    step = node.ingest.step
    called = {final: own for own, final in (step.get("rename") or {}).items()}
    return (*(called.get(name, name) for name in given_types(node)), *(step.get("hash") or ()))


def _place(loaded: Loaded, node: Node) -> Connection:
    """The connection to where a step's files are: its own, or one without settings."""
    assert node.ingest is not None
    type = connection_type(node.ingest.source["path"])
    if "connection" not in node.ingest.source:
        return Connection(name=type, reader=plugins.load("eltflow.sources", type), values={"type": type})
    made = _connected(loaded, node)
    if made.values["type"] != type and node.patch is not None:
        findings = Findings(loaded.read)
        message = f"`{made.name}` is a {made.values['type']} connection, and the files are in one of type {type}"
        findings.at(
            node.patch, (*node.place, "source", "connection"), "E0103", message, help="name another connection, or take it out"
        )
        findings.stop()
    return made


def check_unnested(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError (E0103) for lists that are to be unnested on a target that cannot."""
    findings = Findings(loaded.read)
    lists = {one.unique_id: one for node in nodes for one in (node, *loaded.graph.beside(node.unique_id)) if one.unnests}
    for node in lists.values():
        there = loaded.places.at(loaded.places.step_target(node))
        if not there.adapter.dialect.capabilities.unnests and node.patch is not None:
            message = f"`unnest` works on DuckDB and PostgreSQL, and {there.adapter.name} keeps no lists whose items could be rows of a view"
            findings.at(
                node.patch, node.place, "E0103", message, help="take it out, and read the list in a model, or load it elsewhere"
            )
    findings.stop()


def check_backfill(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError (E0124) for steps whose rows cannot be brought in again between two values of a cursor."""
    findings = Findings(loaded.read)
    for node in nodes:
        if node.ingest is None or node.patch is None or node.unnests:
            continue
        load, cursor = node.ingest.load, node.ingest.step.get("cursor") or {}
        place: tuple[str, ...] = ("load",)
        if node.ingest.source.get("kind") == "files":
            why, help, place = (
                "reads files, which are known by their names",
                "load all of them again: --full-refresh",
                ("source", "path"),
            )
        elif load != "merge":
            why = {
                "append": "appends, and rows that are there would come again",
                "history": "keeps versions, which follow each other",
            }.get(load, "loads everything each time")
            help = "leave it out with `--exclude`, or set `load: merge`"
        elif "column" not in cursor:
            why, help, place = (
                "has no column that says which rows lie between",
                "leave it out with `--exclude`, or name one: `cursor: {column: ...}`",
                ("cursor",),
            )
        else:
            continue
        findings.at(node.patch, (*node.place, *place), "E0124", f"`--backfill`: the step `{node.name}` {why}", help=help)
    findings.stop()


def _connected(loaded: Loaded, node: Node) -> Connection:
    """The connection of a step. Raises EltflowError, also (E0103) for one that steps of its kind do not read from."""
    assert node.ingest is not None
    source = node.ingest.source
    connection = connection_of(loaded, str(source["connection"]))
    if source["kind"] not in connection.reader.kinds and node.patch is not None:
        findings = Findings(loaded.read)
        kinds = " or ".join(f"`{kind}`" for kind in connection.reader.kinds)
        message = f"`{connection.name}` is a {connection.values['type']} connection, which steps of kind {kinds} read from"
        help = f"set `kind: {connection.reader.kinds[0]}`, or name another connection"
        findings.at(node.patch, (*node.place, "source", "connection"), "E0103", message, help=help)
        findings.stop()
    return connection


def taking_turns(loaded: Loaded) -> dict[str, int]:
    """The connections with a `rate_limit`, of which one step asks at a time: each keeps to the pace for itself."""
    connections = loaded.opened.project.settings.connections
    return {name: 1 for name, values in connections.items() if "rate_limit" in values}


def opened_records(
    loaded: Loaded,
    node: Node,
    *,
    stop: Callable[[], bool] = lambda: False,
    some: bool = False,
    forks: Callable[[], Forks] | None = None,
    far: Callable[[int | None, int], None] = lambda records, size: None,
) -> RecordSource | None:
    """What a step asks for its records, nothing asked yet; None for every other node. With `some`, the first of them are enough; `forks` gives
    the process that functions are forked from, `far` is told how many records and bytes have come. Raises EltflowError."""
    if node.ingest is None or not asks(node):
        return None
    if calls(node):
        from eltflow.ingest.functions import OpenedFunction  # it imports what starts processes

        return OpenedFunction(_call(loaded, node), forks=forks, stop=stop, most=_SOME if some else None, far=far)
    answers = 1 if some else None
    return OpenedRecords(_connected(loaded, node), node.ingest.source, loaded.root, stop=stop, answers=answers, far=far)


def _call(loaded: Loaded, node: Node) -> Call:
    """The function of a step, and what it is given. Raises EltflowError (E0304 for a variable of the environment that is not set)."""
    from eltflow.ingest.functions import Call
    from eltflow.project import pyfile

    assert node.ingest is not None
    source, step = node.ingest.source, node.ingest.step
    settings = loaded.opened.project.settings
    findings = Findings(loaded.read)
    given: dict[str, tuple[str, Any]] = {}
    secrets: list[str] = []
    for taken, kind, name in pyfile.given_to(source, settings.connections, settings.vars):
        value: Any = None
        if kind == "cursor" and "cursor" not in step:  # it has a default
            continue
        if kind == "connection":
            connection = connection_of(loaded, name)
            value = dict(connection.values)
            secrets += connection.secrets
        elif kind == "var":
            value = copied(settings.vars[name])
        elif kind == "env":
            try:
                value = loaded.opened.environ(name)
            except RenderError as error:
                help = "set it, or add it to .env"
                findings.at(node.path, (*node.place, "env", taken), error.code, error.message, help=help)
            secrets += secrets_of(value)
        given[taken] = (kind, value)
    findings.stop()
    return Call(
        root=loaded.root,
        files=loaded.folder_of(str(source["path"])),
        file=str(source["path"]),
        function=str(source["function"]),
        given=given,
        secrets=tuple(secrets),
        declared=_declared(node),
        token="token" in (step.get("cursor") or {}),
    )


def opened_table(
    loaded: Loaded, node: Node, join: Callable[[Tables, Callable[[], Tables]], None] | None = None
) -> OpenedTable | None:
    """What a step reads of another database, not opened yet; None for every other node. `join` is given the connection once it is open, and
    what opens another. Raises EltflowError."""
    if node.ingest is None or not reads_database(node):
        return None
    return OpenedTable(_connected(loaded, node), node.ingest.source, loaded.root, join)


def connection_of(loaded: Loaded, name: str) -> Connection:
    """A connection that steps read from, by its name. Raises EltflowError (see `connection_in`)."""
    return connection_in(loaded.opened.project.settings, loaded.opened.environ, loaded.read, name)


def connection_in(
    settings: Settings, environ: Environ, read: Callable[[str], str], name: str, group: str = "eltflow.sources"
) -> Connection:
    """A connection by its name, of a type among the plug-ins of a group. Raises EltflowError (E0104, E0103 its values, E0304 a variable that
    is not set, E0311 and E0312 a secret, E0701 its type)."""
    findings = Findings(read)
    place: tuple[Any, ...] = ("connections", name)
    names = secret_yaml_names(settings.vars, environ)
    render = YamlRenderer(names, findings)
    values = {key: render(value, FILE, (*place, key)) for key, value in settings.connections[name].items()}
    # What its type calls a secret is not known yet.
    likely = (secret for key, value in values.items() if _SECRET.search(key) for secret in secrets_of(value))
    findings.secrets = (*likely, *passwords_within(values), *names["secret"].given)
    findings.stop()
    try:
        reader = plugins.load(group, str(values["type"]))
    except EltflowError as error:
        for found in error.diagnostics:
            findings.at(FILE, (*place, "type"), found.code, found.message, help=found.help)
        findings.stop()
        raise
    findings.secrets = (*findings.secrets, *(s for key in sorted(reader.secret_keys) for s in secrets_of(values.get(key))))
    for key in values:
        if key != "type" and key not in reader.keys:
            help = did_you_mean(key, reader.keys) or f"known: {', '.join(reader.keys)}"
            findings.at(FILE, (*place, key), "E0104", f"a {values['type']} connection has no key `{key}`", help=help, key=True)
    for key, problem in reader.problems(values):
        findings.at(
            FILE, (*place, key if key in values else "type"), "E0103", problem, help=f"`{key}` is {reader.keys.get(key, 'missing')}"
        )
    findings.stop()
    return Connection(name=name, reader=reader, values=values, given=tuple(names["secret"].given))
