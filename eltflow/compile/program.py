"""Programs: a materialization yields statements and is sent their results; whoever drives it does the I/O."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal, Protocol, TypeVar

from eltflow.base.names import TEMPORARY, shorten
from eltflow.base.records import dataclass, field
from eltflow.compile.compiled import Compiled
from eltflow.project.nodes import Node
from eltflow.transfer import Judged, Kept, Sifted, Since, Source
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.protocols import FileReader
from eltflow.warehouse.values import CatalogTable, Contract, Layout, Relation, Result, Statement, Unnested, WarehouseError


@dataclass(frozen=True, slots=True, kw_only=True)
class Along:
    """What the program of one node made of another: its id, what stands there now, and the rows that were written, if that is a table."""

    node: str
    table: CatalogTable
    rows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a program did. `kind` names how it was built (view, table, append, merge, ...); `rows` are those written, `changed` those
    replaced; a test has `failures`, its `status`, and a sample of failing rows, or a `note` (with the engine's `note_code`) why there
    is none. `told` is what people should know about a load, `quarantined` how many bad rows it put aside. `made` is what it built,
    `moved` are views on top that were made again, `gone` are those that could not be, `unpointed` tables that lost foreign keys on it; `along`
    are other nodes that it made."""

    kind: str
    rows: int | None = None
    changed: int | None = None
    status: str = "success"
    failures: int | None = None
    sample_columns: tuple[str, ...] = ()
    sample: Sequence[tuple[Any, ...]] = ()
    made: tuple[CatalogTable, ...] = ()
    moved: tuple[CatalogTable, ...] = ()
    gone: tuple[Relation, ...] = ()
    unpointed: tuple[Relation, ...] = ()
    along: tuple[Along, ...] = ()
    files: int | None = None
    message: str | None = None
    told: tuple[str, ...] = ()
    quarantined: int | None = None
    note: str | None = None
    note_code: str | None = None


#: How a file looks from outside: without a row or a column (JSON); or, of CSV, so small that the engine sees every row when it infers
#: types, without (plain) or with (odd) values that it may take for something else; or large.
Looks = Literal["plain", "empty", "odd", "large"]
T = TypeVar("T")
#: Statements out, results in, and a value of type T at the end.
Steps = Generator[Statement, Result, T]
Program = Steps[Outcome]


