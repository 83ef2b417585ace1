"""A reader on a thread of its own, all the time that tables are rebuilt, changed and brought up to date."""

from __future__ import annotations

import threading
from typing import Any

from eltflow.testing.bench import Bench, series
from eltflow.testing.contract.claims import tables_step_aside
from eltflow.warehouse.values import Statement, WarehouseError

ROWS = 5000


def test_a_continuous_reader_sees_whole_versions_only(warehouse: Bench) -> None:
    """Every version has 5,000 rows of one number; an increment adds none. The reader must find exactly one number, 5,000 times."""
    warehouse.build("table", f"select id, 0 as version from ({series(ROWS)}) as n")
    reader = warehouse.database.session()
    may_be_away = not warehouse.can.transactional_ddl
    steps_aside = tables_step_aside(warehouse)
    done = threading.Event()
    wrong: list[Any] = []
    seen: set[int] = set()

    def read() -> None:
        while not done.is_set():
            try:
                (row,) = reader.execute(Statement("select count(*), min(version), max(version) from s.t", role="query")).rows
            except Exception as error:
                if may_be_away and isinstance(error, WarehouseError) and error.kind == "sql":
                    continue  # one kind of relation takes another's place
                wrong.append(repr(error))
                return
            if row[0] == 0 and steps_aside:
                continue  # its files have stepped aside already
            if row[0] != ROWS or row[1] != row[2]:
                wrong.append(row)
                return
            seen.add(row[1])

    thread = threading.Thread(target=read)
    thread.start()
    try:
        kinds: list[Any] = [("view", {}), ("table", {}), ("table", {})]
        keyed = {"merge", "delete+insert"} & {*warehouse.can.incremental_strategies}
        if keyed:
            last = "merge" if warehouse.can.merge else "delete+insert"
            kinds += [("incremental", {"unique_key": "id", **more}) for more in ({}, {"incremental_strategy": last})]
        for version, (kind, config) in enumerate(kinds * 4, start=1):
            warehouse.build(kind, f"select id, {version} as version from ({series(ROWS)}) as n", config=config)
    finally:
        done.set()
        thread.join()
        reader.close()
    assert not wrong
    assert seen
    assert warehouse.rows("select distinct version from s.t") == [(4 * len(kinds),)]
