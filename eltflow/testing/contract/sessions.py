"""Sessions: transactions, several at a time, cancelling, errors, and connections that are cut."""

from __future__ import annotations

import itertools
import threading
import time
from typing import Any

import pytest

from eltflow.testing.bench import Bench, Subject, opened, series
from eltflow.testing.contract.claims import need_strategy, need_transactions, tables_step_aside
from eltflow.testing.proxy import Proxy
from eltflow.warehouse.protocols import Streams
from eltflow.warehouse.values import Result, Statement, WarehouseError

OLD, NEW = [(1, "old")], [(1, "old"), (2, "new")]


def test_a_transaction(warehouse: Bench) -> None:
    need_transactions(warehouse)
    begin, commit, rollback = (getattr(warehouse.adapter.dialect, name)() for name in ("begin", "commit", "rollback"))
    warehouse.sql("create table s.t (id integer)")
    for ends, rows in ((rollback, []), (commit, [(1,)])):
        warehouse.session.execute(begin)
        warehouse.sql("insert into s.t values (1)")
        assert warehouse.seen() in ([], None)
        warehouse.session.execute(ends)
        assert warehouse.rows() == rows
    if warehouse.can.transactional_ddl:
        warehouse.session.execute(begin)
        warehouse.sql("create table s.more (id integer)", "alter table s.t add column v integer")
        warehouse.session.execute(rollback)
        assert warehouse.names() == {"t"}
        assert len(warehouse.columns()) == 1


def test_counts_and_types(warehouse: Bench) -> None:
    def affected(sql: str, role: Any = "dml") -> int | None:
        result: Result = warehouse.session.execute(Statement(warehouse.subject.spell(sql), role=role, main=True))
        return result.affected

    assert affected(f"create table s.t as {series(7)}", "ddl") in (7, None)  # not every engine counts what it made
    if warehouse.can.transactions:
        assert affected("insert into s.t select id from s.t where id < 3") == 3
        assert affected("delete from s.t where id = 1") == 2
        assert affected("update s.t set id = id where id > 100") == 0
    else:
        assert affected("insert into s.t select id from s.t where id < 3") in (3, None)
    query = "select 1 as a, 'x' as b, null as c, cast(1.50 as decimal(10, 2)) as d, true as e, cast('2020-01-02' as date) as f"
    found = warehouse.session.execute(Statement(warehouse.subject.spell(query), role="query"))
    assert [warehouse.said(c.name) for c in found.columns] == list("abcdef")
    if warehouse.can.column_types:
        assert all(c.type for c in found.columns)
        assert [str(v) for v in found.rows[0]] == [*map(str, (1, "x", None, "1.50", warehouse.subject.told(True), "2020-01-02"))]
    warehouse.sql("drop table s.t", f"create table s.t as {query.replace('null as c, ', '')}")
    existing = warehouse.existing()
    assert existing is not None
    assert [(warehouse.said(c.name), warehouse.read_as(c.type)) for c in existing.columns] == warehouse.kinds()


def test_rows_come_bit_by_bit(warehouse: Bench) -> None:
    """As they do all at once; and whoever stops listening, or is told of an error, finds the session usable."""
    if not warehouse.can.streams:
        pytest.skip("its sessions give rows all at once (`Capabilities.streams`)")
    session: Any = warehouse.session
    assert isinstance(session, Streams)
    warehouse.sql(f"create table s.t as {series(50)}")
    query = Statement(warehouse.subject.spell("select id, 'x' as v, null as n from s.t order by id"), role="query")
    found = [tuple(row) for batch in session.stream(query) for row in batch]
    assert found == [tuple(row) for row in warehouse.session.execute(query).rows]
    assert len(found) == 50
    begun: Any = session.stream(query)
    next(begun)
    begun.close()
    with pytest.raises(WarehouseError):
        list(session.stream(Statement(warehouse.subject.spell("select * from s.nowhere"), role="query")))
    (batch,) = session.stream(Statement("select 1 as a", role="query"))
    assert [tuple(row) for row in batch] == [(1,)]


def test_parameters_and_percent_signs(warehouse: Bench) -> None:
    (row,) = warehouse.session.execute(Statement("select '100%' as a, 'a%sb' as b where 'x' like '%'", role="query")).rows
    assert row == ("100%", "a%sb")


def test_an_error_says_where_and_leaves_the_session_usable(warehouse: Bench) -> None:
    for sql, line in (("select 1 as a,\n  2 as b\nfrom s.nowhere", 3), ("select 1\n  frm x y", None), ("select 1,\n nope", 2)):
        with pytest.raises(WarehouseError) as raised:
            warehouse.session.execute(Statement(sql, role="query"))
        assert raised.value.kind == "sql"
        assert line is None or not warehouse.subject.places or raised.value.line == line
    assert warehouse.session.execute(Statement("select 1", role="query")).rows[0] == (1,)


def test_sessions_at_the_same_time(warehouse: Bench) -> None:
    """Eight threads, a session each, each with a table of its own."""
    errors: list[Any] = []

    def work(number: int) -> None:
        try:
            session = warehouse.database.session()
            for _ in range(5):
                session.execute(Statement(f"create table s.t{number} as select n.id, {number} as who from ({series(500)}) as n"))
                session.execute(Statement(f"insert into s.t{number} select id, who from s.t{number}", role="dml"))
                session.execute(Statement(f"drop table s.t{number}"))
            session.execute(Statement(f"create table s.t{number} as select {number} as who"))
            session.close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not errors
    assert warehouse.names() == {f"t{number}" for number in range(8)}


