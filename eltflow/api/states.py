"""Where a project keeps its state: a file in its folder, or a database that a team shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from eltflow.api.loading import STATE_FOLDER
from eltflow.project.settings import Settings
from eltflow.project.surface import Environ
from eltflow.state.database import Place, SqlitePlace
from eltflow.state.store import Store

_GROUP = "eltflow.stores"
_SCHEMA = "eltflow_state"


def local_store(root: Path, env: Mapping[str, str]) -> Store:
    """The state in the project folder."""
    return Store(SqlitePlace(root / STATE_FOLDER / "state.sqlite", env))


def store_of(root: Path, settings: Settings, environ: Environ, read: Callable[[str], str], env: Mapping[str, str]) -> Store:
    """The state of a project with these settings. Raises EltflowError for a connection that is wrong (see `connection_in`)."""
    if settings.state is None:
        return local_store(root, env)
    from eltflow.api.connections import connection_in

    connection = connection_in(settings, environ, read, settings.state["connection"], _GROUP)
    place: Place = connection.reader.place(connection.values, settings.state.get("schema") or _SCHEMA, root)
    return Store(place)
