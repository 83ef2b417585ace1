"""Deliveries as programs: rows of a relation are read, and go to a file, to people, or to an API; what an API took is kept in
`eltflow_meta.sent`, so that a run that dies sends nothing twice that the other side can tell apart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from eltflow.base.names import did_you_mean
from eltflow.base.plurals import counted
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.meta import SENT_COLUMNS, SENT_KEY_COLUMNS, relation_key, table_of
from eltflow.compile.program import LostLease, Outcome, Program, ProgramError, Steps
from eltflow.deliver.job import Delivery
from eltflow.project.deliveries import batch_of, format_of
from eltflow.transfer.jsontext import dumps
from eltflow.warehouse.values import Column, Result, Statement, WarehouseError

#: A delivery whose first requests are all refused is wrong as a whole.
_ALL_REFUSED = 10
_KEYS = 1000  #: rows whose keys are kept by one statement


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
    """What is known of a row that was sent, or was about to be sent (`pending`) or deleted, under the key of a request; and the values of its
    key, where they are kept."""

    hash: str
    state: str
    request: str
    values: str | None = None


def would(job: Delivery) -> Steps[str]:
    """What the delivery would send now, in words; its statements read alone. Raises ProgramError as `deliver` does."""
    _check_columns(job)
    if job.sending is None:
        found = yield Statement(f"select count(*) from ({_query(job)}) as delivered", role="query")
        out = job.writing or job.telling
        assert out is not None
        return f"{counted(found.rows[0][0], 'row')} to {out.where}"
    rows, batches, known = yield from _requests(job)
    due = sum(len(batch) for _, batch in batches)
    same = f", {len(rows) - due:,} as they were sent before" if due < len(rows) else ""
    requests = f" in {counted(len(batches), 'request')}" if due else ""
    gone = len(_gone(job, rows, known))
    deleted = f", {gone:,} to be deleted there" if gone else ""
    return f"{counted(due, 'row')} to {job.sending.where}{requests}{same}{deleted}"


def _requests(job: Delivery) -> Steps[tuple[list[_Row], list[tuple[str, list[_Row]]], Mapping[str, _Sent]]]:
    """All rows; those that are due by requests, each with its key, if it was made before; and what is known of rows that were sent."""
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
        and (job.info.send == "all" or (was := known.get(row.key)) is None or was.state != "sent" or was.hash != row.hash)
    ]
    return rows, [*again, *(("", due[start : start + size]) for start in range(0, len(due), size))], known


def _to_api(job: Delivery) -> Program:
    """A row is written down as pending before it is sent, under the key of its request, and as sent after it. One that is pending still is sent
    again under the same key if the whole request is what it was."""
    sending = job.sending
    assert sending is not None
    rows, batches, known = yield from _requests(job)
    yield from _keys_kept(job, rows, known)
    deleted, refused, first = yield from _deleted(job, _gone(job, rows, known))
    sent = 0
    for request, batch in batches:
        key = request or job.new_key()
        if not request:
            yield from _noted(job, _pending(job, batch, key))
        bad = sending.send([row.values for row in batch], key)
        yield from _noted(job, _taken(job, batch, key, bad, known))
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
            f"{sending.where} refused {refused:,} of {sent + deleted + refused:,} rows; the first: {first}",
            "correct these rows: those that were taken are not sent again",
        )
    same = len(rows) - sent
    again = f", {same:,} as they were sent before" if same else ""
    gone = f", {deleted:,} deleted there" if deleted else ""
    told = f"{counted(sent, 'row')} sent to {sending.where}{again}{gone}"
    return Outcome(kind=str(job.info.to["kind"]), rows=sent, told=(told,))


def _gone(job: Delivery, rows: Sequence[_Row], known: Mapping[str, _Sent]) -> list[tuple[str, str]]:
    """(fingerprint, values) of the keys of rows that were sent, or may have been, and are gone, where they are to be deleted."""
    if job.info.on_delete != "delete":
        return []
    there = {row.key for row in rows}
    return [(key, was.values) for key, was in known.items() if key not in there and was.values is not None]


def _deleted(job: Delivery, gone: Sequence[tuple[str, str]]) -> Steps[tuple[int, int, str]]:
    """Have rows deleted there: how many were, how many it refused to, and why the first. Before it is asked for one is noted as being deleted,
    so that one that comes back is sent again; once it was, it is forgotten."""
    sending = job.sending
    assert sending is not None
    size = batch_of(job.info.to) if job.info.to["kind"] == "table" else 1
    deleted, refused, first = 0, 0, ""
    for start in range(0, len(gone), size):
        batch = gone[start : start + size]
        key = job.new_key()
        yield from _noted(job, _deleting(job, [hash for hash, _ in batch], key))
        bad = sending.delete([json.loads(values, parse_float=Decimal) for _, values in batch], key)
        done = [hash for place, (hash, _) in enumerate(batch) if place not in bad]
        if done:
            yield from _noted(job, _forgotten(job, done))
        deleted += len(done)
        refused += len(bad)
        first = first or next(iter(bad.values()), "")
    return deleted, refused, first


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
        if was.state == "pending":
            wanted.setdefault(was.request, set()).add(key)
    if not wanted:
        return []
    made: dict[str, list[_Row]] = {}
    for row in rows:
        before = known.get(row.key)
        if before is not None and before.state == "pending" and before.hash == row.hash:
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
    kept: dict[str, str] = {}
    try:
        found = yield Statement(sql, role="query")
        if job.info.on_delete == "delete":
            sql = f"select key_hash, key_values from {_key_table(job)} where {_where(job)}"
            kept = {str(key): str(values) for key, values in (yield Statement(sql, role="query")).rows}
    except WarehouseError:
        if not job.dry:
            raise
        return {}  # nothing was ever sent, and the table is not there
    return {str(key): _Sent(str(hash), str(state), str(request), kept.get(str(key))) for key, hash, state, request in found.rows}


def _key_table(job: Delivery) -> str:
    return job.dialect.render(table_of(job.dialect, job.database, "sent_key"))


def _keys_kept(job: Delivery, rows: Sequence[_Row], known: Mapping[str, _Sent]) -> Steps[None]:
    """Keep the keys of rows that were sent before these were kept."""
    if job.info.on_delete != "delete":
        return
    missing = [row for row in rows if (was := known.get(row.key)) is not None and was.values is None]
    for start in range(0, len(missing), _KEYS):
        yield from _noted(job, _keys_noted(job, missing[start : start + _KEYS]))


def _keys_noted(job: Delivery, batch: Sequence[_Row]) -> Iterator[Statement]:
    """The statements that keep the keys of rows."""
    literal, name = job.dialect.literal, _key_table(job)
    yield Statement(f"delete from {name} where {_where(job)} and key_hash in ({_keys(job, batch)})", role="dml")
    begins = (relation_key(job.dialect, job.origin), f"{job.node.unique_id} {job.destination}")
    values = ", ".join(f"({', '.join(map(literal, (*begins, row.key, _key_values(job, row))))})" for row in batch)
    columns = ", ".join(job.dialect.column(column.name) for column in SENT_KEY_COLUMNS)
    yield Statement(f"insert into {name} ({columns}) values {values}", role="dml")


def _key_values(job: Delivery, row: _Row) -> str:
    """The values of a row's key as JSON, by the names that the delivery has for them."""
    fold = job.dialect.fold
    named = {fold(name, True): value for name, value in row.values.items()}
    return dumps({key: named[fold(key, True) if fold(key, True) in named else fold(key, False)] for key in job.info.key})


