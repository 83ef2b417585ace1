"""Columns whose values are hashed on their way into a table: the engine never sees what they were."""

from __future__ import annotations

from eltflow.compile.materialize.relation import landing
from eltflow.compile.program import Job, ProgramError
from eltflow.transfer import Hashed, Source


def check_hashing(job: Job) -> None:
    """Raise ProgramError for a step whose columns cannot be hashed on their way into the engine."""
    if _hashed_names(job) and not job.dialect.capabilities.transactional_ddl:
        message = f"columns are hashed for engines whose DDL takes part in transactions, unlike {job.dialect.name}'s"
        raise ProgramError(message, "take `hash:` out, and hash in a model")


def hashed(job: Job, source: Source) -> Source:
    """The rows with those columns hashed that the step says. Raises ProgramError for one that is not there: it may come by another name."""
    names = _hashed_names(job)
    if not names:
        return source
    assert job.hashing is not None
    by_key = {job.dialect.fold(landing(job, field.name), True): field.name for field in source.fields}
    found = {name: by_key.get(job.dialect.fold(landing(job, name), True)) for name in names}
    for name, there in found.items():
        if there is None:
            raise ProgramError(
                f"the column `{name}` is to be hashed, and is not in this load", "see whether it has another name now"
            )
    return Hashed(source, frozenset(there for there in found.values() if there is not None), job.hashing.digest)


def _hashed_names(job: Job) -> tuple[str, ...]:
    """The columns that the step hashes, by their names in the table."""
    return tuple((job.node.ingest.step.get("hash") or {}).values()) if job.node.ingest is not None else ()
