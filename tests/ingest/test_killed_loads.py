"""`kill -9` at random points of loads whose source changes meanwhile: a table never shows a part of a load, and the next run makes it what
the source is. Both are looked up in what the test itself wrote down of the source, change by change."""

from __future__ import annotations

import io
import json
import os
import random
import sqlite3
import threading
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest
from api_server import Api, Asked

Row = tuple[int, int, str]  #: id (or day), n (what the cursor goes by), v
#: (load, target, source): every way to load on both targets → the statements that a load sends, of the source's too. Files that are `ragged`
#: have bad rows, which are put aside, and so has a table that is `odd`; those in `s3` are archives. Of
#: `lists` each row has one, whose items are rows of a table beside it.
CASES = {
    ("append", "duckdb", "sqlite"): 13,
    ("append", "postgres", "files"): 7,
    ("append", "postgres", "postgres"): 15,
    ("merge", "duckdb", "files"): 26,
    ("merge", "duckdb", "postgres"): 19,
    ("merge", "postgres", "files"): 15,
    ("merge", "postgres", "sqlite"): 17,
    ("delete+insert", "duckdb", "files"): 19,
    ("delete+insert", "duckdb", "postgres"): 13,
    ("delete+insert", "postgres", "files"): 13,
    ("append", "duckdb", "ragged"): 30,
    ("merge", "postgres", "ragged"): 30,
    ("delete+insert", "duckdb", "ragged"): 30,
    ("append", "duckdb", "lists"): 11,
    ("merge", "duckdb", "lists"): 30,
    ("merge", "postgres", "lists"): 24,
    ("append", "duckdb", "s3"): 7,
    ("merge", "postgres", "s3"): 15,
    ("merge", "duckdb", "odd"): 26,
    ("append", "duckdb", "api"): 17,
    ("append", "postgres", "api"): 19,
    ("merge", "duckdb", "api"): 19,
    ("merge", "postgres", "api"): 21,
    ("delete+insert", "duckdb", "api"): 15,
    ("append", "duckdb", "function"): 13,
    ("append", "postgres", "function"): 11,
    ("merge", "duckdb", "function"): 17,
    ("delete+insert", "postgres", "function"): 9,
}
#: Cases that `make prove` alone tries: another one is much like them.
PROVED_ALONE = (("merge", "postgres", "s3"), ("append", "duckdb", "lists"), ("merge", "postgres", "lists"))
DAYS = 6


