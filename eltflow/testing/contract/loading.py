"""Files into tables: what a file says is what the table holds, each file exactly once."""

from __future__ import annotations

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import pytest

from eltflow.compile.program import ProgramError
from eltflow.ingest.files import file_now
from eltflow.project.nodes import IngestInfo
from eltflow.testing.bench import Bench
from eltflow.testing.contract.claims import need_transactions
from eltflow.warehouse.values import Statement, WarehouseError

B, V, D = "BIGINT", "VARCHAR", "DOUBLE"
FILES: dict[str, tuple[str, list[tuple[str, str]], list[tuple[Any, ...]]]] = {
    "types": (
        "i,d,b,day,at,code,text\n1,1.5,true,2020-01-02,2020-01-01 10:00:00,007,null\n2,2,false,2020-01-03,2020-01-01T10:00:00,008,\n",
        [("i", B), ("d", D), ("b", "BOOLEAN"), ("day", "DATE"), ("at", "TIMESTAMP"), ("code", V), ("text", V)],
        [
            (1, 1.5, True, dt.date(2020, 1, 2), dt.datetime(2020, 1, 1, 10), "007", "null"),
            (2, 2.0, False, dt.date(2020, 1, 3), dt.datetime(2020, 1, 1, 10), "008", None),
        ],
    ),
    "a late surprise": ("a\n" + "1\n" * 30000 + "x\n", [("a", V)], [("1",)] * 30000 + [("x",)]),
    "empty is NULL": ('a,b\n"",1\n,2\nx,\n', [("a", V), ("b", B)], [("x", None), (None, 1), (None, 2)]),
    "quotes": (
        'a,b\n"x, y","he said ""hi"""\n"line\nbreak",z\n',
        [("a", V), ("b", V)],
        [("line\nbreak", "z"), ("x, y", 'he said "hi"')],
    ),
    "what text formats are made of": (
        'a,b\n"\\N","\\."\n"a\tb","back\\slash\\n"\n"\\\n\\.\nx","\r"\n',
        [("a", V), ("b", V)],
        [("\\\n\\.\nx", "\r"), ("\\N", "\\."), ("a\tb", "back\\slash\\n")],
    ),
    "long text": ("a\n" + "ü" * 100_000 + "\n", [("a", V)], [("ü" * 100_000,)]),
    "semicolons are text": ("a\nx;y\nz;w\n", [("a", V)], [("x;y",), ("z;w",)]),
    "other days are text": ("d\n01/02/2013\n03/04/2013\n", [("d", V)], [("01/02/2013",), ("03/04/2013",)]),
    "no comments": ("a,b\n#1,2\n3,4\n", [("a", V), ("b", B)], [("#1", 2), ("3", 4)]),
    "only a header": ("a,b\n", [("a", V), ("b", V)], []),
    "only a header, no newline": ("a,b", [("a", V), ("b", V)], []),
    "unicode": ("naïve,größe,日本\né,ü,語😀\n", [("naïve", V), ("größe", V), ("日本", V)], [("é", "ü", "語😀")]),
    "a mark": ("\ufeffa,b\n1,2\n", [("a", B), ("b", B)], [(1, 2)]),
    "windows lines": ("a,b\r\n1,x\r\n", [("a", B), ("b", V)], [(1, "x")]),
    "reserved names": ("select,order,A b\n1,2,3\n", [("select", B), ("order", B), ("A b", B)], [(1, 2, 3)]),
    "not a number": ("a\nnan\n1.5\ninf\n-inf\n", [("a", D)], [(-math.inf,), (1.5,), (math.inf,), (math.nan,)]),
    "small and large": ("a\n1e-300\n1.7976931348623157e308\n0.1\n", [("a", D)], [(1e-300,), (0.1,), (1.7976931348623157e308,)]),
    "only true and false are booleans": (
        'a,b,c,d,e\nyes,t,TRUE,true,True\nno,f,False,"false",true\n',
        [("a", V), ("b", V), ("c", "BOOLEAN"), ("d", "BOOLEAN"), ("e", "BOOLEAN")],
        [("no", "f", False, False, True), ("yes", "t", True, True, True)],
    ),
    "only decimal digits are numbers": (
        "a,b,c,d\n0x10,0b1,1_000,12\n0X1f,0,2_000,-3\n",
        [("a", V), ("b", V), ("c", V), ("d", B)],
        [("0X1f", "0", "2_000", -3), ("0x10", "0b1", "1_000", 12)],
    ),
    "quoted, the last, and alone": ('a,b\n1,"no"\n2,"yes"\n', [("a", B), ("b", V)], [(1, "no"), (2, "yes")]),
    "blanks around numbers": ("a,b\n 1 ,yes\n2,no\n", [("a", B), ("b", V)], [(1, "yes"), (2, "no")]),
    "a word and true": ("a\nTRUE\nyes\n", [("a", V)], [("TRUE",), ("yes",)]),
    "wide": (
        ",".join(f"c{i}" for i in range(400)) + "\n" + ",".join(str(i) for i in range(400)) + "\n",
        [(f"c{i}", B) for i in range(400)],
        [tuple(range(400))],
    ),
}


