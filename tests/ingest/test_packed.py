"""Workbooks, Avro and archives: turned into files that engines read, each loaded once; what cannot be kept or trusted is said."""

from __future__ import annotations

import datetime
import gzip
import io
import os
import random
import struct
import zipfile
from contextlib import closing
from decimal import Decimal
from uuid import UUID

import fastavro
import openpyxl
import pytest
import zstandard

from eltflow.compile.program import ProgramError
from eltflow.ingest.files import file_info, file_reader
from eltflow.ingest.unpacked import UnpackedFiles
from eltflow.warehouse import WarehouseError

DAY, MOMENT = datetime.date(2026, 1, 31), datetime.datetime(2026, 1, 31, 12, 30)


def book(world, rows, name="a.xlsx", *, sheet="S", more=(), formats=()):
    """Writes a workbook with one sheet of these rows, and `more` of one cell."""
    made = openpyxl.Workbook()
    made.active.title = sheet
    for row in rows:
        made.active.append(row)
    for cell, format in formats:
        made.active[cell].number_format = format
    for title in more:
        made.create_sheet(title).append(["x"])
    made.save(world.root / "data" / name)


def computed(world, name="a.xlsx", *, value):
    """A workbook as Excel writes it: with a formula, and the value that it had."""
    book(world, [["n", "twice"], [1, "=A2*2"]], name)
    path = world.root / "data" / name
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = (
        parts[sheet].replace(b"<f>A2*2</f><v></v>", b"<f>A2*2</f>" + value).replace(b"<f>A2*2</f><v />", b"<f>A2*2</f>" + value)
    )
    assert value in parts[sheet]
    with zipfile.ZipFile(path, "w") as packed:
        for one, data in parts.items():
            packed.writestr(one, data)


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_workbooks_once_each(world, target):
    """Values keep the kinds that their cells have; empty cells are NULL, empty rows are passed over."""
    head = ["id", "name", "price", "day", "at", "ok", "code"]
    book(world, [head, [1, "Zoë", 1.5, DAY, MOMENT, True, "007"], [], [2, None, 3, DAY, MOMENT, False, "8"], [None, ""]])
    world.project({"path": "data/*.xlsx"}, target, load="append")
    assert "1 file, 2 rows" in world.run()
    book(world, [head, [3, "b", 0.25, DAY, MOMENT, None, "=x"[1:]]], "b.xlsx")
    assert "1 file, 1 row" in world.run()
    assert "nothing new" in world.run()
    assert world.rows() == [
        (1, "Zoë", 1.5, DAY, MOMENT, True, "007"),
        (2, None, 3.0, DAY, MOMENT, False, "8"),
        (3, "b", 0.25, DAY, MOMENT, None, "x"),
    ]
    paths = world.rows("select path from eltflow_meta.file order by 1")
    assert paths == [("data/a.xlsx",), ("data/b.xlsx",)]


def test_where_the_table_is(world):
    rows = [["Report"], [], [None, "id", "day", "note"], [None, 1, DAY, "a"], [None, 2, MOMENT, None], [None, "sum", None, "x"]]
    book(world, rows, sheet="Data", more=["Notes"], formats=[("C5", "yyyy-mm-dd")])
    world.project({"path": "data/a.xlsx", "sheet": "Data", "range": "B3:C5"})
    world.run()
    midnight = datetime.datetime(2026, 1, 31)
    assert world.rows() == [(1, midnight), (2, MOMENT)]  # a point in time that is shown as a day keeps its time
    world.project({"path": "data/a.xlsx", "sheet": "Data", "range": "B4:D5", "header": False})
    world.run()
    assert world.rows() == [(1, midnight, "a"), (2, MOMENT, None)]
    assert list(world.types()) == ["B", "C", "D"]


def test_formulas_have_the_values_that_were_computed(world):
    computed(world, value=b"<v>2</v>")
    world.project({"path": "data/a.xlsx"})
    world.run()
    assert world.rows() == [(1, 2)]
    computed(world, value=b"<v></v>")
    help = "open it in Excel and save it again, so that it is computed"
    world.says("data/a.xlsx, sheet `S`: cell B2 holds a formula, and the file has no value of it", help)


