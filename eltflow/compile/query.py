"""What `run_query` gives a template: rows and columns that can be looped over, by position or by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from eltflow.warehouse.values import Result


class Row(tuple[Any, ...]):
    """A row: values by position; by name with `row['name']`."""

    names: tuple[str, ...] = ()

    @staticmethod
    def make(values: Sequence[Any], names: tuple[str, ...]) -> Row:
        row = Row(values)
        row.names = names
        return row

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, str):
            lowered = [name.lower() for name in self.names]
            return tuple.__getitem__(self, lowered.index(key.lower()))
        return tuple.__getitem__(self, key)

    def values(self) -> tuple[Any, ...]:
        return tuple(self)

    def keys(self) -> tuple[str, ...]:
        return self.names

    def dict(self) -> dict[str, Any]:
        return dict(zip(self.names, self, strict=True))


class QueryColumn(Sequence[Any]):
    """A column: its name, and its values in order."""

    def __init__(self, name: str, values: Sequence[Any]) -> None:
        self.name = name
        self._values = tuple(values)

    def values(self) -> tuple[Any, ...]:
        return self._values

    def __getitem__(self, index: Any) -> Any:
        return self._values[index]

    def __len__(self) -> int:
        return len(self._values)


class QueryResult:
    """The result of a query; looping over it gives its rows."""

    def __init__(self, result: Result) -> None:
        self.column_names = tuple(c.name for c in result.columns)
        self.rows = tuple(Row.make(row, self.column_names) for row in result.rows)
        self.columns = tuple(QueryColumn(name, [row[i] for row in result.rows]) for i, name in enumerate(self.column_names))

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> Any:
        return self.rows[index]
