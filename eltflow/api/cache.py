"""The cache of a loaded project: what its files said, kept under `target/`, keyed by content and never trusted without a check.

Two files. `graph` is all that a command needs when nothing changed: stamps of every file, the environment that was read, the graph.
`facts` is for when something did: the facts of each template and the values of each YAML file, by content. Both carry a digest: a file that
was cut, changed or written by another version is as good as none.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from eltflow import __version__
from eltflow.base.fingerprint import fingerprint, fingerprint_file
from eltflow.base.records import dataclass
from eltflow.project.folder import Stamp, walk
from eltflow.project.options import Options

_MAGIC = b"eltflow cache 3\n"
_TARGET_PATH = re.compile(r"^target_path\s*:\s*[\"']?([^\s\"'#]+)", re.MULTILINE)
#: A file changed this recently (seconds) may change again within the same tick of the clock: its stamp alone proves nothing.
_RACY = 2.0
#: Files beside the folders that a project reads.
ROOT_FILES = ("eltflow.yml", "selectors.yml", ".env")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What the cache holds of a project, checked against the folder: `changed` are files whose content is another now."""

    graph: Any
    project: Mapping[str, Any]
    stamps: dict[str, tuple[int, int, str]]
    folders: tuple[str, ...]
    environ: Mapping[str, str | None]
    changed: tuple[str, ...]
    stale_stamps: bool
    key: str


class LoadCache:
    """The cache of one project under one set of options."""

    def __init__(self, root: Path, options: Options) -> None:
        root = self._root = options.files(root)
        self._env = options.env
        flags = {k: v for k, v in options.flags.items() if k == "FULL_FACTS" and v}
        python = f"{sys.implementation.cache_tag} {marshal.version}"
        parts = (__version__, python, options.target, sorted(options.vars.items()), sorted(flags.items()), options.strict)
        self.key = fingerprint(repr(parts))
        folder = root / self.folder_of(root) / "cache"
        self._graph_file = folder / f"graph-{self.key[:12]}.bin"
        self._facts_file = folder / f"facts-{self.key[:12]}.bin"
        self._sql_file = folder / f"sql-{self.key[:12]}.bin"
        self._lineage_file = folder / f"lineage-{self.key[:12]}.bin"

    @staticmethod
    def folder_of(root: Path) -> str:
        """The `target_path` of a project, without reading its settings in full."""
        try:
            found = _TARGET_PATH.search((root / "eltflow.yml").read_text(encoding="utf-8", errors="replace"))
        except OSError:
            found = None
        return found.group(1) if found is not None else "target"

    # -- reading ---------------------------------------------------------------------------------------------------------------

    def fetch(self, env: Mapping[str, str]) -> Kept | None:
        """What is kept, if the same files are there and the environment that was read is the same; else None."""
        value = _read(self._graph_file)
        if value is None:
            return None
        stamps: dict[str, tuple[int, int, str]] = value["stamps"]
        if not same_environ(value["environ"], env):
            return None
        now = stamps_of(self._root, value["folders"])
        if now.keys() != stamps.keys():
            return None
        changed: list[str] = []
        stale = False
        for path, stamp in now.items():
            known = stamps[path]
            if stamp == known[:2]:
                continue
            stale = True
            if content_of(self._root / path) != known[2]:
                changed.append(path)
            else:
                stamps[path] = (*stamp, known[2])
        return Kept(
            graph=value["graph"],
            project=value["project"],
            stamps=stamps,
            folders=value["folders"],
            environ=value["environ"],
            changed=tuple(changed),
            stale_stamps=stale,
            key=self.key,
        )

    def facts(self) -> Mapping[str, Any]:
        """Facts and YAML values of an earlier load, however old: they are keyed by content."""
        return _read(self._facts_file) or {}

    def compiled(self) -> Mapping[str, Any]:
        """Compiled SQL of earlier runs: each entry carries the fingerprint of what it was made of."""
        return _read(self._sql_file) or {}

    def lineage(self) -> Mapping[str, Any]:
        """Column lineage by node: each entry carries the fingerprint of what it was made of."""
        return _read(self._lineage_file) or {}

    # -- writing ---------------------------------------------------------------------------------------------------------------

    def keep(
        self,
        *,
        graph: Any,
        project: Mapping[str, Any],
        stamps: Mapping[str, tuple[int, int, str]],
        folders: tuple[str, ...],
        environ: Mapping[str, str | None],
    ) -> None:
        """Keep a loaded project. A cache that cannot be written stops nothing."""
        settled = time.time_ns() - int(_RACY * 1e9)
        safe = {path: (ctime if ctime < settled else -1, size, digest) for path, (ctime, size, digest) in stamps.items()}
        _write(
            self._graph_file,
            {"graph": graph, "project": project, "stamps": safe, "folders": folders, "environ": dict(environ)},
        )

    def keep_facts(self, value: Mapping[str, Any]) -> None:
        """Keep facts and YAML values."""
        _write(self._facts_file, dict(value))

    def keep_compiled(self, value: Mapping[str, Any]) -> None:
        """Keep compiled SQL."""
        _write(self._sql_file, dict(value))

    def keep_lineage(self, value: Mapping[str, Any]) -> None:
        """Keep column lineage."""
        _write(self._lineage_file, dict(value))


def hashed_environ(used: Mapping[str, str | None]) -> dict[str, str | None]:
    """Names of environment variables with a fingerprint of their values: the values themselves may be secret."""
    return {name: _hashed(value) for name, value in used.items()}


def same_environ(kept: Mapping[str, str | None], env: Mapping[str, str]) -> bool:
    """Whether every variable that was read (see `hashed_environ`) has the same value now."""
    return all(_hashed(env.get(name)) == digest for name, digest in kept.items())


def _hashed(value: str | None) -> str | None:
    return None if value is None else fingerprint("env", value)


def stamps_of(root: Path, folders: tuple[str, ...]) -> dict[str, Stamp]:
    """The stamp of every file of the project; (0, -1) for a root file that is not there."""
    found = walk(root, folders)
    for name in ROOT_FILES:
        try:
            stat = os.stat(root / name)
            found[name] = (stat.st_ctime_ns, stat.st_size)
        except OSError:
            found[name] = (0, -1)
    return found


def content_of(path: Path) -> str:
    """The fingerprint under which a file's content is known; nothing for one that cannot be read."""
    try:
        return fingerprint_file(path)
    except OSError:
        return ""


def _read(path: Path) -> Any:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 32
    if not data.startswith(_MAGIC) or fingerprint(data[start:]).encode() != data[len(_MAGIC) : start]:
        return None
    try:
        tagged, value = marshal.loads(data[start:])
    except (ValueError, EOFError, TypeError):
        return None
    if tagged:
        from eltflow.graph.codec import from_plain

        return from_plain(value)
    return value


def _write(path: Path, value: Any) -> None:
    try:
        payload = marshal.dumps((False, value))
    except ValueError:
        from eltflow.graph.codec import to_plain

        try:
            payload = marshal.dumps((True, to_plain(value)))
        except ValueError:
            return
    fresh = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(_MAGIC + fingerprint(payload).encode() + payload)
        os.replace(fresh, path)
    except OSError:
        with suppress(OSError):
            fresh.unlink()