def test_a_formula_that_gives_an_empty_text_has_no_value(world):
    book(world, [["n", "twice", None], [1, '=IF(A2=1,"","x")']], "a.xlsx")
    path = world.root / "data" / "a.xlsx"
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    cell = parts[sheet].decode().partition('<c r="B2">')
    assert cell[1]
    parts[sheet] = (cell[0] + '<c r="B2" t="str">' + cell[2]).encode()
    with zipfile.ZipFile(path, "w") as packed:
        for one, data in parts.items():
            packed.writestr(one, data)
    world.project({"path": "data/a.xlsx"})
    world.run()
    assert world.rows() == [(1, None)]


def test_an_archive_that_grows_has_its_bad_rows_once(world):
    """Merged again, members and all."""
    members = {"a.csv": "id,n\n1,1\n2,x\n", "b.csv": "id,n\n3,y\n"}
    for _ in range(2):
        with zipfile.ZipFile(world.root / "data/a.zip", "w") as packed:
            for name, text in members.items():
                packed.writestr(name, text)
        step = {"load": "merge", "unique_key": "id", "on_bad_row": "quarantine", "columns": {"n": {"data_type": "integer"}}}
        world.project({"path": "data/*.zip", "member": "*.csv"}, **step)
        world.run()
        members["c.csv"] = "id,n\n4,z\n"
    bad = world.rows("select file, count(*) from s_raw.x__quarantine group by file order by 1")
    assert bad == [("data/a.zip/a.csv", 1), ("data/a.zip/b.csv", 1), ("data/a.zip/c.csv", 1)]


def test_records_that_hold_themselves_come_as_json(world):
    fields = [{"name": "id", "type": "int"}, {"name": "next", "type": ["null", "tree"]}]
    with open(world.root / "data/a.avro", "wb") as file:
        fastavro.writer(file, {"type": "record", "name": "tree", "fields": fields}, [{"id": 1, "next": {"id": 2, "next": None}}])
    world.project({"path": "data/a.avro"})
    world.run()
    assert world.rows() == [(1, '{"id":2,"next":null}')]


def test_errors_in_cells(world):
    """Stop the step, unless they mean no value; where a type is declared they are bad rows."""
    book(world, [["id", "n"], [1, 5], [2, "#DIV/0!"], [3, 7]])
    world.project({"path": "data/a.xlsx"})
    help = "correct the formula, or let it mean no value: `null: '#DIV/0!'`"
    world.says("data/a.xlsx, sheet `S`: cell B3 holds the error #DIV/0!", help)
    world.project({"path": "data/a.xlsx", "null": "#DIV/0!"})
    world.run()
    assert world.rows() == [(1, 5), (2, None), (3, 7)]
    world.project({"path": "data/a.xlsx"}, on_bad_row="quarantine", columns={"n": {"data_type": "decimal(10,2)"}})
    assert "2 rows, 1 quarantined" in world.run()
    assert world.rows() == [(1, Decimal("5.00")), (3, Decimal("7.00"))]
    bad = world.rows("select line, column_name, reason, raw, file from s_raw.x__quarantine")
    assert bad == [(2, "n", "`#DIV/0!` is no decimal(10,2)", '{"id":"2","n":"#DIV/0!"}', "data/a.xlsx")]


@pytest.mark.parametrize(
    ("rows", "source", "message", "help"),
    [
        (
            [["id"], [1], ["b"]],
            {},
            "data/a.xlsx: the column `id` holds a whole number in row 2, and a text in row 3",
            "give it values of one kind, or declare it: `columns: {name: {data_type: ...}}`",
        ),
        ([["id", "ID"], [1, 2]], {}, "data/a.xlsx, sheet `S`: two columns are called `ID`, A and B", "rename one of them in row 1"),
        (
            [["id", None, "c"], [1, 2, 3]],
            {},
            "data/a.xlsx, sheet `S`: cell B2 holds a value, and its column has no name",
            "name the column in the header, or say where the table ends: `range: A1:F`",
        ),
        (
            [[], ["id"], [1]],
            {},
            "data/a.xlsx, sheet `S`: row 1 holds no names of columns",
            "say where the table begins, with the names of its columns: `range: B3`; or `header: false`",
        ),
        ([["id"], [1]], {"sheet": "s"}, "data/a.xlsx has no sheet `s`", "did you mean `S`?"),
        ([[]], {"header": False}, "data/a.xlsx, sheet `S` holds no values", "correct `sheet:` or `range:`"),
    ],
)
def test_what_is_no_table(world, rows, source, message, help):
    book(world, rows)
    world.project({"path": "data/a.xlsx", **source}).says(message, help)


