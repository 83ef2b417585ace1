"""The contract, on SQLite."""

import datetime as dt
import math

import pytest
from eltflow_sqlalchemy import SQLITE

from eltflow.testing.bench import Subject
from eltflow.testing.contract import *  # noqa: F403


@pytest.fixture
def subject(tmp_path):
    return Subject(
        adapter=SQLITE,
        target={"type": "sqlite", "path": str(tmp_path / "w.sqlite"), "schema": "s"},
        root=tmp_path,
        reading=("pragma busy_timeout = 50",),
        drop_schema="select '{schema}'",  # every case has files of its own
        told=told,
    )


def told(value):
    """SQLite has numbers, texts and bytes: what is none comes back as ISO 8601, or as 1 and 0."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and math.isnan(value):
        raise ValueError("SQLite has no NaN")
    return value
