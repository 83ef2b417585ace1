"""Files as engines read them: archives unpacked, workbooks and Avro turned into Parquet, in temporary files that last as long as the step."""

from __future__ import annotations

import codecs
import errno
import gzip
import os
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from eltflow.base.names import listed
from eltflow.base.records import replace
from eltflow.base.temporary import rows_folder
from eltflow.compile.program import FileInfo, ProgramError
from eltflow.ingest import kinds
from eltflow.ingest.files import local_name
from eltflow.project.config import as_list
from eltflow.project.external import ARCHIVES, TURNED, file_format, recoded
from eltflow.warehouse.protocols import FileReader
from eltflow.warehouse.values import WarehouseError

_CHUNK = 1 << 20  #: bytes
_MANY = 1_000  #: records that are written at once
#: Megabytes that an archive or a workbook may have, unpacked, unless the step says otherwise.
_LARGEST = 4096


def _stopped(file: FileInfo, error: OSError) -> ProgramError | WarehouseError:
    """What there is to say of a file that cannot be read, or of a folder that has no room for what comes of it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        help = "make room there, or name another folder with the environment variable TMPDIR"
        return WarehouseError(f"{file.name} on its way through {tempfile.gettempdir()}: {error.strerror}", kind="disk", help=help)
    return ProgramError(f"{file.name} cannot be read: {error.strerror}", "see that the file is there and may be read")


class UnpackedFiles:
    """The files of a step with this `source`. `declared` are the columns (as files call them) whose values may be of several kinds, because
    they are read as a type that is given; `fetch` brings files here that are elsewhere. `stop` says that none is wanted any more. Whoever
    makes it closes it."""

    def __init__(
        self,
        source: Mapping[str, Any],
        reader: FileReader,
        *,
        declared: Collection[str] = (),
        fetch: Callable[[Sequence[FileInfo]], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source, self._reader, self._declared, self._fetch, self._stop = source, reader, declared, fetch, stop
        self._limit = int(source.get("max_unpacked_mb") or _LARGEST) * 1024 * 1024
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._made = 0
        self._parts: dict[str, tuple[FileInfo, ...]] = {}

    def bring(self, files: Sequence[FileInfo]) -> tuple[FileInfo, ...]:
        """The files that an engine reads for these, in their order: one for each, or one for each member of an archive. Raises ProgramError
        for what cannot be read, WarehouseError (cancelled, or what fetching raises), EltflowError (E0702) for a driver that is missing."""
        if self._fetch is not None:
            self._fetch(files)
        for file in files:
            if file.path not in self._parts:
                try:
                    self._parts[file.path] = tuple(map(self._turned, self._members(file)))
                except OSError as error:
                    raise _stopped(file, error) from None
        return tuple(part for file in files for part in self._parts[file.path])

    def close(self) -> None:
        """Delete what was made."""
        if self._folder is not None:
            self._folder.cleanup()

    def _members(self, file: FileInfo) -> Sequence[FileInfo]:
        wanted = [str(one) for one in as_list(self._source.get("member"))]
        if not file.path.lower().endswith(ARCHIVES):
            if wanted:
                raise ProgramError(
                    f"{file.name} is no archive, and has no members", "name files that end in .zip", place=("source", "member")
                )
            return [file]
        from eltflow.ingest import zips

        made = []
        members = list(zips.unpacked(file, wanted, self._limit, self._place, self._stop))
        zips.check_inner(file, members, self._limit, self._stop)
        for member, path in members:
            stat = os.stat(path)
            made.append(
                FileInfo(path=path, name=f"{file.name}/{member}", size=stat.st_size, mtime=stat.st_mtime_ns, temporary=True)
            )
        return made

    def _turned(self, file: FileInfo) -> FileInfo:
        """The file, or one of Parquet in its place."""
        format = self._source.get("format") or file_format(file.path)[0]
        if format not in TURNED:
            return self._recoded(file) if recoded(self._source) else file
        if file.path.lower().endswith((".gz", ".zst", ".zstd")):
            raise ProgramError(f"{file.name} is packed, and files of {format} are packed by themselves", "unpack it")
        if format == "avro":
            from eltflow.ingest import avro

            with avro.opened(file) as (told, records):
                return self._parquet(file, records, lambda record, number: None, lambda: told)
        from eltflow.ingest import xlsx

        with xlsx.opened(file, self._source, self._declared, self._limit) as (names, numbered):
            columns = kinds.Columns(self._declared)

            def types() -> dict[str, str]:
                return {**dict.fromkeys(filter(None, names), "VARCHAR"), **columns.types}

            return self._parquet(file, numbered, columns.take, types)

    def _recoded(self, file: FileInfo) -> FileInfo:
        """The file in UTF-8. Raises ProgramError with the line whose bytes are none of its encoding."""
        name = str(self._source["encoding"])
        if file.path.lower().endswith((".zst", ".zstd")):
            raise ProgramError(f"{file.name} is packed, and of another encoding than UTF-8", "unpack it, or pack it with gzip")
        packed = file.path.lower().endswith(".gz")
        path = self._place(os.path.basename(local_name(file.path)).removesuffix(".gz" if packed else ""))
        decoder, line = codecs.getincrementaldecoder(name)(), 1
        with (gzip.open if packed else open)(file.path, "rb") as read, open(path, "w", encoding="utf-8", newline="") as written:
            while True:
                if self._stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                try:
                    data = read.read(_CHUNK)
                    text = decoder.decode(data, final=not data)
                except UnicodeDecodeError as error:
                    line += bytes(error.object[: error.start]).decode(name, "ignore").count("\n")
                    message = f"{file.name}, line {line}: byte {error.object[error.start]:#04x} is none of {name}"
                    raise ProgramError(message, "correct `encoding`, or the file", place=("source", "encoding")) from None
                except (EOFError, gzip.BadGzipFile) as error:
                    raise ProgramError(f"{file.name} is no whole gzip file: {error}", "fetch it again") from None
                line += text.count("\n")
                written.write(text)
                if not data:
                    break
        stat = os.stat(path)
        return replace(file, path=path, size=stat.st_size, mtime=stat.st_mtime_ns, temporary=True)

    def _parquet(
        self,
        file: FileInfo,
        records: Iterator[tuple[int, Mapping[str, Any]]],
        take: Callable[[Mapping[str, Any], int], None],
        types: Callable[[], Mapping[str, str]],
    ) -> FileInfo:
        """A file of the records, each with the number of its row, under types that are known once all were taken."""
        spool = self._place("records.ndjson")
        with open(spool, "w", encoding="utf-8") as output:
            lines: list[str] = []
            for number, record in records:
                try:
                    take(record, number)
                    lines.append(kinds.line(record))
                except kinds.Unfit as error:
                    help = "give it values of one kind, or declare it: `columns: {name: {data_type: ...}}`"
                    raise ProgramError(f"{file.name}: {error.message.replace(' record ', ' row ')}", help) from None
                if len(lines) >= _MANY:
                    self._written(output, lines, file)
                    lines = []
            self._written(output, lines, file)
        dialect = self._reader.dialect
        found = types()
        folded = {name.lower(): name for name in found}
        if len(folded) < len(found):
            twice = [name for name in found if folded[name.lower()] != name]
            raise ProgramError(f"{file.name} has columns that differ in case alone: {listed(twice, 3)}", "rename one of them")
        item = dialect.files([spool], "json", {"columns": found}, {})
        # Parquet keeps no whole numbers of 128 bits, and decimals of as many digits.
        wide = [
            f"cast({dialect.quote(name)} as decimal(38,0)) as {dialect.quote(name)}" for name, t in found.items() if t == "HUGEINT"
        ]
        path = self._place(f"{local_name(file.path)}.parquet")
        made = dialect.copy_to(f"select *{f' replace ({chr(44).join(wide)})' if wide else ''} from {item}", path, "parquet")
        assert made is not None
        try:
            self._reader.query(made)
        except WarehouseError as error:
            raise ProgramError(f"{file.name} cannot be read: {error.engine_message}", error.help or "correct the file") from None
        os.unlink(spool)
        stat = os.stat(path)
        return replace(file, path=path, size=stat.st_size, mtime=stat.st_mtime_ns, temporary=True)

    def _written(self, output: Any, lines: Sequence[str], file: FileInfo) -> None:
        if self._stop():
            raise WarehouseError("cancelled", kind="cancelled")
        try:
            output.writelines(f"{line}\n" for line in lines)
        except UnicodeEncodeError:
            raise ProgramError(f"{file.name} holds a text that is no Unicode", "replace what it cannot hold") from None

    def _place(self, name: str) -> str:
        """A path for a new file."""
        if self._folder is None:
            self._folder = rows_folder()
        self._made += 1
        return os.path.join(self._folder.name, f"{self._made}-{name}")