def test_what_is_no_workbook(world):
    world.project({"path": "data/a.xlsx"})
    path = world.root / "data/a.xlsx"
    path.write_bytes(b"id\n1\n")
    world.says(
        "data/a.xlsx cannot be read: it is no workbook, or not a whole one (File is not a zip file)",
        "see that the file is complete",
    )
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(100))
    world.says("data/a.xlsx has a password, or is a workbook of Excel 97", "save it as .xlsx, without a password")
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("a.txt", "a")
    assert "it is no whole workbook (KeyError" in world.fails("ingest", "--preview", "x")
    book(world, [["id"], [1]], more=["T"])
    world.says("data/a.xlsx has 2 sheets: S, T", "say which is read: `sheet: ...`")


def test_looking_at_workbooks(world):
    book(world, [["id", "note"], [1, "a"], [2, None]], more=["T"])
    world.project({"path": "data/a.xlsx", "sheet": "S"})
    shown = world.run("ingest", "--preview", "x")
    assert "1 file: unpacked or turned into Parquet here, and read by duckdb\n" in shown
    assert "note    varchar  varchar" in shown
    assert "   2  NULL" in shown
    assert "replaces the table by 1 file" in world.run("plan", "--connect", "--sql")
    world.run("init-source", "data/a.xlsx", "--table", "S", "--name", "of_book")
    assert (world.root / "ingest/of_book.yml").read_text() == (
        "steps:\n  - name: of_book\n    source: {kind: files, path: data/a.xlsx, sheet: S}\n    into: raw.of_book\n"
        "    columns:\n      id: {data_type: bigint}\n      note: {data_type: varchar}\n"
    )
    world.run()
    assert world.rows("select * from s_raw.of_book order by 1") == [(1, "a"), (2, None)]


# -- Avro ----------------------------------------------------------------------------------------------------------------------------


def avro(world, fields, records, name="a.avro", *, codec="deflate"):
    schema = fastavro.parse_schema({"type": "record", "name": "shop.Row", "fields": [{"name": n, "type": t} for n, t in fields]})
    with open(world.root / "data" / name, "wb") as file:
        fastavro.writer(file, schema, records, codec=codec)


LOGICAL = [
    ("id", "int"),
    ("price", {"type": "bytes", "logicalType": "decimal", "precision": 30, "scale": 4}),
    ("day", {"type": "int", "logicalType": "date"}),
    ("noon", {"type": "long", "logicalType": "time-micros"}),
    ("at", {"type": "long", "logicalType": "timestamp-micros"}),
    ("here", {"type": "long", "logicalType": "local-timestamp-millis"}),
    ("nano", {"type": "long", "logicalType": "timestamp-nanos"}),
    ("key", {"type": "string", "logicalType": "uuid"}),
    ("span", {"type": "fixed", "name": "Span", "size": 12, "logicalType": "duration"}),
    ("kind", {"type": "enum", "name": "Kind", "symbols": ["A", "B"]}),
    ("raw", "bytes"),
    ("maybe", ["null", "string"]),
    ("size", ["null", "int", "long"]),
    ("either", ["null", "string", "long"]),
    ("tags", {"type": "array", "items": ["null", "string"]}),
    ("counts", {"type": "map", "values": "long"}),
    (
        "buyer",
        {
            "type": "record",
            "name": "Buyer",
            "fields": [{"name": "name", "type": "string"}, {"name": "age", "type": ["null", "int"]}],
        },
    ),
    (
        "node",
        [
            "null",
            {"type": "record", "name": "N", "fields": [{"name": "v", "type": "int"}, {"name": "next", "type": ["null", "N"]}]},
        ],
    ),
    ("rate", "double"),
]
UUID1 = UUID("01234567-89ab-cdef-0123-456789abcdef")
ROW = {
    "id": 1,
    "price": Decimal("12345678901234567890.1234"),
    "day": DAY,
    "noon": datetime.time(12, 0, 0, 1),
    "at": datetime.datetime(1890, 1, 1, 1, 2, 3, 456789, tzinfo=datetime.UTC),
    "here": MOMENT,
    "nano": 1_000_000_001,
    "key": UUID1,
    "span": struct.pack("<III", 1, 2, 3000),
    "kind": "B",
    "raw": b"\x00\xff",
    "maybe": None,
    "size": 2**40,
    "either": "a",
    "tags": ["x", None],
    "counts": {"a": 1},
    "buyer": {"name": "Ann", "age": None},
    "node": {"v": 1, "next": {"v": 2, "next": None}},
    "rate": float("inf"),
}


