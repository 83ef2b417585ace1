"""The process that a function of the project runs in, forked by `forkserver`.

What it is to do comes through one pipe. What the function gives is written to files in a folder of the run's. How far it is, and how it
ends, goes to another pipe, a JSON object a line. Whoever asked for it reads that, and has this process killed when nothing is wanted any
more.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import islice
from types import ModuleType
from typing import Any, NoReturn

from eltflow.ingest.kinds import Columns, Unfit, line, native

_TICK = 0.5  #: seconds between two words of how far it is
_MANY = 1000  #: records that are written at once
_GROUP = 100_000  #: rows of a row group of Parquet, about


class Given(Mapping[str, Any]):
    """The values of a connection. It shows its keys alone."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = dict(values)

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"<connection: {', '.join(self._values)}>"


class _Work:
    """One call of a function, and where what it gives goes."""

    def __init__(self, task: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> None:
        self.task = task
        self._tell = tell
        self._said = time.monotonic()
        self.records = 0
        self.most: int | None = task["most"]
        self.columns = Columns(task["declared"])
        self.parts: list[str] = []
        self.function: Any = None
        self.generator: Any = None
        self._lines: list[str] = []
        self._file: Any = None
        self._tables: list[Any] = []
        self._writer: Any = None

    # -- what it gives -------------------------------------------------------------------------------------------------------------

    def all(self, given: Any) -> Any:
        """Take in everything that a call gave; gives what a generator returned."""
        if given is None:
            return None
        if _one_piece(given):
            self.take(given)
            return None
        if _of_dlt(given):
            given = _resource(given)
        if not hasattr(given, "__iter__") or isinstance(given, str | bytes):
            what = f"the function gives a {type(given).__qualname__}"
            raise Unfit(what, "yield mappings, lists of them, Arrow tables or data frames, or return a dlt resource")
        self.generator = rows = iter(given)
        while self.most is None or self.records < self.most:
            try:
                item = next(rows)
            except StopIteration as end:
                return end.value
            self.take(item)
        return None

    def take(self, item: Any) -> None:
        """Take in a record, a list of them, or a table."""
        if isinstance(item, Mapping):
            self._record(item)
        elif isinstance(item, list | tuple):
            for one in item if self.most is None else islice(item, max(0, self.most - self.records)):
                if not isinstance(one, Mapping):
                    raise _no_record(one)
                self._record(one)
        elif _is_table(item):
            self._table(item)
        else:
            raise _no_record(item)
        if time.monotonic() - self._said > _TICK:
            self._said = time.monotonic()
            size = sum(os.path.getsize(path) for path in self.parts if os.path.exists(path))
            self._tell({"records": self.records, "bytes": size})

    def _record(self, record: Mapping[str, Any]) -> None:
        self.records += 1
        try:
            self.columns.take(record, self.records)
        except Unfit:
            record = {name: native(value) for name, value in record.items()}
            self.columns.take(record, self.records)
        self._lines.append(line(record))
        if len(self._lines) >= _MANY:
            self._flush()

    def _flush(self) -> None:
        if self._file is None:
            self._file = open(self._part("ndjson"), "wb")  # noqa: SIM115
        try:
            self._file.write(("\n".join(self._lines) + "\n").encode())
        except UnicodeEncodeError:
            raise Unfit(f"a text up to record {self.records} is no Unicode", "replace what it cannot hold") from None
        self._lines = []

    def _part(self, ending: str) -> str:
        path = os.path.join(self.task["folder"], f"records-{len(self.parts) + 1}.{ending}")
        self.parts.append(path)
        return path

    # -- tables --------------------------------------------------------------------------------------------------------------------

    def _table(self, item: Any) -> None:
        table = _arrow(item)
        if self.most is not None:
            table = table.slice(0, self.most - self.records)
        self.records += table.num_rows
        if self._tables and self._tables[0].schema != table.schema:
            self._write()
            self._close()
        self._tables.append(table)
        if sum(one.num_rows for one in self._tables) >= _GROUP:
            self._write()

    def _write(self) -> None:
        if not self._tables:
            return
        import pyarrow
        import pyarrow.parquet

        table = pyarrow.concat_tables(self._tables)
        if self._writer is None:
            _check(table.schema)
            self._writer = pyarrow.parquet.ParquetWriter(self._part("parquet"), table.schema, compression="lz4")
        self._writer.write_table(table, row_group_size=_GROUP)
        self._tables = self._tables[:1] if not self._tables[0].num_rows else [table.slice(0, 0)]

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._writer, self._tables = None, []

    def end(self) -> None:
        """Write what is left. Raises Unfit where mappings and tables came both."""
        if self._lines:
            self._flush()
        if self._file is not None:
            self._file.close()
        self._write()
        self._close()
        if self._file is not None and any(part.endswith(".parquet") for part in self.parts):
            raise Unfit("the function gives mappings and tables", "give one of the two")
        if self._file is not None and not self.columns.types:
            raise Unfit("no record has a value", 'give them names: `yield {"id": 1}`')


def _one_piece(given: Any) -> bool:
    return isinstance(given, Mapping) or _is_table(given)


def _is_table(item: Any) -> bool:
    framed = type(item).__module__.partition(".")[0] in ("pandas", "polars") and type(item).__name__.endswith("Frame")
    return framed or hasattr(item, "__arrow_c_stream__") or hasattr(item, "__arrow_c_array__")


def _no_record(item: Any) -> Unfit:
    what = f"the function gives a {type(item).__qualname__}, which is no record"
    return Unfit(what, 'yield mappings, as {"id": 1}, lists of them, Arrow tables or data frames')


def _arrow(item: Any) -> Any:
    pyarrow = _pyarrow(f"a {type(item).__module__.partition('.')[0]} {type(item).__name__}")
    if type(item).__name__ == "LazyFrame":
        raise Unfit("the function gives a LazyFrame, which has no rows yet", "give what its `collect()` gives")
    if type(item).__module__.startswith("pandas"):
        return pyarrow.Table.from_pandas(item, preserve_index=False)
    if isinstance(item, pyarrow.Table):
        return item
    if hasattr(item, "__arrow_c_stream__"):
        return pyarrow.table(item)
    return pyarrow.Table.from_batches([pyarrow.record_batch(item)])


def _pyarrow(what: str) -> Any:
    """The library, which is imported when the first table comes. Raises Unfit where it is not installed."""
    try:
        import pyarrow.parquet
    except ImportError:
        raise Unfit(f"{what} is read by pyarrow, which is not installed", "install it: pip install 'eltflow[arrow]'") from None
    return pyarrow


def _check(schema: Any) -> None:
    """Raise Unfit for a column that Parquet would give back as another type, or not at all."""
    import pyarrow.types as types

    for field in schema:
        if types.is_duration(field.type) or types.is_interval(field.type) or types.is_decimal256(field.type):
            message = f"the column `{field.name}` is {field.type}, which would not arrive as that"
            raise Unfit(message, "cast it, to a number or a text")


def _of_dlt(given: Any) -> bool:
    return type(given).__module__.partition(".")[0] == "dlt" and hasattr(given, "__iter__")


def _resource(given: Any) -> Any:
    """A resource of dlt; the only one that a source has. Raises Unfit where it has several."""
    chosen = getattr(given, "selected_resources", None)
    if chosen is None:
        return given
    if len(chosen) != 1:
        names = ", ".join(f"`{name}`" for name in chosen) or "none"
        raise Unfit(f"the dlt source has several resources: {names}", "return one of them: `source.resources[...]`, a step each")
    return next(iter(chosen.values()))


# -- the call ----------------------------------------------------------------------------------------------------------------------


def _function(task: Mapping[str, Any]) -> Any:
    path = task["file"]
    sys.dont_write_bytecode = True
    for folder in (os.path.dirname(path), task["root"]):  # behind all others: a file of steps may be called like what it imports
        sys.path.append(folder)
    name = f"eltflow_steps_{os.path.basename(path).removesuffix('.py')}"
    loader = SourceFileLoader(name, path)
    module = ModuleType(name)
    module.__file__, module.__loader__, module.__spec__ = path, loader, ModuleSpec(name, loader, origin=path)
    sys.modules[name] = module
    loader.exec_module(module)
    return getattr(module, task["function"])


def _failed(work: _Work, error: BaseException) -> dict[str, Any]:
    """What went wrong, and where in the project."""
    import traceback

    root = os.path.join(os.path.realpath(work.task["root"]), "")
    frames: list[tuple[str, int | None]] = [
        (os.path.realpath(frame.filename), frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if os.path.realpath(frame.filename).startswith(root) and "site-packages" not in frame.filename
    ]
    if isinstance(error, Unfit):
        message, help = error.message, error.help
        suspended = getattr(work.generator, "gi_frame", None)
        frames = [(os.path.realpath(suspended.f_code.co_filename), suspended.f_lineno)] if suspended is not None else []
        frames = [frame for frame in frames if frame[0].startswith(root)] or _begins(work.function)
    else:
        words = " ".join(str(error).split())
        message, help = f"{type(error).__name__}: {words}" if words else type(error).__name__, None
    file, number = frames[-1] if frames else (None, None)
    if isinstance(error, SyntaxError) and error.filename is not None:
        file, number = error.filename, error.lineno
        message = f"{type(error).__name__}: {error.msg}"
    called = [f"{os.path.relpath(f, root)}:{n}" for f, n in frames[:-1]][-3:]
    return {"message": message, "help": help, "file": file, "line": number, "called": called}


def _begins(function: Any) -> list[tuple[str, int | None]]:
    """Where a function is defined."""
    import inspect

    code = inspect.unwrap(function).__code__
    with open(code.co_filename, encoding="utf-8") as file:
        lines = enumerate(islice(file, code.co_firstlineno - 1, None), code.co_firstlineno)
        line = next((n for n, text in lines if text.startswith("def ")), code.co_firstlineno)
    return [(code.co_filename, line)]


def run(task: Mapping[str, Any], tell: Callable[[Mapping[str, Any]], None]) -> dict[str, Any]:
    """Call the function of a task, and write what it gives; says how that ended."""
    work = _Work(task, tell)
    try:
        work.function = function = _function(task)
        given = function(**{name: _given(kind, value) for name, (kind, value) in task["given"].items()})
        if hasattr(given, "__await__") or hasattr(given, "__aiter__"):
            raise Unfit("the function is asynchronous", "write `def`, and call what is asynchronous with `asyncio.run(...)`")
        _check_kept(task, given)
        token = work.all(given)
        work.end()
        told = _token(task, token)
    except (Exception, SystemExit) as error:
        return {"failed": _failed(work, error)}
    types = work.columns.types
    return {"ended": True, "records": work.records, "parts": work.parts, "types": types, "token": told}


def _given(kind: str, value: Any) -> Any:
    if kind == "connection":
        return Given(value)
    if kind == "table":
        return _pyarrow("a table that the task reads").parquet.ParquetFile(value).read()  # `read_table` imports pandas, 0.25 s
    return value


def _check_kept(task: Mapping[str, Any], given: Any) -> None:
    """Raise Unfit for rows that nothing takes, and for none where a table is made of them."""
    if task["keeps"] == "none" and given is not None:
        message = f"the function gives a {type(given).__qualname__}, and the task makes no table of it"
        raise Unfit(message, "name a table of a source, as `into: scoring.scores`, or return nothing")
    if task["keeps"] == "table" and given is None:
        message = "the function gives nothing, and a table is to be made of it"
        raise Unfit(message, "return rows, or an empty list for a table without any; or take `into:` out of the task")


def _token(task: Mapping[str, Any], token: Any) -> str | None:
    """What a generator returned, as JSON: where the next call goes on. Raises Unfit."""
    if token is None:
        return None
    if not task["token"]:
        raise Unfit(
            f"the function returns a {type(token).__qualname__} at its end, and the step keeps none",
            'name it with `cursor={"token": ...}`, or return nothing',
        )
    try:
        return json.dumps(token, ensure_ascii=False, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError):
        message = f"the function returns a {type(token).__qualname__}, which cannot be kept as a token"
        raise Unfit(message, "return a text, a number, or a list or mapping of them") from None


def main(call: int, words: int) -> NoReturn:
    """Do what is read from `call`, tell it through `words`, and end the process."""
    os.setsid()
    pipe = os.fdopen(words, "w", buffering=1)
    with os.fdopen(call, "rb") as given:
        task = pickle.load(given)  # of the process that asked for this one
    nothing = os.open(os.devnull, os.O_RDONLY)
    printed = os.open(task["printed"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for file, stream in ((nothing, 0), (printed, 1), (printed, 2)):
        os.dup2(file, stream)
    os.close(nothing)
    os.close(printed)
    os.chdir(task["root"])
    if task["environ"] is not None:
        os.environ.clear()
        os.environ.update(task["environ"])
    if task["memory"]:
        limit = _mapped() + task["memory"]
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))

    def tell(words: Mapping[str, Any]) -> None:
        try:
            pipe.write(json.dumps(words) + "\n")
        except OSError:  # whoever wanted this is no more
            os._exit(1)

    tell(run(task, tell))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # threads of what it used need not end


def _mapped() -> int:
    """Bytes of memory that Python and what was imported have taken already, as the limit counts them; 0 where that is not told."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 0
