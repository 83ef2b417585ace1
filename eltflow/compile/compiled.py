"""What compiling a node gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from eltflow.base.diagnostics import Diagnostic, Span
from eltflow.base.records import dataclass, field
from eltflow.project.nodes import Node
from eltflow.warehouse.values import Column

Place = Callable[[int, int], Span]
#: Columns with their types, as plain values.
Typed = tuple[tuple[str, str | None], ...]
#: What an engine has against a statement, at a line and column of it.
Complaint = tuple[str, int | None, int | None]
#: What an engine makes of a statement over empty tables: its columns, or why there are none; None where it cannot be asked.
Bound = tuple[Column, ...] | Complaint | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """A statement of the user's before or after a node's own; `transaction` says whether it belongs to the node's transaction."""

    sql: str
    transaction: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """A node's SQL for its target.

    `place` maps a line and column (from 1) of `sql` to the user's file. `columns` are the names of what it yields, None if they cannot
    be told; `typed` the same with their types, where an embedded engine bound them. `ctes` are the ephemeral models that stand at its
    front. `header` is sent before everything else. `cached` is False if rendering it had an effect or used something that differs from
    run to run.
    """

    node: Node
    sql: str
    place: Place
    columns: tuple[str, ...] | None = None
    typed: Typed | None = None
    ctes: tuple[str, ...] = ()
    header: str = ""
    pre_hooks: tuple[Hook, ...] = ()
    post_hooks: tuple[Hook, ...] = ()
    queries: tuple[str, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    cached: bool = True
    asked_kinds: bool = False
    extra: Mapping[str, Any] = field(default_factory=dict)


def is_complaint(bound: Bound) -> TypeGuard[Complaint]:
    """Whether the engine refused the statement."""
    return bound is not None and len(bound) > 0 and isinstance(bound[0], str)


def as_plain(bound: Bound) -> Typed | None:
    """The columns that the engine gave, if it did."""
    return tuple((one.name, one.type) for one in bound or () if isinstance(one, Column)) or None


class NeedsWarehouse(BaseException):
    """Raised by `run_query` while no warehouse is there to ask: the node is compiled again when one is (not an
    Exception: rendering turns those into errors at the user's line)."""


CTE_PREFIX = "eltflow_cte__"


def cte_name(node: Node) -> str:
    """The name of the CTE that an ephemeral model becomes."""
    return CTE_PREFIX + node.name


def transpiled_note(written: str, target: str) -> str:
    """What to say beside an error in SQL that nobody wrote."""
    return f"the SQL was transpiled from {written} to {target}"