def test_avro_keeps_types(world):
    avro(world, LOGICAL, [ROW, {**ROW, "id": 2, "maybe": "m", "either": 5, "node": None}])
    world.project({"path": "data/a.avro"})
    assert "2 rows" in world.run()
    assert world.types() == {
        "id": "INTEGER",
        "price": "DECIMAL(30,4)",
        "day": "DATE",
        "noon": "TIME",
        "at": "TIMESTAMP WITH TIME ZONE",
        "here": "TIMESTAMP",
        "nano": "TIMESTAMP_NS",
        "key": "UUID",
        "span": "INTERVAL",
        "kind": "VARCHAR",
        "raw": "BLOB",
        "maybe": "VARCHAR",
        "size": "BIGINT",
        "either": "JSON",
        "tags": "VARCHAR[]",
        "counts": "MAP(VARCHAR, BIGINT)",
        "buyer": 'STRUCT("name" VARCHAR, age INTEGER)',
        "node": 'STRUCT(v INTEGER, "next" JSON)',
        "rate": "DOUBLE",
    }
    exact = 'price, day, noon, epoch_us("at"), here, epoch_ns(nano), key::varchar, span::varchar, raw, size, counts, buyer, rate'
    (row, _) = world.rows(f"select {exact} from s_raw.x order by id")
    assert row == (
        ROW["price"],
        DAY,
        datetime.time(12, 0, 0, 1),
        int((ROW["at"] - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) / datetime.timedelta(microseconds=1)),
        MOMENT,
        1_000_000_001,
        str(UUID1),
        "1 month 2 days 00:00:03",
        b"\x00\xff",
        2**40,
        {"a": 1},
        {"name": "Ann", "age": None},
        float("inf"),
    )
    assert world.rows("select maybe, either::varchar, tags, node.next::varchar from s_raw.x order by id") == [
        (None, '"a"', ["x", None], '{"v":2,"next":null}'),
        ("m", "5", ["x", None], None),
    ]


def test_avro_under_any_codec(world):
    for codec in ("null", "snappy", "zstandard", "bzip2", "xz"):
        avro(world, [("codec", "string")], [{"codec": codec}], f"{codec}.avro", codec=codec)
    world.project({"path": "data/*.avro"})
    world.run()
    assert world.rows() == [("bzip2",), ("null",), ("snappy",), ("xz",), ("zstandard",)]


def test_avro_into_postgres(world):
    fields = [one for one in LOGICAL if one[0] != "nano"]
    avro(world, fields, [ROW])
    world.project({"path": "data/*.avro"}, "postgres", load="append")
    world.run()
    avro(world, fields, [{**ROW, "id": 2}], "b.avro")
    assert "1 file, 1 row" in world.run()
    names = "price, at, key, span, raw, either, tags, counts, buyer"
    for row in world.rows(f"select {names} from s_raw.x order by id"):
        assert row == (
            ROW["price"],
            ROW["at"],
            UUID1,
            datetime.timedelta(days=32, seconds=3),
            b"\x00\xff",
            "a",
            ["x", None],
            {"a": 1},
            {"name": "Ann", "age": None},
        )


