"""A relation as Jinja sees it: what `ref`, `source` and `this` give."""

from __future__ import annotations

from typing import Any

from eltflow.jinja.values import shown_as
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Relation


@shown_as("relation")
class JinjaRelation:
    """Renders as the relation's SQL name; its parts can be read and left out."""

    __slots__ = ("_asked", "_dialect", "_shown", "_text", "_type", "relation")

    def __init__(
        self,
        relation: Relation,
        dialect: Dialect,
        *,
        type: str | None = None,
        text: str | None = None,
        shown: tuple[bool, bool, bool] = (True, True, True),
        asked: list[bool] | None = None,
    ) -> None:
        self.relation = relation
        self._dialect = dialect
        self._text = text
        self._shown = shown
        self._type = type
        self._asked = asked

    @property
    def type(self) -> str | None:
        """What stands there: "table", "view", ... or None. That it was asked is noted: what was rendered hangs on the answer."""
        if self._asked is not None:
            self._asked.append(True)
        return self._type

    @property
    def database(self) -> str | None:
        return self.relation.database

    @property
    def schema(self) -> str | None:
        return self.relation.schema

    @property
    def identifier(self) -> str:
        return self.relation.identifier

    name = table = identifier

    @property
    def is_view(self) -> bool:
        return self.type == "view"

    @property
    def is_table(self) -> bool:
        return self.type == "table"

    def include(self, database: bool = True, schema: bool = True, identifier: bool = True) -> JinjaRelation:
        return JinjaRelation(self.relation, self._dialect, type=self._type, shown=(database, schema, identifier), asked=self._asked)

    def render(self) -> str:
        if self._text is not None:
            return self._text
        parts = zip((self.relation.database, self.relation.schema, self.relation.identifier), self._shown, strict=True)
        return ".".join(self._dialect.quote(part) for part, shown in parts if shown and part is not None)

    __str__ = render

    def __repr__(self) -> str:
        return f"<Relation {self.render()}>"

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, JinjaRelation) and other.relation == self.relation

    def __hash__(self) -> int:
        return hash(self.relation)
