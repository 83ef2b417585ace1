"""Spark as a source of steps."""

from __future__ import annotations

from eltflow.warehouse.queried import QueriedTableReader
from eltflow_spark import ADAPTER

TABLES = QueriedTableReader(ADAPTER)
