"""The warehouse of `materialize_kit` as fixtures."""

from materialize_kit import job, model, warehouse

__all__ = ["job", "model", "warehouse"]
