"""The command line, without what starting it costs."""

from forked_fixtures import eltflow, forked

__all__ = ["eltflow", "forked"]
