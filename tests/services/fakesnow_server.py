"""An emulator of Snowflake's server on loopback: fakesnow, with a log of what it is sent, and with DDL that commits. Run by its own
environment's Python.

    python fakesnow_server.py LOG

It prints its port, and serves until it is stopped. LOG gets a line of JSON for each request: the statements, and what asks to abort one,
which the emulator answers with success and does not do.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import sys
from pathlib import Path
from typing import Any

import uvicorn
from fakesnow.server import app as emulator
from fakesnow.server import sessions

LOG = Path(sys.argv[1])
#: Statements that commit what is open, as on Snowflake ("Transactions": DDL). The emulator by itself takes them back with a rollback.
_COMMITS = re.compile(r"\s*(create|alter|drop|undrop|truncate|comment|grant|revoke)\b", re.IGNORECASE)
#: The tokens of sessions with an open transaction.
_OPEN: set[str] = set()


def commit_before(token: str, sql: str) -> None:
    """Commit what is open in the session if the statement does that."""
    word = (sql.split() or [""])[0].strip(";").lower()
    if word == "begin":
        _OPEN.add(token)
    elif word in ("commit", "rollback"):
        _OPEN.discard(token)
    elif token in _OPEN and _COMMITS.match(sql):
        _OPEN.discard(token)
        sessions[token].cursor().execute("commit")


async def app(scope: Any, receive: Any, send: Any) -> None:
    """The emulator's application, its requests written down before it sees them."""
    if scope["type"] == "http" and scope["path"] == "/session/v1/login-request":
        return await sign_in(scope, receive, send)
    if scope["type"] != "http" or not scope["path"].startswith("/queries"):
        return await emulator(scope, receive, send)
    asked, again = await read(scope, receive)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"path": scope["path"], "sql": asked.get("sqlText"), "request": asked.get("requestId")}) + "\n")
    token = dict(scope["headers"]).get(b"authorization", b"").decode()[17:-1]
    if scope["path"] == "/queries/v1/query-request" and token in sessions:
        await asyncio.to_thread(commit_before, token, asked["sqlText"])
    return await emulator(scope, again, send)


async def read(scope: Any, receive: Any) -> tuple[Any, Any]:
    """The request's JSON, and how the emulator receives it again."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    zipped = dict(scope["headers"]).get(b"content-encoding") == b"gzip"
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Any:
        return waiting.pop() if waiting else await receive()

    return (json.loads(gzip.decompress(body) if zipped else body) if body else {}), again


#: Who is refused: what the request says → the server's number and words. (The emulator lets everybody in.)
REFUSED = {
    ("PASSWORD", "wrong"): ("390100", "Incorrect username or password was specified."),
    ("TOKEN", "expired"): ("390318", "OAuth access token expired."),
}


async def sign_in(scope: Any, receive: Any, send: Any) -> None:
    """The emulator's answer with what connector 5 wants of it beside: a master token, how long both hold, the number of the session."""
    asked, again = await read(scope, receive)
    with LOG.open("a", encoding="utf-8") as log:
        log.write(json.dumps({"path": scope["path"], "sql": None, "authenticator": asked["data"].get("AUTHENTICATOR")}) + "\n")
    for (key, value), (number, words) in REFUSED.items():
        if asked["data"].get(key) == value:
            refusal = {"data": {"authnMethod": "USERNAME_PASSWORD"}, "code": number, "message": words, "success": False}
            return await answered(send, {"status": 200, "headers": []}, refusal)
    start: dict[str, Any] = {}
    body = b""

    async def keep(message: Any) -> None:
        nonlocal body
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body += message.get("body", b"")

    await emulator(scope, again, keep)
    answer = json.loads(body)
    if answer.get("success"):
        told = answer["data"]
        told |= {"masterToken": "m" + told["token"], "validityInSeconds": 3600, "masterValidityInSeconds": 14400}
        told |= {"sessionId": len(sessions), "displayUserName": "TESTER", "firstLogin": False, "healthCheckInterval": 45}
        told["sessionInfo"] |= {"warehouseName": None, "roleName": "SYSADMIN"}
    await answered(send, start, answer)


async def answered(send: Any, start: dict[str, Any], answer: Any) -> None:
    """Send JSON, with the head of an answer whose length is another."""
    body = json.dumps(answer).encode()
    kept = [(k, v) for k, v in start["headers"] if k not in (b"content-length", b"content-type")]
    headers = [*kept, (b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({**start, "type": "http.response.start", "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve() -> None:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    while not server.started and not running.done():
        await asyncio.sleep(0.05)
    if server.started:
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
    await running


asyncio.run(serve())
