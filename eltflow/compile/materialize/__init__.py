"""Materializations: how each kind of node becomes a relation. Pure generators; see `eltflow.compile.program`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from eltflow.compile.materialize.files import seed
from eltflow.compile.materialize.incremental import incremental
from eltflow.compile.materialize.ingest import ingest
from eltflow.compile.materialize.relation import dynamic_table, materialized_view, table, view
from eltflow.compile.materialize.test import data_test
from eltflow.compile.program import Job, Program

MATERIALIZATIONS: Mapping[str, Callable[[Job], Program]] = {
    "view": view,
    "table": table,
    "materialized_view": materialized_view,
    "dynamic_table": dynamic_table,
    "incremental": incremental,
    "seed": seed,
    "ingest": ingest,
    "test": data_test,
}

__all__ = ["MATERIALIZATIONS"]