class ProgramError(Exception):
    """A program cannot go on: `message` for a person, `help` says how to mend it; `file` (absolute) and `line` name a data file,
    `config` the key of the node's configuration, and the value in it, that is at fault; or `place` where in a step's entry that is.
    `notes` is what more there is to know."""

    def __init__(
        self,
        message: str,
        help: str | None = None,
        *,
        file: str | None = None,
        line: int | None = None,
        config: tuple[str, str] | None = None,
        place: tuple[str | int, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.help = help
        self.file = file
        self.line = line
        self.config = config
        self.place = place
        self.notes = notes


class LostLease(ProgramError):
    """Another run may write in this one's place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A file to load: absolute path, the path that people know it by, size in bytes, mtime in ns; where its `good` rows are, if some
    are put aside; and whether `path` is a `temporary` copy, which nobody knows it by."""

    path: str
    name: str
    size: int
    mtime: int
    good: str | None = None
    temporary: bool = False

    @property
    def read(self) -> str:
        """The path of what is read."""
        return self.good or self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """Rows that are put aside: Parquet files of them (`transfer.Sifted`), their number, and the first in words."""

    paths: tuple[str, ...]
    count: int
    first: str


class Sieve(Protocol):
    """What parts the good rows of a file from the bad ones."""

    @property
    def hidden(self) -> frozenset[str] | None:
        """The columns (small letters) whose values must not be shown; None if any may be one."""
        ...

    def sift(self, file: FileInfo, format: str, options: Mapping[str, Any], judge: Callable[[str], Judged]) -> Sifted | None:
        """As `FileReader.sift`."""
        ...

    def spooled(self, source: Source, name: str) -> FileInfo:
        """A file of the rows of a source, which people know by this name, in the format `rows` of `FileReader.sift`. Raises WarehouseError."""
        ...


@dataclass(frozen=True, slots=True)
class Hashing:
    """What hashes texts, and what reads files whose rows are hashed on their way."""

    reader: FileReader
    digest: Callable[[str], str]


class TableSource(Protocol):
    """The table or query of another database that a step reads. All raise WarehouseError."""

    @property
    def where(self) -> str:
        """What people know it by."""
        ...

    def columns(self) -> Sequence[Kept]:
        """Its columns, by the database's own catalogue."""
        ...

    def rows(self, columns: Sequence[tuple[Kept, str]], since: Since | None, *, lenient: bool = False) -> Source:
        """As `transfer.Tables.rows`."""
        ...

    def highest(self, column: Kept) -> str | None:
        """The largest value of a column, as text; None if there is none."""
        ...


class RecordSource(Protocol):
    """What a step asks for its records, or what its function gives. All raise WarehouseError, or ProgramError."""

    @property
    def where(self) -> str:
        """What people know it by."""
        ...

    @property
    def types(self) -> Mapping[str, str]:
        """What the columns of the fetched records are read as, where that is known of all of them; none, where it is found in them."""
        ...

    @property
    def token(self) -> str | None:
        """Where the next load goes on, as JSON, if what was fetched told so."""
        ...

    @property
    def told(self) -> tuple[str, ...]:
        """What people should know of what was fetched."""
        ...

    def fetch(self, since: Any, until: Any = None) -> Sequence[FileInfo]:
        """Files of the records: of JSON, an object on each line, or of Parquet. All of them, or those that came after `since` (and before
        `until`, as far as the other side can tell); no file if there are none."""
        ...

    def close(self) -> None:
        """Delete what was fetched."""
        ...


class Written(Protocol):
    """The files of a model, which are written beside those that stand there and put in their place. Raises WarehouseError, or ProgramError
    for what is none of ours."""

    @property
    def path(self) -> str:
        """Where they stand in the end: the path of a file or a folder, or an address."""
        ...

    @property
    def fresh(self) -> str:
        """Where they are written to; `path` itself where whoever writes puts them there as a whole."""
        ...

    @property
    def layout(self) -> Layout:
        """How rows are laid out in them."""
        ...

    def prepare(self) -> None:
        """Make what `fresh` lies in, and look whether what stands at `path` may go."""
        ...

    def publish(self) -> None:
        """Put what was written at `path` too; it stays at `fresh`, whose readers go on."""
        ...

    def discard(self) -> None:
        """Delete what was written."""
        ...

    def sweep(self) -> None:
        """Delete what this run and dead ones left beside `path`: nothing reads it any more."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a materialization needs. `existing` is what stands at the relation now; `run` are 8 hex digits of the run's id.

    `digest` fingerprints a file's content; `look` tells what is known of a file by now, None if it is gone; `inspect` looks at a file of
    this format (of CSV: with this delimiter, and a header or none), and raises ProgramError where its head is wrong. All are None where
    no file is to be read. `bring` gives files as an engine reads
    them: fetched, unpacked and turned into formats that it knows, one file or several for each; None where they are read as they are.
    `sifted` are the paths of the good rows of those that have bad ones, by their own. `reader` reads files for an engine
    that cannot, `tables` is what a step reads of another database. `records` is what it asks for records: `files` holds them once
    they were fetched, `since` up to where the table was loaded then. `backfill` are the values of the cursor, as text, from and up to which
    rows are brought in again, those of the run's own `interval` where it says so. `hashing` is what its hashed columns need, `sieve` parts
    bad rows from the others, `bad` are those that it found. `children` are the nodes of the lists that the step unnests, `nested` how they go
    with the rows that are loaded; `beside` is the table whose lists a node unnests, None if that is not there. `written` are the files that a
    model is kept in. `ours` tells whether a relation is one of the project's. `contract` is what the node promises, `pointed` says that
    foreign keys point at it. `fence` is a query without rows if another run may write in this one's place. `run_id` is what the effect is
    recorded under in `eltflow_meta.applied`, None where it is not. `dry` says that nothing is sent: answers are made up, and nothing is
    concluded from them.
    """

    node: Node
    relation: Relation
    dialect: Dialect
    run: str
    compiled: Compiled | None = None
    existing: CatalogTable | None = None
    full_refresh: bool = False
    dry: bool = False
    files: tuple[FileInfo, ...] = ()
    digest: Callable[[FileInfo], str] | None = None
    inspect: Callable[[FileInfo, str, str, bool], Looks] | None = None
    look: Callable[[FileInfo], FileInfo | None] | None = None
    bring: Callable[[Sequence[FileInfo]], Sequence[FileInfo]] | None = None
    sifted: Mapping[str, str] = field(default_factory=dict)
    reader: FileReader | None = None
    tables: TableSource | None = None
    records: RecordSource | None = None
    since: str | None = None
    backfill: tuple[str, str] | None = None
    interval: bool = False
    hashing: Hashing | None = None
    sieve: Sieve | None = None
    bad: Bad | None = None
    written: Written | None = None
    children: tuple[Job, ...] = ()
    nested: tuple[Nested, ...] = ()
    beside: CatalogTable | None = None
    contract: Contract | None = None
    pointed: bool = False
    fence: Statement | None = None
    run_id: str | None = None
    ours: Callable[[Relation], bool] = lambda relation: False
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        assert self.compiled is not None
        return self.compiled.sql

    @property
    def config(self) -> Mapping[str, Any]:
        return self.node.config

    def temporary(self, tag: str = "") -> Relation:
        """A relation of our own beside the node's, named for this run and within the engine's limit; `tag` tells one from another."""
        suffix = f"{tag}{TEMPORARY}{self.run}"
        limit = self.dialect.capabilities.identifier_limit
        name = self.relation.identifier
        if limit is not None:
            name = shorten(name, limit - len(suffix))
        return self.relation.sibling(self.dialect.named(name + suffix))


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """A node of the items of lists, and how they are unnested. It `stands` so already; it `follows` if it is a table that gets the items of
    new rows; and it is `sure` that none of their values can be wrong there."""

    job: Job
    what: Unnested
    stands: bool
    follows: bool
    sure: bool


def transaction(dialect: Dialect, body: Steps[T], fence: Statement | None = None) -> Steps[T]:
    """The program inside one transaction, where DDL takes part in them; a driver rolls back when a statement fails. Raises LostLease."""
    if not dialect.capabilities.transactional_ddl:
        return (yield from body)
    if fence is None or fence.role != "begin":
        yield dialect.begin()
    if fence is not None and not (yield fence).rows:
        raise LostLease("another run has taken this target over", "this one stopped: look what the other does, then run it again")
    made = yield from body
    yield dialect.commit()
    return made


def rows_together(job: Job, body: Steps[T]) -> Steps[T]:
    """A body that only writes rows, all of them or none: in a transaction of its own, where no larger one is around it. It is rolled back
    here, because whatever comes next might commit it. Where the engine has no transactions the body is one statement, or what it has
    written is not seen before it ends well. Raises LostLease."""
    dialect = job.dialect
    if dialect.capabilities.transactional_ddl or not dialect.capabilities.transactions:
        return (yield from body)
    yield dialect.begin()
    try:
        if job.fence is not None and not (yield job.fence).rows:
            raise LostLease(
                "another run has taken this target over", "this one stopped: look what the other does, then run it again"
            )
        made = yield from body
        yield dialect.commit()
    except (WarehouseError, ProgramError) as error:
        if isinstance(error, WarehouseError) and error.kind == "lost":
            raise
        try:
            yield dialect.rollback()
        except WarehouseError as failed:
            failed.kind = "lost"  # nothing may be sent on this connection any more
            raise
        raise
    return made


def discarded(job: Job, scratch: Relation, kind: str = "table") -> Steps[None]:
    """Drop what is not needed any more. Where rows are committed by then, that it cannot be dropped is no error: the next run does."""
    drop = job.dialect.drop(scratch, kind)
    if job.dialect.capabilities.transactional_ddl:
        yield drop
        return
    with suppress(WarehouseError):
        yield drop


def cleared(job: Job, scratch: Relation, kind: str = "table") -> Steps[None]:
    """Drop what an attempt left at `scratch`, where no transaction took it back: one of that kind, or what it changed places with."""
    for one in dict.fromkeys((kind, kind if job.existing is None else job.existing.kind)):
        yield from discarded(job, scratch, one)


def tidily(job: Job, scratch: Relation, body: Steps[T], kind: str = "table") -> Steps[T]:
    """The body; when it fails, the relation of its own is dropped, where no transaction takes it back."""
    try:
        return (yield from body)
    except (WarehouseError, ProgramError) as error:
        gone = isinstance(error, WarehouseError) and error.kind == "lost"
        if not job.dialect.capabilities.transactional_ddl and not gone:
            yield from cleared(job, scratch, kind)
        raise
