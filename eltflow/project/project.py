"""A project as its files say, before any SQL was read: drafts of nodes with the layers of configuration that apply to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from eltflow.base.diagnostics import Diagnostic, EltflowError, Span
from eltflow.base.records import dataclass, field
from eltflow.jinja.values import MacroSource
from eltflow.project.nodes import ColumnInfo, ConstraintInfo, DeliverInfo, ExposureInfo, IngestInfo, SourceInfo, TaskInfo, TestInfo
from eltflow.project.settings import Settings
from eltflow.project.shape import Path as Place
from eltflow.warehouse.values import Target

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A node as files define it. `layers` are its configuration from outside its own file, lowest first; `patch` and `place` say
    which YAML file describes it, and where in that file; `hash` is the content of its own file, if it has one. `after` are names of nodes,
    each with where it stands in the entry, `writes` those of source tables, too."""

    resource_type: str
    name: str
    path: str
    folder: tuple[str, ...]
    hash: str = ""
    layers: tuple[Mapping[str, Any], ...] = ()
    description: str = ""
    columns: Mapping[str, ColumnInfo] = field(default_factory=dict)
    patch: str | None = None
    place: tuple[str | int, ...] = ()
    test: TestInfo | None = None
    source: SourceInfo | None = None
    ingest: IngestInfo | None = None
    exposure: ExposureInfo | None = None
    deliver: DeliverInfo | None = None
    task: TaskInfo | None = None
    depends_on: tuple[str, ...] = ()
    after: tuple[tuple[Place, str], ...] = ()
    writes: tuple[tuple[Place, str], ...] = ()
    schema: str | None = None
    database: str | None = None
    identifier: str | None = None
    test_name: str | None = None
    header: tuple[str, ...] | None = None
    constraints: tuple[ConstraintInfo, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    name: str
    owner: Mapping[str, Any]
    description: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroInfo:
    """What YAML says of a macro."""

    name: str
    file: str
    line: int
    description: str = ""
    arguments: tuple[Mapping[str, Any], ...] = ()
    patch: str | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doc:
    """A docs block of a Markdown file."""

    name: str
    path: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A project folder, read and checked; `files` is where its files are, which is its root unless a copy of them was read."""

    root: Path
    files: Path
    settings: Settings
    target: Target
    drafts: tuple[Draft, ...]
    macros: tuple[MacroSource, ...]
    macro_info: Mapping[str, MacroInfo]
    docs: Mapping[str, Doc]
    groups: Mapping[str, Group]
    selectors: tuple[Mapping[str, Any], ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    macro_hash: str = ""

    def read(self, path: str) -> str:
        """The text of one of the project's files."""
        return read_text(self.files, path)


def read_bytes(root: Path, path: str) -> bytes:
    """A project file's content. Raises EltflowError (E0106)."""
    return reading(Path.read_bytes, root, path)


def reading(read: Callable[[Path], T], root: Path, path: str) -> T:
    """What `read` gives of a project file. Raises EltflowError (E0106)."""
    from eltflow.base.diagnostics import fail

    file = root / path
    try:
        return read(file)
    except OSError as error:
        help = "check that it is there, and its rights"
        if file.is_symlink():
            help = f"it is a link to {file.readlink()}: mend the link, or take it away"
        raise fail("E0106", f"cannot read {path}: {error.strerror}", span=Span(file=path), help=help) from None


def read_text(root: Path, path: str) -> str:
    """A project file's text, without a byte order mark. Raises EltflowError (E0105 not UTF-8, E0106 not there)."""
    return decode(read_bytes(root, path), path)


def decode(data: bytes, path: str) -> str:
    """The text of a file that must be UTF-8. Raises EltflowError (E0105)."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise EltflowError(_not_utf8(data, error.start, path)) from None
    return text.replace("\r\n", "\n") if "\r" in text else text


def _not_utf8(data: bytes, at: int, path: str) -> Diagnostic:
    """Where the first byte stands that is not UTF-8, with its line as Latin-1 shows it: what it most often is."""
    start = data.rfind(b"\n", 0, at) + 1
    line = data[start:].split(b"\n", 1)[0].decode("latin-1").rstrip("\r")
    column = len(data[start:at].decode("utf-8", "replace")) + 1
    return Diagnostic(
        code="E0105",
        message=f"the file is not UTF-8: byte {data[at]:#04x} in line {data.count(10, 0, at) + 1}",
        span=Span(file=path, line=data.count(10, 0, at) + 1, column=column),
        source=line,
        help="save it as UTF-8 (it may be Latin-1 or Windows-1252 now)",
    )
