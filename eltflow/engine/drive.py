"""Drives a program with a session: statements in, results back, rolled back if one fails."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from eltflow.base.records import dataclass, field, replace
from eltflow.compile.program import Program, Steps, T
from eltflow.engine.ahead import Ahead
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Purpose, Result, Statement, WarehouseError


@dataclass(slots=True)
class Trace:
    """The statements that a program sent, for messages and artifacts, and what the engine knows the main one of them by. `purpose` goes
    with each; `statistics` are the engine's own figures of them all together."""

    statements: list[Statement] = field(default_factory=list)
    statement_id: str | None = None
    purpose: Purpose | None = None
    statistics: dict[str, float] = field(default_factory=dict)

    def told(self, statistics: Mapping[str, float]) -> None:
        """Note down what the engine says of a statement."""
        for key, value in statistics.items():
            if isinstance(value, bool):
                self.statistics[key] = value and bool(self.statistics.get(key, True))
            else:
                self.statistics[key] = value + self.statistics.get(key, 0)


#: What may leave something behind when it is sent outside of a transaction, and does harm when it is sent again. (A lone statement that
#: creates or replaces a relation may be sent again.)
_LEAVES = ("dml", "load", "user")
_UNKNOWN = "whether its last statement was carried out cannot be told: look at the table, then run it again"


def drive(program: Steps[T], session: Session, trace: Trace) -> T:
    """Run the program to its end. A transaction that it leaves open, by whatever error, is rolled back.

    An error of kind "lost" leaves here with `safe` set: whether everything that was sent went away with its transaction.
    """
    open_transaction = alone = unsure = False
    result = Result()
    try:
        statement = next(program)
        while True:
            trace.statements.append(statement)
            open_transaction = open_transaction or statement.role == "begin"  # it may fail after it has opened one
            alone = alone or (not open_transaction and statement.role in _LEAVES)
            try:
                result = session.execute(_outfitted(statement, trace.purpose))
            except WarehouseError as error:
                unsure = unsure or (error.kind == "lost" and statement.role == "commit")
                statement = program.throw(error)  # a program may know another way
                continue
            trace.told(result.statistics)
            if statement.main or trace.statement_id is None:
                trace.statement_id = result.statement_id or trace.statement_id
            if statement.role in ("commit", "rollback"):
                open_transaction = False
            statement = program.send(result)
    except StopIteration as stopped:
        outcome: T = stopped.value
        return outcome
    except WarehouseError as error:
        if error.kind == "lost":
            error.safe = not alone and not unsure
            error.help = None if error.safe else _UNKNOWN
        raise
    finally:
        program.close()
        if open_transaction:
            with suppress(WarehouseError):
                session.execute(Statement("rollback", role="rollback"))


def patiently(session: Session, statement: Statement, attempts: int = 3) -> Result:
    """Run a statement that makes what is not there; again if another session made it at that very moment."""
    for attempt in range(1, attempts + 1):
        try:
            return session.execute(statement)
        except WarehouseError as error:
            if error.kind != "transient" or attempt == attempts:
                raise
            time.sleep(0.1 * attempt)
    raise AssertionError


def _outfitted(statement: Statement, purpose: Purpose | None) -> Statement:
    if statement.source is not None:
        statement = replace(statement, source=Ahead(statement.source))
    return statement if purpose is None else replace(statement, purpose=purpose)


def dry(program: Program, answer: Result | None = None) -> list[Statement]:
    """The statements that a program would send if every one of them gave `answer` (default: nothing)."""
    sent: list[Statement] = []
    try:
        statement = next(program)
        while True:
            sent.append(statement)
            statement = program.send(answer or Result())
    except StopIteration:
        return sent
