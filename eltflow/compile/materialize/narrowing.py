"""Values that another type would change without a word: an engine rounds 6.75 for a column of whole numbers, and says nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from eltflow.compile.program import Job, ProgramError, Steps
from eltflow.warehouse.values import Relation, Statement

_WHOLE = re.compile(r"u?(?:tiny|small|medium|big|huge)?int(?:eger)?\d*(?!\w)", re.IGNORECASE)
_DECIMAL = re.compile(r"(?:decimal|numeric|number)\b(?:\s*\(\s*\d+\s*(?:,\s*(\d+)\s*)?\))?", re.IGNORECASE)
_FLOAT = re.compile(r"(?:double(?: precision)?|float\d*|real)(?!\w)", re.IGNORECASE)
_SINGLE = re.compile(r"(?:real|float4)(?!\w)|float(?!\w|\d)", re.IGNORECASE)
_MOMENT = re.compile(r"(?:timestamp|datetime)", re.IGNORECASE)
_ENDLESS = 1000
#: A column: its name, the type that its values have, and the one that they are to have.
Narrowed = tuple[str, str, str]


def narrows(type: str, into: str) -> bool:
    """Whether an engine may round or cut values of a type silently to bring them into another one."""
    scale, place = _scale(type), _scale(into)
    if scale is not None and place is not None:
        return scale > place or (_SINGLE.match(into) is not None and _SINGLE.match(type) is None)
    return _MOMENT.match(type) is not None and re.fullmatch(r"date", into, re.IGNORECASE) is not None


def _scale(type: str) -> float | None:
    """How many digits may follow the point; None for what is no number."""
    if _WHOLE.match(type):
        return 0
    decimal = _DECIMAL.match(type)
    if decimal is not None:
        return int(decimal.group(1) or 0) if "(" in decimal.group() else _ENDLESS
    return _ENDLESS if _FLOAT.match(type) else None


def keeping(job: Job, rows: str | Relation, columns: Sequence[Narrowed], help: str) -> Steps[None]:
    """Raise ProgramError if one of the rows has a value that its new type would change; `rows` are a table or a query."""
    checks = {}
    for name, type, into in columns:
        column = job.dialect.quote(name)
        back = job.dialect.brought_back(column, type, into)
        if back is not None:
            changed = f"{column} is not null and ({back} is null or {back} <> {column})"
            checks[name, into] = f"max(case when {changed} then 1 else 0 end)"
    if not checks or job.dry:
        return
    item = job.dialect.render(rows) if isinstance(rows, Relation) else f"(\n{rows}\n) as eltflow_new"
    told = yield Statement(f"select {', '.join(checks.values())} from {item}", role="query")
    for (name, into), found in zip(checks, told.rows[0] if told.rows else (), strict=False):
        if found:
            raise ProgramError(f"`{name}` has values that {into} cannot keep: they would be rounded or cut", help)
