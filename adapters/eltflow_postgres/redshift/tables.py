"""Redshift as a source of steps."""

from __future__ import annotations

from eltflow.warehouse.queried import QueriedTableReader
from eltflow_postgres.redshift import ADAPTER

TABLES = QueriedTableReader(ADAPTER)