def test_avro_of_other_schemas(world):
    """Files of one step are compared, as others are; one without a record has its columns."""
    avro(world, [("id", "int"), ("v", "string")], [])
    world.project({"path": "data/*.avro"}, schema_changes={"column": "evolve"})
    assert "0 rows" in world.run()
    avro(world, [("id", "long"), ("w", "string")], [{"id": 2**40, "w": "b"}], "b.avro")
    assert "`w`" in world.run()
    assert world.rows("select id, v, w from s_raw.x") == [(2**40, None, "b")]
    avro(world, [("id", "string")], [{"id": "1"}], "c.avro")
    assert "the column `id` is" in world.fails()


def test_avro_puts_bad_rows_aside(world):
    avro(world, [("id", "int"), ("v", "string")], [{"id": 1, "v": "5"}, {"id": 2, "v": "x"}])
    world.project({"path": "data/a.avro"}, on_bad_row="quarantine", columns={"v": {"data_type": "integer"}})
    assert "1 row, 1 quarantined" in world.run()
    assert world.rows("select line, reason, file from s_raw.x__quarantine") == [(2, "`x` is no integer", "data/a.avro")]


def test_what_is_no_avro(world):
    world.project({"path": "data/a.avro"})
    path = world.root / "data/a.avro"
    path.write_bytes(b"id\n1\n")
    assert "data/a.avro cannot be read: it is no Avro file" in world.fails().split("\n")[0]
    avro(world, [("id", "long"), ("v", "string")], [{"id": n, "v": "abc" * 50} for n in range(5000)], codec="null")
    path.write_bytes(path.read_bytes()[:-1000])
    assert "data/a.avro cannot be read: it breaks off, or is no Avro file, at record" in world.fails().split("\n")[0]
    with open(path, "wb") as file:
        fastavro.writer(file, fastavro.parse_schema("long"), [1, 2])
    world.says("data/a.avro holds values that are no records", "write records: their fields are the columns")
    avro(world, [("at", {"type": "long", "logicalType": "timestamp-micros"})], [{"at": 10**18}])
    assert "data/a.avro: record 1 holds a day or a point in time outside of the years 1 to 9999" in world.fails().split("\n")[0]
    avro(world, [("Id", "int"), ("id", "int")], [{"Id": 1, "id": 2}])
    world.says("data/a.avro has columns that differ in case alone: Id", "rename one of them")


# -- archives ------------------------------------------------------------------------------------------------------------------------


def archive(world, members, name="a.zip"):
    with zipfile.ZipFile(world.root / "data" / name, "w", zipfile.ZIP_DEFLATED) as packed:
        for member, data in members.items() if isinstance(members, dict) else members:
            packed.writestr(member, data)


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_members_of_archives(world, target):
    """An archive is loaded once, with all of its members that are wanted."""
    archive(world, {"in/a.csv": "id,v\n1,a\n", "in/b.csv": "id,v\n2,b\n", "README": "no", "__MACOSX/x": "no"})
    world.project({"path": "data/*.zip", "member": "*.csv"}, target, load="append")
    assert "1 file, 2 rows" in world.run()
    archive(world, {"c.csv": "id,v\n3,c\n"}, "b.zip")
    assert "1 file, 1 row" in world.run()
    assert "nothing new" in world.run()
    assert world.rows() == [(1, "a"), (2, "b"), (3, "c")]
    archive(world, {"in/a.csv": "id,v\n1,changed\n"})
    assert "data/a.zip changed since it was loaded" in world.fails()


def test_bad_rows_of_members(world):
    archive(world, {"a.csv": "id\n1\n", "b.csv": "id\n2\nx\n"})
    world.project({"path": "data/a.zip", "member": ["*.csv"]}, columns={"id": {"data_type": "bigint"}})
    assert "data/a.zip/b.csv, line 3" in world.fails()
    world.project(
        {"path": "data/a.zip", "member": "*.csv"}, columns={"id": {"data_type": "bigint"}}, on_bad_row="quarantine", load="append"
    )
    assert "1 file, 2 rows, 1 quarantined" in world.run()
    assert world.rows("select file, line from s_raw.x__quarantine") == [("data/a.zip/b.csv", 3)]
    assert "nothing new" in world.run()


