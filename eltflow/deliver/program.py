"""Deliveries as programs: rows of a relation are read, and go to a file, to people, or to an API; what an API took is kept in
`eltflow_meta.sent`, so that a run that dies sends nothing twice that the other side can tell apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eltflow.base.names import did_you_mean
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.meta import SENT_COLUMNS, relation_key, table_of
from eltflow.compile.program import LostLease, Outcome, Program, ProgramError, Steps
from eltflow.deliver.job import Delivery
from eltflow.project.deliveries import batch_of, format_of
from eltflow.warehouse.values import Column, Result, Statement, WarehouseError

#: A delivery whose first requests are all refused is wrong as a whole.
_ALL_REFUSED = 10


def deliver(job: Delivery) -> Program:
    """The program of a delivery. Raises ProgramError, before anything leaves, for columns that are not there and keys that repeat."""
    _check_columns(job)
    if job.writing is not None:
        return (yield from _to_file(job))
    if job.telling is not None:
        return (yield from _to_people(job))
    return (yield from _to_api(job))


def _check_columns(job: Delivery) -> None:
    if job.existing is None or not job.existing.columns:
        return  # the engine tells
    fold = job.dialect.fold
    known = [column.name for column in job.existing.columns]
    there = {fold(name, True) for name in known}
    for place, names in (("columns", job.info.columns), ("unique_key", job.info.key)):
        missing = next((name for name in names if fold(name, False) not in there and fold(name, True) not in there), None)
        if missing is not None:
            message = f"{job.origin.identifier} has no column `{missing}`"
            raise ProgramError(message, did_you_mean(missing, known) or f"it has {', '.join(known[:12])}", place=(place,))


def _query(job: Delivery) -> str:
    dialect = job.dialect
    named = (f"{dialect.column(name)} as {dialect.quote(name)}" for name in job.info.columns)
    columns = ", ".join(named) or "*"
    order = ", ".join(map(dialect.column, job.info.key))
    return f"select {columns} from {dialect.render(job.origin)}" + (f" order by {order}" if order else "")


def _rows(job: Delivery) -> Steps[Result]:
    """The rows, their columns spelt as the delivery spells them, whatever the engine makes of that."""
    found = yield Statement(_query(job), role="query", main=True)
    spelt = zip(job.info.columns, found.columns, strict=False)
    return replace(found, columns=tuple(Column(name, column.type) for name, column in spelt) or found.columns)


# -- files and people --------------------------------------------------------------------------------------------------------------


def _to_file(job: Delivery) -> Program:
    writing = job.writing
    assert writing is not None
    path = writing.beside()
    copied = job.dialect.copy_to(_query(job), path, str(format_of(job.info.to)))
    if copied is not None:
        rows = (yield copied).affected
    else:
        found = yield from _rows(job)
        writing.write(found.columns, found.rows)
        rows = len(found.rows)
    writing.publish()
    return Outcome(kind="file", rows=rows, told=(f"written to {writing.where}",))


def _to_people(job: Delivery) -> Program:
    telling = job.telling
    assert telling is not None
    found = yield from _rows(job)
    if not found.rows:
        return Outcome(kind="message", rows=0, told=("it has no rows, so nobody is told",))
    telling.tell(found.columns, found.rows)
    return Outcome(kind="message", rows=len(found.rows), told=(f"told {telling.where}",))


# -- APIs --------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that may be sent: fingerprints of its key and of all of it."""

    values: Mapping[str, Any]
    key: str
    hash: str


@dataclass(frozen=True, slots=True)
class _Sent:
    """What is known of a row that was sent, or was about to be (`pending`), under the key of a request."""

    hash: str
    pending: bool
    request: str


