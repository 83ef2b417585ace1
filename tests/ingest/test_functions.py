"""Steps in Python: what a function gives arrives as it is, once, and what is wrong with it is told at its line, without a secret."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time as time_module
from contextlib import closing, suppress
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from textwrap import dedent
from uuid import UUID

import duckdb
import pytest

KEY = "s3cret-of-the-weather"


class World:
    """A project whose steps are in `ingest/w.py`."""

    def __init__(self, root, eltflow, postgres):
        self.root, self._eltflow, self._postgres = root, eltflow, postgres
        self.target = "duckdb"

    def project(self, code, target="duckdb", **settings):
        self.target = target
        own = {"type": "duckdb", "path": "p.duckdb", "schema": "s"} if target == "duckdb" else self._postgres.target()
        if target == "postgres":
            with closing(self._postgres.connect()) as con:
                con.execute("drop schema if exists s_raw, eltflow_meta cascade")
        (self.root / "eltflow.yml").write_text(json.dumps({"name": "p", "targets": {"dev": own}, **settings}))
        for name in ("ingest", "models"):
            (self.root / name).mkdir(exist_ok=True)
        return self.says(code)

    def says(self, code):
        (self.root / "ingest/w.py").write_text(dedent(code))
        return self

    def run(self, *arguments, code=0, env=None):
        ran = self._eltflow(*(arguments or ("ingest",)), cwd=self.root, env=env)
        assert ran.code == code, ran.text
        return ran.text

    def fails(self, *arguments, code=1, env=None):
        text = self.run(*arguments, code=code, env=env)
        assert KEY not in text
        return text[text.index("error[") :].split("\n\n")[0].rstrip()

    def rows(self, sql="select * from s_raw.x order by 1"):
        if self.target == "postgres":
            with closing(self._postgres.connect()) as con:
                return con.execute(sql).fetchall()
        with duckdb.connect(str(self.root / "p.duckdb"), read_only=True) as con:
            return con.execute(sql).fetchall()

    def types(self):
        sql = "select column_name, data_type from information_schema.columns where table_name = 'x' order by ordinal_position"
        return dict(self.rows(sql))


@pytest.fixture
def world(tmp_path, eltflow, postgres):
    return World(tmp_path, eltflow, postgres)


VALUES = """
    from datetime import UTC, date, datetime, time, timedelta
    from decimal import Decimal
    from enum import Enum
    from uuid import UUID
    import eltflow

    class Size(Enum):
        SMALL = "s"

    @eltflow.step(into="raw.x")
    def x():
        yield {
            "id": 1, "wide": 2**100, "price": Decimal("12345678901234567890.10"), "share": 0.1, "odd": float("-inf"),
            "text": "a\\nb\\tc\\\\é", "day_as_text": "2013-01-01", "number_as_text": "007", "day": date(1, 1, 1),
            "at": datetime(9999, 12, 31, 23, 59, 59, 999999), "moment": datetime(1890, 1, 1, tzinfo=UTC), "clock": time(1, 2, 3, 4),
            "length": timedelta(days=-1, seconds=1, microseconds=5), "key": UUID(int=7), "bytes": b"\\x00\\xff\\\\A", "yes": True,
            "size": Size.SMALL, "deep": {"a": [1, 2], "Text": "2013-01-01"}, "list": ["x", None], "any": [1, {"k": 1.5}],
        }
        yield [{"id": 2, "odd": float("nan"), "share": 3, "text": ""}, {"id": 3, "late": 5}]
