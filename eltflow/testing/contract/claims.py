"""What a case needs that an engine may not claim to have."""

from __future__ import annotations

import pytest

from eltflow.testing.bench import Bench


def need_transactions(warehouse: Bench) -> None:
    """Skip the case on an engine that cannot take anything back."""
    if not warehouse.can.transactions:
        pytest.skip("no transactions")


def need_keys(warehouse: Bench) -> None:
    """Skip the case on an engine that matches no rows by a key."""
    if not {"merge", "delete+insert"} & {*warehouse.can.incremental_strategies}:
        pytest.skip("no strategy minds a key")


def tables_step_aside(warehouse: Bench) -> bool:
    """Whether a table steps aside for another one, so that for a moment there is none: the engine can neither replace it nor let two
    change places."""
    dialect = warehouse.adapter.dialect
    swaps = dialect.exchange(warehouse.table, warehouse.table.sibling("u")) is not None
    return not (warehouse.can.transactional_ddl or dialect.replaces({}) or swaps)


def need_strategy(warehouse: Bench, strategy: str | None) -> None:
    """Skip the case on an engine without the incremental strategy."""
    if strategy is not None and strategy not in warehouse.can.incremental_strategies:
        pytest.skip(f"no incremental strategy {strategy}")
