"""A comment in front of each statement: it says in the server's own views and logs which node of which run sent it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from eltflow.base.records import replace
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Result, Statement, WarehouseError


def comment(entries: Mapping[str, str]) -> str:
    """The entries as JSON in a comment on one line, which nothing in them can end."""
    return f"/* {json.dumps(dict(entries)).replace('*', chr(92) + 'u002a')} */ "


class Commented:
    """A session whose statements begin with a comment; places in errors are those in the statement without it."""

    def __init__(self, session: Session, comment: str) -> None:
        self._session = session
        self._comment = comment

    def execute(self, statement: Statement) -> Result:
        if (
            statement.parameters
        ):  # what is bound is not ours to spell: a % or a ? in the comment would be taken for a place of a value
            return self._session.execute(statement)
        try:
            return self._session.execute(replace(statement, sql=self._comment + statement.sql))
        except WarehouseError as error:
            if error.line == 1 and error.column is not None:
                error.column = max(1, error.column - len(self._comment))
            raise

    def cancel(self) -> None:
        self._session.cancel()

    def close(self) -> None:
        self._session.close()
