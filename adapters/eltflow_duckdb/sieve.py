"""Files of which some rows cannot be read: the good rows as a file of their own, and the bad ones as a table that says why.

Only files that a load has failed on come here, so that those without a bad row cost nothing.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import shutil
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import MASK
from eltflow.base.plugins import driver
from eltflow.base.records import dataclass, replace
from eltflow.transfer import Field, Judged, Sifted
from eltflow.warehouse import WarehouseError
from eltflow_duckdb.dialect import LINES, DuckDBDialect, value_of
from eltflow_duckdb.source import run
from eltflow_duckdb.spelling import as_written

if TYPE_CHECKING:
    import duckdb

_DIALECT = DuckDBDialect()
_NUMBER = "eltflow_number"
#: No value of a file: what stands for NULL where every value is to come as it is written.
_NEVER = "\x01 eltflow \x01"
#: Kinds of errors that a file may be at fault for.
_OF_DATA = frozenset({"Invalid Input", "Conversion", "IO", "Out of Range"})
#: Of what DuckDB tells about what it refuses, all that is looked at.
_REJECTS = "line bigint, byte_position bigint, error_type varchar, error_message varchar, csv_line varchar"
_COUNTS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")
_STRUCTURE = {
    "UNQUOTED VALUE": "a quote is not closed, or text follows it",
    "INVALID ENCODING": "it is not UTF-8",
    "LINE SIZE OVER MAXIMUM": "it is longer than any row may be",
}
_NUMBERS = re.compile(r"U?(TINY|SMALL|BIG|HUGE)?INT\b|INTEGER|DECIMAL|DOUBLE|FLOAT", re.IGNORECASE)
_NESTED = re.compile(r"STRUCT|MAP|UNION|JSON|VARIANT|.*\]\Z", re.IGNORECASE)
#: Types whose values are texts that other types may take.
_SIMPLE = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DECIMAL\(.*|DOUBLE|FLOAT|BOOLEAN|VARCHAR|DATE|TIME.*|UUID)\Z")
Judge = Callable[[str], Judged]


@dataclass(frozen=True, slots=True)
class _Column:
    """A column as it is read: its expression, as text; what the raw row shows of it; and how it is judged."""

    name: str
    text: str
    shown: str
    judged: Judged
    wrong: str | None  # a condition: the value is not one of its type


def sift(path: str, name: str, format: str, options: Mapping[str, Any], judge: Judge, folder: str) -> Sifted | None:
    """The file's good rows and its bad ones, in files in a folder of their own; None where it is not its rows that are wrong.

    `name` is what people know the file by, `judge` tells of each column how its values are judged. Raises WarehouseError.
    """
    with driver("files", "duckdb"):
        import duckdb

    sieve = {"csv": _csv, "json": _json, "parquet": _parquet, "lines": _lines, "fixed": _lines, "rows": _rows}[format]
    with closing(duckdb.connect(os.path.join(folder, "sieve.duckdb"))) as connection:
        for setting in ("errors_as_json = true", "enable_progress_bar = false", "autoinstall_known_extensions = false"):
            connection.execute(f"set {setting}")
        try:
            return sieve(connection, path, name, {**options, "format": format}, judge, folder)
        except WarehouseError as error:
            if error.code not in _OF_DATA:
                raise
        except (UnicodeDecodeError, csv.Error, OSError, EOFError, zlib.error):
            pass
        return None  # what was wrong with the load is told instead


# -- what every format has in common -----------------------------------------------------------------------------------------------


def _judge_rows(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], rows: str = "eltflow_rows") -> None:
    """Make `eltflow_bad`: for each bad row of `rows` its number, the column at fault, the reason, and the row as a JSON object."""
    names, reasons = [], []
    for column in columns:
        label = _DIALECT.string(column.name)
        if column.wrong is not None:
            held = f"'`' || left({column.text}, 60) || '`'" if not column.judged.hidden else "'a value'"
            reasons.append((column.wrong, f"{held} || {_DIALECT.string(f' is no {column.judged.shown}')}"))
            names.append((column.wrong, label))
        if column.judged.needed:
            empty = f"{column.text} is null"
            reasons.append((empty, "'it has no value, and rows are matched by it'"))
            names.append((empty, label))
    if not reasons:
        connection.execute(f"create table eltflow_bad ({_NUMBER} bigint, name varchar, reason varchar, raw varchar)")
        return
    cases = [f"case {' '.join(f'when {when} then {then}' for when, then in pairs)} end" for pairs in (names, reasons)]
    run(
        connection,
        f"create table eltflow_bad as select * from (select {_NUMBER}, {cases[0]} as name, {cases[1]} as reason,"
        f" {_raw(columns)} as raw from {rows}) where reason is not null",
    )


def _raw(columns: Sequence[_Column]) -> str:
    """A row as it is shown: a JSON object, as text."""
    shown = ", ".join(f"{_DIALECT.string(c.name)}, {c.shown}" for c in columns if not c.judged.left_out)
    return f"cast(json_object({shown}) as varchar)"


def _told(connection: duckdb.DuckDBPyConnection, name: str, folder: str, total: int) -> tuple[str, int, str]:
    """Write `eltflow_told` (line, name, reason, raw), the bad rows; gives the file, their number, and the first of them in words."""
    path = os.path.join(folder, "bad.parquet")
    run(
        connection,
        f"copy (select *, {_DIALECT.string(name)} as file from eltflow_told) to {_DIALECT.string(path)} (format parquet)",
    )
    first = run(connection, "select line, name, reason from eltflow_told order by line nulls last limit 1").fetchall()
    count = int(run(connection, "select count(*) from eltflow_told").fetchall()[0][0])
    words = ""
    for line, column, reason in first:
        where = name if line is None else f"{name}:{line}"
        words = f"{where}: {reason}" if column is None else f"{where}: `{column}`: {reason}"
    return path, count, words


def _sifted(connection: duckdb.DuckDBPyConnection, name: str, folder: str, total: int, good: str) -> Sifted:
    bad, count, first = _told(connection, name, folder, total)
    return Sifted(good=good, bad=bad, rows=total, count=count, first=first)


def _any(connection: duckdb.DuckDBPyConnection, rows: str) -> bool:
    return bool(run(connection, f"select 1 from {rows} limit 1").fetchall())


# -- CSV ---------------------------------------------------------------------------------------------------------------------------


def _csv(
    connection: duckdb.DuckDBPyConnection, path: str, name: str, options: Mapping[str, Any], judge: Judge, folder: str
) -> Sifted | None:
    delimiter, header = str(options.get("delimiter") or ","), bool(options.get("header", True))
    first = _first_line(connection, path)
    fields = next(csv.reader(io.StringIO(first), delimiter=delimiter, strict=True), None)
    if not fields:
        return None
    digits = len(str(len(fields) - 1))
    names = fields if header else [f"column{n:0{digits}d}" for n in range(len(fields))]
    columns = [_csv_column(f"c{n}", label, judge(label), options) for n, label in enumerate(names)]
    _csv_rows(connection, path, len(names), delimiter, header)
    if _any(
        connection, "eltflow_rejects where error_type = 'UNQUOTED VALUE' and contains(trim(csv_line, chr(10) || chr(13)), chr(10))"
    ):
        return None  # a quote that goes on and on: how many rows it holds cannot be told
    _judge_rows(connection, columns)
    _refused(connection, hidden=any(c.judged.hidden or c.judged.left_out for c in columns))
    if not _any(connection, "eltflow_refused") and not _any(connection, "eltflow_bad"):
        return None
    breaks = " + ".join(f"length(c{n}) - length(replace(c{n}, chr(10), ''))" for n in range(len(names)))
    _place_rows(connection, path, "eltflow_rows", f"(1 + {breaks})", 1 if header else 0)
    good, rows = os.path.join(folder, _plain(path, ".csv")), os.path.join(folder, "rows")
    values = ", ".join(f"c{n}" for n in range(len(names)))
    run(
        connection,
        f"copy (select {values} from eltflow_rows where {_NUMBER} not in (select {_NUMBER} from eltflow_bad) order by {_NUMBER})"
        f" to {_DIALECT.string(rows)} (format csv, header false, delimiter {_DIALECT.string(delimiter)}, quote '\"', escape '\"')",
    )
    with open(good, "wb") as whole, open(rows, "rb") as body:
        whole.write(first.encode() + b"\n" if header else b"")
        shutil.copyfileobj(body, whole)
    os.unlink(rows)
    ((total,),) = run(connection, "select (select count(*) from eltflow_rows) + (select count(*) from eltflow_refused)").fetchall()
    return _sifted(connection, name, folder, total, good)


def _csv_rows(connection: duckdb.DuckDBPyConnection, path: str, width: int, delimiter: str, header: bool) -> None:
    """Make `eltflow_rows` of the rows that have as many values as the header, and `eltflow_rejects` of the others."""
    kinds = _DIALECT.literal({f"c{n}": "VARCHAR" for n in range(width)})
    run(
        connection,
        f"create table eltflow_rows as select row_number() over () as {_NUMBER}, * from read_csv({_DIALECT.string(path)},"
        f" columns = {kinds}, auto_detect = false, header = {_DIALECT.literal(header)}, delim = {_DIALECT.string(delimiter)},"
        f" quote = '\"', escape = '\"', comment = '', nullstr = {_DIALECT.string(_NEVER)}, store_rejects = true, rejects_limit = 0,"
        " rejects_table = 'eltflow_rejects', rejects_scan = 'eltflow_scans')",
    )


def _csv_column(place: str, name: str, judged: Judged, options: Mapping[str, Any]) -> _Column:
    nulls = options.get("null")
    given = [""] if nulls is None else [str(one) for one in (nulls if isinstance(nulls, list) else [nulls])]
    text = f"case when {place} not in ({', '.join(map(_DIALECT.string, given))}) then {place} end"
    wrong = None
    if judged.type is not None and judged.type != "VARCHAR":
        spelt = _DIALECT.spelt(f"lower(trim({place}))", judged.type) if judged.strict else None
        if judged.type == "DATE":  # the load takes no time beside it, midnight neither
            misspelt = f"not regexp_full_match(trim({place}), '[+-]?[0-9]+-[0-9]{{1,2}}-[0-9]{{1,2}}')"
        else:
            misspelt = f"({spelt}) is not true" if spelt is not None else _cut(place, judged.type)
        wrong = f"({text}) is not null and (try_cast({place} as {judged.type}) is null or {misspelt})"
    return _Column(name, f"({text})", _masked(place, judged), judged, wrong)


def _masked(value: str, judged: Judged) -> str:
    return f"case when {value} is not null then {_DIALECT.string(MASK)} end" if judged.hidden else value


def _refused(connection: duckdb.DuckDBPyConnection, *, hidden: bool) -> None:
    """Make `eltflow_refused`: the lines that are no rows at all, with the reason, and their text unless something in it is hidden."""
    connection.execute("create table eltflow_refused (line bigint, reason varchar, raw varchar, span bigint)")
    found = run(
        connection,
        "select line, list(error_type order by byte_position), list(error_message order by byte_position), any_value(csv_line)"
        " from eltflow_rejects group by line order by line",
    )
    while batch := found.fetchmany(10_000):
        made = []
        for line, kinds, messages, text in batch:
            raw = str(text).strip("\r\n")
            made.append((line, _reason(kinds[0], messages[0]), None if hidden else raw, 1 + raw.count("\n")))
        connection.cursor().executemany("insert into eltflow_refused values (?, ?, ?, ?)", made)


def _reason(kind: str, message: str) -> str:
    counts = _COUNTS.search(message)
    if counts is not None:
        wanted, found = counts.groups()
        return f"it has {found} value{'' if found == '1' else 's'}, and the header {wanted} column{'' if wanted == '1' else 's'}"
    return _STRUCTURE.get(kind, kind.lower())


def _place_rows(connection: duckdb.DuckDBPyConnection, path: str, rows: str, span: str, head: int, *, listed: bool = False) -> None:
    """Make `eltflow_told` of both kinds of bad rows. The line of a row is known by those before it (each `span` lines long, after `head`
    lines), if together they are all of the file; it is not where there are empty lines among them. Rows that are `listed` have numbers
    for lines."""
    refused = "(select coalesce(sum(span), 0) from eltflow_refused)"
    total = run(connection, f"select {head} + (select coalesce(sum({span}), 0) from {rows}) + {refused}").fetchall()[0][0]
    line = "place + coalesce(refused.before, 0)" if listed or _line_count(path) == total else "null"
    above = f"coalesce(sum({span}) over (order by {_NUMBER} rows between unbounded preceding and 1 preceding), 0)"
    run(
        connection,
        f"""create table eltflow_told as
        with numbered as (select {_NUMBER}, {head} + 1 + {above} as place from {rows}),
        refused as (
          select line - (sum(span) over (order by line) - span) as spot, sum(span) over (order by line) as before from eltflow_refused
        ),
        final as (select spot, max(before) as before from refused group by spot)
        select cast({line} as bigint) as line, name, reason, raw
        from eltflow_bad join numbered using ({_NUMBER}) asof left join final as refused on numbered.place >= refused.spot
        union all select line, null, reason, raw from eltflow_refused order by line nulls last""",
    )


def _line_count(path: str) -> int | None:
    """The lines of a file; None where it is packed in a way that only the engine unpacks."""
    if path.lower().endswith((".zst", ".zstd")):
        return None
    count, last = 0, b"\n"
    with gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb") as handle:
        while block := handle.read(1 << 20):
            count += block.count(b"\n")
            last = block[-1:]
    return count + (last != b"\n")


def _first_line(connection: duckdb.DuckDBPyConnection, path: str) -> str:
    """The first line of a file that is not empty."""
    if path.lower().endswith((".zst", ".zstd")):
        found = run(connection, f"select trim(line) from {_line_scan(path)} where trim(line) <> '' limit 1").fetchall()
        return str(found[0][0]) if found else ""
    with gzip.open(path, "rb") if path.lower().endswith(".gz") else open(path, "rb") as handle:
        line = next((line for line in handle if line.strip(b"\xef\xbb\xbf \t\r\n")), b"")
    return line.decode("utf-8-sig").strip(" \r\n")


def _line_scan(path: str, rejects: str = "") -> str:
    return (
        f"read_csv({_DIALECT.string(path)}, columns = {{line: 'VARCHAR'}}, auto_detect = false, header = false, delim = '\x02', quote = '',"
        f" escape = '', comment = '', nullstr = {_DIALECT.string(_NEVER)}{rejects})"
    )


def _plain(path: str, ending: str) -> str:
    """A name for the good rows of a file: with what of its own tells the format, and unpacked."""
    name = os.path.basename(path)
    for suffix in (".gz", ".zst", ".zstd"):
        name = name.removesuffix(suffix)
    return (
        f"good-{name}" if name.lower().endswith((".tsv", ".csv", ".json", ".jsonl", ".ndjson", ".txt")) else f"good-{name}{ending}"
    )


# -- JSON --------------------------------------------------------------------------------------------------------------------------


def _json(
    connection: duckdb.DuckDBPyConnection, path: str, name: str, options: Mapping[str, Any], judge: Judge, folder: str
) -> Sifted | None:
    """Of a file with an object in each line, or of one array of them."""
    listed = _first_line(connection, path).startswith("[")
    _json_rows(connection, path, listed)
    ((total, objects),) = run(connection, "select count(*), count(*) filter (object) from eltflow_lines").fetchall()
    if 2 * objects < total:
        return None  # objects over several lines, or no JSON at all
    keys = run(connection, "select distinct unnest(json_keys(json)) as key from eltflow_rows order by key").fetchall()
    columns = [_json_column(key, judge(key)) for (key,) in keys if '"' not in key]
    hidden = any(c.judged.hidden or c.judged.left_out for c in columns)
    _judge_rows(connection, columns)
    _refused(connection, hidden=hidden)
    _no_records(connection, "null" if hidden else "line")
    _place_rows(connection, path, "eltflow_lines", "1", 0, listed=listed)
    if not _any(connection, "eltflow_told"):
        return None
    kept = f"select line from eltflow_rows where {_NUMBER} not in (select {_NUMBER} from eltflow_bad) order by {_NUMBER}"
    if not _any(connection, f"({kept})"):
        return None  # of JSON without a row, nobody knows the columns
    rows = run(connection, kept)
    good = os.path.join(folder, _plain(path, ".ndjson"))
    with open(good, "w", encoding="utf-8") as file:
        while batch := rows.fetchmany(10_000):
            file.writelines(f"{line}\n" for (line,) in batch)
    total += run(connection, "select count(*) from eltflow_refused").fetchall()[0][0]
    return _sifted(connection, name, folder, total, good)


def _json_rows(connection: duckdb.DuckDBPyConnection, path: str, listed: bool) -> None:
    """Make `eltflow_lines`, each an `object` or not, `eltflow_rows` of those that are, and `eltflow_rejects` of what is no text."""
    if listed:
        rows = f"(select cast(json as varchar) as line from read_json_objects({_DIALECT.string(path)}, format = 'array'))"
        connection.execute(f"create table eltflow_rejects ({_REJECTS})")
    else:
        rejects = ", store_rejects = true, rejects_limit = 0, rejects_table = 'eltflow_rejects', rejects_scan = 'eltflow_scans'"
        rows = _line_scan(path, rejects)
    run(
        connection,
        f"create table eltflow_lines as select row_number() over () as {_NUMBER}, line,"
        f" coalesce(case when json_valid(line) then json_type(line) end = 'OBJECT', false) as object from {rows}",
    )
    run(
        connection,
        f"create view eltflow_rows as select {_NUMBER}, line, case when object then cast(line as json) end as json from eltflow_lines"
        " where object",
    )


def _no_records(connection: duckdb.DuckDBPyConnection, raw: str) -> None:
    """Add to `eltflow_bad` what is no object, or has two values of one name."""
    doubled = (
        "case when object then len(json_keys(line)) <> len(list_distinct(list_transform(json_keys(line), lambda x: lower(x)))) end"
    )
    reason = "case when object then 'it has two values of one name' else 'it is no JSON object' end"
    run(
        connection,
        f"insert into eltflow_bad select {_NUMBER}, null, {reason}, {raw} from eltflow_lines"
        f" where (not object or {doubled}) and {_NUMBER} not in (select {_NUMBER} from eltflow_bad)",
    )


def _json_column(key: str, judged: Judged) -> _Column:
    path = _DIALECT.string(f'$."{key}"')
    text = f"(json ->> {path})"
    wrong = None
    type = judged.type
    if type is not None and (judged.strict or _NESTED.match(type)):
        wrong = _DIALECT.misfit(f"(json -> {path})", type)
    elif type is not None and type != "VARCHAR":
        cut = f" or {_cut(as_written(key) if _NUMBERS.match(type) else text, type)}"
        kind = f"coalesce(json_type(json, {path}), 'NULL')"
        wrong = f"{text} is not null and ({kind} in ('OBJECT', 'ARRAY') or try_cast({text} as {type}) is null{cut})"
    shown = f"case when {text} is not null then to_json({_DIALECT.string(MASK)}) end" if judged.hidden else f"(json -> {path})"
    return _Column(key, text, shown, judged, wrong)


# -- lines -------------------------------------------------------------------------------------------------------------------------


def _lines(
    connection: duckdb.DuckDBPyConnection, path: str, name: str, options: Mapping[str, Any], judge: Judge, folder: str
) -> Sifted | None:
    """Of lines by a pattern, or of columns of fixed width."""
    fits, found, parts = _DIALECT.parts_of_lines(str(options["format"]), options)
    _check_endings(path, name)
    # Lines that end in several ways are no rejects, and otherwise stop DuckDB 2.0.
    rejects = ", strict_mode = false, store_rejects = true, rejects_limit = 0"
    run(
        connection,
        f"create table eltflow_lines as select row_number() over () as {_NUMBER}, line, coalesce({fits}, false) as fits"
        f" from read_csv({_DIALECT.string(path)}, {LINES}{rejects}, rejects_table = 'eltflow_rejects', rejects_scan = 'eltflow_scans')",
    )
    values = ", ".join(f"{part} as c{n}" for n, (_, part) in enumerate(parts))
    held = f"(select *, {found} as found from eltflow_lines where fits)"
    run(connection, f"create view eltflow_rows as select {_NUMBER}, line, {values} from {held}")
    columns = [_text_column(f"c{n}", label, judge(label)) for n, (label, _) in enumerate(parts)]
    hidden = any(c.judged.hidden or c.judged.left_out for c in columns)
    _judge_rows(connection, columns)
    _refused(connection, hidden=hidden)
    reason = "it does not match `pattern`" if options["format"] == "lines" else "it is longer than `widths` say"
    run(
        connection,
        f"insert into eltflow_bad select {_NUMBER}, null, {_DIALECT.string(reason)}, {'null' if hidden else 'line'} from eltflow_lines"
        " where not fits and line is not null",
    )
    _place_rows(connection, path, "eltflow_lines", "1", 0)
    if not _any(connection, "eltflow_told"):
        return None
    good = os.path.join(folder, _plain(path, ".txt"))
    kept = f"select line from eltflow_rows where {_NUMBER} not in (select {_NUMBER} from eltflow_bad) order by {_NUMBER}"
    _write_lines(good, run(connection, kept))
    counts = "select (select count(*) from eltflow_lines where line is not null) + (select count(*) from eltflow_refused)"
    ((total,),) = run(connection, counts).fetchall()
    return _sifted(connection, name, folder, total, good)


def _check_endings(path: str, name: str) -> None:
    """Raise WarehouseError for a carriage return within a line of a file whose lines end in line feeds: DuckDB would make two lines of it.
    Packed files are left to it."""
    if not path.lower().endswith((".gz", ".zst", ".zstd")):
        number, alone, ends = 0, 0, False
        with open(path, "rb") as file:
            for line in file:  # by line feeds
                number += 1
                ends = ends or line.endswith(b"\n")
                inner = line.removesuffix(b"\n").removesuffix(b"\r")
                alone = alone or (number if b"\r" in inner else 0)
                if alone and ends:
                    help = "take the sign out where the file is written, or let all lines end alike"
                    raise WarehouseError(f"{name}:{alone} holds a carriage return, which may end a line or not", help=help)


def _write_lines(path: str, lines: duckdb.DuckDBPyConnection) -> None:
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        while batch := lines.fetchmany(10_000):
            file.writelines(f"{line}\n" for (line,) in batch)


def _text_column(text: str, name: str, judged: Judged) -> _Column:
    """A column whose values are texts: `text` is an expression of one."""
    wrong = None
    if judged.type is not None and judged.type != "VARCHAR":
        wrong = f"{text} is not null and (try_cast({text} as {judged.type}) is null or {_cut(text, judged.type)})"
    return _Column(name, text, _masked(text, judged), judged, wrong)


def _cut(text: str, type: str) -> str:
    """That a type takes a text, and not all of its digits: 1.5 for 2."""
    kept = _DIALECT.kept(f"trim({text})", type)
    return f"({kept}) is not true" if kept is not None else "false"


# -- rows of databases -------------------------------------------------------------------------------------------------------------


def _rows(
    connection: duckdb.DuckDBPyConnection, path: str, name: str, options: Mapping[str, Any], judge: Judge, folder: str
) -> Sifted | None:
    """Of the text of a source (`transfer.Source.text`), a tab behind each line, whose columns are told by their names and types."""
    fields: Sequence[tuple[str, str]] = options["columns"]
    kinds = _DIALECT.literal({**{f"c{n}": "VARCHAR" for n in range(len(fields))}, "eltflow_end": "VARCHAR"})
    with open(path, "rb") as file:
        longest = max((len(line) for line in file), default=0)
    run(
        connection,
        f"create table eltflow_rows as select row_number() over () as {_NUMBER}, * from read_csv({_DIALECT.string(path)},"
        f" columns = {kinds}, auto_detect = false, header = false, delim = '\t', quote = '', escape = '', comment = '',"
        f" new_line = '\\n', nullstr = '\\N', max_line_size = {max(longest + 2, 2_097_152)})",
    )
    texts = ", ".join(f"{_row_text(f'c{n}')} as t{n}" for n in range(len(fields)))
    run(connection, f"create view eltflow_texts as select *, {texts} from eltflow_rows")
    columns = [_row_column(n, label, type, judge(label)) for n, (label, type) in enumerate(fields)]
    _judge_rows(connection, columns, "eltflow_texts")
    _judge_keys(connection, columns, options)
    run(connection, f"create table eltflow_told as select {_NUMBER} as line, name, reason, raw from eltflow_bad order by 1")
    if not _any(connection, "eltflow_told"):
        return None
    values = ", ".join(f"coalesce(c{n}, '\\N')" for n in range(len(fields)))
    good = os.path.join(folder, "rows")
    kept = f"from eltflow_rows where {_NUMBER} not in (select {_NUMBER} from eltflow_bad) order by {_NUMBER}"
    _write_lines(good, run(connection, f"select concat_ws(chr(9), {values}) {kept}"))
    ((total,),) = run(connection, "select count(*) from eltflow_rows").fetchall()
    return _sifted(connection, name, folder, total, good)


def _judge_keys(connection: duckdb.DuckDBPyConnection, columns: Sequence[_Column], options: Mapping[str, Any]) -> None:
    """Add to `eltflow_bad` the rows of one `key` of which none is the latest by the `cursor`, or of which nothing tells."""
    if not options.get("key"):
        return
    types = {name: (f"t{n}", type) for n, (name, type) in enumerate(options["columns"])}
    keys = ", ".join(types[name][0] for name in options["key"])
    latest = "".join(f" order by try_cast({types[name][0]} as {types[name][1]}) desc nulls last" for name in options["cursor"])
    name = _DIALECT.string(options["key"][0]) if len(options["key"]) == 1 else "null"
    good = f"select * from eltflow_texts where {_NUMBER} not in (select {_NUMBER} from eltflow_bad)"
    first = f"select *, rank() over (partition by {keys}{latest}) as eltflow_place from ({good})"
    run(
        connection,
        f"insert into eltflow_bad select {_NUMBER}, {name}, 'another row has its key, and nothing tells which of them is the latest',"
        f" {_raw(columns)} from (select * from ({first}) where eltflow_place = 1 qualify count(*) over (partition by {keys}) > 1)",
    )


def _row_text(place: str) -> str:
    """A value of a source as a text, without the mark of one that is not of its column's type."""
    return value_of(f"(case when starts_with({place}, '\\?') then substr({place}, 3) else {place} end)", Field("", "VARCHAR"))


