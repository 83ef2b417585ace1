"""Parquet files of rows from an engine that writes none: their values tell the types."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from eltflow.base.temporary import rows_folder
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse.protocols import FileReader

_SIMPLE = {bool: "BOOLEAN", float: "DOUBLE", datetime.date: "DATE", datetime.time: "TIME", bytes: "BLOB"}
_DIGITS = 38  #: of a DECIMAL


def write_parquet(reader: FileReader, path: str, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows to a file at `path`, which the embedded engine does. Raises WarehouseError."""
    dialect = reader.dialect
    types = [type_of([row[place] for row in rows]) for place in range(len(names))]
    given = ", ".join(f"{dialect.string(f'c{n}')}: 'VARCHAR'" for n in range(len(names)))
    kept = ", ".join(
        f"{f'from_base64(c{n})' if type == 'BLOB' else f'cast(c{n} as {type})'} as {dialect.quote(name)}"
        for n, (name, type) in enumerate(zip(names, types, strict=True))
    )
    with rows_folder() as folder:
        spool = Path(folder) / "rows.ndjson"
        with spool.open("w", encoding="utf-8") as file:
            file.writelines(f"{json.dumps({f'c{n}': _text(v) for n, v in enumerate(row)}, ensure_ascii=False)}\n" for row in rows)
        read = f"read_json({dialect.string(str(spool))}, format = 'newline_delimited', columns = {{{given}}}, maximum_object_size = 1073741824)"
        made = dialect.copy_to(f"select {kept} from {read}", path, "parquet")
        assert made is not None
        reader.query(made)


def type_of(values: Sequence[Any]) -> str:
    """The type of a column with these values; VARCHAR where they are of several kinds, or none is there."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return "BIGINT" if all(-(2**63) <= v < 2**63 for v in values if v is not None) else "VARCHAR"
    if kinds <= {int, Decimal} and Decimal in kinds:
        return _decimal([Decimal(v) for v in values if v is not None])
    if kinds == {datetime.datetime}:
        zones = {v.tzinfo is not None for v in values if v is not None}
        return "VARCHAR" if len(zones) > 1 else "TIMESTAMP WITH TIME ZONE" if zones == {True} else "TIMESTAMP"
    return _SIMPLE.get(kinds.pop(), "VARCHAR") if len(kinds) == 1 else "VARCHAR"


def _decimal(values: Sequence[Decimal]) -> str:
    if not all(value.is_finite() for value in values):
        return "VARCHAR"
    scale = max(max(0, -int(value.as_tuple().exponent)) for value in values)
    whole = max(max(1, value.adjusted() + 1) for value in values)
    return f"DECIMAL({_DIGITS}, {scale})" if whole + scale <= _DIGITS else "VARCHAR"


def _text(value: Any) -> str | None:
    """A value as the text that is cast back."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float):
        return repr(value)
    text = dumps(value)
    return str(json.loads(text)) if text.startswith('"') else text
