"""Column lineage of TPC-H's 22 and TPC-DS's 99 queries, which the walk was not written on, beside sqlglot's `lineage()` per column and
beside what moves when one column of the data is changed.

The texts and tables come from DuckDB's own `tpch` and `tpcds` extensions, in an environment of their own:

    python -m venv /tmp/tpc && /tmp/tpc/bin/pip install duckdb==1.5.5 duckdb-extension-tpch duckdb-extension-tpcds
    /tmp/tpc/bin/python bench/lineage_tpc.py dump /tmp/tpc/dump      # texts, tables, and what moves what (minutes)
    python -m bench.lineage_tpc score /tmp/tpc/dump
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

#: Data of each set: small enough to run every query hundreds of times, large enough that most answer something.
SCALE = {"tpch": 0.01, "tpcds": 0.01}


def dump(folder: Path) -> None:
    """Write the texts, the tables and the influences seen to `folder`."""
    import duckdb

    folder.mkdir(parents=True, exist_ok=True)
    site = next(p for p in map(Path, sys.path) if p.name == "site-packages")
    for kind, scale in SCALE.items():
        connection = duckdb.connect(config={"allow_unsigned_extensions": True, "threads": 1})
        extension = next((site / f"duckdb_extension_{kind}").rglob(f"{kind}.duckdb_extension"))
        connection.execute(f"load '{extension}'")
        connection.execute(f"call {'dbgen' if kind == 'tpch' else 'dsdgen'}(sf={scale})")
        columns: dict[str, list[str]] = {}
        for table, column in connection.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'main' order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append(column)
        queries = connection.execute(f"select query_nr, query from {kind}_queries() order by 1").fetchall()
        found = []
        for number, sql in queries:
            started = time.monotonic()
            moved, rows = _moved(connection, sql.rstrip().rstrip(";"), columns)
            found.append({"name": f"{kind} {number}", "sql": sql, "moved": moved, "rows": rows})
            print(f"{kind} {number}: {rows} rows, {time.monotonic() - started:.1f} s", flush=True)
        (folder / f"{kind}.json").write_text(json.dumps({"columns": columns, "queries": found}))


def _moved(connection: Any, sql: str, columns: dict[str, list[str]]) -> tuple[list[list[list[str]]], int]:
    """For each output the columns that move it; a column is turned round within its table, or made all alike."""
    before, rows = _answer(connection, sql)
    moved: list[list[list[str]]] = [[] for _ in before]
    if not rows:
        return moved, 0
    words = set(re.findall(r"\w+", sql.lower()))
    deadline = time.monotonic() + 20
    for table, names in columns.items():
        if table not in words:
            continue
        for name in names:
            if name not in words or time.monotonic() > deadline:
                continue
            seen: set[int] = set()
            turned = f'(select "{name}" from main.{table} order by hash(rowid) limit 1)'
            changes = (f'lag("{name}", 7) over (order by rowid)', turned)
            for change in changes:
                # A view in another schema hides the table: the query is run as it stands.
                connection.execute("create schema if not exists changed")
                connection.execute(
                    f'create or replace table changed.{table} as select * replace ({change} as "{name}") from main.{table}'
                )
                connection.execute("set search_path = 'changed,main'")
                try:
                    after, _ = _answer(connection, sql)
                    seen |= {at for at, (one, other) in enumerate(zip(before, after, strict=True)) if one != other}
                except Exception:
                    pass  # a scalar subquery of several rows: no answer to compare
                connection.execute("set search_path = 'main'")
                connection.execute(f"drop table changed.{table}")
            for at in seen:
                moved[at].append([table, name])
    return moved, rows


def _answer(connection: Any, sql: str) -> tuple[list[Counter[str]], int]:
    cursor = connection.execute(sql)
    rows = cursor.fetchall()
    # Sums of doubles differ in the last digits with the order of their rows.
    made = [
        Counter(f"{row[at]:.6g}" if isinstance(row[at], float) else repr(row[at]) for row in rows)
        for at in range(len(cursor.description))
    ]
    return made, len(rows)


def score(folder: Path) -> None:
    """Print how the walk does on what `dump` wrote."""
    from eltflow_duckdb.dialect import DuckDBDialect
    from sqlglot.lineage import lineage as sqlglot_lineage

    from eltflow.sql.lineage import lineage
    from eltflow.sql.parse import Parsed, parse

    for kind in SCALE:
        data = json.loads((folder / f"{kind}.json").read_text())
        columns: dict[str, list[str]] = data["columns"]
        parsed = [(one, parse(one["sql"], "duckdb")) for one in data["queries"]]
        started = time.process_time()
        walked = [
            (one, lineage(tree, _upstream(columns), DuckDBDialect().fold, again="_"))
            for one, tree in parsed
            if isinstance(tree, Parsed)
        ]
        spent = time.process_time() - started
        assert len(walked) == len(parsed)
        unknown = sum(c.unknown is not None for _, w in walked for c in w.columns)
        unknown += sum(w.unlisted is not None or w.unsure is not None for _, w in walked)
        seen = missed = said = idle = empty = outputs = 0
        agree = more = fewer = 0
        schema = {table: dict.fromkeys(names, "int") for table, names in columns.items()}
        for one, found in walked:
            outputs += len(found.columns)
            empty += not one["rows"]
            rows = {(i.table, i.column) for i in found.rows}
            for at, column in enumerate(found.columns):
                direct = {(o.table, o.column) for o in column.origins}
                beside = {(i.table, i.column) for i in column.influences} | rows
                moved = {tuple(spot) for spot in one["moved"][at]} if one["rows"] else set()
                if one["rows"]:
                    seen += len(moved)
                    missed += len(moved - direct - beside)
                    said += len(beside - direct)
                    idle += len(beside - direct - moved)
                    for spot in sorted(moved - direct - beside):
                        print(f"  not said: {one['name']} {column.name} <- {spot}")
                try:
                    node = sqlglot_lineage(column.name, one["sql"], schema=schema, dialect="duckdb")
                except Exception:
                    continue
                leaves = {(n.source.name, n.name.rpartition(".")[2]) for n in node.walk() if n.source.key == "table"}
                own = {(i.table, i.column) for i in column.influences}
                agree += direct <= leaves <= direct | own
                fewer += bool(leaves - direct - own)
                more += bool(direct - leaves)
                if leaves - direct - own or direct - leaves:
                    print(f"  differs: {one['name']} {column.name}")
                    print(f"    sqlglot only {sorted(leaves - direct - own)}, the walk only {sorted(direct - leaves)}")
        print(
            f"{kind}: {len(walked)} queries, {outputs} outputs, {unknown} unknown, {spent / len(walked) * 100:.3f} CPU s per 100 walks\n"
            f"  direct: {agree} outputs as sqlglot's lineage() has them, {more} with more, {fewer} with fewer\n"
            f"  influences seen {seen}, not said {missed}; indirect said {said}, not seen {idle}; {empty} queries without rows"
        )


def _upstream(columns: dict[str, list[str]]) -> Any:
    from eltflow.sql.values import Names

    return lambda parts: (parts[-1].name, Names(tuple(columns.get(parts[-1].name, ())), parts[-1].name in columns))


if __name__ == "__main__":
    {"dump": dump, "score": score}[sys.argv[1]](Path(sys.argv[2]))
