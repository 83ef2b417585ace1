"""Properties YAML: the shape of the files that describe, configure and test what the other files define."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from eltflow.project import config
from eltflow.project.config import FLAG, FRESHNESS, META, NAMES, NUMBER, TEXT
from eltflow.project.shape import ByKey, ListOf, MapOf, Nullable, Object, OneOf, Scalar, Shape

#: Configuration that may also stand beside `config:`.
_META, _TAGS = Nullable(META), Nullable(NAMES)
DOC_TEXT = Scalar(about="Markdown; may hold {{ doc('name') }}.")

_TEST_OBJECT = MapOf()  # a test's entry is checked by `native.tests`, which knows its arguments
TESTS = ListOf(OneOf(options=(TEXT, _TEST_OBJECT)))

_CONSTRAINT: dict[str, Shape] = {
    "type": Scalar(choices=("not_null", "unique", "primary_key", "foreign_key", "check", "custom")),
    "name": TEXT,
    "expression": Scalar(
        about="SQL: the condition of a check, the whole of a custom constraint, or what follows the words of another."
    ),
    "to": Scalar(about="What a foreign key points at: ref('name') or source('a', 'b')."),
    "to_columns": NAMES,
    "warn_unsupported": FLAG,
    "warn_unenforced": FLAG,
}
COLUMN_CONSTRAINTS = ListOf(Object(what="a constraint of a column", required=("type",), fields=_CONSTRAINT))
CONSTRAINTS = ListOf(Object(what="a constraint", required=("type",), fields={**_CONSTRAINT, "columns": NAMES}))

COLUMN = Object(
    what="a column",
    required=("name",),
    fields={
        "name": TEXT,
        "description": DOC_TEXT,
        "data_type": TEXT,
        "quote": FLAG,
        "constraints": COLUMN_CONSTRAINTS,
        "data_tests": TESTS,
        "tests": TESTS,
        "meta": _META,
        "tags": _TAGS,
        "config": Object(fields={"meta": _META, "tags": _TAGS}),
    },
)

_COMMON: dict[str, Shape] = {
    "name": TEXT,
    "description": DOC_TEXT,
    "columns": ListOf(COLUMN),
    "data_tests": TESTS,
    "tests": TESTS,
    "docs": config.KEYS["model"]["docs"],
    "meta": _META,
    "tags": _TAGS,
}


def _configured(kind: str) -> Object:
    keys = dict(config.KEYS[kind])
    keys |= {"pre-hook": keys["pre_hook"], "post-hook": keys["post_hook"]} if "pre_hook" in keys else {}
    return Object(fields=keys, what=f"the config of a {kind}")


MODEL = Object(
    what="a model",
    required=("name",),
    fields={
        **_COMMON,
        "config": _configured("model"),
        "group": Nullable(TEXT),
        "access": config.KEYS["model"]["access"],
        "constraints": CONSTRAINTS,
        "deprecation_date": Shape(),
    },
)
SEED = Object(what="a seed", required=("name",), fields={**_COMMON, "config": _configured("seed")})
ANALYSIS = Object(
    what="an analysis",
    required=("name",),
    fields={**_COMMON, "config": _configured("analysis")},
)

_SOURCE_SHARED: dict[str, Shape] = {
    "description": DOC_TEXT,
    "loader": TEXT,
    "quoting": MapOf(FLAG),
    "meta": _META,
    "tags": _TAGS,
    "freshness": FRESHNESS,
    "loaded_at_field": TEXT,
    "loaded_at_query": TEXT,
    "config": _configured("source"),
}
TABLE = Object(
    what="a table of a source",
    required=("name",),
    fields={
        **_SOURCE_SHARED,
        "name": TEXT,
        "identifier": TEXT,
        "columns": ListOf(COLUMN),
        "data_tests": TESTS,
        "tests": TESTS,
        "external": Shape(),
    },
)
SOURCE = Object(
    what="a source",
    required=("name",),
    fields={**_SOURCE_SHARED, "name": TEXT, "database": TEXT, "schema": TEXT, "tables": ListOf(TABLE)},
)
EXPOSURE = Object(
    what="an exposure",
    required=("name", "type", "owner"),
    fields={
        "name": TEXT,
        "type": Scalar(choices=("dashboard", "notebook", "analysis", "ml", "application")),
        "owner": Object(fields={"name": TEXT, "email": OneOf(options=(TEXT, ListOf(TEXT)))}, open=True),
        "label": TEXT,
        "description": DOC_TEXT,
        "maturity": Scalar(choices=("high", "medium", "low")),
        "url": TEXT,
        "depends_on": ListOf(TEXT),
        "meta": _META,
        "tags": _TAGS,
        "config": _configured("exposure"),
    },
)
GROUP = Object(
    what="a group",
    required=("name", "owner"),
    fields={
        "name": TEXT,
        "owner": Object(fields={"name": TEXT, "email": OneOf(options=(TEXT, ListOf(TEXT)))}, open=True),
        "description": TEXT,
        "config": Object(fields={"meta": META}),
    },
)
MACRO = Object(
    what="a macro",
    required=("name",),
    fields={
        "name": TEXT,
        "description": DOC_TEXT,
        "arguments": ListOf(Object(fields={"name": TEXT, "type": TEXT, "description": DOC_TEXT}, required=("name",))),
        "docs": Object(fields={"show": FLAG, "node_color": TEXT}),
        "meta": META,
        "config": Object(fields={"docs": Shape(), "meta": META}),
    },
)
SINGULAR = Object(
    what="a singular test",
    required=("name",),
    fields={"name": TEXT, "description": DOC_TEXT, "config": _configured("test"), "meta": META, "tags": NAMES},
)

PROPERTIES = Object(
    what="a properties file",
    about="Properties of models, seeds, sources, tests, macros, exposures and groups.",
    fields={
        "version": NUMBER,
        "models": ListOf(MODEL),
        "seeds": ListOf(SEED),
        "sources": ListOf(SOURCE),
        "analyses": ListOf(ANALYSIS),
        "exposures": ListOf(EXPOSURE),
        "groups": ListOf(GROUP),
        "macros": ListOf(MACRO),
        "data_tests": ListOf(SINGULAR),
        "tests": ListOf(SINGULAR),
        "anchors": Shape(),
    },
)

#: How a step may bring rows into its table.
LOADS = ("replace", "append", "merge", "delete+insert", "history")

_KIND = Scalar(choices=("files", "sql", "rest", "graphql"))
FILES = Object(
    what="the `source` of a step",
    required=("kind", "path"),
    fields={
        "kind": _KIND,
        "path": OneOf(options=(TEXT, ListOf(TEXT))),
        "format": Scalar(choices=("csv", "json", "parquet", "xlsx", "avro", "lines", "fixed")),
        "member": OneOf(options=(TEXT, ListOf(TEXT)), about="Which files of a .zip archive are read: names or patterns."),
        "sheet": Scalar(about="The sheet of a workbook; its only one unless told."),
        "range": Scalar(about="Where the table is in a sheet, its header first: B3:F200, B3:F or B3."),
        "max_unpacked_mb": Scalar((int,), least=1, about="How large an archive or a workbook may be, unpacked; 4096 unless told."),
        "pattern": Scalar(about="A regular expression for a whole line, whose named groups are the columns: (?P<ip>\\S+) ..."),
        "widths": MapOf(Scalar((int,), least=1), about="How many characters of a line each column takes, in their order."),
        "delimiter": TEXT,
        "header": FLAG,
        "null": OneOf(options=(TEXT, ListOf(TEXT))),
        "encoding": Scalar(
            about="What the texts of the files are written in, as Python calls it: latin-1, cp1252, utf-16; UTF-8 unless told."
        ),
        "connection": Scalar(about="One of `connections:` in eltflow.yml, for files that are elsewhere."),
    },
)
_PATH_IN = "A path in the answer, with dots: data.items."
_PARAM = Scalar(about="The parameter of the request that it is sent as.")
_PAGES = Scalar(choices=("page", "offset", "cursor", "next_url", "link"))
_SIZE = Scalar((int,), least=1, about="How many records to ask for at once.")
#: How an API says that there is more, by `type`.
PAGINATION = ByKey(
    key="type",
    about="How the rest of an answer that comes in parts is asked for.",
    options={
        name: Object(what="`pagination`", required=("type", *required), fields={"type": _PAGES, **more})
        for name, required, more in (
            (
                "page",
                (),
                {
                    "param": _PARAM,
                    "start": Scalar((int,), least=0),
                    "size_param": _PARAM,
                    "size": _SIZE,
                    "pages": Scalar(about=_PATH_IN),
                },
            ),
            ("offset", ("size",), {"param": _PARAM, "size_param": _PARAM, "size": _SIZE}),
            ("cursor", ("param", "next"), {"param": _PARAM, "next": Scalar(about=_PATH_IN), "more": Scalar(about=_PATH_IN)}),
            ("next_url", ("next",), {"next": Scalar(about=_PATH_IN)}),
            ("link", (), {}),
        )
    },
)
_RECORDS = Scalar(about="Where the records are in an answer, as a path with dots; the answer itself unless told.")
_SINCE = {
    "param": _PARAM,
    "format": Scalar(about="How the cursor's value is written: iso (default), date, unix, unix_ms, or a pattern of strftime."),
    "until": Scalar(about="What the end of a backfill is sent as."),
}
_FROM = Scalar(about="One of `connections:` in eltflow.yml.")
#: What a request says, of a step or of each of its resources.
_REST: dict[str, Shape] = {
    "path": Scalar(about="What is asked for, behind the connection's url."),
    "method": Scalar(choices=("get", "post")),
    "params": MapOf(about="Parameters of the request's address."),
    "body": MapOf(about="What is sent with a post, as JSON."),
    "records": _RECORDS,
    "pagination": PAGINATION,
    "incremental": Object(what="`incremental`", about="How only what is new is asked for.", required=("param",), fields=_SINCE),
    "for_each": Object(
        what="`for_each`",
        about="Records that are asked for first; the step's own are asked for once for each of them.",
        required=("path", "fields"),
        fields={
            "path": TEXT,
            "params": MapOf(),
            "records": _RECORDS,
            "pagination": PAGINATION,
            "fields": MapOf(TEXT, about="Columns that the step's records get, by the path of their value in the first ones."),
        },
    ),
}
_GRAPHQL: dict[str, Shape] = {
    "path": Scalar(about="What is asked, behind the connection's url; that itself unless told."),
    "query": Scalar(about="The query, in GraphQL."),
    "variables": MapOf(about="The variables of the query."),
    "records": _RECORDS,
    "pagination": Object(
        what="`pagination`",
        about="How the rest of an answer that comes in parts is asked for.",
        required=("variable", "next"),
        fields={"variable": _PARAM, "next": Scalar(about=_PATH_IN), "more": Scalar(about=_PATH_IN)},
    ),
    "incremental": Object(
        what="`incremental`",
        about="How only what is new is asked for.",
        required=("variable",),
        fields={"variable": _PARAM, "format": _SINCE["format"], "until": _SINCE["until"]},
    ),
}
STEP_COLUMN = Object(
    what="a column of a step",
    fields={
        **{key: shape for key, shape in COLUMN.fields.items() if key != "name"},
        "rename": Scalar(about="Its name in the table."),
        "exclude": Scalar((bool,), about="Whether to leave it out."),
        "hash": Scalar((bool,), about="Whether its values are replaced by their HMAC-SHA256 under the project's `hash_secret`."),
    },
)
SCHEMA_CHANGES = Object(
    what="`schema_changes`",
    about="What happens when the columns of a load are others than the table's.",
    fields={
        "column": Scalar(
            choices=("fail", "evolve", "discard"),
            about="A column that is new, or missing: an error; added, and NULL where it is missing; left out, and NULL where it is missing.",
        ),
        "type": Scalar(
            choices=("fail", "evolve", "discard"),
            about="A column of a database that has another type now: an error; widened where that changes no value; cast to the type it had.",
        ),
    },
)
CURSOR = Object(
    what="`cursor`",
    about="The column that says which rows are the latest.",
    required=("column",),
    fields={
        "column": Scalar(about="A column of the table."),
        "initial": Scalar((str, int, float, datetime.date), about="Where the first load begins; everything unless told."),
        "lookback": Scalar((str, int, float), about="How far back of the last load rows are read again, e.g. 1 hour."),
        "interval": Scalar(
            (bool,), about="Whether a run of a job brings in the rows of its interval, and not what came since the last load."
        ),
    },
)
_COLUMNS = "write what is said of a column under its name: `columns: {email: {tags: [pii]}}`"
#: How rows come into a table, and what is said of it: of a step, or of each table that a step brings.
_WAYS: dict[str, Shape] = {
    "description": DOC_TEXT,
    "load": Scalar(choices=LOADS, about="How new rows come into the table."),
    "unique_key": Nullable(NAMES),
    "partition_by": Nullable(NAMES),
    "cursor": CURSOR,
    "schema_changes": SCHEMA_CHANGES,
    "on_bad_row": Scalar(
        choices=("fail", "quarantine"), about="A row of a file that cannot be read stops the step, or is put aside."
    ),
    "max_bad_rows": Scalar((int, str), about="How many rows of a load may be put aside, or what part of them, e.g. 0.5%."),
    "columns": MapOf(STEP_COLUMN, about="What is said of columns, under their names in the source.", example=_COLUMNS),
    "data_tests": TESTS,
    "tests": TESTS,
    "column_types": MapOf(TEXT),
    "config": _configured("ingest"),
    "meta": _META,
    "tags": _TAGS,
}
_OF_LIST = Object(
    what="a list of a step",
    fields={
        "materialized": Scalar(choices=("view", "table"), about="What its items are rows of: a view (default), or a table."),
        "key": OneOf(
            options=(TEXT, ListOf(TEXT)),
            about="The columns of the step's table that say which row an item belongs to; its `unique_key` unless told.",
        ),
        "description": DOC_TEXT,
        "columns": MapOf(STEP_COLUMN, about="What is said of the fields of its items, under their names.", example=_COLUMNS),
        "data_tests": TESTS,
        "tests": TESTS,
        "config": _configured("ingest"),
        "meta": _META,
        "tags": _TAGS,
    },
)
_WAYS["unnest"] = OneOf(
    options=(TEXT, ListOf(TEXT), MapOf(Nullable(_OF_LIST))),
    about="Columns that hold lists, whose items are rows of <table>__<column>: their names, or a mapping of them to what is said of each.",
)
_OF_TABLE = Object(what="a table of a step", fields=_WAYS)
TABLES = Object(
    what="the `source` of a step",
    required=("kind", "connection"),
    fields={
        "kind": _KIND,
        "connection": Scalar(about="One of `connections:` in eltflow.yml."),
        "table": Scalar(about="A table, as schema.table or by its name alone."),
        "query": Scalar(about="A query in the SQL of that database."),
        "schema": Scalar(about="Where the `tables` are; where the connection looks, unless told."),
        "tables": OneOf(
            options=(TEXT, ListOf(TEXT), MapOf(Nullable(_OF_TABLE))),
            about="Several tables, a node each: names and patterns like order_*, or a mapping of them to what is said of each.",
        ),
        "exclude": OneOf(options=(TEXT, ListOf(TEXT)), about="Names and patterns of `tables` that are left out."),
    },
)


def _asked(own: Mapping[str, Shape]) -> Object:
    """The source of a step that asks for records: for those of one request, or of several resources."""
    resource = Object(what="a resource of a step", fields={**_WAYS, **{key: Nullable(shape) for key, shape in own.items()}})
    resources = OneOf(
        options=(ListOf(TEXT), MapOf(Nullable(resource))),
        about="Several kinds of records, a table and a node each: names, or a mapping of them to what is said of each.",
    )
    fields = {"kind": _KIND, "connection": _FROM, **own, "resources": resources}
    return Object(what="the `source` of a step", required=("kind", "connection"), fields=fields)


REST = _asked(_REST)
GRAPHQL = _asked(_GRAPHQL)
STEP = Object(
    what="a step",
    required=("name", "source", "into"),
    fields={
        "name": TEXT,
        "source": ByKey(key="kind", options={"files": FILES, "sql": TABLES, "rest": REST, "graphql": GRAPHQL}),
        "into": Scalar(about="The table to load, as schema.table; of a step that brings several, schema.{table}."),
        **_WAYS,
    },
)
_TOKEN = Scalar(about="A name for what the function returns at its end, and is given as `cursor` the next time.")
PYTHON_STEP = Object(
    what="a step",
    required=("name", "into"),
    fields={
        **STEP.fields,
        "source": Shape(),
        "cursor": Object(what="`cursor`", fields={**CURSOR.fields, "initial": Shape(), "token": _TOKEN}),
        "env": MapOf(TEXT, about="Parameters that are environment variables, with the names of these."),
    },
)
PYTHON_STEPS = Object(what="a Python file of steps", fields={"steps": ListOf(PYTHON_STEP)})
STEPS = Object(what="an ingestion file", about="Steps that load tables.", required=("steps",), fields={"steps": ListOf(STEP)})
