"""The forked command line as fixtures, and a project of one step."""

from forked_fixtures import eltflow, forked
from one_step import world

__all__ = ["eltflow", "forked", "world"]
