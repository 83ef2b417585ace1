"""The seam to the warehouse: the values that cross it and the protocols that an adapter implements.

An adapter is a package `eltflow_<name>` with an entry point in the group `eltflow.adapters`; it imports nothing of eltflow but this
package, `eltflow.transfer` and `eltflow.base`. Its `Dialect` is pure (no driver); drivers are imported by `Adapter.open`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eltflow.warehouse.dialect import Dialect
    from eltflow.warehouse.protocols import Adapter, Database, Offline, Session
    from eltflow.warehouse.values import (
        Capabilities,
        CatalogColumn,
        CatalogTable,
        Column,
        Constraint,
        Contract,
        Layout,
        LeaseStatements,
        Purpose,
        Relation,
        Result,
        Statement,
        Target,
        Unnested,
        WarehouseError,
    )

_HOME = {
    "Adapter": "protocols",
    "Capabilities": "values",
    "CatalogColumn": "values",
    "CatalogTable": "values",
    "Column": "values",
    "Constraint": "values",
    "Contract": "values",
    "Database": "protocols",
    "Dialect": "dialect",
    "Layout": "values",
    "LeaseStatements": "values",
    "Offline": "protocols",
    "Purpose": "values",
    "Relation": "values",
    "Result": "values",
    "Session": "protocols",
    "Statement": "values",
    "Target": "values",
    "Unnested": "values",
    "WarehouseError": "values",
}

__all__ = [
    "Adapter",
    "Capabilities",
    "CatalogColumn",
    "CatalogTable",
    "Column",
    "Constraint",
    "Contract",
    "Database",
    "Dialect",
    "Layout",
    "LeaseStatements",
    "Offline",
    "Purpose",
    "Relation",
    "Result",
    "Session",
    "Statement",
    "Target",
    "Unnested",
    "WarehouseError",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(name)
    return getattr(import_module(f"eltflow.warehouse.{home}"), name)