def test_one_member_of_any_format(world):
    book(world, [["id"], [1]])
    archive(world, {"deep/a.xlsx": (world.root / "data/a.xlsx").read_bytes(), ".DS_Store": "x"})
    world.project({"path": "data/a.zip"})
    world.run()
    assert world.rows() == [(1,)]
    archive(world, {"a.ndjson": '{"id": 5}\n'})
    assert "   5\n" in world.run("ingest", "--preview", "x")
    assert "turned into Parquet here" in world.run("ingest", "--dry-run")


FROM = "see where the archive comes from; nothing of it was unpacked"
MORE = "if that is meant, allow more: `max_unpacked_mb:`"
BOMB = {"a.csv": b"id\n" + b"1\n" * 1_000_000}


@pytest.mark.parametrize(
    ("members", "source", "message", "help"),
    [
        ({"../a.csv": "id\n1\n"}, {}, "data/a.zip holds '../a.csv', a name that leads out of it", FROM),
        ({"/etc/a.csv": "id\n1\n"}, {}, "data/a.zip holds '/etc/a.csv', a name that leads out of it", FROM),
        ({"x\\..\\..\\a.csv": "id\n1\n"}, {}, "data/a.zip holds 'x\\\\..\\\\..\\\\a.csv', a name that leads out of it", FROM),
        ({"C:a.csv": "id\n1\n"}, {}, "data/a.zip holds 'C:a.csv', a name that leads out of it", FROM),
        (BOMB, {"max_unpacked_mb": 1}, "data/a.zip would be 2,000,003 bytes unpacked, and at most 1,048,576 are", MORE),
        (
            {"a.csv": "id\n", "b.csv": "id\n"},
            {},
            "data/a.zip holds 2 files: a.csv, b.csv",
            "say which are read: `member: '*.csv'`",
        ),
        ({}, {}, "data/a.zip holds no files", "say which are read: `member: '*.csv'`"),
        ({"a.csv": "id\n"}, {"member": "x/*"}, "data/a.zip holds nothing that matches `x/*`", "it holds a.csv"),
        ({"a.zip": "x"}, {}, "`a.zip` in data/a.zip is an archive of its own", "unpack the outer one"),
    ],
)
def test_what_is_not_unpacked(world, members, source, message, help):
    archive(world, members)
    world.project({"path": "data/a.zip", **source}).says(message, help)


def test_archives_that_are_broken(world):
    world.project({"path": "data/a.zip"})
    archive(world, {"a.csv": "id\n" + "1\n" * 1000})
    path = world.root / "data/a.zip"
    good = path.read_bytes()
    path.write_bytes(good[:40] + b"xxxx" + good[44:])
    assert "data/a.zip cannot be read: it is no zip archive, or not a whole one" in world.fails().split("\n")[0]
    path.write_bytes(good[:-30])
    assert "data/a.zip cannot be read: it is no zip archive, or not a whole one" in world.fails().split("\n")[0]
    link = zipfile.ZipInfo("a.csv")
    link.external_attr = 0o120777 << 16
    archive(world, [(link, "/etc/passwd")])
    world.says("`a.csv` in data/a.zip is a link, and no file", "pack the file itself")
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive(world, [("a.csv", "id\n1\n"), ("a.csv", "id\n2\n")])
    world.project({"path": "data/a.zip", "member": "a.csv"}).says("data/a.zip holds `a.csv` twice", "pack it again")
    # One under a password, as its flag says.
    archive(world, {"a.csv": "id\n1\n"})
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(data)
    world.says("data/a.zip holds `a.csv` under a password", "pack it again without one")


