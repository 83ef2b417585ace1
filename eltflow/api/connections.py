"""The `connections:` of a project: read, rendered and checked before anything runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from eltflow.api.loading import Loaded
from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import did_you_mean
from eltflow.base.secrets import passwords_within, secrets_of
from eltflow.ingest.tables import Connection, OpenedTable
from eltflow.native.settings import YamlRenderer, base_yaml_names
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.settings import FILE

_SECRET = re.compile(r"pass|secret|token|key", re.IGNORECASE)


def reads_database(node: Node) -> bool:
    """Whether a node is a step that reads another database."""
    return node.ingest is not None and node.ingest.source.get("kind") == "sql"


def check_connections(loaded: Loaded, nodes: Iterable[Node]) -> None:
    """Raise EltflowError for what is wrong with the connections that nodes read from."""
    for name in sorted(
        {str(node.ingest.source["connection"]) for node in nodes if node.ingest is not None and reads_database(node)}
    ):
        connection_of(loaded, name)


def opened_table(loaded: Loaded, node: Node) -> OpenedTable | None:
    """What a step reads of another database, not opened yet; None for every other node. Raises EltflowError."""
    if node.ingest is None or not reads_database(node):
        return None
    source = node.ingest.source
    return OpenedTable(connection_of(loaded, str(source["connection"])), source, loaded.root)


def connection_of(loaded: Loaded, name: str) -> Connection:
    """A connection by its name. Raises EltflowError (E0104, E0103 its values, E0304 a variable that is not set, E0701 its type)."""
    findings = Findings(loaded.read)
    place: tuple[Any, ...] = ("connections", name)
    settings = loaded.opened.project.settings
    render = YamlRenderer(base_yaml_names(settings.vars, loaded.opened.environ), findings)
    values = {key: render(value, FILE, (*place, key)) for key, value in settings.connections[name].items()}
    # What its type calls a secret is not known yet.
    likely = (secret for key, value in values.items() if _SECRET.search(key) for secret in secrets_of(value))
    findings.secrets = (*likely, *passwords_within(values))
    findings.stop()
    try:
        reader = plugins.load("eltflow.sources", str(values["type"]))
    except EltflowError as error:
        for found in error.diagnostics:
            findings.at(FILE, (*place, "type"), found.code, found.message, help=found.help)
        findings.stop()
        raise
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