def would(job: Delivery) -> Steps[str]:
    """What the delivery would send now, in words; its statements read alone. Raises ProgramError as `deliver` does."""
    _check_columns(job)
    if job.sending is None:
        found = yield Statement(f"select count(*) from ({_query(job)}) as delivered", role="query")
        out = job.writing or job.telling
        assert out is not None
        return f"{counted(found.rows[0][0], 'row')} to {out.where}"
    rows, batches = yield from _requests(job)
    due = sum(len(batch) for _, batch in batches)
    same = f", {len(rows) - due:,} as they were sent before" if due < len(rows) else ""
    requests = f" in {counted(len(batches), 'request')}" if due else ""
    return f"{counted(due, 'row')} to {job.sending.where}{requests}{same}"


def _requests(job: Delivery) -> Steps[tuple[list[_Row], list[tuple[str, list[_Row]]]]]:
    """All rows, and those that are due by requests; each with its key, if it was made before."""
    size = batch_of(job.info.to)
    found = yield from _rows(job)
    rows = _told_apart(job, found)
    known = yield from _known(job)
    again = _again(rows, known)
    waits = {row.key for _, batch in again for row in batch}
    due = [
        row
        for row in rows
        if row.key not in waits
        and (job.info.send == "all" or (was := known.get(row.key)) is None or was.pending or was.hash != row.hash)
    ]
    return rows, [*again, *(("", due[start : start + size]) for start in range(0, len(due), size))]


def _to_api(job: Delivery) -> Program:
    """A row is written down as pending before it is sent, under the key of its request, and as sent after it. One that is pending still is sent
    again under the same key if the whole request is what it was."""
    sending = job.sending
    assert sending is not None
    rows, batches = yield from _requests(job)
    sent, refused, first = 0, 0, ""
    for request, batch in batches:
        key = request or job.new_key()
        if not request:
            yield from _noted(job, _pending(job, batch, key))
        bad = sending.send([row.values for row in batch], key)
        yield from _noted(job, _taken(job, batch, key, bad))
        sent += len(batch) - len(bad)
        refused += len(bad)
        first = first or next(iter(bad.values()), "")
        if not sent and refused >= _ALL_REFUSED:
            raise ProgramError(
                f"{sending.where} refused the first {refused:,} rows, and no more were sent; the first: {first}",
                "correct `to:`, or the columns that are sent",
            )
    if refused:
        raise ProgramError(
            f"{sending.where} refused {refused:,} of {sent + refused:,} rows; the first: {first}",
            "correct these rows: those that were taken are not sent again",
        )
    same = len(rows) - sent
    again = f", {same:,} as they were sent before" if same else ""
    told = f"{counted(sent, 'row')} sent to {sending.where}{again}"
    return Outcome(kind=str(job.info.to["kind"]), rows=sent, told=(told,))


def _told_apart(job: Delivery, found: Result) -> list[_Row]:
    """The rows with their fingerprints. Raises ProgramError for keys that do not tell them apart; it shows no value."""
    names = [column.name for column in found.columns]
    fold = job.dialect.fold
    places = []
    for wanted in job.info.key:
        place = next((n for n, name in enumerate(names) if fold(name, True) in (fold(wanted, False), fold(wanted, True))), None)
        if place is None:
            help = did_you_mean(wanted, names) or f"it has {', '.join(names[:12])}"
            raise ProgramError(f"`{wanted}` is no column that is sent", help, place=("unique_key",))
        places.append(place)
    made: list[_Row] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(found.rows):
        key = _digest([row[place] for place in places] if places else [number])
        seen[key] = seen.get(key, 0) + 1
        made.append(_Row(dict(zip(names, row, strict=True)), key, _digest([*zip(names, row, strict=True)])))
    label = ", ".join(f"`{name}`" for name in job.info.key)
    empty = sum(any(row[place] is None for place in places) for row in found.rows)
    if empty:
        message = f"{label} is NULL in {counted(empty, 'row')}, and is to tell rows apart"
        raise ProgramError(message, "leave such rows out, or name another `unique_key`", place=("unique_key",))
    twice = sum(count > 1 for count in seen.values())
    if twice:
        message = f"{counted(twice, 'value')} of {label} come{'' if twice > 1 else 's'} more than once"
        raise ProgramError(message, "name a `unique_key` that tells rows apart, and test it with `unique`", place=("unique_key",))
    return made