def test_a_workbook_that_is_a_bomb(world):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("xl/worksheets/sheet1.xml", bytes(3_000_000))
    (world.root / "data/a.xlsx").write_bytes(packed.getvalue())
    assert len(packed.getvalue()) < 10_000
    world.project({"path": "data/a.xlsx", "max_unpacked_mb": 2})
    message = "data/a.xlsx would be 3,000,000 bytes unpacked, and at most 2,097,152 are"
    world.says(message, MORE)


def test_a_file_that_went_away(world):
    book(world, [["id"], [1]])
    avro(world, [("id", "int")], [{"id": 1}])
    for path in sorted((world.root / "data").iterdir()):
        file = file_info(world.root, str(path))
        path.unlink()
        with closing(UnpackedFiles({"path": str(path)}, file_reader())) as files, pytest.raises(ProgramError) as refused:
            files.bring([file])
        assert refused.value.message == f"data/{path.name} cannot be read: No such file or directory"


def test_a_folder_without_room(world, monkeypatch):
    """What is written there fails as a full disk makes it fail."""
    book(world, [["id"], *([n] for n in range(2000))])
    file = file_info(world.root, str(world.root / "data/a.xlsx"))
    monkeypatch.setattr(UnpackedFiles, "_place", lambda self, name: "/dev/full")
    with closing(UnpackedFiles({"path": file.path}, file_reader())) as files, pytest.raises(WarehouseError) as refused:
        files.bring([file])
    assert refused.value.kind == "disk"
    assert "No space left on device" in refused.value.engine_message


