"""What templates are given to ask the warehouse with."""

from __future__ import annotations

from collections.abc import Callable

from eltflow.compile.query import QueryResult
from eltflow.jinja.values import RenderError
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError


def asking(session: Session, dialect: Dialect) -> Callable[[str], QueryResult]:
    """`run_query` on a session that is in no transaction: each query in a read-only one of its own, which is rolled back."""

    def ask(sql: str) -> QueryResult:
        session.execute(dialect.begin(read_only=True))
        try:
            return QueryResult(session.execute(Statement(sql, role="query")))
        except WarehouseError as error:
            if error.kind in ("transient", "cancelled"):  # no fault of the query: the run decides what becomes of the step
                raise
            help = error.help or "correct the query that run_query is given"
            raise RenderError("E0601", f"run_query: {error.engine_message}", help=help, needle="run_query") from None
        finally:
            session.execute(dialect.rollback())

    return ask
