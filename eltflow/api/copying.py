"""Rows on their way from one target of a run to another: into a relation of their own, which is dropped after its last reader.

They are read and sent as those of steps that read databases (`eltflow.transfer`): a batch at a time, under the same rules for types.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress

from eltflow.api.explain import masked
from eltflow.api.opening import Site
from eltflow.base.names import listed, short
from eltflow.base.records import dataclass, replace
from eltflow.compile.materialize.relation import built, own_table
from eltflow.compile.program import Job, Outcome, Program, ProgramError
from eltflow.events import Event, Message, StepFinished, StepResult
from eltflow.ingest.files import file_reader
from eltflow.plan.plan import Copy, Step
from eltflow.project.nodes import Node
from eltflow.transfer import Field, Kept, Origin, Source, Tables
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import Reads
from eltflow.warehouse.queried import QueriedTables, own_reader
from eltflow.warehouse.values import Purpose, WarehouseError

#: What a step could do about a note.
_HINT = ": name a `data_type` to have numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """What is read for a copy, from an open connection: told of it are the notes on what changes on the way."""

    rows: Source
    told: tuple[str, ...]


@contextmanager
def moving(origin: Site, node: Node, purpose: Purpose | None, stopped: Callable[[], bool]) -> Iterator[Moved]:
    """The rows of a node's relation at the target that it lives on; they are given up, by an error of the kind "cancelled", soon after
    `stopped` says so. Raises WarehouseError, whose words hold no secret of that target."""
    assert node.relation is not None
    with _told(origin):
        tables = _tables(origin, purpose)
    with closing(tables):
        query = Origin(query=f"select * from {origin.loaded.adapter.dialect.render(node.relation)}")
        with _told(origin):
            kept: Sequence[Kept] = tables.columns(query)
            rows = tables.rows(query, [(one, one.name) for one in kept], None)
        notes = tuple(one.note.removesuffix(_HINT) for one in kept if one.note is not None)
        yield Moved(rows=_Rows(rows, lambda: _told(origin), stopped), told=notes)


def _tables(origin: Site, purpose: Purpose | None) -> Tables:
    """What reads the tables of a target: what it has opened, the reader of its type, or a session of its own."""
    if isinstance(origin.database, Reads):
        return origin.database.tables()
    reader = own_reader(origin.loaded.target.type)
    if reader is None:
        return QueriedTables(origin.database.session(), origin.loaded.adapter.dialect, purpose)
    return reader.open(origin.loaded.target.values, origin.loaded.root)


@contextmanager
def _told(origin: Site) -> Iterator[None]:
    """Around what asks another target than the one that is written to: its errors say whose they are. One that was lost is not this one."""
    try:
        yield
    except WarehouseError as error:
        words = f"the target `{origin.loaded.target.name}`: {masked(error, origin.loaded.target)}"
        kind = "transient" if error.kind == "lost" else error.kind
        raise WarehouseError(words, kind=kind, code=error.code, help=error.help) from None


@dataclass(frozen=True, slots=True)
class _Rows:
    source: Source
    told: Callable[[], AbstractContextManager[None]]
    stopped: Callable[[], bool]

    @property
    def fields(self) -> tuple[Field, ...]:
        return self.source.fields

    def text(self) -> Iterator[bytes]:
        with self.told():
            for batch in self.source.text():
                if self.stopped():
                    raise WarehouseError("cancelled", kind="cancelled")
                yield batch

    def parquet(self, folder: str, names: Sequence[str], *, plain: bool = False) -> None:
        file_reader().columnar(self).parquet(folder, names, plain=plain)


def copying(site: Site, step: Step, of: Node, moved: Moved, run_id: str) -> Program:
    """The rows into the relation that stands for the node `of` at the target. Raises ProgramError for a type that its engine has no place
    for, before any of them is read."""
    dialect = site.loaded.adapter.dialect
    assert step.node.relation is not None
    job = Job(
        node=step.node,
        relation=step.node.relation,
        dialect=dialect,
        run=short(run_id),
        reader=None if dialect.capabilities.reads_files else file_reader(),
        fence=site.lease.fence if site.lease is not None else None,
    )
    try:
        outcome: Outcome = yield from built(job, own_table(job, moved.rows))
    except ProgramError as error:
        help = f"cast it to another type in the model `{of.name}`, or in one beside it that is read instead"
        raise ProgramError(error.message, help) from None
    return replace(outcome, kind="copy", made=())


def becomes(dialect: Dialect, fields: Sequence[Field], place: str) -> Iterator[str]:
    """What is to be told of the columns whose values the engine of the target `place` keeps as something else."""
    for field in fields:
        kept = dialect.keeps(field.type)
        if kept is not None and not _alike(field.type, kept, dialect.gives(field.name, kept)[1]):
            yield f"`{field.name}` is {field.type}, and becomes {kept} on `{place}`"


def _alike(type: str, kept: str, back: str) -> bool:
    """Whether a type is what it was, and not only a place that has room for its values: by its name there, or by what it is read back as."""
    return _sort(back) == _sort(type) or kept.upper().startswith(type) or _number(type, kept)


#: Types of which one becomes another on most engines, without a change of what its values are.
_SORTS = (
    re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?\Z|BIGNUM\Z"),
    re.compile(r"FLOAT\Z|DOUBLE\Z"),
    re.compile(r"VARCHAR\Z|ENUM\b"),
    re.compile(r"TIMESTAMP(_S|_MS|_NS)?\Z"),
    re.compile(r"TIME(_NS)?\Z"),
)
_WHOLE = _SORTS[0]
_NUMBERS = re.compile(r"(big)?(numeric|decimal)\b|number\b", re.IGNORECASE)


def _sort(type: str) -> str:
    if type.startswith("DECIMAL("):
        return "DECIMAL"
    return next((sort.pattern for sort in _SORTS if sort.match(type)), type)


def _number(type: str, kept: str) -> bool:
    """Whether a number is kept as one with as many digits, which may be read as text."""
    return (_WHOLE.match(type) is not None or type.startswith("DECIMAL(")) and _NUMBERS.match(kept) is not None


class Copies:
    """The copies of one run, by their steps: which of them nobody will read any more, and are dropped then."""

    def __init__(self, copies: Sequence[Copy], sites: Mapping[str, Site]) -> None:
        self._sites = sites
        self._copies = {copy.node.unique_id: copy for copy in copies}
        self._readers = {copy.node.unique_id: set(copy.readers) for copy in copies}
        self._there: set[str] = set()
        self._gone: set[str] = set()

    def of(self, step: Step) -> Copy:
        return self._copies[step.id]

    def take(self, event: Event) -> None:
        """Note down what ended; drop what has no reader left. What cannot be dropped now is at the end of the run."""
        if not self._copies or not isinstance(event, StepFinished):
            return
        result = event.result
        if result.step in self._copies and self._may_be_there(result):
            self._there.add(result.step)
        for one, readers in self._readers.items():
            readers.discard(result.step)
            if not readers and one in self._there:
                with suppress(WarehouseError):
                    self._drop(one)

    def sweep(self, results: Mapping[str, StepResult]) -> Iterator[Message]:
        """Drop what is still there, however the run ended; tells what stays, which the next run drops."""
        self._there |= {one for one in self._copies if one in results and self._may_be_there(results[one])} - self._gone
        left: list[str] = []
        for one in sorted(self._there):
            try:
                self._drop(one)
            except WarehouseError:
                left.append(str(self._copies[one].node.relation))
        if left:
            yield Message(text=f"could not drop {listed(left)}: the next run there does", level="warning")

    def _drop(self, one: str) -> None:
        copy = self._copies[one]
        site = self._sites[copy.target]
        assert copy.node.relation is not None
        if site.lease is None or not site.lease.lost:
            with closing(site.database.session()) as session:
                session.execute(site.loaded.adapter.dialect.drop(copy.node.relation))
        self._there.discard(one)
        self._gone.add(one)

    def _may_be_there(self, result: StepResult) -> bool:
        """Whether a copy was made, or begun: one that failed was rolled back, where DDL takes part in transactions. What became of one that
        was cancelled is not sure."""
        dialect = self._sites[self._copies[result.step].target].loaded.adapter.dialect
        return result.status in ("success", "cancelled") or (
            result.status == "error" and not dialect.capabilities.transactional_ddl
        )


__all__ = ["Copies", "Moved", "becomes", "copying", "moving"]