def _deleting(job: Delivery, keys: Sequence[str], request: str) -> Iterator[Statement]:
    """The statement that notes that rows are about to be deleted there."""
    literal = job.dialect.literal
    set_to = f"state = {literal('deleting')}, request = {literal(request)}, sent_at = {job.dialect.clock}"
    where = f"{_where(job)} and key_hash in ({', '.join(map(literal, keys))})"
    yield Statement(f"update {sent_table(job)} set {set_to} where {where}", role="dml")


def _forgotten(job: Delivery, keys: Sequence[str]) -> Iterator[Statement]:
    """The statements that forget rows that were sent."""
    of_them = f"{_where(job)} and key_hash in ({', '.join(map(job.dialect.literal, keys))})"
    yield Statement(f"delete from {sent_table(job)} where {of_them}", role="dml")
    yield Statement(f"delete from {_key_table(job)} where {of_them}", role="dml")


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
    if job.info.on_delete == "delete":
        yield from _keys_noted(job, batch)


def _taken(
    job: Delivery, batch: Sequence[_Row], key: str, bad: Mapping[int, str], known: Mapping[str, _Sent]
) -> Iterator[Statement]:
    name, literal = sent_table(job), job.dialect.literal
    of_it = f"{_where(job)} and request = {literal(key)}"
    refused = [row for place, row in enumerate(batch) if place in bad]
    if job.info.on_delete == "delete":  # what was there before is there still, and may have to be deleted
        stays = [row for row in refused if row.key in known]
        refused = [row for row in refused if row.key not in known]
        if stays:
            set_to = f"update {name} set state = {literal('sent')}, row_hash = {literal('')}, request = {literal('')}"
            yield Statement(f"{set_to} where {of_it} and key_hash in ({_keys(job, stays)})", role="dml")
        if refused:
            yield Statement(
                f"delete from {_key_table(job)} where {_where(job)} and key_hash in ({_keys(job, refused)})", role="dml"
            )
    if refused:
        yield Statement(f"delete from {name} where {of_it} and key_hash in ({_keys(job, refused)})", role="dml")
    if len(bad) < len(batch):
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
