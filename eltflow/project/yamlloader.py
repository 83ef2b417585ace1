"""PyYAML's safe loader, made strict. A module of its own, because most commands read a project that is kept and load no YAML at all."""

from __future__ import annotations

from typing import Any

import yaml
from yaml import YAMLError
from yaml.constructor import ConstructorError

__all__ = ["Base", "DuplicateKey", "Loader", "YAMLError"]

Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class DuplicateKey(Exception):
    """A key that stands twice in one mapping, and where its second place is."""

    def __init__(self, key: Any, mark: Any) -> None:
        super().__init__(str(key))
        self.key = key
        self.mark = mark


class Loader(Base):  # type: ignore[misc]
    """PyYAML's safe loader that refuses a key written twice in one mapping."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if len(node.value) > 1:
            seen: set[str] = set()
            for key, _ in node.value:
                name = key.value
                if name.__class__ is str and name != "<<":
                    if name in seen:
                        raise DuplicateKey(name, key.start_mark)
                    seen.add(name)
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping

    def construct_yaml_timestamp(self, node: Any) -> Any:
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError as error:  # 2013-02-30
            raise ConstructorError(None, None, f"{node.value} is no date: {error}", node.start_mark) from None


Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_timestamp)
