"""The dialect that a text is written in, where that is not the target's own: `dialect:` names it by its adapter."""

from __future__ import annotations

from functools import cache

from eltflow.base import plugins
from eltflow.warehouse.dialect import Dialect


@cache
def dialect_names() -> tuple[str, ...]:
    """What `dialect:` may say: the adapters that are installed. Cached, for every model may say it."""
    return plugins.names("eltflow.adapters")


@cache
def _named(name: str) -> Dialect:
    found: Dialect = plugins.load("eltflow.adapters", name).dialect
    return found


def written_in(name: object, target: Dialect) -> Dialect:
    """The dialect called `name`; the target's own for None, and for a name of the same language (`mysql` where the target is MariaDB).
    No driver is imported. Raises EltflowError (E0701) for a name that no adapter has."""
    if name is None or name == target.name:
        return target
    found = _named(str(name))
    return target if found.sqlglot == target.sqlglot else found
