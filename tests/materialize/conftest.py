"""The warehouse of `materialize_kit` and the forked command line as fixtures."""

from forked_fixtures import eltflow, forked
from materialize_kit import job, model, warehouse

__all__ = ["eltflow", "forked", "job", "model", "warehouse"]