class Origin:
    """A source that changes, and what a table that is loaded from it must hold: after each of its changes, and now."""

    def __init__(self, load: str, chance: random.Random) -> None:
        self.load, self._chance = load, chance
        self.now: list[Row] = []
        self.states: set[int] = set()
        self._changes = 0

    def change(self) -> None:
        """One change, which is seen as a whole or not at all."""
        self._changes += 1
        rows = self._made()
        if self.load == "append":
            self.now += rows
        else:
            gone = {row[0] for row in rows}
            self.now = [row for row in self.now if row[0] not in gone] + rows
        self.states.add(state(self.now))  # before anybody can see it
        self.write(rows)

    def _made(self) -> list[Row]:
        """New rows: to append, some with the last value of the cursor and some twice; to merge, of ids old and new; or of one day."""
        n, chance = self._changes, self._chance
        if self.load == "append":
            return [(chance.randrange(20), n // 2, f"v{chance.randrange(3)}") for _ in range(300)]
        if self.load == "merge":
            return [(id, n, f"v{n}") for id in chance.sample(range(200 + 50 * n), 150)]
        day = chance.randrange(DAYS)
        return [(day, n, f"v{i}") for i in range(chance.randrange(100, 400))]

    def write(self, rows: list[Row]) -> None:
        raise NotImplementedError


class Files(Origin):
    """A file for each change; of a day, in place of the one before."""

    def __init__(self, load: str, chance: random.Random, root: Path) -> None:
        super().__init__(load, chance)
        self._folder = root / "data"
        self._folder.mkdir()

    def write(self, rows: list[Row]) -> None:
        name = f"day-{rows[0][0]}" if self.load == "delete+insert" else f"{self._changes:05}"
        text = "id,n,v\n" + "".join(f"{id},{n},{v}\n" if id >= 0 else f"{v}\n" for id, n, v in rows)
        made = self._folder / f"{name}.tmp"
        made.write_text(text)
        os.replace(made, self._folder / f"{name}.csv")


class Lists(Files):
    """Files whose rows have a list of one item, which says what the row does."""

    def write(self, rows: list[Row]) -> None:
        made = self._folder / f"{self._changes:05}.tmp"
        lines = ({"id": id, "n": n, "v": v, "items": [{"n": n, "v": v}]} for id, n, v in rows)
        made.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.replace(made, self._folder / f"{self._changes:05}.json")


class Ragged(Files):
    """Files with a bad row each, which counts as one with a negative id."""

    def _made(self) -> list[Row]:
        rows = super()._made()
        return [*rows, (-1 - rows[0][0] if self.load == "delete+insert" else -self._changes, 0, f"bad {self._changes}")]


class Stored(Origin):
    """An archive in a bucket for each change, with a file of CSV."""

    def __init__(self, load: str, chance: random.Random, store: Any) -> None:
        super().__init__(load, chance)
        self._store, self.bucket = store, f"killed-{load}-{chance.randrange(10**9)}"
        store.bucket(self.bucket)

    def write(self, rows: list[Row]) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("rows.csv", "id,n,v\n" + "".join(f"{id},{n},{v}\n" for id, n, v in rows))
        self._store.put(self.bucket, f"in/{self._changes:05}.zip", packed.getvalue())


class Table(Origin):
    """A table of a database that others write to."""

    def __init__(self, load: str, chance: random.Random, connect: Callable[[], Any], mark: str) -> None:
        super().__init__(load, chance)
        self._connect, self._mark = connect, mark

    def write(self, rows: list[Row]) -> None:
        with closing(self._connect()) as con:
            cursor = con.cursor()
            if self.load != "append":
                cursor.executemany(f"delete from t where id = {self._mark}", [(id,) for id in {row[0] for row in rows}])
            cursor.executemany(f"insert into t values ({', '.join([self._mark] * 3)})", rows)
            con.commit()


class Odd(Table):
    """A table of SQLite with a bad row in each change, which counts as one with a negative id: a text where a number belongs."""

    def _made(self) -> list[Row]:
        return [*super()._made(), (-self._changes, self._changes, "odd")]

    def write(self, rows: list[Row]) -> None:
        odd: list[Any] = [(id if id >= 0 else f"bad {-id}", n, v) for id, n, v in rows]
        super().write(odd)


class Served(Origin):
    """An API that gives what it held when it was first asked, in parts of a hundred, from the cursor's value on."""

    def __init__(self, load: str, chance: random.Random) -> None:
        super().__init__(load, chance)
        self.api = Api()
        self.api.answers["/rows"] = self._answer
        self._held: list[list[Row]] = []

    def write(self, rows: list[Row]) -> None:
        self._held.append(list(self.now))

    def _answer(self, asked: Asked) -> Any:
        version, first = map(int, asked.params.get("token", f"{len(self._held) - 1}:0").split(":"))
        found = [row for row in self._held[version] if row[1] >= int(asked.params.get("since", -1))]
        rows = [{"id": id, "n": n, "v": v} for id, n, v in found[first : first + 100]]
        return {"rows": rows, "next": f"{version}:{first + 100}" if first + 100 < len(found) else None}


class Called(Origin):
    """What a function reads from a file: all of it, or what a token says is new."""

    def __init__(self, load: str, chance: random.Random, root: Path) -> None:
        super().__init__(load, chance)
        self._path = root / "rows.json"

    def write(self, rows: list[Row]) -> None:
        made = self._path.with_suffix(".tmp")
        made.write_text(json.dumps(self.now))
        os.replace(made, self._path)

    CODE = """
import json
from eltflow import step

@step(into="raw.m", load=LOAD, MORE)
def m(cursor=None):
    with open("rows.json") as file:
        rows = json.load(file)
    for id, n, v in rows[cursor or 0 :] if LOAD == "append" else rows:
        yield {"id": id, "n": n, "v": v}
    return len(rows) if LOAD == "append" else None
"""


def state(rows: list[Row]) -> int:
    return hash(tuple(sorted(rows)))


class World:
    """A project with one step, its source, and its target."""

    def __init__(self, root: Path, case: tuple[str, str, str], chance: random.Random, postgres: Any, forked: Any, s3: Any) -> None:
        self.load, self.target, kind = case
        self.root, self._postgres, self._forked, self._s3 = root, postgres, forked, s3
        root.mkdir()
        self.said = ""
        if "postgres" in case:
            with closing(postgres.connect()) as con:
                con.execute("drop schema if exists src, s_raw, eltflow_meta cascade")
        source, connections = self._source(kind, chance)
        settings = {"name": "k", "targets": {"dev": self._own()}, "connections": connections}
        (root / "eltflow.yml").write_text(json.dumps(settings))
        more: dict[str, Any] = {
            "merge": {"unique_key": "id", "cursor": {"column": "n"}},
            "delete+insert": {"partition_by": "id"},
        }.get(self.load, {})
        if kind == "lists":
            more = {**more, "unnest": {"items": {"materialized": "table", **({} if "unique_key" in more else {"key": "id"})}}}
        if kind in ("ragged", "odd"):
            more["on_bad_row"] = "quarantine"
        if self.load == "append" and kind in ("sqlite", "postgres", "api"):
            more = {"cursor": {"column": "n"}}
        if "cursor" in more and kind == "api":
            source["incremental"] = {"param": "since"}
        step = {"name": "m", "source": source, "into": "raw.m", "load": self.load, **more}
        for name in ("ingest", "models"):
            (root / name).mkdir()
        if isinstance(self.origin, Called):
            more = {"cursor": {"token": "rows"}} if self.load == "append" else more
            written = ", ".join(f"{key}={value!r}" for key, value in more.items())
            (root / "ingest/m.py").write_text(Called.CODE.replace("LOAD", repr(self.load)).replace("MORE", written))
            return
        (root / "ingest/i.yml").write_text(json.dumps({"steps": [step]}))

    def _own(self) -> dict[str, Any]:
        if self.target == "postgres":
            return dict(self._postgres.target())
        return {"type": "duckdb", "path": "k.duckdb", "schema": "s", "threads": 2}

    def _source(self, kind: str, chance: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
        self.ragged = kind == "ragged"
        if kind in ("files", "ragged"):
            self.origin: Origin = (Ragged if self.ragged else Files)(self.load, chance, self.root)
            return {"kind": "files", "path": "data/*.csv"}, {}
        if kind == "lists":
            self.origin = Lists(self.load, chance, self.root)
            return {"kind": "files", "path": "data/*.json"}, {}
        if kind == "s3":
            self.origin = stored = Stored(self.load, chance, self._s3)
            source = {"kind": "files", "path": f"s3://{stored.bucket}/in/*.zip", "connection": "crm"}
            return source, {"crm": self._s3.connection}
        if kind == "function":
            self.origin = Called(self.load, chance, self.root)
            return {}, {}
        if kind == "api":
            self.origin = served = Served(self.load, chance)
            paging = {"type": "cursor", "param": "token", "next": "next"}
            source = {"kind": "rest", "connection": "crm", "path": "/rows", "records": "rows", "pagination": paging}
            return source, {"crm": {"type": "rest", "url": served.api.url}}
        path = self.root / "crm.sqlite"
        connection = {"type": "sqlite", "path": "crm.sqlite"}
        connect: Callable[[], Any] = lambda: sqlite3.connect(path, timeout=60)  # noqa: E731
        if kind == "postgres":
            connection = {k: v for k, v in self._postgres.target().items() if k in ("type", "host", "user", "dbname")}
            connect = self._in_source
        with closing(self._postgres.connect() if kind == "postgres" else connect()) as con:
            con.execute("create schema src" if kind == "postgres" else "pragma journal_mode = wal")
            place = "src.t" if kind == "postgres" else "t"
            con.execute(f"create table {place} (id integer, n integer, v varchar(9))")
        self.origin = (Odd if kind == "odd" else Table)(self.load, chance, connect, "%s" if kind == "postgres" else "?")
        return {"kind": "sql", "connection": "crm", "table": place}, {"crm": connection}

    def _in_source(self) -> Any:
        con = self._postgres.connect(options="-c search_path=src")
        con.autocommit = False
        return con

    def close(self) -> None:
        if isinstance(self.origin, Served):
            self.origin.api.close()

    def run(self, point: tuple[int, float] | None = None) -> int:
        statement, delay = point or (None, 0.0)
        code, out, err = self._forked("ingest", cwd=self.root, statement=statement, delay=delay)
        self.said = out + err
        return int(code)

    def rows(self) -> list[Row]:
        rows: list[Row] = self._asked("select id, n, v from s_raw.m")
        if isinstance(self.origin, Lists):
            assert sorted(self._asked("select m_id, n, v from s_raw.m__items")) == sorted(rows), "items are of other rows"
        for raw, file in self._asked("select raw, file from s_raw.m__quarantine") if self.ragged else ():
            number = file.removesuffix(".csv")[-1] if self.load == "delete+insert" else raw.split()[1]
            rows.append((-int(number) - (self.load == "delete+insert"), 0, raw))
        for (raw,) in self._asked("select raw from s_raw.m__quarantine") if isinstance(self.origin, Odd) else ():
            held = json.loads(raw)
            rows.append((-int(held["id"].removeprefix("bad ")), int(held["n"]), held["v"]))
        return sorted(rows)

    def _asked(self, query: str) -> list[Any]:
        if self.target == "duckdb":
            with duckdb.connect(str(self.root / "k.duckdb"), read_only=True) as con:
                return list(con.execute(query).fetchall())
        with closing(self._postgres.connect()) as con:
            return list(con.execute(query).fetchall())

    def killed(self, point: tuple[int, float], delay: float) -> int:
        """Run it to be killed, while the source changes once, after `delay` seconds."""

        def change() -> None:
            time.sleep(delay)
            self.origin.change()

        meanwhile = threading.Thread(target=change)
        meanwhile.start()
        try:
            return self.run(point)
        finally:
            meanwhile.join()


def prove(case: tuple[str, str, str], kills: int, seed: int, root: Path, postgres: Any, forked: Any, s3: Any) -> None:
    chance = random.Random(f"{case} {seed}")
    with closing(World(root, case, random.Random(seed), postgres, forked, s3)) as world:
        _prove(case, kills, chance, world)


def _prove(case: tuple[str, str, str], kills: int, chance: random.Random, world: World) -> None:
    for _ in range(3 * DAYS):
        world.origin.change()
    assert world.run() == 0, world.said
    assert world.rows() == sorted(world.origin.now)
    killed = 0
    for number in range(kills):
        world.origin.change()
        point = chance.randint(1, CASES[case]), chance.choice([0.0, chance.uniform(0, 0.003), chance.uniform(0, 0.02)])
        code = world.killed(point, chance.uniform(0, 0.2))
        # A file that changes while it is read stops a load, in words.
        assert code in (-9, 0) or (code == 1 and "while it was being loaded" in world.said), world.said
        killed += code == -9
        assert state(world.rows()) in world.origin.states, f"a part of a load is seen after kill {number} at {point}"
        assert world.run() == 0, world.said
        assert world.rows() == sorted(world.origin.now), f"after kill {number} at {point}"
    assert killed >= kills // 2, f"the kills came too late to prove anything: {killed} of {kills}"


@pytest.mark.parametrize("case", [case for case in CASES if case not in PROVED_ALONE], ids="-".join)
def test_killed(case, tmp_path, postgres, forked, request):
    prove(case, 6 if case[2] != "s3" else 10, 1, tmp_path / "w", postgres, forked, store_of(case, request))


@pytest.mark.prove
@pytest.mark.parametrize("case", list(CASES), ids="-".join)
def test_killed_two_hundred_times(case, tmp_path, postgres, forked, request):
    prove(case, 200, 2, tmp_path / "w", postgres, forked, store_of(case, request))


def store_of(case, request):
    """A server that speaks S3, for the cases that need one."""
    return request.getfixturevalue("s3") if case[2] == "s3" else None
