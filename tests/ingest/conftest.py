"""The forked command line, a project of one step, and places where files are, as fixtures."""

from forked_fixtures import eltflow, forked
from one_step import world
from sftp_host import host
from stores import azure, google

__all__ = ["azure", "eltflow", "forked", "google", "host", "world"]