@pytest.mark.parametrize("name", list(FILES))
def test_a_seed(warehouse: Bench, name: str) -> None:
    text, columns, given = FILES[name]
    try:
        rows = warehouse.told(given)
    except ValueError as refused:
        with pytest.raises(WarehouseError, match=str(refused)):
            warehouse.build("seed", files=(warehouse.file("x.csv", text),))
        assert "t" not in warehouse.names()
        return
    for _ in range(2):
        outcome = warehouse.build("seed", files=(warehouse.file("x.csv", text),))
    assert outcome.rows == len(rows)
    assert warehouse.kinds() == [(column, warehouse.read_as(warehouse.type(type))) for column, type in columns]
    assert sorted(map(repr, warehouse.rows())) == sorted(map(repr, rows))


LATE: dict[
    str, tuple[str, list[Any], str]
] = {  # the type by the first rows, a row that says otherwise, and what the column is then
    "1.5": ("1", [1.0, 1.5], D),
    "0x10": ("1", ["1", "0x10"], V),
    "007": ("1", ["1", "007"], V),
    "-007": ("2.5", ["2.5", "-007"], V),
    "yes": ("true", ["true", "yes"], V),
    "x": ("2020-01-01", ["2020-01-01", "x"], V),
    "1.12345678901234567890": ("2.5", ["2.5", "1.12345678901234567890"], V),
    "2026-01-01 00:00:00.123456789": ("2026-01-01 00:00:00", ["2026-01-01 00:00:00", "2026-01-01 00:00:00.123456789"], V),
    "99999999999999999999": ("7", [7, 99999999999999999999], "HUGEINT"),
}


@pytest.mark.parametrize("late", list(LATE))
def test_a_row_beyond_the_first_ones_counts_as_much(warehouse: Bench, late: str) -> None:
    first, values, kind = LATE[late]
    file = warehouse.file("x.csv", f"a,b\n{f'{first},1{chr(10)}' * 30_000}{late},2\n")
    if warehouse.adapter.dialect.keeps(kind) is None:
        with pytest.raises(ProgramError, match=f"`a` is {kind}, and .* has no type that keeps all of that"):
            warehouse.build("seed", files=(file,))
        return
    warehouse.build("seed", files=(file,))
    assert warehouse.kinds() == [(name, warehouse.read_as(warehouse.type(type))) for name, type in (("a", kind), ("b", B))]
    assert warehouse.rows("select distinct a, b from s.t order by b") == [(values[0], 1), (values[1], 2)]
    assert warehouse.rows("select count(*) from s.t") == [(30_001,)]


DECLARED: dict[str, tuple[str, str, Any]] = {
    "a code": ("varchar", "007", "007"),
    "a big decimal": (
        "decimal(38, 10)",
        "1234567890123456789012345678.0123456789",
        Decimal("1234567890123456789012345678.0123456789"),
    ),
    "a small integer": ("smallint", "-32768", -32768),
    "a big integer": ("bigint", "9223372036854775807", 9223372036854775807),
    "a day": ("date", "0001-01-01", dt.date(1, 1, 1)),
    "a time": ("time", "23:59:59.999999", dt.time(23, 59, 59, 999999)),
    "microseconds": ("timestamp", "2020-02-29 23:59:59.123456", dt.datetime(2020, 2, 29, 23, 59, 59, 123456)),
    "a time zone": (
        "timestamp with time zone",
        "2020-06-01 12:00:00+05:30",
        dt.datetime(2020, 6, 1, 6, 30, tzinfo=dt.UTC),
    ),
    "a truth": ("boolean", "true", True),
    "nothing": ("integer", "", None),
}


