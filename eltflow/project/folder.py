"""What a project folder holds: every file that belongs to it, with its stamp, found by one walk."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

#: The file that makes a folder a native project.
FILE = "eltflow.yml"

#: When the file last changed in any way (ctime in ns: an edit that keeps the mtime moves it too), size in bytes.
Stamp = tuple[int, int]

_SKIP = frozenset({"target", "logs", "node_modules", "__pycache__", "venv"})


def walk(root: Path, folders: Iterable[str]) -> dict[str, Stamp]:
    """Every file below the folders (relative to root) that are there, as POSIX path → stamp, sorted; hidden ones are left out.

    A link to a folder that it stands in leads nowhere new, and is left out too; one to nothing is a file that cannot be read.
    """
    found: dict[str, Stamp] = {}
    for folder in dict.fromkeys(folders):
        _walk(os.path.join(root, folder), "" if folder == "." else folder.rstrip("/"), found)
    return dict(sorted(found.items()))


def _walk(path: str, prefix: str, found: dict[str, Stamp]) -> None:
    try:
        entries = list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        name = entry.name
        if name.startswith("."):
            continue
        relative = f"{prefix}/{name}" if prefix else name
        if _is_folder(entry):
            if name not in _SKIP and not (entry.is_symlink() and _around(entry.path)):
                _walk(entry.path, relative, found)
        elif (stamp := _stamp(entry)) is not None:
            found[relative] = stamp


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _around(link: str) -> bool:
    """Whether a link leads to a folder that it stands in."""
    inside, target = os.path.realpath(os.path.dirname(link)), os.path.realpath(link)
    return os.path.commonpath((inside, target)) == target


def _stamp(entry: os.DirEntry[str]) -> Stamp | None:
    """None for what is no file: who read a pipe would wait for its other end."""
    try:
        found = entry.stat()
    except OSError:  # a link to nothing or to itself: reading it says so
        return 0, 0
    return (found.st_ctime_ns, found.st_size) if stat.S_ISREG(found.st_mode) else None


def find_root(start: Path, names: Iterable[str]) -> Path | None:
    """The nearest folder at or above `start` that holds one of the files."""
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in names):
            return folder
    return None


def read_dotenv(root: Path) -> dict[str, str]:
    """The `.env` of a project: KEY=value lines, comments, `export`, and quotes around values. Raises EltflowError (E0105, E0116).

    What a broken line holds may be a secret, so it is not shown.
    """
    from eltflow.base.diagnostics import Span, fail
    from eltflow.project.project import decode

    try:
        data = (root / ".env").read_bytes()
    except OSError:
        return {}
    text = decode(data, ".env")
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if not equals or len(name.split()) != 1:
            help = "write NAME=value in one line, and # before a comment"
            raise fail("E0116", "this is no NAME=value", span=Span(file=".env", line=number), help=help)
        value = value.strip()
        quote = value[:1] if value[:1] in ("'", '"') else ""
        closed = value.find(quote, 1) if quote else -1
        rest = value[closed + 1 :].strip() if closed > 0 else ""
        if closed > 0 and (not rest or rest.startswith("#")):
            value = value[1:closed]
        elif closed > 0 and value[-1] == quote:  # quotes within the value
            value = value[1:-1]
        else:
            value = value.split(" #", 1)[0].rstrip()
        values[name.strip()] = value
    return values
