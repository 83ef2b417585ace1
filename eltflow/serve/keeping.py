"""Keeps the project as it last was without an error, in a copy of its files: whoever edits it into one stops no run."""

from __future__ import annotations

import fcntl
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from eltflow.api.cache import ROOT_FILES, stamps_of
from eltflow.api.jobs import Jobs, options_for
from eltflow.api.loading import STATE_FOLDER, check_macros, load
from eltflow.base.diagnostics import EltflowError
from eltflow.base.records import dataclass, replace
from eltflow.native.open import SEED_SUFFIXES, folders_of
from eltflow.native.settings import read_settings
from eltflow.project.findings import Findings
from eltflow.project.folder import Stamp, read_dotenv
from eltflow.project.project import read_text
from eltflow.schedule.jobs import Job

_FOLDER = "good"
#: What stands in the project's files no more than the state of another program: who asks again may be answered.
_PASSING = frozenset({"E0110", "E0311", "E0312", "E0701", "E0702", "E0703"})
_NO_FILE: Stamp = (0, -1)
#: Of what a project is made: templates, properties, steps and what they import, docs, lists of tables, seeds.
_SUFFIXES = (".sql", ".yml", ".yaml", ".py", ".md", ".txt", *SEED_SUFFIXES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Copy:
    """A copy of the project's files: `stamps` are those of what was copied, `env` what `.env` said, which is copied nowhere."""

    folder: Path
    stamps: Mapping[str, Stamp]
    env: Mapping[str, str]


class Keeping:
    """The last good project of a service. `broken` says what is wrong with the one that is there; `say` is told what a person may want to
    read, `told` of each time that a good project becomes a broken one: it says whether it told that. May be used by several threads."""

    def __init__(self, root: Path, say: Callable[[str], None], told: Callable[[str], bool]) -> None:
        self.broken: str | None = None
        self._root = root
        self._say = say
        self._told = told
        self._heard = True
        self._guard = threading.Lock()
        self._seen: tuple[Mapping[str, Stamp], Jobs] | None = None
        self._good: _Copy | None = None
        self._given: tuple[Jobs, _Copy, Jobs] | None = None
        self._used: dict[Path, int] = {}
        self._place: Path | None = None
        self._lock = -1
        self._number = 0

    @property
    def words(self) -> str | None:
        """What a person is to know of a broken project."""
        if self.broken is None:
            return None
        goes_on = "the one of before goes on" if self._good is not None else "and there is none of before"
        return f"the project cannot be read, {goes_on}: {self.broken}"

    def look(self, jobs: Jobs) -> None:
        """See whether the project can still be loaded, for each job, if its files changed since the last look; keep it if so. Costs one look
        at the files' stamps where nothing did."""
        with self._guard:
            jobs = self._as_is(jobs)
            stamps = self._stamps(jobs)
            if self._seen is not None and self._seen == (stamps, jobs) and self._heard:
                return
            wrong = self._wrong(jobs)
            if wrong is not None and wrong[0] in _PASSING:
                return
            self._seen = (stamps, jobs)
            if wrong is None:
                self._mended()
                self._keep(jobs, stamps)
                return
            if self.broken is None and self._good is not None:
                self._heard = False
            if self.broken != wrong[1]:
                self.broken = wrong[1]
                self._say(self.words or "")
            if not self._heard:  # else where that is written down could not be reached, or hid behind what else is wrong
                self._heard = self._told(self.broken)

    def look_again(self, jobs: Jobs) -> None:
        """As `look`, where there is a copy to go on with; before, there is nothing to decide."""
        if self._good is not None:
            self.look(jobs)

    @contextmanager
    def using(self, jobs: Jobs) -> Iterator[Jobs]:
        """The jobs with the project that they can run with: the one that is there, or the last good one, which stays meanwhile."""
        with self._guard:
            good = self._good if self.broken is not None else None
            if good is not None:
                self._used[good.folder] = self._used.get(good.folder, 0) + 1
                if self._given is None or self._given[0] is not jobs or self._given[1] is not good:
                    env = {**good.env, **jobs.options.env}
                    self._given = (jobs, good, replace(jobs, options=replace(jobs.options, copy=good.folder, env=env)))
                usable = self._given[2]
        if good is None:
            yield jobs
            return
        try:
            yield usable
        finally:
            with self._guard:
                self._used[good.folder] -= 1
                self._sweep()

    def close(self) -> None:
        with self._guard:
            if self._place is not None:
                shutil.rmtree(self._place, ignore_errors=True)
            if self._lock >= 0:
                os.close(self._lock)
            self._good = self._place = None
            self._lock = -1

    def _as_is(self, jobs: Jobs) -> Jobs:
        """The jobs with the settings that stand there now: while `jobs.yml` is in error, nobody else has read them."""
        findings = Findings(lambda path: read_text(self._root, path))
        try:
            settings, _ = read_settings(self._root, jobs.options, findings)
            findings.stop()
        except EltflowError:
            return jobs
        return replace(jobs, settings=settings)

    # -- what is wrong ---------------------------------------------------------------------------------------------------------

    def _wrong(self, jobs: Jobs) -> tuple[str, str] | None:
        """The first thing that is wrong, code and words; None if every job's project can be loaded. A folder of models that is gone, which
        loads well where nobody named it, is a checkout that is under way rather than a wish."""
        before = None if self._good is None else self._good.folder
        for name in jobs.settings.model_paths:
            if before is not None and (before / name).is_dir() and not (self._root / name).is_dir():
                return "E0106", f"E0106: there is no folder `{name}` any more"
        tried: dict[str, Job] = {}
        for job in jobs.jobs:
            tried.setdefault(repr((job.target, sorted(job.vars.items(), key=repr), job.full_refresh, job.command)), job)
        for job in tried.values():
            try:
                check_macros(load(jobs.root, options_for(jobs, job)))
            except EltflowError as error:
                first = error.diagnostics[0]
                where = f" ({first.span.file}:{first.span.line})" if first.span is not None else ""
                return first.code, f"{first.code}: {first.message}{where}"
        return None

    def _mended(self) -> None:
        if self.broken is not None:
            self._say("the project can be read again")
            self.broken, self._heard = None, True

    def _stamps(self, jobs: Jobs) -> Mapping[str, Stamp]:
        """The stamps of the files that make the project: a database that lies among them is another with each run."""
        found = stamps_of(self._root, folders_of(jobs.settings))
        return {path: stamp for path, stamp in found.items() if path in ROOT_FILES or path.lower().endswith(_SUFFIXES)}

    # -- the copy --------------------------------------------------------------------------------------------------------------

    def _keep(self, jobs: Jobs, stamps: Mapping[str, Stamp]) -> None:
        """Copy the files that are others than in the last copy. One that changes meanwhile leaves all as it was: the next look comes."""
        self._number += 1
        folder = self._folder() / str(self._number)
        try:
            made = self._copied(jobs, folder, stamps)
        except (OSError, EltflowError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            where = f" ({error.filename})" if isinstance(error, OSError) and error.filename is not None else ""
            self._say(f"the project cannot be kept as it is now: {why}{where}")
            shutil.rmtree(folder, ignore_errors=True)
            self._seen = None  # there may be room the next time
            return
        if made is None:
            shutil.rmtree(folder, ignore_errors=True)
            self._seen = None
            return
        self._good = made
        self._sweep()

    def _copied(self, jobs: Jobs, folder: Path, stamps: Mapping[str, Stamp]) -> _Copy | None:
        before = self._good
        env = read_dotenv(self._root)
        for name in folders_of(jobs.settings):
            if (self._root / name).is_dir():  # one that is empty is part of the project too
                (folder / name).mkdir(parents=True, exist_ok=True)
        made: set[str] = set()
        for path, stamp in stamps.items():
            if path == ".env" or stamp == _NO_FILE:
                continue
            to = os.path.join(folder, path)
            if (parent := os.path.dirname(to)) not in made:
                os.makedirs(parent, exist_ok=True)
                made.add(parent)
            if before is None or before.stamps.get(path) != stamp or not _linked(before.folder / path, to):
                shutil.copyfile(self._root / path, to)
        if self._stamps(jobs) != stamps:
            return None
        return _Copy(folder=folder, stamps=stamps, env=env)

    def _folder(self) -> Path:
        """The place of this service's copies. Those of services that died are taken away."""
        if self._place is None:
            base = self._root / STATE_FOLDER / _FOLDER
            base.mkdir(parents=True, exist_ok=True)
            base.chmod(0o700)
            for other in base.iterdir():
                with suppress(OSError), open(other / "lock", "a") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(other, ignore_errors=True)
            number = 0
            while self._place is None:
                with suppress(FileExistsError):
                    (base / str(number)).mkdir()
                    self._place = base / str(number)
                number += 1
            self._lock = os.open(self._place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._place

    def _sweep(self) -> None:
        """Take away the copies that nothing runs with any more."""
        if self._place is None:
            return
        for folder in self._place.iterdir():
            if folder.is_dir() and (self._good is None or folder != self._good.folder) and not self._used.get(folder):
                self._used.pop(folder, None)
                shutil.rmtree(folder, ignore_errors=True)


def _linked(file: Path, to: str) -> bool:
    """Have the same file at another place, which nobody writes into; False where it is gone, or a file system knows no such thing."""
    try:
        os.link(file, to)
    except OSError:
        return False
    return True