@pytest.mark.parametrize("name", list(DECLARED))
def test_a_declared_type(warehouse: Bench, name: str) -> None:
    type, text, value = DECLARED[name]
    file = warehouse.file("x.csv", f"id,x\n1,{text}\n")
    own = warehouse.adapter.dialect.keeps(type.upper())
    config = {"column_types": {"x": own or type}}
    if own is None:
        with pytest.raises(WarehouseError, match=text):
            warehouse.build("seed", files=(file,), config=config)
        return
    warehouse.build("seed", files=(file,), config=config)
    assert warehouse.rows() == warehouse.told([(1, value)])


def test_values_that_a_declared_type_does_not_take(warehouse: Bench) -> None:
    warehouse.sql("create table s.t as select 1 as old")
    narrow = warehouse.type("SMALLINT") != warehouse.type("BIGINT")
    for type, text in (("integer", "many"), ("date", "2020-02-30"), *([("smallint", "70000")] if narrow else [])):
        with pytest.raises(WarehouseError, match=text):
            types = {"x": warehouse.adapter.dialect.keeps(type.upper()) or type}
            warehouse.build("seed", files=(warehouse.file("x.csv", f"id,x\n1,{text}\n"),), config={"column_types": types})
        assert warehouse.rows() == [(1,)]


def test_nested_values(warehouse: Bench) -> None:
    text = (
        '{"id": 1, "tags": ["a", "b\\"c"], "who": {"name": "x", "n": [1, 2]}, "none": null}\n{"id": 2, "tags": [], "who": null}\n'
    )
    warehouse.build("seed", files=(warehouse.file("x.ndjson", text),))
    rows = [
        tuple(json.loads(v) if isinstance(v, str) else v for v in row) for row in warehouse.rows("select id, tags, who from s.t")
    ]
    assert sorted(rows, key=lambda row: row[0]) == [(1, ["a", 'b"c'], {"name": "x", "n": [1, 2]}), (2, [], None)]


def test_a_broken_file_is_told_with_its_line(warehouse: Bench) -> None:
    for text in ("a,b\n1,2\n3\n", "a,b\n1,2\n3,4,5\n", 'a,b\n1,"x\n'):
        with pytest.raises(WarehouseError) as raised:
            warehouse.build("seed", files=(warehouse.file("x.csv", text),))
        assert str(raised.value.file).endswith("x.csv")
        assert "t" not in warehouse.names()


def test_a_file_that_changes_while_it_is_read(warehouse: Bench) -> None:
    file = warehouse.file("t.csv", "a\n1\n")
    warehouse.build("seed", files=(file,))

    def grow(statement: Statement) -> None:
        (warehouse.root / "t.csv").write_text("a\n1\n2\n3\n")

    with pytest.raises(ProgramError, match="changed while it was being loaded"):
        warehouse.build("seed", files=(file,), look=grow, config={"persist_docs": {"relation": True}})
    assert warehouse.rows() == [(1,)]


