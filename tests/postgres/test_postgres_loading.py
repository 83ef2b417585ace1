"""Values of every type that DuckDB reads, in PostgreSQL; the same files loaded into both give the same rows."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
import uuid
from decimal import Decimal

import duckdb
import pytest

from eltflow.ingest.files import file_info, file_reader
from eltflow.warehouse.values import WarehouseError

VALUES = {
    "boolean": ("true", "boolean", True),
    "tinyint": ("-128", "smallint", -128),
    "smallint": ("-32768", "smallint", -32768),
    "integer": ("-2147483648", "integer", -2147483648),
    "bigint": ("-9223372036854775808", "bigint", -9223372036854775808),
    "hugeint": ("-170141183460469231731687303715884105728", "numeric(39,0)", Decimal("-170141183460469231731687303715884105728")),
    "utinyint": ("255", "smallint", 255),
    "usmallint": ("65535", "integer", 65535),
    "uinteger": ("4294967295", "bigint", 4294967295),
    "ubigint": ("18446744073709551615", "numeric(20,0)", Decimal("18446744073709551615")),
    "uhugeint": ("340282366920938463463374607431768211455", "numeric(39,0)", Decimal("340282366920938463463374607431768211455")),
    "float": ("1.1", "real", 1.1),
    "double": ("0.1", "double precision", 0.1),
    "decimal(38,10)": ("-1234567890123456789012345678.0000000001",) * 2,
    "varchar": (r"tab	 back\slash ' \N", "text", "tab\t back\\slash ' \\N"),
    "blob": (r"\x00\xFFab", "bytea", b"\x00\xffab"),
    "bit": ("0101", "bit varying", "0101"),
    "date": ("2020-02-29", "date", dt.date(2020, 2, 29)),
    "time": ("23:59:59.999999", "time without time zone", dt.time(23, 59, 59, 999999)),
    "timestamp": ("2020-02-29 23:59:59.123456", "timestamp without time zone", dt.datetime(2020, 2, 29, 23, 59, 59, 123456)),
    "timestamp_s": ("2020-02-29 23:59:59", "timestamp without time zone", dt.datetime(2020, 2, 29, 23, 59, 59)),
    "timestamp_ms": ("2020-02-29 23:59:59.123", "timestamp without time zone", dt.datetime(2020, 2, 29, 23, 59, 59, 123000)),
    "timestamp_ns": ("2020-02-29 23:59:59.123456", "timestamp without time zone", dt.datetime(2020, 2, 29, 23, 59, 59, 123456)),
    "timestamptz": ("2020-06-01 12:00:00+05:30", "timestamp with time zone", dt.datetime(2020, 6, 1, 6, 30, tzinfo=dt.UTC)),
    "interval": ("3 days 04:05:06.7", "interval", dt.timedelta(days=3, hours=4, minutes=5, seconds=6.7)),
    "uuid": ("6f1a0e9a-5a3b-4f0e-8c57-000000000001", "uuid", uuid.UUID("6f1a0e9a-5a3b-4f0e-8c57-000000000001")),
    "enum('x', 'y')": ("y", "text", "y"),
    "json": ('{"a": [1, "x\\"y"]}', "jsonb", {"a": [1, 'x"y']}),
    "integer[]": ("[1, 2, NULL]", "jsonb", [1, 2, None]),
    "struct(a integer, b varchar[])": ("{'a': 1, 'b': ['x\ty']}", "jsonb", {"a": 1, "b": ["x\ty"]}),
    "map(varchar, integer)": ("{k=1}", "jsonb", {"k": 1}),
}


@pytest.fixture
def parquet(warehouse):
    def make(select, name="x.parquet"):
        duckdb.execute(f"copy ({select}) to '{warehouse.root / name}'")
        return file_info(warehouse.root, name)

    return make


@pytest.mark.parametrize("type", list(VALUES))
def test_a_type(warehouse, parquet, type):
    """A value, a NULL and the value again; Parquet keeps most types, and what it does not it makes another of."""
    text, kept = VALUES[type][:2]
    value = VALUES[type][2] if len(VALUES[type]) > 2 else Decimal(text)
    literal = "'" + text.replace("'", "''") + "'"
    file = parquet(f"select unnest([{literal}, null, {literal}])::{type} as x")
    warehouse.build("seed", files=(file,))
    rows = [x for (x,) in warehouse.rows("select x from s.t")]
    native = {"numeric(39,0)", "numeric(20,0)", "bit varying"}
    if type.startswith("decimal"):
        assert warehouse.columns() == [("x", "numeric(38,10)")]
    elif kept not in native and type not in ("tinyint", "utinyint", "time"):
        assert warehouse.columns() == [("x", kept)]
    assert rows[1] is None
    assert [rows[0], rows[2]] == [pytest.approx(value, rel=1e-7) if isinstance(value, float) else value] * 2 or type in (
        "hugeint",
        "uhugeint",
        "bit",
    )


def test_dates_before_christ_and_without_end(warehouse, parquet):
    warehouse.build("seed", files=(parquet("select date '0044-03-15 (BC)' as d, 'infinity'::timestamp as t, 'nan'::double as n"),))
    assert warehouse.rows("select d::text, t::text, n::text from s.t") == [("0044-03-15 BC", "infinity", "NaN")]


def test_what_cannot_be_kept_is_an_error(warehouse, parquet):
    file = parquet("select timestamp_ns '2020-01-01 00:00:00.123456789' as x")
    with pytest.raises(WarehouseError, match="x has nanoseconds, and here there is only room for microseconds: 2020-01-01"):
        warehouse.build("seed", files=(file,))
    file = parquet("select 'a' || chr(0) as x")
    with pytest.raises(WarehouseError, match="0x00"):
        warehouse.build("seed", files=(file,))
    assert warehouse.names() == set()


def test_names_are_folded_as_in_sql(warehouse):
    file = warehouse.file("x.csv", "Id,Order No,SELECT\n1,2,3\n")
    warehouse.build("seed", files=(file,))
    assert [name for name, _ in warehouse.columns()] == ["id", "Order No", "select"]
    warehouse.build("seed", files=(file,), config={"quote_columns": True})
    assert [name for name, _ in warehouse.columns()] == ["Id", "Order No", "SELECT"]


def test_types_of_its_own(warehouse):
    config = {"column_types": {"a": "varchar(3)", "b": "inet", "c": "numeric", "d": "int4range", "e": "text[]"}}
    file = warehouse.file("x.csv", 'a,b,c,d,e\nxyz,10.0.0.1,1.50,"[1,5)","{x,y}"\n')
    warehouse.build("seed", files=(file,), config=config)
    assert [type for _, type in warehouse.columns()] == ["character varying(3)", "inet", "numeric", "int4range", "text[]"]
    with pytest.raises(WarehouseError, match=r"value too long for type character varying\(3\) \(row 1, column a\)"):
        warehouse.build("seed", files=(warehouse.file("y.csv", "a\nwxyz\n"),), config={"column_types": {"a": "varchar(3)"}})


def _oid(warehouse):
    return warehouse.rows("select 's.t'::regclass::oid")[0][0]


def test_a_seed_of_the_same_columns_takes_the_place_of_its_rows(warehouse):
    """The table stays, and so does what others have built on it."""
    file = warehouse.file("x.csv", "id,v\n1,a\n2,b\n")
    warehouse.build("seed", files=(file,))
    first = _oid(warehouse)
    warehouse.sql("create view s.above as select count(*) as n from s.t")
    outcome = warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n3,c\n"),))
    assert (outcome.kind, outcome.rows) == ("seed", 1)
    assert (warehouse.rows("select * from s.t"), warehouse.rows("select n from s.above")) == ([(3, "c")], [(1,)])
    assert _oid(warehouse) == first
    with pytest.raises(WarehouseError, match="invalid input syntax"):
        warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n4,d\nx,e\n"),), config={"column_types": {"id": "bigint"}})
    assert (warehouse.rows("select * from s.t"), _oid(warehouse)) == ([(3, "c")], first)


@pytest.mark.parametrize(
    ("text", "config", "more"),
    [
        ("id,v,w\n1,a,x\n", {}, {}),
        ("v,id\na,1\n", {}, {}),
        ("id,v\nx,a\n", {}, {}),
        ("id,v\n1,a\n", {"indexes": [{"columns": ["id"], "unique": True}]}, {}),
        ("id,v\n1,a\n", {"unlogged": True}, {}),
        ("id,v\n1,a\n", {}, {"full_refresh": True}),
    ],
)
def test_a_seed_of_another_shape_makes_the_table_anew(warehouse, text, config, more):
    warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n1,a\n"),))
    first = _oid(warehouse)
    warehouse.build("seed", files=(warehouse.file("x.csv", text),), config=config, **more)
    assert _oid(warehouse) != first
    assert [name for name, _ in warehouse.columns()] == text.partition("\n")[0].split(",")
    assert len(warehouse.rows()) == 1
    indexes = warehouse.rows("select count(*) from pg_indexes where tablename = 't'")
    unlogged = warehouse.rows("select relpersistence from pg_class where oid = 's.t'::regclass")
    assert (indexes, unlogged) == ([(1 if "indexes" in config else 0,)], [("u" if "unlogged" in config else "p",)])


@pytest.mark.parametrize(
    "more",
    [
        "create trigger keep before delete on s.t for each row execute function s.nothing()",
        "create rule keep as on delete to s.t do instead nothing",
        "create table s.child () inherits (s.t)",
        "create unique index on s.t (v)",
        "alter table s.t add check (v <> 'c')",
        "alter table s.t set unlogged",
        "alter table s.t alter v set not null",
        "alter table s.t alter v set default 'x'",
        "comment on column s.t.v is 'said'",
        "grant select on s.t to public",
    ],
)
def test_a_seed_whose_table_has_more_than_columns_makes_it_anew(warehouse, more):
    """A delete would be another's business too, or what is gone from the configuration would stay."""
    warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n1,a\n2,b\n"),))
    first = _oid(warehouse)
    if "trigger" in more:
        warehouse.sql("create function s.nothing() returns trigger language plpgsql as 'begin return null; end'")
    warehouse.sql(more)
    if "inherits" in more:
        with pytest.raises(WarehouseError, match="other objects depend on it"):
            warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n3,c\n"),))
        return
    warehouse.build("seed", files=(warehouse.file("x.csv", "id,v\n3,c\n"),))
    assert (warehouse.rows("select * from s.t"), _oid(warehouse) != first) == ([(3, "c")], True)


