"""Words of BigQuery and Snowflake, said in DuckDB: each gives what the vendor's reference says it does (`into_duckdb.txt`), and what an
emulator makes of it where there is one that does the same."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from engines import started

from eltflow.sql.parse import Parsed, parse
from eltflow.sql.transpile import Transpiled, transpile
from eltflow.warehouse.values import Statement, WarehouseError

HERE = Path(__file__).parent
#: One row: a whole number, zero, a day, moments, text, and JSON as a sample brings it.
TABLE = """
create table x as select 7 as n, 0 as z, date '2026-01-31' as d, timestamp '2026-01-31 10:00:00' as dt,
  timestamptz '2026-01-31 10:00:00+00' as ts, 'a1,b2,' as s,
  '{"a": {"b": ["x", "y"]}, "n": 1.50, "yes": true, "nothing": null}' as j, '{"a": {"b": ["x", "y"]}, "n": 1.50, "yes": true}' as v
"""


def cases() -> list[tuple[str, str, str]]:
    lines = (HERE / "into_duckdb.txt").read_text(encoding="utf-8").splitlines()
    return [
        tuple(part.strip() for part in (line[:10], line[12 : line.rindex(" | ")], line[line.rindex(" | ") + 3 :])) for line in lines
    ]  # type: ignore[misc]


def said(read: str, sql: str) -> Transpiled:
    parsed = parse(sql, read)
    assert isinstance(parsed, Parsed), sql
    return transpile(parsed, read, "duckdb", lambda parts: None)


def shown(value: Any) -> str:
    """A value as the file has it; a dot ends what ends in a blank."""
    match value:
        case None | bool():
            return str(value).upper().replace("NONE", "NULL")
        case dt.datetime():
            return value.isoformat(sep=" ")
        case Decimal() | float() | int() | list():
            return str(value)
    text = str(value)
    return f"{text}." if text[-1:] in ("", " ") else text


@pytest.mark.parametrize("zone", ["UTC", "America/Lima"])
def test_each_gives_what_its_reference_says(zone: str) -> None:
    wrong = []
    with duckdb.connect() as connection:
        connection.execute(f"set TimeZone = '{zone}'")
        connection.execute(TABLE)
        for read, text, expected in cases():
            made = said(read, f"select {text} as r from x")
            assert not made.problems, (read, text, made.problems)
            try:
                got = shown(connection.execute(made.sql).fetchall()[0][0])
            except duckdb.Error as error:
                got = "error" if expected == "error" else str(error)
            if got != expected:
                wrong.append(f"{read}: {text} is {got}, not {expected}: {made.sql}")
    assert not wrong, "\n".join(wrong)


MADE = {
    "bigquery": "create or replace table s.x as select 7 as n, 0 as z, date '2026-01-31' as d, datetime '2026-01-31 10:00:00' as dt,"
    " timestamp '2026-01-31 10:00:00+00' as ts, 'a1,b2,' as s,"
    """ '{"a": {"b": ["x", "y"]}, "n": 1.50, "yes": true, "nothing": null}' as j""",
    "snowflake": "create or replace table x as select 7 as n, 0 as z, '2026-01-31'::date as d, '2026-01-31 10:00:00'::timestamp_ntz as dt,"
    """ 'a1,b2,' as s, parse_json('{"a": {"b": ["x", "y"]}, "n": 1.50, "yes": true}') as v""",
}
#: What an emulator, which is DuckDB beneath, does otherwise than its vendor's reference says, or cannot do.
DIFFERENT: dict[str, tuple[str, ...]] = {
    "bigquery": (
        "mod(n, z)",
        "div(n, z)",
        "safe_cast('1.5' as int64)",
        "safe_cast('1_000' as int64)",
        "timestamp_diff(timestamp_add(ts, interval 172799 second), ts, day)",
        "date_trunc(d, month)",
        "date_trunc(d, week)",
        "date_trunc(d, isoweek)",
        "date_trunc(d, quarter)",
        "split(s, ',')[offset(7)]",
        "countif(n > 5) over ()",
        "div(numeric '9.5', 4)",
    ),
    "snowflake": (
        "n / z",
        "try_cast('1_0' as int)",
        "to_char(d, 'YYYY-MM')",
        "split(s, ',')",
        "dateadd(year, 1.5, cast(d as date))",
        "to_number('1_000')",
    ),
}


@pytest.mark.parametrize("name", ["bigquery", "snowflake"])
def test_the_emulators_do_the_same(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    engine = started(name, request)
    wrong = []
    with engine.session(tmp_path, "s") as session:
        if name == "bigquery":
            session.execute(Statement("create schema if not exists s"))
        session.execute(Statement(MADE[name]))
        for read, text, expected in cases():
            if read != name:
                continue
            try:
                ((value, *_), *_) = session.execute(
                    Statement(f"select {text} as r from {'s.' if name == 'bigquery' else ''}x", role="query")
                ).rows
                got = shown(value)
            except WarehouseError as error:
                got = "error" if expected == "error" else f"error {str(error)[:120]}"
            if got != expected:
                wrong.append((text, got))
    assert [text for text, _ in wrong] == list(DIFFERENT[name]), "\n".join(map(str, wrong))


@pytest.mark.parametrize(
    ("read", "text", "words"),
    [
        ("bigquery", "safe_cast(s as date)", "for numbers alone"),
        ("bigquery", "regexp_extract(s, r'(a)?b')", "this search by a regular expression is not known"),
        ("bigquery", "regexp_extract(s, r'(a)(b)')", "this search by a regular expression is not known"),
        ("bigquery", "split(s, ',')[ordinal(0)]", "an array has no such place"),
        ("bigquery", "regexp_contains(s, j)", "must be written as a text"),
        ("bigquery", "split(s, '')", "must be written as a text"),
        ("bigquery", "split(s, ',')[offset(n)]", "at a place that is written"),
        ("bigquery", "json_value(j, '$.a[*]')", "only a path of names and places"),
        ("bigquery", "struct(n, s)", "where each part has a name"),
        ("bigquery", "format_date('%E4Y', d)", "the format `%E4Y` is not known"),
        ("bigquery", "timestamp_diff(ts, ts, month)", "a difference in months is not known"),
        ("bigquery", "timestamp_trunc(ts, week)", "where a week or a day begins"),
        ("bigquery", "timestamp_trunc(ts, day, 'Europe/Paris')", "where a week or a day begins"),
        ("bigquery", "lpad(s, n, '0')", "with a length and a filling that are written"),
        ("bigquery", "array(select n from x)", "an array of a query"),
        ("snowflake", "dateadd(day, 1, d)", "say what it is: `cast(d as date)`"),
        ("snowflake", "v:a", "unless it is cast: `v:a::varchar`"),
        ("snowflake", "to_char(d, 'MON YYYY')", "the format `MON YYYY` is not known"),
        ("snowflake", "to_date(s)", "write the format"),
        ("snowflake", "regexp_replace(s, '(a)', '\\\\1')", "without backslashes"),
        ("snowflake", r"regexp_like(s, '\\w+\\b')", "this regular expression is not known"),
        ("snowflake", "split_part(s, ',', 0)", "with a place that is written, from 1"),
        ("snowflake", "array_agg(s)", "the function `array_agg` is not known"),
    ],
)
def test_what_is_not_known_is_refused(read: str, text: str, words: str) -> None:
    (problem, *_) = said(read, f"select {text} as r from x").problems
    assert words in problem.message
    assert problem.start is None or problem.start > 0


def test_what_takes_dates_stops_at_what_is_none() -> None:
    """No type is known here: the engine says it, and nothing is cut in silence."""
    with duckdb.connect() as connection:
        connection.execute(TABLE)
        for text in ("date_trunc(dt, month)", "date_add(ts, interval 1 month)", "date_add(dt, interval 1 day)"):
            with pytest.raises(duckdb.BinderException):
                connection.execute(said("bigquery", f"select {text} as r from x").sql)
