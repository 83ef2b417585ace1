"""The files of models that are `materialized: external`: written beside the old ones, put in their place, and swept away."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eltflow.base.names import TEMPORARY
from eltflow.compile.program import ProgramError
from eltflow.project.external import Place
from eltflow.warehouse.values import Layout, WarehouseError

#: A folder of partitions holds it, so that no build takes away one that eltflow did not make. Engines pass over names that begin with a dot.
MARK = ".eltflow-external"


class LocalFiles:
    """The files of one model in one run: of this machine, or of an object store, which takes a file as a whole by itself."""

    def __init__(self, place: Place, run: str) -> None:
        self.layout: Layout = place.layout
        self.path = place.path
        self._shown = place.shown
        self._at = None if place.elsewhere else Path(place.path)
        self._fresh = self._beside(f"{TEMPORARY}{run}")
        self._prepared = False

    def _beside(self, mark: str) -> Path | None:
        return self._at.with_name(f".{self._at.name}{mark}") if self._at is not None else None

    @property
    def fresh(self) -> str:
        return self.path if self._fresh is None else str(self._fresh)

    def prepare(self) -> None:
        if self._at is None or self._fresh is None:
            return
        if self._at.is_dir() and not self._ours(self._at):
            message = f"{self._shown} is a folder that eltflow did not make"
            raise ProgramError(message, "name another `location`, or move that folder away", config=("location", self._shown))
        with self._told():
            self._at.parent.mkdir(parents=True, exist_ok=True)
        attempt, name = 0, self._fresh.name
        while os.path.lexists(self._fresh):  # an earlier attempt of this run, whose files the view may read
            attempt += 1
            self._fresh = self._fresh.with_name(f"{name}-{attempt}")
        self._prepared = True

    @staticmethod
    def _ours(folder: Path) -> bool:
        return (folder / MARK).is_file() or not any(folder.iterdir())

    def publish(self) -> None:
        """A second name for each file is made first, which takes the place of the old one. A folder cannot replace another in one step: for a
        moment none is at its place, while the view reads the new one beside it."""
        if self._at is None or self._fresh is None:
            return
        second, old = self._with("-put"), self._with("-old")
        with self._told():
            if self.layout.partition_by:
                self._fresh.mkdir(exist_ok=True)  # without rows there may be none
                (self._fresh / MARK).touch()
                shutil.copytree(self._fresh, second, copy_function=_linked)
            else:
                _linked(self._fresh, second)
            for file in [*second.rglob("*.*"), second]:
                _synced(file)
            if second.is_dir() or self._at.is_dir():
                with suppress(FileNotFoundError):
                    self._at.rename(old)
            second.replace(self._at)
            _synced(self._at.parent)

    def _with(self, ending: str) -> Path:
        assert self._fresh is not None
        return self._fresh.with_name(f"{self._fresh.name}{ending}")

    def discard(self) -> None:
        if self._prepared and self._fresh is not None:
            delete(self._fresh)

    def sweep(self) -> None:
        for path in self.left():
            delete(path)

    def left(self) -> Iterator[Path]:
        """What runs have left beside the files: of what the view reads there may be something among it."""
        if self._at is None:
            return
        name = re.compile(rf"\.{re.escape(self._at.name)}{TEMPORARY}[0-9a-f]{{8}}(?:-\w+)*")
        with suppress(OSError), os.scandir(self._at.parent) as entries:
            yield from sorted(Path(entry.path) for entry in entries if name.fullmatch(entry.name))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, shutil.Error) as error:
            words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            full = isinstance(error, OSError) and error.errno in (28, 122)
            help = "see whether the folder can be written, and the disk has room"
            raise WarehouseError(f"cannot write {self._shown}: {words}", kind="disk" if full else "sql", help=help) from None


def _linked(source: str | Path, second: str | Path) -> None:
    """A second name for a file; a copy where the file system has no such thing."""
    try:
        os.link(source, second)
    except OSError:
        shutil.copyfile(source, second)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def delete(path: Path) -> None:
    """Delete a file or a folder; what cannot be is left for the next run."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