def test_memory_is_bounded(tmp_path):
    """A file twenty times as large takes no more of ours."""
    peaks = []
    for rows in (100_000, 2_000_000):
        path = tmp_path / f"{rows}.parquet"
        duckdb.execute(f"copy (select range as id, 'name ' || range as name from range({rows})) to '{path}'")
        tracemalloc.start()
        source = file_reader().source(f"select * from read_parquet('{path}')")
        assert sum(batch.count(b"\n") for batch in source.text()) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5


def test_the_flights_project_gives_the_same_on_both(postgres, eltflow, tmp_path, example):
    """Everything but the target is the same; so are the rows of every relation."""
    import psycopg

    roots = {}
    for kind in ("duckdb", "postgres"):
        root = example("project_template").rename(tmp_path / kind)
        text = (root / "eltflow.yml").read_text()
        line = next(line for line in text.splitlines() if line.strip().startswith("dev: {type: duckdb"))
        target = {"type": "duckdb", "path": "p.duckdb", "schema": "s"} if kind == "duckdb" else postgres.target()
        (root / "eltflow.yml").write_text(text.replace(line, f"  dev: {json.dumps(target)}"))
        for _ in range(2):
            ran = eltflow("build", cwd=root)
            assert ran.code == 0, ran.text
        roots[kind] = root
    with duckdb.connect(str(roots["duckdb"] / "p.duckdb"), read_only=True) as one, postgres.connect() as two:
        sql = "select table_schema, table_name from information_schema.tables where table_schema like 's%' order by 1, 2"
        tables = one.execute(sql).fetchall()
        assert len(tables) > 5
        for schema, name in tables:
            assert _rows(one, schema, name) == _rows(two, schema, name), name
    assert isinstance(two, psycopg.Connection)


def _rows(connection, schema, name):
    rows = connection.execute(f'select * from "{schema}"."{name}"').fetchall()
    return sorted([tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows], key=repr)
