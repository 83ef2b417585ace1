"""Materializations: how each kind of node becomes a relation. Pure generators; see `eltflow.compile.program`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eltflow.compile.materialize.external import external
from eltflow.compile.materialize.fetched import load_fetched
from eltflow.compile.materialize.files import seed
from eltflow.compile.materialize.incremental import incremental
from eltflow.compile.materialize.ingest import load_files
from eltflow.compile.materialize.relation import dynamic_table, materialized_view, table, view
from eltflow.compile.materialize.tables import load_tables
from eltflow.compile.materialize.test import data_test
from eltflow.compile.materialize.unnested import unnest
from eltflow.compile.program import Job, Program

#: By the `kind:` of a step's source.
_LOADS: Mapping[str, Callable[[Job], Program]] = {
    "files": load_files,
    "sql": load_tables,
    "rest": load_fetched,
    "graphql": load_fetched,
    "python": load_fetched,
    "unnest": unnest,
}


def ingest(job: Job) -> Program:
    """A step's source into its table."""
    assert job.node.ingest is not None
    return _LOADS[str(job.node.ingest.source["kind"])](job)


MATERIALIZATIONS: Mapping[str, Callable[[Job], Program]] = {
    "view": view,
    "table": table,
    "materialized_view": materialized_view,
    "dynamic_table": dynamic_table,
    "external": external,
    "incremental": incremental,
    "seed": seed,
    "ingest": ingest,
    "test": data_test,
}

__all__ = ["MATERIALIZATIONS"]
