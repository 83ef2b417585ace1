"""Engines by SQLAlchemy 2: an adapter each, over one session (`session.py`). What differs is a dialect, which is text, and a driver."""

from __future__ import annotations

from eltflow_sqlalchemy.mysql import MARIADB, MYSQL
from eltflow_sqlalchemy.sqlite import ADAPTER as SQLITE
from eltflow_sqlalchemy.starrocks import ADAPTER as STARROCKS

__all__ = ["MARIADB", "MYSQL", "SQLITE", "STARROCKS"]
