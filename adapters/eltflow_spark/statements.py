"""What sessions are told beside plain statements, and what is set in each of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eltflow.base.records import dataclass
from eltflow.warehouse import Statement

#: What is set in every session. A value that is no number must be an error and not NULL, and `${…}` in a text is a part of the text.
SETTINGS: Mapping[str, str] = {"spark.sql.ansi.enabled": "true", "spark.sql.variable.substitute": "false"}
#: Without it an INSERT OVERWRITE would empty the whole table.
DYNAMIC = ("spark.sql.sources.partitionOverwriteMode", "dynamic")


@dataclass(frozen=True, slots=True)
class Load(Statement):
    """Takes in the rows of its source: `name` and `into` are the table and its columns, as they stand in SQL."""

    name: str = ""
    into: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Describe(Statement):
    """Wants the columns of `query`, and no rows."""

    query: str = ""


@dataclass(frozen=True, slots=True)
class Overwrite(Statement):
    """Overwrites the partitions of its rows, and must never be sent to a session that would overwrite all of them."""
