"""What a case needs that an engine may not claim to have."""

from __future__ import annotations

import pytest

from eltflow.testing.bench import Bench


def need_strategy(warehouse: Bench, strategy: str | None) -> None:
    """Skip the case on an engine without the incremental strategy."""
    if strategy is not None and strategy not in warehouse.can.incremental_strategies:
        pytest.skip(f"no incremental strategy {strategy}")
