"""BigQuery as a source of steps."""

from __future__ import annotations

from eltflow.warehouse.queried import QueriedTableReader
from eltflow_bigquery import ADAPTER

TABLES = QueriedTableReader(ADAPTER)