def test_many_rows(warehouse: Bench) -> None:
    """More than one batch, whatever its size."""
    text = "id,name\n" + "".join(f"{n},name {n}\n" for n in range(60_000))
    warehouse.build("seed", files=(warehouse.file("x.csv", text),))
    assert warehouse.rows("select count(*), count(distinct id), sum(id), max(name) from s.t") == [
        (60_000, 60_000, 60_000 * 59_999 // 2, "name 9999")
    ]


# -- ingestion ---------------------------------------------------------------------------------------------------------------------


def _step(warehouse: Bench, load: str = "append") -> Any:
    return warehouse.node("ingest", ingest=IngestInfo(source={"kind": "files", "path": "*.csv"}, load=load, into="s.t"))


def test_each_file_is_loaded_once(warehouse: Bench) -> None:
    warehouse.meta()
    made = _step(warehouse)
    if not warehouse.can.transactions:
        with pytest.raises(ProgramError, match="need an engine with transactions"):
            warehouse.build("ingest", made=made, files=(warehouse.file("a.csv", "id,v\n1,a\n"),))
        assert warehouse.names() == set()
        for number in range(2):  # what comes in place of what stood there needs none
            replacing = _step(warehouse, "replace")
            outcome = warehouse.build("ingest", made=replacing, files=(warehouse.file("a.csv", f"id,v\n{number},a\n"),))
            assert (outcome.rows, outcome.files) == (1, 1)
            assert warehouse.rows() == [(number, "a")]
        assert warehouse.rows("select files, rows from eltflow_meta.load") == [(1, 1)] * 2
        return
    files: list[Any] = []
    for number in range(3):
        files.append(warehouse.file(f"{number}.csv", f"id,v\n{number},a\n"))
        for expected in (1, 0):
            outcome = warehouse.build("ingest", made=made, files=tuple(files), run=f"0000000{number}")
            assert (outcome.rows, outcome.files) == (expected, expected)
    assert warehouse.rows() == [(0, "a"), (1, "a"), (2, "a")]
    assert warehouse.rows("select count(*), count(distinct path) from eltflow_meta.file") == [(3, 3)]
    assert sorted(warehouse.rows("select files, rows from eltflow_meta.load")) == [(1, 1)] * 3
    warehouse.build("ingest", made=made, files=tuple(files[1:]), full_refresh=True)
    assert warehouse.rows() == [(1, "a"), (2, "a")]
    assert warehouse.rows("select count(*) from eltflow_meta.file") == [(2,)]


def test_the_table_decides_on_types(warehouse: Bench) -> None:
    """Codes that look like numbers in a later file stay text; columns may come in another order; text for numbers is an error."""
    need_transactions(warehouse)
    warehouse.meta()
    made = _step(warehouse)
    first = warehouse.file("a.csv", "code,n,day\nA1,1,x\n")
    second = warehouse.file("b.csv", "n,code,day\n2,007,2020-01-01\n")
    for files in ((first,), (first, second)):
        warehouse.build("ingest", made=made, files=files)
    assert sorted(warehouse.rows("select n, code, day from s.t")) == [(1, "A1", "x"), (2, "007", "2020-01-01")]
    for text, words in (
        ("code,n,day\nA,many,x\n", "many"),
        ("code,n\nA,1\n", "missing columns: day"),
        ("code,n,day,z\n,,,\n", "new"),
    ):
        third = warehouse.file("c.csv", text)
        with pytest.raises((WarehouseError, ProgramError), match=f"(?i){words}"):
            warehouse.build("ingest", made=made, files=(first, second, third))
    assert warehouse.rows("select count(*) from s.t") == warehouse.rows("select count(*) from eltflow_meta.file") == [(2,)]


@pytest.mark.parametrize("how", ["grows", "goes"])
@pytest.mark.parametrize("load", ["append", "replace"])
def test_a_file_that_changes_between_listing_and_the_end(warehouse: Bench, how: str, load: str) -> None:
    if load == "append":
        need_transactions(warehouse)
    made = _step(warehouse, load)
    first = warehouse.file("a.csv", "id\n1\n")
    warehouse.meta()
    warehouse.build("ingest", made=made, files=(first,))
    kept = ("select * from s.t", "select * from eltflow_meta.file", "select * from eltflow_meta.load")
    before = [warehouse.rows(sql) for sql in kept]
    second = warehouse.file("b.csv", "id\n2\n")

    def look(statement: Statement) -> None:
        if statement.main and (warehouse.root / "b.csv").exists():
            if how == "grows":
                (warehouse.root / "b.csv").write_text("id\n2\n3\n")
            else:
                (warehouse.root / "b.csv").unlink()

    with pytest.raises(ProgramError, match=r"b\.csv (changed|went away) while it was being loaded"):
        warehouse.build("ingest", made=made, files=(first, second), look=look)
    assert [warehouse.rows(sql) for sql in kept] == before
    if how == "grows":
        now = file_now(second)
        assert now is not None
        warehouse.build("ingest", made=made, files=(first, now))
        assert warehouse.rows() == [(1,), (2,), (3,)]


def test_a_failure_at_every_statement_of_a_load(warehouse: Bench) -> None:
    """Rows and what is written down about them come and stay away together."""
    need_transactions(warehouse)
    warehouse.meta()
    made = _step(warehouse)
    first = warehouse.file("a.csv", "id\n1\n")
    warehouse.build("ingest", made=made, files=(first,))
    files = (first, warehouse.file("b.csv", "id\n2\n"))
    real = warehouse.session.execute
    for failing in range(20):
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += 1
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            warehouse.build("ingest", made=made, files=files)
        except WarehouseError:
            assert warehouse.rows() == [(1,)]
            assert warehouse.rows("select count(*) from eltflow_meta.file") == [(1,)]
            continue
        finally:
            warehouse.session.execute = real
        break
    assert warehouse.rows() == [(1,), (2,)]
    assert warehouse.rows("select count(*) from eltflow_meta.file") == [(2,)]