def _row_column(number: int, name: str, own: str, judged: Judged) -> _Column:
    """A value must be of the type that its source tells, and of the one that it is for."""
    place, text = f"c{number}", f"t{number}"
    wrong = f"starts_with({place}, '\\?')"
    if judged.type is not None and judged.type not in ("VARCHAR", own) and _SIMPLE.match(own):
        taken = (
            f"ends_with({text}, ' BC') or try_cast({text} as {judged.type}) is not null"  # years that are written in another way
        )
        wrong = f"{wrong} or not ({taken}) or {_cut(text, judged.type)}"
    shown = judged if judged.type is not None else replace(judged, shown=own.lower())
    return _Column(name, text, _masked(text, judged), shown, f"{place} is not null and ({wrong})")


# -- Parquet -----------------------------------------------------------------------------------------------------------------------


def _parquet(
    connection: duckdb.DuckDBPyConnection, path: str, name: str, options: Mapping[str, Any], judge: Judge, folder: str
) -> Sifted | None:
    item = f"read_parquet({_DIALECT.string(path)}, file_row_number = true)"
    described = run(connection, f"select * exclude (file_row_number) from {item} limit 0").description or ()
    columns = [_parquet_column(d[0], str(d[1]), judge(d[0])) for d in described]
    run(connection, f"create view eltflow_rows as select file_row_number + 1 as {_NUMBER}, * exclude (file_row_number) from {item}")
    _judge_rows(connection, columns)
    run(connection, f"create table eltflow_told as select {_NUMBER} as line, name, reason, raw from eltflow_bad order by 1")
    if not _any(connection, "eltflow_told"):
        return None
    good = os.path.join(folder, "good.parquet")
    run(
        connection,
        f"copy (select * exclude ({_NUMBER}) from eltflow_rows where {_NUMBER} not in (select {_NUMBER} from eltflow_bad))"
        f" to {_DIALECT.string(good)} (format parquet)",
    )
    ((total,),) = run(connection, "select count(*) from eltflow_rows").fetchall()
    return _sifted(connection, name, folder, total, good)


def _parquet_column(name: str, own: str, judged: Judged) -> _Column:
    column = _DIALECT.quote(name)
    wrong = None
    if judged.type is not None and judged.type not in ("VARCHAR", own):
        cast = f"try_cast({column} as {judged.type})"
        # A text is spelt in many ways that a type takes.
        changed = f"cast({cast} as {own}) is distinct from {column}" if own != "VARCHAR" else _cut(column, judged.type)
        wrong = f"{column} is not null and ({cast} is null or {changed})"
    return _Column(name, f"cast({column} as varchar)", _masked(f"cast({column} as varchar)", judged), judged, wrong)
