"""Drives a program with a session: statements in, results back, rolled back if one fails."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from eltflow.compile.program import Outcome, Program
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Result, Statement, WarehouseError


@dataclass(slots=True)
class Trace:
    """The statements that a program sent, for messages and artifacts."""

    statements: list[Statement] = field(default_factory=list)


def drive(program: Program, session: Session, trace: Trace) -> Outcome:
    """Run the program to its end. A transaction that it leaves open, by whatever error, is rolled back."""
    open_transaction = False
    result = Result()
    try:
        statement = next(program)
        while True:
            trace.statements.append(statement)
            try:
                result = session.execute(statement)
            except WarehouseError as error:
                statement = program.throw(error)  # a program may know another way
                continue
            if statement.role == "begin":
                open_transaction = True
            elif statement.role in ("commit", "rollback"):
                open_transaction = False
            statement = program.send(result)
    except StopIteration as stopped:
        outcome: Outcome = stopped.value
        return outcome
    finally:
        program.close()
        if open_transaction:
            with suppress(WarehouseError):
                session.execute(Statement("rollback", role="rollback"))


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
