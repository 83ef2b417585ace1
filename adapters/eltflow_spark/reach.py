"""Whether anybody listens: asked before a client is, which would ask again and again."""

from __future__ import annotations

import socket

from eltflow.warehouse import WarehouseError


def reached(host: str, port: int, seconds: float) -> None:
    """Raise WarehouseError (kind "connection") if there is no connection to be had within so many seconds."""
    help = "correct `host:` and `port:` of the target; is the server up?"
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except TimeoutError:
        raise WarehouseError(f"{host}:{port}: no answer within {seconds:g} s", kind="connection", help=help) from None
    except OSError as error:
        raise WarehouseError(f"{host}:{port}: {error.strerror or error}", kind="connection", help=help) from None
