"""Deltas of files into a table: merged by key, in place of partitions, and with columns that come and go."""

from __future__ import annotations

import re
from typing import Any

import pytest

from eltflow.compile.program import FileInfo, Outcome, ProgramError
from eltflow.ingest.files import file_info
from eltflow.project.nodes import IngestInfo
from eltflow.testing.bench import Bench
from eltflow.testing.contract.claims import need_transactions
from eltflow.warehouse.values import Statement, WarehouseError

UNDECIDED = r"several new rows have one key .*, and nothing tells which of them is the latest"


class Loads:
    """A step, and its files as they come."""

    def __init__(self, warehouse: Bench, load: str = "merge", **step: Any) -> None:
        given = {"unique_key": ["id"]} if load == "merge" else {}
        info = IngestInfo(source={"kind": "files", "path": "*"}, load=load, into="s.t", step={**given, **step})
        self.warehouse = warehouse
        self.made = warehouse.node("ingest", ingest=info)
        self.files: dict[str, FileInfo] = {}
        self.runs = 0
        warehouse.meta()
        if load in ("merge", "delete+insert") and not warehouse.can.transactional_ddl:
            warehouse.file("a.csv", "id\n1\n")
            with pytest.raises(ProgramError, match=f"`load: {re.escape(load)}` need an engine whose DDL takes part"):
                self()
            pytest.skip("refused, in words")
        if load == "append":
            need_transactions(warehouse)

    def __call__(self, *files: str, **more: Any) -> Outcome:
        """Load after these files came, or came anew: each as its name, a blank, and its rows between semicolons."""
        for text in files:
            name, _, rows = text.partition(" ")
            self.warehouse.file(name, rows.replace(";", "\n") + "\n")
        self.files = {p.name: file_info(self.warehouse.root, p.name) for p in sorted(self.warehouse.root.glob("*.csv"))}
        self.runs += 1
        return self.warehouse.build("ingest", made=self.made, files=tuple(self.files.values()), run=f"0000000{self.runs}", **more)


def test_a_merge_puts_new_rows_in_place_of_old_ones(warehouse: Bench) -> None:
    load = Loads(warehouse)
    assert load("a.csv id,v;1,a;2,a").rows == 2
    outcome = load("b.csv id,v;2,b;3,b")
    assert (outcome.rows, outcome.changed, outcome.files) == (2, 1, 1)
    assert warehouse.rows() == [(1, "a"), (2, "b"), (3, "b")]
    assert load().rows == 0
    if warehouse.adapter.dialect.row_id is None:  # all files at once: the second key is in two of them
        with pytest.raises(ProgramError, match=UNDECIDED):
            load(full_refresh=True)
    else:
        assert load(full_refresh=True).rows == 3
    assert warehouse.rows() == [(1, "a"), (2, "b"), (3, "b")]
    assert sorted(warehouse.rows("select path from eltflow_meta.file")) == [("a.csv",), ("b.csv",)]


def test_a_file_of_a_merge_that_changed_is_merged_again(warehouse: Bench) -> None:
    load = Loads(warehouse)
    load("a.csv id,v;1,a", "b.csv id,v;2,b")
    assert load("a.csv id,v;1,changed;3,new").files == 1
    assert warehouse.rows() == [(1, "changed"), (2, "b"), (3, "new")]
    assert warehouse.rows("select count(*), count(distinct path) from eltflow_meta.file") == [(2, 2)]
    assert load().files == 0


@pytest.mark.parametrize("refresh", [False, True])
def test_of_two_rows_of_one_key_the_later_one_wins(warehouse: Bench, refresh: bool) -> None:
    """By file and row, in small files and in ones of many rows of all lengths."""
    load = Loads(warehouse)
    load("a.csv id,v;0,old")
    rows = ";".join(f"{i % 100},{i}{'x' * (i * 37 % 900)}" for i in range(5000))
    files = (f"b.csv id,v;1,first;1,second;{rows}", f"c.csv id,v;7,last;{rows.replace('x', 'y')}")
    if warehouse.adapter.dialect.row_id is None:
        with pytest.raises(ProgramError, match=UNDECIDED):
            load(*files, full_refresh=refresh)
        return
    load(*files, full_refresh=refresh)
    found = dict(warehouse.rows())
    assert {key: value.rstrip("y") for key, value in found.items()} == {i: str(4900 + i) for i in range(100)}


