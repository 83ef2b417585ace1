"""The forked command line as fixtures."""

from forked_fixtures import eltflow, forked

__all__ = ["eltflow", "forked"]