"""


def test_values_keep_their_kinds(world):
    world.project(VALUES)
    assert "3 rows" in world.run()
    types = world.types()
    assert types == {
        "id": "BIGINT",
        "wide": "HUGEINT",
        "price": "DECIMAL(38,2)",
        "share": "DOUBLE",
        "odd": "DOUBLE",
        "text": "VARCHAR",
        "day_as_text": "VARCHAR",
        "number_as_text": "VARCHAR",
        "day": "DATE",
        "at": "TIMESTAMP",
        "moment": "TIMESTAMP WITH TIME ZONE",
        "clock": "TIME",
        "length": "INTERVAL",
        "key": "UUID",
        "bytes": "BLOB",
        "yes": "BOOLEAN",
        "size": "VARCHAR",
        "deep": 'STRUCT(a BIGINT[], "Text" VARCHAR)',
        "list": "VARCHAR[]",
        "any": "JSON[]",
        "late": "BIGINT",
    }
    first, second, third = world.rows("select * exclude (moment), moment = '1890-01-01 00:00:00+00' from s_raw.x order by id")
    assert first == (
        *(1, 2**100, Decimal("12345678901234567890.10"), 0.1, float("-inf"), "a\nb\tc\\é", "2013-01-01", "007", date(1, 1, 1)),
        *(datetime(9999, 12, 31, 23, 59, 59, 999999), time(1, 2, 3, 4), timedelta(days=-1, seconds=1, microseconds=5), UUID(int=7)),
        *(b"\x00\xff\\A", True, "s", {"a": [1, 2], "Text": "2013-01-01"}, ["x", None], ["1", '{"k":1.5}'], None, True),
    )
    assert str(second[4]) == "nan"
    assert (second[3], second[5], third[-2]) == (3.0, "", 5)


def test_values_on_a_server(world):
    world.project(VALUES, "postgres")
    world.run()
    sql = "select id, wide, price, odd, text, number_as_text, day, at, moment, clock, key, bytes, yes, deep, list from s_raw.x"
    found = world.rows(f"{sql} where id = 1")[0]
    assert found[:6] == (1, 2**100, Decimal("12345678901234567890.10"), float("-inf"), "a\nb\tc\\é", "007")
    assert found[6:13] == (
        *(date(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(1890, 1, 1, tzinfo=UTC), time(1, 2, 3, 4)),
        *(UUID(int=7), b"\x00\xff\\A", True),
    )
    assert found[13] == {"a": [1, 2], "Text": "2013-01-01"}


def test_what_is_given_by_name(world):
    """Connections, variables and the environment; a parameter with a value of its own that nothing is called like keeps it."""
    code = """
        from eltflow import step

        @step(into="raw.x", env={"key": "WEATHER_KEY"})
        def x(crm, start, key, more=5, *, last="z"):
            yield {"type": crm["type"], "shown": repr(crm), "start": start["day"], "key": len(key), "more": more, "last": last}
    """
    world.project(code, vars={"start": {"day": 3}, "last": "y"}, connections={"crm": {"type": "sqlite", "path": "crm.sqlite"}})
    world.run(env={"WEATHER_KEY": KEY})
    assert world.rows() == [("sqlite", "<connection: type, path>", 3, len(KEY), 5, "y")]
    world.run("ingest", "--vars", "{start: {day: 4}}", env={"WEATHER_KEY": KEY})
    assert world.rows("select start from s_raw.x") == [(4,)]
    for path in world.root.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


CURSOR = """
    from datetime import UTC, datetime, timedelta
    from eltflow import step

    @step(into="raw.x", load="LOAD", unique_key=KEYS, cursor={"column": "at", "initial": datetime(2013, 1, 3, tzinfo=UTC), "lookback": "1 day"})
    def x(cursor, days):
        print(f"from {cursor:%d %H} {cursor.tzinfo}")
        first = datetime(2013, 1, 1, tzinfo=UTC)
        for n in range(days):
            if first + timedelta(days=n) >= cursor:
                yield {"id": n, "at": first + timedelta(days=n)}
"""


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
@pytest.mark.parametrize(("load", "keys"), [("append", "None"), ("merge", "'id'"), ("history", "'id'")])
def test_only_what_is_new(world, load, keys, target):
    world.project(CURSOR.replace("LOAD", load).replace("KEYS", keys), target, vars={"days": 5})
    assert "from 03 00 UTC" in world.run()
    ids = "select id from s_raw.x order by id"
    assert [id for (id,) in world.rows(ids)] == [2, 3, 4]
    assert "from 04 00" in world.run("ingest", "--vars", "{days: 8}")
    assert [id for (id,) in world.rows(ids)] == [2, 3, 4, 5, 6, 7]
    assert "from 07 00" in world.run("ingest", "--vars", "{days: 8}")
    assert [id for (id,) in world.rows(ids)] == [2, 3, 4, 5, 6, 7]
    world.run("ingest", "--vars", "{days: 2}")
    assert len(world.rows(ids)) == 6
    assert "from 03 00" in world.run("ingest", "--full-refresh", "--vars", "{days: 5}")
    assert [id for (id,) in world.rows(ids)] == ([2, 3, 4, 5, 6, 7] if load == "history" else [2, 3, 4])


TOKEN = """
    from eltflow import step

    @step(into="raw.x", load="append", cursor={"token": "mark", "initial": {"from": 0}})
    def x(cursor, upto):
        for n in range(cursor["from"], upto):
            yield {"id": n}
        return {"from": upto}
