"""The values that cross the seam."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from eltflow.base.records import dataclass, field
from eltflow.transfer import Source

RelationKind = Literal["table", "view", "materialized_view", "dynamic_table", "external"]
ErrorKind = Literal[
    "sql",
    "transient",
    "connection",
    "lost",
    "permission",
    "locked",
    "disk",
    "cancelled",
    "read_only",
    "conflict",
    "outside",
    "layout",
]


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view by its physical name; each part is the name itself, unquoted."""

    database: str | None
    schema: str | None
    identifier: str

    def parts(self) -> tuple[str, ...]:
        """The parts that are set, outermost first."""
        return tuple(p for p in (self.database, self.schema, self.identifier) if p is not None)

    def __str__(self) -> str:
        return ".".join(self.parts())

    def sibling(self, identifier: str) -> Relation:
        """Another relation in the same schema."""
        return Relation(self.database, self.schema, identifier)


@dataclass(frozen=True, slots=True)
class Column:
    """A column; `type` is the warehouse's own spelling, None when it is not known."""

    name: str
    type: str | None = None


ConstraintType = Literal["not_null", "unique", "primary_key", "foreign_key", "check", "custom"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    """What must hold for every row of a table: of `columns`, by their names; `expression` is the condition of a check, the whole of a
    custom one, or what follows the words of another; a foreign key points at `to_columns` of `to`."""

    type: ConstraintType
    name: str | None = None
    expression: str | None = None
    columns: tuple[str, ...] = ()
    to: Relation | None = None
    to_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """The columns that a relation is promised to have, with their types, and its constraints."""

    columns: tuple[Column, ...]
    constraints: tuple[Constraint, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How rows are laid out in files: csv, json (an object on each line) or parquet; with `partition_by` in folders named after the values of
    these columns. `delimiter` is that of CSV; `options` are of those that `Capabilities.external` lists."""

    format: str
    partition_by: tuple[str, ...] = ()
    delimiter: str | None = None
    options: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CatalogColumn:
    """A column as the catalog tells it."""

    name: str
    type: str
    nullable: bool = True
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class CatalogTable:
    """A relation that exists, with its columns in order. `plain` says that it is known to be a table of columns and nothing else: without keys,
    checks, indexes, triggers, rules, children, privileges of others, comments, or values that it makes by itself."""

    relation: Relation
    kind: RelationKind
    columns: tuple[CatalogColumn, ...] = ()
    comment: str | None = None
    rows: int | None = None
    plain: bool = False


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a statement is sent for: the id of the run and of the node."""

    run: str
    node: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement for a session.

    `role` says what it is for: "begin", "commit" and "rollback" are carried out by the session's transaction methods (their `sql` is
    for people to read), "query" wants its rows back, "load" takes in the rows of `source`, "user" is the user's own statement (a hook).
    `main` marks the one whose row count is the step's. `parameters` are bound by the driver, never pasted. `purpose` says for what it is
    sent, where the engine can be told.
    """

    sql: str
    role: Literal["begin", "commit", "rollback", "ddl", "dml", "query", "load", "user"] = "ddl"
    main: bool = False
    parameters: tuple[Any, ...] = ()
    source: Source | None = field(default=None, repr=False, compare=False)
    purpose: Purpose | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave: rows of a query (tuples in column order), the number of rows it changed where the engine tells, and what
    the engine's own history or log knows it by; `statistics` are the engine's own figures, in dbt's words where it has some
    (`bytes_processed`)."""

    columns: tuple[Column, ...] = ()
    rows: Sequence[tuple[Any, ...]] = ()
    affected: int | None = None
    statement_id: str | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What an engine can do; materializations read these and nothing else about it.

    `column_types` says that a column's type holds for all its values, and that a query tells the types of its columns.
    Where `transactional_ddl` is False each statement that makes, changes or drops a relation commits what is open; rows are still
    written in transactions, unless `transactions` is False too: then each statement stands for itself, and nothing is
    loaded that must be there exactly once. `narrows` says that columns of a table can be dropped, and get another type. `column_comments`
    says that columns of views have comments too, and that the catalog tells comments of columns.
    `constraints` says of which types of constraints the engine takes any: those that it "enforced" or only "accepted". With
    `columns_in_create_as` a statement that makes a table of a query takes the columns' definitions too; without `renames_pointing` a
    table that has foreign keys cannot get another name; without `renames_views` no view can.
    `merge_is_arbitrary` says that a MERGE with several new rows for an old one keeps any of them, where others refuse it.
    `offline_parser` names the distribution that brings the engine's own parser and binder, where it can be embedded: what these said is
    kept as long as its version stays.
    `quotes_may_be_text` says that a name in double quotes which is no column's is a text.
    `external` are the formats of files that the engine writes rows to and reads them from again, each with the options that it takes.
    `streams` says that sessions give rows bit by bit (`protocols.Streams`).
    `query_comments` says that others can see what a session sends, so that statements say where they come from unless the project
    wants otherwise.
    `unnests` says that the items of lists which are kept in a column can be rows of a view.
    """

    transactional_ddl: bool = False
    transactions: bool = True
    narrows: bool = True
    create_or_replace_table: bool = False
    create_or_replace_view: bool = True
    replace_view_columns: bool = True
    materialized_views: bool = False
    dynamic_tables: bool = False
    narrow_literals: bool = False
    reads_files: bool = False
    merge: bool = False
    merge_is_arbitrary: bool = False
    except_all: bool = False
    grants: bool = False
    comments: bool = True
    column_comments: bool = True
    column_types: bool = True
    schemas: bool = True
    views_across_schemas: bool = True
    identifier_limit: int | None = None
    incremental_strategies: tuple[str, ...] = ("append", "delete+insert")
    offline_parser: str = ""
    quotes_may_be_text: bool = False
    streams: bool = False
    query_comments: bool = True
    external: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constraints: Mapping[str, Literal["enforced", "accepted"]] = field(default_factory=dict)
    columns_in_create_as: bool = False
    renames_pointing: bool = True
    renames_views: bool = True
    unnests: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unnested:
    """How the items of the lists in a `column` become rows: `keys` are columns of the list's row, each with its name beside the items;
    `position` names the place of an item in its list, from 1; `items` are (field, name, type): the field of an item, None for the item
    itself, what its column is called, and the engine's type that its values are given, None for that which they have. `json` says that the
    list is kept as JSON, `objects` that its items have fields."""

    column: str
    keys: tuple[tuple[str, str], ...]
    position: str
    items: tuple[tuple[str | None, str, str | None], ...]
    json: bool

    @property
    def objects(self) -> bool:
        return any(field is not None for field, _, _ in self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseStatements:
    """The row that says which run may write: how its table is made, an ended one cleared away, and it is taken, renewed and given back
    (each changes one row, or none if the lease is another's). `holder` asks who has it; `fence` has a row if it is still ours, and keeps
    that so until its transaction ends; one of the role "begin" opens that transaction by itself, which saves a round trip."""

    make: tuple[Statement, ...]
    clear: Statement
    take: Statement
    holder: Statement
    renew: Statement
    release: Statement
    fence: Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One target of a project, its values rendered. `values` may hold secrets: never print it; `secrets` lists the values to mask.
    `hidden` are the keys of values that came from where secrets are kept. `application` is what the warehouse may call our sessions: it
    names project, target and run."""

    name: str
    type: str
    database: str | None
    schema: str
    threads: int
    values: Mapping[str, Any] = field(repr=False, default_factory=dict)
    secrets: tuple[str, ...] = field(repr=False, default=())
    hidden: frozenset[str] = frozenset()
    custom_schemas: Literal["append", "exact"] = "append"
    application: str = "eltflow"


class WarehouseError(Exception):
    """An error that the engine or its driver raised.

    `kind` decides what happens next: "transient" is retried; "lost" says that the connection went away under a statement: the session is
    given up, and the step is retried if `safe`, which who drove it sets, says that to do it again does no harm; "outside" says that the
    statement cannot stand in a transaction, "layout" that a table cannot be replaced as it stands, and is to be made beside. `line` and
    `column` (from 1) point into the statement's text where the engine tells; `engine_message` keeps the engine's own words. Where a data
    file is at fault, `file` (absolute) and `file_line` (from 1) name it; `help` is what the adapter knows to be a remedy.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: ErrorKind = "sql",
        line: int | None = None,
        column: int | None = None,
        code: str | None = None,
        help: str | None = None,
        file: str | None = None,
        file_line: int | None = None,
    ) -> None:
        super().__init__(message)
        self.engine_message = message
        self.kind: ErrorKind = kind
        self.line = line
        self.column = column
        self.code = code
        self.help = help
        self.file = file
        self.file_line = file_line
        self.safe = False

    @property
    def retriable(self) -> bool:
        """Whether the step may simply be tried again."""
        return self.kind == "transient" or self.safe