def test_the_highest_cursor_wins(warehouse: Bench) -> None:
    """In the delta and against the table, whatever the order in which files come."""
    load = Loads(warehouse, cursor={"column": "at"})
    load("b.csv id,at,v;1,2020-01-02,b;1,2020-01-03,c;1,2020-01-01,a;2,2020-01-05,e;4,,none")
    load("c.csv id,at,v;1,2020-01-02,late;2,2020-01-05,again;2,2020-01-04,d;3,2020-01-01,n;1,,unknown")
    expected = {1: "c", 2: "again", 3: "n", 4: "none"}
    assert dict(warehouse.rows("select id, v from s.t")) == expected
    if warehouse.adapter.dialect.row_id is None:  # in one load, nothing tells `again` from `e`
        with pytest.raises(ProgramError, match=UNDECIDED):
            load(full_refresh=True)
    else:
        load(full_refresh=True)
    assert dict(warehouse.rows("select id, v from s.t")) == expected


def test_keys_of_several_columns_in_other_letters(warehouse: Bench) -> None:
    load = Loads(warehouse, unique_key=["A", "order no"])
    load("a.csv a,order no,v;1,1,x;1,2,x")
    load("b.csv v,order no,a;y,2,1;y,3,1")
    assert sorted(warehouse.rows()) == [(1, 1, "x"), (1, 2, "y"), (1, 3, "y")]


@pytest.mark.parametrize(
    ("step", "files", "words"),
    [
        ({}, ["a.csv id,v;1,a;,b"], "1 new row has no value in `id`, by which rows are matched"),
        ({"unique_key": ["idd"]}, ["a.csv id,v;1,a"], "`unique_key` names the column `idd`, which the load does not have"),
        ({"cursor": {"column": "vv"}}, ["a.csv id,v;1,a"], "`cursor` names the column `vv`, which the load does not have"),
    ],
)
def test_what_cannot_be_merged(warehouse: Bench, step: dict[str, Any], files: list[str], words: str) -> None:
    with pytest.raises(ProgramError, match=words):
        Loads(warehouse, **step)(*files)
    assert warehouse.names() == set()
    (warehouse.root / "a.csv").unlink()
    Loads(warehouse)("0.csv id,v;0,z")
    with pytest.raises(ProgramError, match=words):
        Loads(warehouse, **step)(*files)
    assert warehouse.rows() == [(0, "z")]
    assert warehouse.rows("select path from eltflow_meta.file") == [("0.csv",)]


def test_new_rows_in_place_of_their_partitions(warehouse: Bench) -> None:
    load = Loads(warehouse, "delete+insert", partition_by=["day"])
    load("a.csv day,v;2020-01-01,1;2020-01-01,1;2020-01-02,2")
    outcome = load("b.csv day,v;2020-01-02,3;2020-01-02,3;2020-01-03,4")
    assert (outcome.rows, outcome.changed) == (3, 1)
    assert sorted(row[1] for row in warehouse.rows()) == [1, 1, 3, 3, 4]
    with pytest.raises(ProgramError, match="1 new row has no value in `day`"):
        load("c.csv day,v;,5")
    assert sorted(row[1] for row in warehouse.rows()) == [1, 1, 3, 3, 4]


