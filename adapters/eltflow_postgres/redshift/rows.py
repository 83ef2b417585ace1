"""The rows of a `Source` as INSERTs of many rows each. A statement may have 16 MB (r_INSERT_30); ours have a fraction of that."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from eltflow.transfer import Source, plain
from eltflow.warehouse import WarehouseError
from eltflow_postgres.redshift.dialect import RedshiftDialect

_NULL = "\\N"
_SIZE = 1 << 20  #: characters of a statement, but for its last row


def statements(insert: str, source: Source, types: Sequence[str], dialect: RedshiftDialect) -> Iterator[tuple[str, int]]:
    """Each statement with the number of its rows; `insert` goes up to and with VALUES. Literals are untyped, as the column reads them."""
    written = [_writes(type, dialect) for type in types]
    waiting: list[str] = []
    size = 0
    for batch in source.text():
        for line in batch.decode().split("\n")[:-1]:
            values = zip(line.split("\t"), written, strict=True)
            row = f"({', '.join('null' if text == _NULL else write(plain(text)) for text, write in values)})"
            waiting.append(row)
            size += len(row)
            if size >= _SIZE:
                yield f"{insert}\n" + ",\n".join(waiting), len(waiting)
                waiting, size = [], 0
    if waiting:
        yield f"{insert}\n" + ",\n".join(waiting), len(waiting)


def _writes(type: str, dialect: RedshiftDialect) -> Callable[[str], str]:
    """What makes a literal for a column of the type."""
    if type == "super":
        return lambda text: f"json_parse({dialect.string(text)})"
    if type.startswith("binary varying"):
        return lambda text: dialect.literal(_bytes(text))
    return dialect.string


def _bytes(text: str) -> bytes:
    """Bytes from `\\x` and hex digits, or else the text's own in UTF-8."""
    try:
        return bytes.fromhex(text[2:]) if text.startswith("\\x") else text.encode()
    except ValueError:
        shown = text if len(text) <= 60 else text[:60] + "…"
        raise WarehouseError(f"`{shown}` begins as bytes in hexadecimal digits do, and is none") from None