"""


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_a_token_is_kept_with_the_rows(world, target):
    world.project(TOKEN, target, vars={"upto": 3})
    world.run()
    world.run("ingest", "--vars", "{upto: 5}")
    assert world.rows() == [(n,) for n in range(5)]
    assert "0 rows" in world.run("ingest", "--vars", "{upto: 5}")
    assert world.rows("select name, value, source from eltflow_meta.cursor") == [("mark", '{"from": 5}', "the function `x`")]
    world.says(TOKEN.replace("            yield", "            if n == 6:\n                1 / 0\n            yield"))
    world.fails("ingest", "--vars", "{upto: 8}")
    world.says(TOKEN.replace("return", "if upto < 8:\n            return"))
    world.run("ingest", "--vars", "{upto: 8}")  # gives rows, and no new token
    assert world.rows("select value from eltflow_meta.cursor") == [('{"from": 5}',)]
    world.run("ingest", "--full-refresh")
    assert world.rows() == [(0,), (1,), (2,)]


ARROW = """
    import pyarrow as pa
    from eltflow import step

    @step(into="raw.x")
    def x():
        for n in range(3):
            yield pa.record_batch({"id": pa.array([n]), "price": pa.array([1], pa.decimal128(38, 5)),
                "at": pa.array([0], pa.timestamp("us", "UTC")),
                "list": pa.array([[{"a": n}]]), "word": pa.array(["x"]).dictionary_encode(), "half": pa.array([0.5], pa.float16())})
        yield pa.table({"id": [3, 4]})
"""


@pytest.mark.parametrize("target", ["duckdb", "postgres"])
def test_arrow(world, target):
    world.project(ARROW.replace('into="raw.x"', 'into="raw.x", schema_changes={"column": "evolve"}'), target)
    assert "5 rows" in world.run()
    found = world.rows('select id, price, "at", "list", word, half from s_raw.x order by id')
    assert [row[0] for row in found] == [0, 1, 2, 3, 4]
    at = found[0][2]
    assert (found[0][1], at.timestamp(), *found[0][3:]) == (Decimal("1.00000"), 0.0, [{"a": 0}], "x", 0.5)
    assert found[4][1:] == (None,) * 5


@pytest.mark.parametrize(
    "made",
    [
        "import pandas\n    return pandas.DataFrame({'id': [1, 2], 'v': ['a', None]})",
        "import polars\n    return polars.DataFrame({'id': [1, 2], 'v': ['a', None]})",
        "import polars as p\n    f = p.DataFrame({'id': [1, 2], 'v': ['a', None]})\n    yield f[:1]\n    yield f[1:]",
        "return [{'id': 1, 'v': 'a'}, {'id': 2, 'v': None}]",
        "import numpy\n    yield {'id': numpy.int64(1), 'v': numpy.str_('a')}\n    yield {'id': numpy.int8(2), 'v': None}",
    ],
)
def test_what_a_function_may_give(world, made):
    world.project(f"from eltflow import step\n@step(into='raw.x')\ndef x():\n    {made}\n")
    world.run()
    assert world.types() == {"id": "BIGINT", "v": "VARCHAR"}
    assert world.rows() == [(1, "a"), (2, None)]


DLT = """
    import dlt
    from eltflow import step

    @dlt.resource
    def orders(at=dlt.sources.incremental("n", initial_value=0)):
        yield [{"id": n, "n": n, "deep": {"a": n}} for n in range(5)]

    @dlt.source
    def shop():
        return [orders, dlt.resource([{"id": 1}], name="customers")]

    @step(into="raw.x", load="append", cursor={"column": "n", "initial": 2})
    def x(cursor):
        return orders(dlt.sources.incremental("n", initial_value=cursor))

    @step(into="raw.y")
    def y():
        return shop()

    @step(into="raw.z")
    def z():
        return shop().with_resources("customers")