def _digest(value: Any) -> str:
    """A fingerprint of 128 bits."""
    return hashlib.blake2b(json.dumps(value, default=repr).encode(), digest_size=16).hexdigest()


def _again(rows: Sequence[_Row], known: Mapping[str, _Sent]) -> list[tuple[str, list[_Row]]]:
    """The requests that may have arrived or not, with their keys: those of which every row is still there, as it was."""
    wanted: dict[str, set[str]] = {}
    for key, was in known.items():
        if was.pending:
            wanted.setdefault(was.request, set()).add(key)
    if not wanted:
        return []
    made: dict[str, list[_Row]] = {}
    for row in rows:
        before = known.get(row.key)
        if before is not None and before.pending and before.hash == row.hash:
            made.setdefault(before.request, []).append(row)
    return [(request, batch) for request, batch in made.items() if len(batch) == len(wanted[request])]


# -- what was sent -----------------------------------------------------------------------------------------------------------------


def sent_table(job: Delivery) -> str:
    return job.dialect.render(table_of(job.dialect, job.database, "sent"))


def _where(job: Delivery) -> str:
    literal = job.dialect.literal
    return (
        f"relation = {literal(relation_key(job.dialect, job.origin))}"
        f" and delivery = {literal(f'{job.node.unique_id} {job.destination}')}"
    )


def _known(job: Delivery) -> Steps[Mapping[str, _Sent]]:
    if not job.info.key or job.anew:
        return {}
    sql = f"select key_hash, row_hash, state, request from {sent_table(job)} where {_where(job)}"
    try:
        found = yield Statement(sql, role="query")
    except WarehouseError:
        if not job.dry:
            raise
        return {}  # nothing was ever sent, and the table is not there
    return {str(key): _Sent(str(hash), state == "pending", str(request)) for key, hash, state, request in found.rows}


def _pending(job: Delivery, batch: Sequence[_Row], key: str) -> Iterator[Statement]:
    literal, dialect = job.dialect.literal, job.dialect
    name = sent_table(job)
    yield Statement(f"delete from {name} where {_where(job)} and key_hash in ({_keys(job, batch)})", role="dml")
    begins = (relation_key(dialect, job.origin), f"{job.node.unique_id} {job.destination}")
    values = ", ".join(
        f"({', '.join(map(literal, (*begins, row.key, row.hash, 'pending', key)))}, {dialect.clock})" for row in batch
    )
    columns = ", ".join(dialect.column(column.name) for column in SENT_COLUMNS)
    yield Statement(f"insert into {name} ({columns}) values {values}", role="dml")


def _taken(job: Delivery, batch: Sequence[_Row], key: str, bad: Mapping[int, str]) -> Iterator[Statement]:
    name, literal = sent_table(job), job.dialect.literal
    of_it = f"{_where(job)} and request = {literal(key)}"
    refused = [row for place, row in enumerate(batch) if place in bad]
    if refused:
        yield Statement(f"delete from {name} where {of_it} and key_hash in ({_keys(job, refused)})", role="dml")
    if len(refused) < len(batch):
        yield Statement(f"update {name} set state = {literal('sent')}, sent_at = {job.dialect.clock} where {of_it}", role="dml")


def _keys(job: Delivery, batch: Sequence[_Row]) -> str:
    return ", ".join(job.dialect.literal(row.key) for row in batch)


def _noted(job: Delivery, statements: Iterator[Statement]) -> Steps[None]:
    """The statements in a transaction of their own, where another run has not taken the target over; none where no key tells rows apart."""
    if not job.info.key:
        return
    if job.fence is None or job.fence.role != "begin":
        yield job.dialect.begin()
    if job.fence is not None and not (yield job.fence).rows:
        raise LostLease("another run has taken this target over", "this one stopped: look what the other does, then run it again")
    yield from statements
    yield job.dialect.commit()


__all__ = ["deliver", "would"]