def test_whatever_odd_bytes_make_of_a_file(world):
    """It is read, or refused in words; the libraries that read it raise errors of many kinds."""
    book(world, [["id", "n"], [1, "a"], [2, "=A2*2"]])
    for codec in ("null", "deflate", "snappy"):
        avro(world, LOGICAL[:4], [{key: ROW[key] for key, _ in LOGICAL[:4]}] * 20, f"{codec}.avro", codec=codec)
    archive(world, {"a.csv": "id\n1\n"})
    chance = random.Random(1)
    refused = []
    for path in sorted((world.root / "data").iterdir()):
        whole = path.read_bytes()
        for _ in range(25):
            data = bytearray(whole[: chance.choice([len(whole), chance.randrange(len(whole))])])
            for _ in range(chance.randrange(4)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            path.write_bytes(data)
            with closing(UnpackedFiles({"path": str(path)}, file_reader(), declared=("n",))) as files:
                try:
                    (part,) = files.bring([file_info(world.root, str(path))])
                except ProgramError as error:
                    refused.append((path.name, error.message))
                else:
                    assert part.size == os.path.getsize(part.path)
    assert all(name in message for name, message in refused)
    assert len(refused) > 60


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8-sig", "UTF-8"])
def test_texts_in_another_encoding(world, encoding):
    """Files, packed ones and members of archives; each is loaded once, as ever."""
    text = 'id,name\r\n1,Zoë Müßig\r\n2,"a,\nb"\r\n'
    data = world.root / "data"
    (data / "a.csv").write_bytes(text.encode(encoding))
    (data / "b.csv.gz").write_bytes(gzip.compress(text.replace("1,", "3,").replace("2,", "4,").encode(encoding)))
    with zipfile.ZipFile(data / "c.zip", "w") as packed:
        packed.writestr("c.csv", "id,name\n5,é\n".encode(encoding))
    world.project({"path": "data/*", "encoding": encoding, "format": "csv"}, load="append")
    world.run()
    assert sorted(world.rows("select id, name from s_raw.x")) == [
        (1, "Zoë Müßig"),
        (2, "a,\nb"),
        (3, "Zoë Müßig"),
        (4, "a,\nb"),
        (5, "é"),
    ]
    world.run()
    assert len(world.rows("select id from s_raw.x")) == 5


def test_bytes_that_are_none_of_the_encoding(world):
    (world.root / "data/a.csv").write_bytes(b"id,name\n" + b"1,x\n" * 600_000 + b"2,\x81\n")
    world.project({"path": "data/a.csv", "encoding": "cp1252"})
    world.says("data/a.csv, line 600002: byte 0x81 is none of cp1252", "correct `encoding`, or the file")


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_column_that_is_empty_in_one_workbook_has_the_type_of_the_others(world, target):
    world.project({"path": "data/*.xlsx"}, target, load="append")
    head = ["id", "n", "at", "price"]
    book(world, [head, [1, None, None, None]], "a.xlsx")
    book(world, [head, [2, 7, MOMENT, 1.5]], "b.xlsx")
    world.run()
    book(world, [head, [3, None, None, None]], "c.xlsx")
    book(world, [head, [4, 8, MOMENT, 2.5]], "d.xlsx")
    world.run()
    assert world.rows() == [(1, None, None, None), (2, 7, MOMENT, 1.5), (3, None, None, None), (4, 8, MOMENT, 2.5)]
    book(world, [head, [5, "x", None, None]], "e.xlsx")
    book(world, [head, [6, 9, None, None]], "f.xlsx")
    assert "the column `n` is VARCHAR in data/e.xlsx and BIGINT in data/f.xlsx" in world.fails()


def test_a_column_that_is_empty_in_one_file_of_text_has_the_type_of_the_others(world):
    world.project({"path": "data/*.csv"})
    (world.root / "data/a.csv").write_text("id,n,day\n1,,\n")
    (world.root / "data/b.csv").write_text("id,n,day\n2,7,2026-01-31\n")
    world.run()
    assert world.rows() == [(1, None, None), (2, 7, DAY)]


def test_a_column_that_is_null_in_one_file_of_json_has_the_type_of_the_others(world):
    world.project({"path": "data/*.json"})
    (world.root / "data/a.json").write_text('{"id": 1, "n": null}\n')
    (world.root / "data/b.json").write_text('{"id": 2, "n": 7}\n')
    world.run()
    assert world.rows() == [(1, None), (2, 7)]


@pytest.mark.parametrize("order", [[0, 2, 1, 3], [0, 1, 1, 2], [1, 0, 2, 3]])
def test_rows_of_a_sheet_that_do_not_follow_each_other(world, order):
    world.project({"path": "data/*.xlsx"})
    book(world, [["n"], *([n] for n in range(1, 4))])
    path, sheet = world.root / "data/a.xlsx", "xl/worksheets/sheet1.xml"
    with zipfile.ZipFile(path) as packed:
        parts = {one: packed.read(one) for one in packed.namelist()}
    start, *rows = parts[sheet].split(b"<row ")
    last, end = rows[-1].split(b"</row>")
    rows = [f"<row {row}".encode() for row in map(bytes.decode, [*rows[:-1], last + b"</row>"])]
    parts[sheet] = start + b"".join(rows[n] for n in order) + end
    with zipfile.ZipFile(path, "w") as packed:
        for one, data in parts.items():
            packed.writestr(one, data)
    found = world.fails()
    assert "data/a.xlsx, sheet `S`: row" in found
    assert "in the file" in found


def test_what_packed_members_hold_counts(world):
    world.project({"path": "data/*.zip", "member": "*", "max_unpacked_mb": 1})
    large = b"n\n" + b"1\n" * 700_000

    def packed(**members):
        with zipfile.ZipFile(world.root / "data/a.zip", "w") as made:
            for name, data in members.items():
                made.writestr(name.replace("_", "."), data)

    for name, data in (("a_csv_gz", gzip.compress(large)), ("a_csv_zst", zstandard.compress(large))):
        packed(**{name: data})
        found = world.fails()
        assert f"data/a.zip would be more than 1,048,576 bytes unpacked, with what `{name.replace('_', '.')}` in it holds" in found
        half = large[: len(large) // 2]
        packed(**{name: gzip.compress(half) if name.endswith("gz") else zstandard.compress(half)})
        world.run()
        assert world.rows("select count(*) from s_raw.x") == [(350_000,)]
        packed(**{name: gzip.compress(half) if name.endswith("gz") else zstandard.compress(half), "b_csv": half})
        assert "would be more than" in world.fails()
    packed(**{"a_csv_gz": b"no gzip"})
    assert "data/a.zip/a.csv.gz cannot be read" in world.fails()