@pytest.mark.parametrize("inside", [False, True])
def test_cancelling(warehouse: Bench, inside: bool) -> None:
    """The statement ends soon, at the server too, and the session goes on."""
    if inside:
        need_transactions(warehouse)
    warehouse.session.cancel()  # nothing runs: nothing happens
    warehouse.sql("create table s.t as select 1 as n")
    if inside:
        warehouse.session.execute(warehouse.adapter.dialect.begin())
    caught: list[WarehouseError] = []

    def run() -> None:
        try:
            warehouse.session.execute(Statement(f"insert into s.t {warehouse.subject.slow}", role="dml"))
        except WarehouseError as error:
            caught.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    started = time.monotonic()
    while thread.is_alive() and time.monotonic() < started + 20:
        warehouse.session.cancel()
        thread.join(0.2)
    assert not thread.is_alive()
    assert [error.kind for error in caught] == ["cancelled"]
    if inside:
        warehouse.session.execute(warehouse.adapter.dialect.rollback())
    assert warehouse.session.execute(Statement("select n from s.t", role="query")).rows == [(1,)]


# -- connections that are cut ----------------------------------------------------------------------------------------------------


class _Cutting:
    """A session whose connection is cut at its n-th statement: before it is sent, or before the answer comes back."""

    def __init__(self, session: Any, proxy: Proxy, at: int, late: bool) -> None:
        self._session, self._proxy, self._at, self._late = session, proxy, at, late
        self._count = itertools.count()
        self.cut: Statement | None = None

    def execute(self, statement: Statement) -> Result:
        if next(self._count) == self._at:
            self.cut = statement
            if self._late:
                self._proxy.swallow(True)
            else:
                self._proxy.cut()
        result: Result = self._session.execute(statement)
        return result

    def cancel(self) -> None: ...

    def close(self) -> None:
        self._session.close()


_BUILDS: dict[str, tuple[str, dict[str, Any]]] = {
    "view": ("view", {}),
    "table": ("table", {}),
    "append": ("incremental", {"incremental_strategy": "append"}),
    "delete+insert": ("incremental", {"unique_key": "id", "incremental_strategy": "delete+insert"}),
    "merge": ("incremental", {"unique_key": "id", "incremental_strategy": "merge"}),
    "seed": ("seed", {}),
}


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("kind", list(_BUILDS))
def test_a_connection_lost_at_each_statement(subject: Subject, kind: str, late: bool) -> None:
    """What stands there is the old or the new, and the record says which; where an error calls it safe, doing it again gives what once
    would have."""
    if subject.upstream is None:
        pytest.skip("an embedded engine has no connection")
    materialized, config = _BUILDS[kind]
    commits = not subject.adapter.dialect.capabilities.transactional_ddl  # with each statement that makes or changes a relation
    adds = materialized == "incremental"
    proxy = Proxy(subject.upstream)
    try:
        with opened(subject) as bench:
            need_strategy(bench, config.get("incremental_strategy"))
            target = subject.values(host="127.0.0.1", port=proxy.port, **subject.behind)
            files = (bench.file("t.csv", "id,v\n2,new\n" if adds else "id,v\n1,old\n2,new\n"),) if kind == "seed" else ()
            bench.meta()
            query = "select 2 as id, 'new' as v" + ("" if adds else " union all select 1, 'old'")
            for number in range(30):
                bench.sql(*(f"drop {k} if exists s.t" for k in [getattr(bench.existing(), "kind", "table")]))
                bench.sql("create table s.t as select 1 as id, 'old' as v")
                through: Any = subject.adapter.open(target, subject.root)
                session = _Cutting(through.session(), proxy, number, late)
                own, bench.session = bench.session, session
                try:
                    bench.build(materialized, query, config=config, files=files, run_id=None if commits else f"run {number}")
                except WarehouseError as error:
                    assert error.kind == "lost", error
                    bench.session = own
                    assert session.cut is not None
                    proxy.swallow(False)
                    time.sleep(0.1)  # the server learns of it and rolls back
                    sent_commit = late and session.cut.role == "commit"
                    away = kind in ("table", "seed", "view") and tables_step_aside(bench) and bench.existing() is None
                    stands = _settled(bench) if not away else None
                    assert away or stands in ((OLD, NEW) if sent_commit or commits else (OLD,))
                    if not commits:
                        assert (f"run {number}" in [run for _, run, *_ in bench.applied()]) == (stands == NEW)
                    assert error.safe == (session.cut.role != "commit") or (commits and not error.safe)
                    if error.safe:
                        bench.build(materialized, query, config=config, files=files)
                        assert bench.rows() == NEW
                    continue
                finally:
                    bench.session = own
                    proxy.swallow(False)
                    through.close()
                if session.cut is not None and commits:  # it was the clearing up
                    assert bench.rows() == NEW
                    continue
                assert session.cut is None
                assert number > 0
                return
            raise AssertionError("it never ended")
    finally:
        proxy.close()


def _settled(bench: Bench) -> list[Any] | None:
    """The rows, once nobody holds a lock on them any more."""
    deadline = time.monotonic() + 20
    while (rows := bench.seen()) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return rows