@pytest.mark.parametrize("load", ["merge", "delete+insert"])
def test_a_failure_at_every_statement_of_a_delta(warehouse: Bench, load: str) -> None:
    """Rows and what is written down about them come and stay away together, and a reader sees no part."""
    made = Loads(warehouse, load, **({} if load == "merge" else {"partition_by": ["id"]}))
    made("a.csv id,v;1,a;2,a")
    before, seen = warehouse.rows(), []
    real = warehouse.session.execute
    for failing in range(30):
        sent = [0]

        def execute(statement: Statement, failing: int = failing, sent: list[int] = sent) -> Any:
            sent[0] += 1
            if statement.role != "rollback" and sent[0] - 1 == failing:
                raise WarehouseError("out of luck")
            return real(statement)

        warehouse.session.execute = execute
        try:
            made("b.csv id,v;2,b;3,b", look=lambda statement: seen.append(warehouse.seen()))
        except WarehouseError:
            assert warehouse.rows() == before
            assert warehouse.rows("select path from eltflow_meta.file") == [("a.csv",)]
            continue
        finally:
            warehouse.session.execute = real
        break
    after = [(1, "a"), (2, "b"), (3, "b")]
    assert warehouse.rows() == after
    assert sorted(warehouse.rows("select path from eltflow_meta.file")) == [("a.csv",), ("b.csv",)]
    assert all(rows in (None, before, after) for rows in seen)
    assert before in seen


# -- columns -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", ["append", "merge", "replace"])
@pytest.mark.parametrize("policy", ["evolve", "discard", "fail"])
def test_columns_that_come_and_go(warehouse: Bench, load: str, policy: str) -> None:
    made = Loads(warehouse, load, **({} if policy == "fail" else {"schema_changes": {"column": policy}}))
    made("a.csv id,v;1,a")
    later = ("b.csv id,w;2,1.5", "c.csv id,v;3,c")
    if policy == "fail":
        with pytest.raises(ProgramError, match=r"(columns of|which) b\.csv"):
            made(*later)
        assert warehouse.rows() == [(1, "a")]
        return
    told = [line.lower() for line in made(*later).told]  # a column is named as the file or as the engine has it
    lacks = "b.csv lacks `v`, which is null in its rows"
    if policy == "evolve":
        assert [name for name, _ in warehouse.columns()] == ["id", "v", "w"]
        assert warehouse.kinds()[2][1] == warehouse.read_as(warehouse.type("DOUBLE"))
        assert warehouse.rows() == [(1, "a", None), (2, None, 1.5), (3, "c", None)]
        assert "new: `w`" in told
        assert lacks in told
    else:
        assert warehouse.rows() == [(1, "a"), (2, None), (3, "c")]
        assert told[:2] == ["left out: `w`", lacks]
    made(full_refresh=True)
    assert len(warehouse.rows()) == 3
    assert len(warehouse.columns()) == (3 if policy == "evolve" else 2)


def test_a_new_column_has_the_type_of_all_its_values(warehouse: Bench) -> None:
    made = Loads(warehouse, "append", schema_changes={"column": "evolve"})
    made("a.csv id;1")
    made("b.csv id,n,code;" + ";".join(f"{i},{i},{i}" for i in range(30_000)) + ";30000,1.5,007")
    types = [warehouse.read_as(warehouse.type(type)) for type in ("DOUBLE", "VARCHAR")]
    assert warehouse.kinds()[1:] == list(zip(("n", "code"), types, strict=True))
    assert warehouse.rows("select n, code from s.t where id = 30000") == [(1.5, "007")]


@pytest.mark.parametrize("load", ["append", "merge", "replace"])
def test_columns_renamed_and_left_out(warehouse: Bench, load: str) -> None:
    step = {
        "rename": {"Order No": "number", "v": "Value"},
        "exclude": ["secret"],
        "column_types": {"Value": warehouse.type("VARCHAR")},
    }
    if load == "merge":
        step["unique_key"] = ["number"]
    made = Loads(warehouse, load, **step)
    made("a.csv Order No,secret,v;1,x,007")
    made("b.csv Order No,v,secret;2,008,y")
    assert [name.lower() for name, _ in warehouse.columns()] == ["number", "value"]
    assert warehouse.kinds()[1][1] == warehouse.read_as(warehouse.type("VARCHAR"))
    assert warehouse.rows() == [(1, "007"), (2, "008")]
    for wrong, words in (({"exclude": ["secrt"]}, "`secrt`"), ({"rename": {"v": "Order No"}}, "would be one column")):
        with pytest.raises(ProgramError, match=words):
            Loads(warehouse, "replace", **wrong)()
    assert warehouse.rows() == [(1, "007"), (2, "008")]
