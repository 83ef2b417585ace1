"""What the dialects of this package say to its sessions beside plain statements."""

from __future__ import annotations

from collections.abc import Sequence

from eltflow.base.records import dataclass
from eltflow.warehouse import Statement


@dataclass(frozen=True, slots=True)
class Load(Statement):
    """Takes in the rows of its source: `sql` up to and with VALUES; `probe` is a query that tells the types of the `into` columns."""

    probe: str = ""
    into: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Attach(Statement):
    """Makes a schema that is a file of its own (SQLite)."""

    schema: str = ""


@dataclass(frozen=True, slots=True)
class CreateAs(Statement):
    """`create` a table from the `query`, every column of which shall take NULL."""

    create: str = ""
    query: str = ""


@dataclass(frozen=True, slots=True)
class Unsent(Statement):
    """For people to read: the engine has nothing of the kind, and nothing is sent."""
