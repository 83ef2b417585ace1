"""A connection of `eltflow.yml` to what is no warehouse; what it says when something goes wrong, without its secrets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from eltflow.base.diagnostics import without
from eltflow.base.records import dataclass, field
from eltflow.base.secrets import passwords_within, secrets_of
from eltflow.warehouse.values import WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A connection of `eltflow.yml`, its values rendered: they may hold secrets, so never print it."""

    name: str
    reader: Any = field(repr=False)  #: a ConnectionReader, of the kind that its steps have
    values: Mapping[str, Any] = field(repr=False)
    given: tuple[str, ...] = field(repr=False, default=())  #: what `secret()` gave for them

    @property
    def secrets(self) -> tuple[str, ...]:
        told = (secret for key in sorted(self.reader.secret_keys) for secret in secrets_of(self.values.get(key)))
        return (*told, *passwords_within(self.values), *self.given)


@contextmanager
def telling(connection: Connection, help: str = "correct the source, or its connection") -> Iterator[None]:
    """Around what asks a connection: its errors say whose they are, and hold no secret."""
    try:
        yield
    except WarehouseError as error:
        words = without(connection.secrets, error.engine_message)
        known = without(connection.secrets, error.help or "").replace("of the target", f"of the connection `{connection.name}`")
        told = f"connection `{connection.name}`: {words}"
        raise WarehouseError(told, kind=_kind(error), code=error.code, help=known or help) from None


def _kind(error: WarehouseError) -> Any:
    """A connection that was lost is not the target's."""
    return "sql" if error.kind in ("lost", "cancelled") else error.kind
