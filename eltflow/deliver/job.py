"""What a delivery needs to know, and the ways out of the house that it is given."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from eltflow.base.records import dataclass
from eltflow.project.nodes import DeliverInfo, Node
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import CatalogTable, Column, Relation, Statement


class Sending(Protocol):
    """A connection that rows are sent to. Raises WarehouseError."""

    @property
    def where(self) -> str:
        """What people know it by."""
        ...

    def send(self, rows: Sequence[Mapping[str, Any]], key: str) -> Mapping[int, str]:
        """As `transfer.Recipient.send`."""
        ...

    def delete(self, keys: Sequence[Mapping[str, Any]], key: str) -> Mapping[int, str]:
        """As `transfer.Recipient.delete`."""
        ...


class Writing(Protocol):
    """A file that is written. Raises WarehouseError."""

    @property
    def where(self) -> str:
        """The path that people know it by."""
        ...

    def beside(self) -> str:
        """A path (absolute) to write to, in the folder of the file."""
        ...

    def write(self, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        """Write the rows to that path."""
        ...

    def publish(self) -> None:
        """Put what was written in the file's place, whole."""
        ...


class Telling(Protocol):
    """People who are told. Raises WarehouseError."""

    @property
    def where(self) -> str:
        """What people know it by."""
        ...

    def tell(self, columns: Sequence[Column], rows: Sequence[tuple[Any, ...]]) -> None:
        """Send a message that shows the rows."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery in one run. `origin` is what it reads, `existing` what is known to stand there. `destination` tells where it goes from
    any other place; `dry` says that nothing goes out, `anew` that what was sent before counts for nothing; `new_key` gives a name that
    no request had before; `fence` is a query without rows if another run may write in this one's place."""

    node: Node
    origin: Relation
    existing: CatalogTable | None
    database: str | None
    dialect: Dialect
    destination: str
    day: datetime.date
    new_key: Callable[[], str]
    anew: bool = False
    dry: bool = False
    fence: Statement | None = None
    sending: Sending | None = None
    writing: Writing | None = None
    telling: Telling | None = None

    @property
    def info(self) -> DeliverInfo:
        assert self.node.deliver is not None
        return self.node.deliver
