"""The `connections:` of a project: read, rendered and checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from eltflow.api.loading import Loaded
from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import did_you_mean
from eltflow.base.secrets import passwords_within, secrets_of
from eltflow.ingest.records import OpenedRecords
from eltflow.ingest.tables import Connection, OpenedTable
from eltflow.native.settings import YamlRenderer, base_yaml_names
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.settings import FILE, Settings
from eltflow.project.steps import FETCHED
from eltflow.project.surface import Environ

_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def reads_database(node: Node) -> bool:
    """Whether a node is a step that reads another database."""
    return node.ingest is not None and node.ingest.source.get("kind") == "sql"


def asks(node: Node) -> bool:
    """Whether a node is a step that asks for its records."""
    return node.ingest is not None and node.ingest.source.get("kind") in FETCHED


def check_connections(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError for what is wrong with the connections that nodes read from."""
    checked = set()
    for node in nodes:
        if node.ingest is None or "connection" not in node.ingest.source:
            continue
        use = (str(node.ingest.source["connection"]), node.ingest.source["kind"])
        if use not in checked:
            checked.add(use)
            _connected(loaded, node)


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


def opened_records(
    loaded: Loaded, node: Node, *, stop: Callable[[], bool] = lambda: False, answers: int | None = None
) -> OpenedRecords | None:
    """What a step asks for its records, nothing asked yet; None for every other node. Raises EltflowError."""
    if node.ingest is None or not asks(node):
        return None
    return OpenedRecords(_connected(loaded, node), node.ingest.source, loaded.root, stop=stop, answers=answers)


def opened_table(loaded: Loaded, node: Node) -> OpenedTable | None:
    """What a step reads of another database, not opened yet; None for every other node. Raises EltflowError."""
    if node.ingest is None or not reads_database(node):
        return None
    return OpenedTable(_connected(loaded, node), node.ingest.source, loaded.root)


def connection_of(loaded: Loaded, name: str) -> Connection:
    """A connection that steps read from, by its name. Raises EltflowError (see `connection_in`)."""
    return connection_in(loaded.opened.project.settings, loaded.opened.environ, loaded.read, name)


def connection_in(
    settings: Settings, environ: Environ, read: Callable[[str], str], name: str, group: str = "eltflow.sources"
) -> Connection:
    """A connection by its name, of a type among the plug-ins of a group. Raises EltflowError (E0104, E0103 its values, E0304 a variable that
    is not set, E0701 its type)."""
    findings = Findings(read)
    place: tuple[Any, ...] = ("connections", name)
    render = YamlRenderer(base_yaml_names(settings.vars, environ), findings)
    values = {key: render(value, FILE, (*place, key)) for key, value in settings.connections[name].items()}
    # What its type calls a secret is not known yet.
    likely = (secret for key, value in values.items() if _SECRET.search(key) for secret in secrets_of(value))
    findings.secrets = (*likely, *passwords_within(values))
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
    return Connection(name=name, reader=reader, values=values)
