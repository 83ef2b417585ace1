"""An emulator of Snowflake's server on loopback: fakesnow, with a log of what it is sent. Run by its own environment's Python.

    python fakesnow_server.py LOG

It prints its port, and ends when its input does: when whoever started it has ended, however that came. LOG gets a line of JSON for each
request: the statements, and what asks to abort one, which the emulator answers with success and does not do.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import threading
from pathlib import Path
from typing import Any

import uvicorn
from fakesnow.server import app as emulator

LOG = Path(sys.argv[1])


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The emulator's application, its requests written down before it sees them."""
    if scope["type"] != "http" or not scope["path"].startswith("/queries"):
        return await emulator(scope, receive, send)
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    zipped = dict(scope["headers"]).get(b"content-encoding") == b"gzip"
    asked = json.loads(gzip.decompress(body) if zipped else body) if body else {}
    with LOG.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"path": scope["path"], "sql": asked.get("sqlText"), "request": asked.get("requestId")}) + "\n")
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return await emulator(scope, again, send)


async def serve() -> None:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))

    def watch() -> None:
        sys.stdin.read()
        server.should_exit = server.force_exit = True

    threading.Thread(target=watch, daemon=True).start()
    running = asyncio.create_task(server.serve())
    while not server.started and not running.done():
        await asyncio.sleep(0.05)
    if server.started:
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await running


asyncio.run(serve())
