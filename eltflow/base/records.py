"""Dataclasses that cost little to define: every command defines a hundred of them before it does anything.

The standard decorator writes and compiles six functions for a frozen class, half a millisecond each time; that was a fifth of a short
command. This one has it write `__init__` alone, and gives all classes the same `__repr__`, `__eq__` and `__hash__`. That nobody assigns to
a frozen one is for the type checker to see, which takes this for the standard decorator: when running, nothing stands in the way.
"""

from __future__ import annotations

import dataclasses
from dataclasses import field, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

__all__ = ["dataclass", "field", "fields", "replace"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, kw_only=False):
        """The standard `dataclass` with these parameters."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, slots=slots, kw_only=kw_only)
        if not frozen:
            return dataclasses.dataclass(cls, slots=slots, kw_only=kw_only)
        made = dataclasses.dataclass(cls, slots=slots, kw_only=kw_only, eq=False, repr=False)
        compared = [one.name for one in fields(made) if one.compare]
        made._compared = attrgetter(*compared) if compared else _nothing
        for name, function in (("__repr__", _repr), ("__eq__", _eq), ("__hash__", _hash)):
            if name not in cls.__dict__:
                setattr(made, name, function)
        return made


def _nothing(record: Any) -> tuple[()]:
    return ()


def _repr(self: Any) -> str:
    shown = ", ".join(f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({shown})"


def _eq(self: Any, other: Any) -> Any:
    if other.__class__ is not self.__class__:
        return NotImplemented
    compared = self.__class__._compared
    return compared(self) == compared(other)


def _hash(self: Any) -> int:
    return hash(self.__class__._compared(self))
