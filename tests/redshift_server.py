"""What stands for Redshift in tests: the PostgreSQL of the run, behind a proxy that the real redshift_connector can sign in through.

It is no Redshift. The connector sends parameters when it signs in that PostgreSQL refuses: they are left out; the server's version is
told as the one that Redshift tells; a backslash means something in literals, as there. In the database stand a view, a function and a
type that are named as Redshift's own: svv_relation_privileges, json_parse and super (a jsonb). So what is shown is that the connector,
our statements as far as both engines take them, their transactions, and what we make of answers and errors fit together.

It cannot show what only Redshift has, or does otherwise: distribution and sort keys, late-binding views, its materialized views,
VARBYTE, COPY from S3, names that are folded between quotes, types as its CTAS gives them, what its catalog says, its locks and its
serializable isolation, IAM, Serverless, nor how fast anything is.
"""

from __future__ import annotations

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from postgres_server import PASSWORD, Server

from eltflow.testing.proxy import Proxy

_KEPT = (b"user", b"database", b"application_name")
#: As Redshift has it: it took over the literals of PostgreSQL 8.0.
_OPTIONS = b"-c standard_conforming_strings=off -c escape_string_warning=off -c backslash_quote=on"
_VERSION = b"server_version\x008.0.2\x00"
_TLS, _CANCEL = 80877103, 80877102
_LIKE_REDSHIFT = """
create domain super as jsonb;
create role guest_{worker} login password {password};
create function json_parse(text) returns jsonb immutable language sql as 'select $1::jsonb';
create view svv_relation_privileges as
select n.nspname::text as namespace_name, c.relname::text as relation_name, p.privilege_type,
  case p.grantee when 0 then 'public' else pg_get_userbyid(p.grantee)::text end as identity_name,
  case p.grantee when 0 then 'public' else 'user' end as identity_type, p.is_grantable as admin_option
from pg_class c join pg_namespace n on n.oid = c.relnamespace, aclexplode(c.relacl) p;
"""


def _read(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = source.recv(size - len(data))
        if not part:
            raise OSError("gone")
        data += part
    return data


class Front(Proxy):
    """A proxy that changes what client and server say first."""

    def _pass(self, source: socket.socket, sink: socket.socket, answers: bool) -> None:
        try:
            if answers:
                self._greeting(source, sink)
            else:
                self._startup(source, sink)
        except OSError:
            pass
        super()._pass(source, sink, answers)

    def _startup(self, client: socket.socket, server: socket.socket) -> None:
        """The first message of the client, with the parameters alone that PostgreSQL knows."""
        (length,) = struct.unpack("!I", _read(client, 4))
        body = _read(client, length - 4)
        (code,) = struct.unpack("!I", body[:4])
        if code == _TLS:
            client.sendall(b"N")
            return self._startup(client, server)
        if code != _CANCEL:
            words = body[4:].rstrip(b"\x00").split(b"\x00")
            kept = [pair for pair in zip(words[::2], words[1::2], strict=False) if pair[0] in _KEPT]
            pairs = b"".join(name + b"\x00" + value + b"\x00" for name, value in [*kept, (b"options", _OPTIONS)])
            body = body[:4] + pairs + b"\x00"
        server.sendall(struct.pack("!I", len(body) + 4) + body)

    def _greeting(self, server: socket.socket, client: socket.socket) -> None:
        """The messages of the server, up to where it waits for the first statement."""
        kind = b""
        while kind != b"Z":
            kind, size = _read(server, 1), _read(server, 4)
            body = _read(server, struct.unpack("!I", size)[0] - 4)
            if kind == b"S" and body.startswith(b"server_version\x00"):
                body = _VERSION
            client.sendall(kind + struct.pack("!I", len(body) + 4) + body)


@dataclass(frozen=True)
class Stand:
    """Where the proxy listens, and the PostgreSQL behind it."""

    port: int
    server: Server

    @property
    def guest(self) -> str:
        """A role that is asked for its password."""
        return f"guest_{self.server.dbname}"

    def target(self, **more: Any) -> dict[str, Any]:
        """A target as in `eltflow.yml`."""
        return {
            "type": "redshift",
            "host": "127.0.0.1",
            "port": self.port,
            "user": self.server.user,
            "password": PASSWORD,
            "dbname": self.server.dbname,
            "sslmode": "disable",
            "schema": "s",
            "threads": 2,
            **more,
        }


@pytest.fixture(scope="session")
def redshift(postgres: Server) -> Iterator[Stand]:
    """The proxy, in front of this worker's own database."""
    guest = f"guest_{postgres.dbname}"  # the connector knows no SCRAM as PostgreSQL has it
    with postgres.connect() as connection:
        made = _LIKE_REDSHIFT.format(worker=postgres.dbname, password="'" + PASSWORD.replace("'", "''") + "'")
        for statement in filter(str.strip, made.split(";\n")):
            connection.execute(statement)
        ((rules,),) = connection.execute("show hba_file").fetchall()
        path = Path(rules)
        path.write_text(f"local all {guest} password\n" + path.read_text())
        connection.execute("select pg_reload_conf()")
    # In a process of its own, which ends with this one: what tests do to sockets and descriptors of theirs is nothing to it.
    command = [sys.executable, __file__, postgres.socket]
    front = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert front.stdin is not None
    assert front.stdout is not None
    try:
        yield Stand(int(front.stdout.readline()), postgres)
    finally:
        front.stdin.close()
        front.wait(30)
        with postgres.connect() as connection:
            connection.execute("drop view svv_relation_privileges")
            connection.execute("drop function json_parse")
            connection.execute("drop domain super cascade")
            connection.execute(f"drop role {guest}")


if __name__ == "__main__":
    print(Front(sys.argv[1]).port, flush=True)
    sys.stdin.read()
