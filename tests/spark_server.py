"""A Spark for a run of the tests, each worker's own: a real one, in one JVM that speaks Spark Connect and Thrift.

Its tables are of parquet, in a catalog that ends with it: neither Delta nor Iceberg has a package on PyPI with what Spark needs.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from emulators import serving_at
from watchdog import room

HOW = "Spark needs Java, and there is none: `apt-get install default-jre-headless` (Debian, Ubuntu), as `.ci/run` does"


@dataclass(frozen=True)
class Spark:
    """Where it listens."""

    connect: int
    thrift: int

    def target(self, method: str = "connect", **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        port = self.thrift if method == "thrift" else self.connect
        return {"type": "spark", "method": method, "host": "127.0.0.1", "port": port, "schema": "s", "threads": 2, **more}


def need_java() -> None:
    """Fail the test, with how to get it, where there is none."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        pytest.fail(HOW, pytrace=False)


@pytest.fixture(scope="session")
def spark() -> Iterator[Spark]:
    """The worker's server: schemas have no database around them, so that each worker needs one of its own."""
    need_java()
    main = sys.modules["__main__"]
    if not hasattr(main, "__file__"):  # a worker of pytest-xdist, which the client takes for a doctest
        main.__file__ = __file__
    folder = room("spark")
    with serving_at("spark", "spark_jvm.py", str(folder), folder=folder, env={}, ports=2) as (connect, thrift):
        yield Spark(connect, thrift)