"""


def test_a_resource_of_dlt(world):
    world.project(DLT)
    world.run("ingest", "--select", "x z")
    world.run("ingest", "--select", "x")
    assert world.rows("select id, deep.a from s_raw.x order by 1") == [(2, 2), (3, 3), (4, 4)]
    assert world.rows("select id from s_raw.z") == [(1,)]
    assert world.fails("ingest", "--select", "y") == dedent("""\
        error[E0604]: ingest `y`: the dlt source has several resources: `orders`, `customers`
          --> ingest/w.py:18
           |
        18 | def y():
           |
           = help: return one of them: `source.resources[...]`, a step each""")


def test_steps_are_nodes_like_any_other(world):
    """With docs, tests and lineage; what is in their folder and no step is left alone; nothing of it runs unless it is to give rows."""
    code = """
        from eltflow import step as table_of
        from common import ROWS

        @table_of(
            into="raw.x", tags="daily", columns={"ID": {"rename": "id", "data_type": "integer", "data_tests": ["unique"]},
            "v": {"exclude": True}}
        )
        def x():
            '''What is there.

            All of it.'''
            yield from ROWS
    """
    world.project(code)
    (world.root / "ingest/common.py").write_text("print('common runs')\nROWS = [{'ID': '1', 'v': 2}, {'ID': 2, 'v': 3}]\n")
    (world.root / "models/m.sql").write_text("select sum(id) as n from raw.x")
    for command in ("parse", "ls", "plan", "compile"):
        assert "common runs" not in world.run(command)
    assert world.run("ls", "--select", "tag:daily+") == "raw.x\nm\nunique_x_id\n"
    text = world.run("build")
    assert "printed: common runs" in text
    assert world.rows("select n from s.m") == [(3,)]
    assert world.types() == {"id": "INTEGER"}
    manifest = json.loads((world.root / "target/manifest.json").read_text())
    (source,) = manifest["sources"].values()
    assert source["description"] == "What is there.\n\nAll of it."
    assert source["meta"]["eltflow"]["source"] == {"kind": "python", "path": "ingest/w.py", "function": "x"}
    assert not list(world.root.rglob("__pycache__"))


def test_a_preview_takes_the_first_alone(world):
    code = """
        from eltflow import step

        @step(into="raw.x", columns={"mail": {"tags": ["pii"]}})
        def x():
            for n in range(10**9):
                yield {"id": n, "mail": "a@b"}
    """
    world.project(code)
    assert world.run("ingest", "--preview", "x") == dedent("""\
        x → p.s_raw.x · replace
          the function `x`: what it gives is kept in a file, and read by duckdb

          column  read as  type
          id      bigint   bigint
          mail    varchar  varchar

          id  mail
           0  *****
           1  *****
           2  *****
           3  *****
           4  *****
           5  *****
           6  *****
           7  *****
           8  *****
           9  *****

        nothing was loaded
        """)


def test_bad_rows_are_put_aside(world):
    code = """
        from eltflow import step

        @step(into="raw.x", on_bad_row="quarantine", columns={"n": {"data_type": "integer"}})
        def x():
            yield from ({"id": 1, "n": 1}, {"id": 2, "n": "a lot"}, {"id": 3, "n": "3"})
    """
    world.project(code)
    assert "2 rows, 1 quarantined" in world.run()
    assert world.rows() == [(1, 1), (3, 3)]
    found = world.rows("select line, column_name, reason, raw, file from s_raw.x__quarantine")
    assert found == [(2, "n", "`a lot` is no integer", '{"id":2,"n":"a lot"}', "the function `x`")]


# -- what is wrong -------------------------------------------------------------------------------------------------------------------

HEAD = "from eltflow import step\n\n"
STATIC = {
    "broken": (
        "@step(into='raw.x'\ndef x():\n    pass\n",
        "E0121",
        "broken Python: '(' was never closed",
        "ingest/w.py:3:6",
        "mend the line",
    ),
    "computed": (
        "T = 'raw.x'\n@step(into=T)\ndef x():\n    pass\n",
        "E0103",
        "`into` of the step `x` is not written out, and the file is not run to know it",
        "ingest/w.py:4:12",
        "write texts, numbers, lists and mappings of them, or a date(...) or datetime(...)",
    ),
    "positional": (
        "@step('raw.x', into='raw.x')\ndef x():\n    pass\n",
        "E0103",
        "the options of the step `x` are given by name",
        "ingest/w.py:3:7",
        "write `@step(into=..., load=...)`",
    ),
    "async": (
        "@step(into='raw.x')\nasync def x():\n    pass\n",
        "E0103",
        "the step `x` is an `async def`",
        "ingest/w.py:4:11",
        "write `def`, and call what is asynchronous with `asyncio.run(...)`",
    ),
    "inside": (
        "if True:\n    @step(into='raw.x')\n    def x():\n        pass\n",
        "E0103",
        "`x` is no function of the file itself, which a step must be",
        "ingest/w.py:4:6",
        "write it as a `def` at the top level",
    ),
    "no table": ("@step()\ndef x():\n    pass\n", "E0103", "a step has no `into`", "ingest/w.py:3:2", "add `into:`"),
    "no call": ("@step\ndef x():\n    pass\n", "E0103", "a step has no `into`", "ingest/w.py:3:2", "add `into:`"),
    "a key": (
        "@step(into='raw.x', lod='merge')\ndef x():\n    pass\n",
        "E0104",
        "a step has no key `lod`",
        "ingest/w.py:3:21",
        "did you mean `load`?",
    ),
    "a column": (
        "@step(into='raw.x', columns={'é': {'typ': 'text'}})\ndef x():\n    pass\n",
        "E0104",
        "a column of a step has no key `typ`",
        "ingest/w.py:3:36",
        None,
    ),
    "a parameter": (
        "@step(into='raw.x')\ndef x(strat):\n    pass\n",
        "E0122",
        "the step `x` takes `strat`, and nothing is called so",
        "ingest/w.py:4:7",
        "did you mean `start`?",
    ),
    "two of a name": (
        "@step(into='raw.x')\ndef x(both):\n    pass\n",
        "E0122",
        "`both` is a connection and a variable",
        "ingest/w.py:4:7",
        "give one of them another name in eltflow.yml",
    ),
    "env for nothing": (
        "@step(into='raw.x', env={'key': 'K'})\ndef x():\n    pass\n",
        "E0103",
        "`env` has `key`, which the function does not take",
        "ingest/w.py:3:33",
        "add the parameter `key`, or take it out",
    ),
    "a cursor taken": (
        "@step(into='raw.x', load='merge', unique_key='id')\ndef x(cursor):\n    pass\n",
        "E0103",
        "the function takes `cursor`, and the step has none",
        "ingest/w.py:4:7",
        'add `cursor={"column": ...}`, or `cursor={"token": ...}`',
    ),
    "append": (
        "@step(into='raw.x', load='append')\ndef x():\n    pass\n",
        "E0103",
        "`load: append` of a function needs `cursor`, or its rows would come again each time",
        "ingest/w.py:3:26",
        "add `cursor: {column: ...}`, or set `load: replace`",
    ),
    "a token for nothing": (
        "@step(into='raw.x', load='append', cursor={'token': 't'})\ndef x():\n    pass\n",
        "E0103",
        "the function does not take `cursor`, and so its token leads nowhere",
        "ingest/w.py:3:53",
        "add the parameter `cursor`: it is what the function returned the last time",
    ),
    "both cursors": (
        "@step(into='raw.x', load='append', cursor={'token': 't', 'column': 'c'})\ndef x(cursor):\n    pass\n",
        "E0103",
        "`cursor` has a `column` or a `token`",
        "ingest/w.py:3:43",
        "write `column`, whose highest value is kept, or `token`, a name for what the function returns at its end",
    ),
}


@pytest.mark.parametrize("case", list(STATIC))
def test_what_is_wrong_is_known_without_running_it(world, case):
    code, number, message, place, help = STATIC[case]
    connections = {"both": {"type": "sqlite", "path": "x.sqlite"}}
    world.project(HEAD + "".join([code]), vars={"start": 1, "both": 2}, connections=connections)
    found = world.fails("parse", code=2)
    lines = found.split("\n")
    assert lines[0] == f"error[{number}]: {message}"
    assert lines[1].split("--> ")[1] == place
    assert help is None or lines[-1].strip() == f"= help: {help}"


def test_two_steps_of_one_name(world):
    world.project(f"{HEAD}@step(into='raw.x')\ndef x():\n    pass\n\n\n@step(into='raw.y', name='x')\ndef y():\n    pass\n")
    assert world.fails("parse", code=2) == dedent("""\
        error[E0206]: two ingests are called `x`
         --> ingest/w.py:8:26
          |
        8 | @step(into='raw.y', name='x')
          |                          ^^^
          = help: the other is ingest/w.py:3; rename one of them, or disable it with `enabled: false`""")


RUNNING = {
    "raises": (
        "    yield {'id': 1}\n    raise ValueError(f'no {key}')\n",
        "ValueError: no *****",
        6,
        "correct the function, or what it asks",
    ),
    "exits": ("    import sys\n    sys.exit('enough')\n", "SystemExit: enough", 6, "correct the function, or what it asks"),
    "import": (
        "    import nothing_like_it\n",
        "ModuleNotFoundError: No module named 'nothing_like_it'",
        5,
        "correct the function, or what it asks",
    ),
    "no record": (
        "    yield {'id': 1}\n    yield 5\n",
        "the function gives a int, which is no record",
        6,
        'yield mappings, as {"id": 1}, lists of them, Arrow tables or data frames',
    ),
    "no rows at all": (
        "    return 'id,v'\n",
        "the function gives a str",
        4,
        "yield mappings, lists of them, Arrow tables or data frames, or return a dlt resource",
    ),
    "mixed": (
        "    yield {'id': 1}\n    yield {'id': 'two'}\n",
        "the column `id` holds a whole number in record 1, and a text in record 2",
        6,
        'give values of one kind, or say under `columns=` what the column is: `{"data_type": ...}`',
    ),
    "zones": (
        "    import datetime as d\n    yield {'t': d.datetime(2013, 1, 1)}\n    yield {'t': d.datetime(2013, 1, 1, tzinfo=d.UTC)}\n",
        "the column `t` holds a point in time without a zone in record 1, and a point in time with a zone in record 2",
        7,
        'give values of one kind, or say under `columns=` what the column is: `{"data_type": ...}`',
    ),
    "rounded": (
        "    yield {'n': 1.5}\n    yield {'n': 2**60 + 1}\n",
        "the column `n` holds floating-point numbers, and in record 2 a whole number that is none of them",
        6,
        'give values of one kind, or say under `columns=` what the column is: `{"data_type": ...}`',
    ),
    "wide": (
        "    yield {'n': 10**40}\n",
        "the column `n` holds a whole number of more than 38 digits in record 1",
        5,
        "declare it: `data_type: text`",
    ),
    "an object": (
        "    yield {'n': object()}\n",
        "the column `n` holds a builtins.object, which no table can",
        5,
        "turn it into a text or a number",
    ),
    "two spellings": ("    yield {'n': 1, 'N': 2}\n", "record 1 has a key `N`, and others have `n`", 5, "write it one way"),
    "no name": ("    yield {1: 2}\n", "record 1 has a key that is no name: 1", 5, "give every value a name, as a text"),
    "half a sign": ("    yield {'t': '\\ud800'}\n", "a text up to record 1 is no Unicode", 4, "replace what it cannot hold"),
    "nothing in it": ("    yield {}\n", "no record has a value", 4, 'give them names: `yield {"id": 1}`'),
    "both": (
        "    import pyarrow\n    yield {'id': 1}\n    yield pyarrow.table({'id': [2]})\n",
        "the function gives mappings and tables",
        4,
        "give one of the two",
    ),
    "a length": (
        "    import pyarrow\n    yield pyarrow.table({'d': pyarrow.array([1], pyarrow.duration('s'))})\n",
        "the column `d` is duration[s], which would not arrive as that",
        None,
        "cast it, to a number or a text",
    ),
    "lazy": (
        "    import polars\n    yield polars.LazyFrame({'id': [1]})\n",
        "the function gives a LazyFrame, which has no rows yet",
        6,
        "give what its `collect()` gives",
    ),
    "a token": (
        "    yield {'id': 1}\n    return 5\n",
        "the function returns a int at its end, and the step keeps none",
        4,
        'name it with `cursor={"token": ...}`, or return nothing',
    ),
    "killed": (
        "    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)\n",
        "the process of the function `x` ended by the signal SIGKILL, before its time",
        None,
        "see whether it uses more memory than there is, or ends itself",
    ),
}


@pytest.mark.parametrize("case", list(RUNNING))
def test_what_fails_is_told_at_its_line(world, case):
    """Nothing of it is loaded."""
    body, message, line, help = RUNNING[case]
    world.project(f"{HEAD}@step(into='raw.x', env={{'key': 'KEY'}})\ndef x(key):\n{body}")
    world.says(f"{HEAD}@step(into='raw.x', env={{'key': 'KEY'}})\ndef x(key):\n    yield {{'id': 7}}\n")
    world.run(env={"KEY": KEY})
    world.says(f"{HEAD}@step(into='raw.x', env={{'key': 'KEY'}})\ndef x(key):\n{body}")
    found = world.fails(env={"KEY": KEY}).split("\n")
    assert found[0] == f"error[E0604]: ingest `x`: {message}"
    assert line is None or found[1].split("--> ")[1] == f"ingest/w.py:{line}"
    assert found[-1].strip() == f"= help: {help}"
    assert world.rows() == [(7,)]


def test_a_failure_in_a_file_beside_it(world):
    """Told there, with where it was called, and what was printed, the last of it; secrets are in none of these."""
    world.project(
        f"{HEAD}from helper import fetch\n\n@step(into='raw.x', env={{'key': 'KEY'}})\ndef x(key):\n    yield fetch(key)\n"
    )
    (world.root / "ingest/helper.py").write_text(
        "def fetch(key):\n    for n in range(25):\n        print(n, key)\n    raise KeyError(key)\n"
    )
    found = world.fails(env={"KEY": KEY}).split("\n")
    assert found[:7] == [
        "error[E0604]: ingest `x`: KeyError: '*****'",
        " --> ingest/helper.py:4",
        "  |",
        "4 |     raise KeyError(key)",
        "  |",
        "  = note: called from ingest/w.py:7",
        "  = note: printed 5 lines before these",
    ]
    assert found[7] == "  = note: printed: 5 *****"


def test_an_environment_variable_is_missing(world):
    """Known before anything runs."""
    world.project(f"{HEAD}@step(into='raw.x', env={{'key': 'NO_SUCH_KEY'}})\ndef x(key):\n    yield {{'id': 1}}\n")
    assert world.fails(code=2) == dedent("""\
        error[E0304]: the environment variable `NO_SUCH_KEY` is not set
         --> ingest/w.py:3:33
          |
        3 | @step(into='raw.x', env={'key': 'NO_SUCH_KEY'})
          |                                 ^^^^^^^^^^^^^
          = help: set it, or add it to .env""")


def test_a_function_that_never_ends_is_ended_with_the_run(world):
    """Also what it started itself; and when the run is killed, it ends by itself."""
    code = """
        import subprocess, time
        from eltflow import step

        @step(into="raw.x")
        def x():
            child = subprocess.Popen(["sleep", "600"])
            with open("pids", "w") as file:
                file.write(f"{os.getpid()} {child.pid}\\n")
            while True:
                yield {"id": 1}
                time.sleep(0.01)
    """
    world.project(code.replace("import subprocess", "import os, subprocess"))
    for ending in (signal.SIGINT, signal.SIGKILL):
        (world.root / "pids").unlink(missing_ok=True)
        words = [sys.executable, "-m", "eltflow.cli.main", "ingest"]
        with subprocess.Popen(words, cwd=world.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
            pids = _waited(lambda: (world.root / "pids").exists() and (world.root / "pids").read_text().split())
            run.send_signal(ending)
            out, _ = run.communicate(timeout=30)
        assert run.returncode == (130 if ending is signal.SIGINT else -9), out
        gone = pids if ending is signal.SIGINT else pids[:1]
        try:
            assert _waited(lambda gone=gone: not any(_runs(int(pid)) for pid in gone))
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)


def _waited(tell):
    """What it tells, once that is something."""
    end = time_module.monotonic() + 30
    while not (found := tell()) and time_module.monotonic() < end:
        time_module.sleep(0.05)
    return found


def _runs(pid):
    """Whether a process is there, and no mere remains of one."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
