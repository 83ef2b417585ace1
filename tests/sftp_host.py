"""A host that speaks SFTP on loopback: asyncssh, which shares no code with the client that eltflow uses."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

PASSWORD = "s3same & 0pen"
USER = "courier"


class _Door(asyncssh.SSHServer):
    """Lets one user in, by a password or by keys that are written down."""

    def __init__(self, keys: list[str]) -> None:
        self._keys = keys

    def connection_made(self, conn: Any) -> None:
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        if self._keys:
            self._conn.set_authorized_keys(asyncssh.import_authorized_keys("\n".join(self._keys)))
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)

    def public_key_auth_supported(self) -> bool:
        return True


class Host:
    """Serves the folder `files` below `root`; `known` is a file with its key, as clients have it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files = root / "files"
        (self.files / "home").mkdir(parents=True)
        self.known = root / "known_hosts"
        self.keys: list[str] = []
        self._key = asyncssh.generate_private_key("ssh-ed25519")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server = self._wait(self._listen())
        self.port = self._server.get_port()
        self.trust(self._key)

    def trust(self, key: Any) -> None:
        """Write this key down as the host's."""
        self.known.write_text(f"[127.0.0.1]:{self.port} {key.export_public_key().decode()}")

    def client_key(self, name: str, passphrase: str | None = None) -> Path:
        """A private key that lets the user in."""
        key = asyncssh.generate_private_key("ssh-ed25519")
        self.keys.append(key.export_public_key().decode())
        path = self.root / name
        path.write_bytes(key.export_private_key(passphrase=passphrase, rounds=1))
        path.chmod(0o600)
        return path

    @property
    def connection(self) -> dict[str, Any]:
        """A connection as in `eltflow.yml`."""
        return {"type": "sftp", "user": USER, "password": "{{ env_var('SFTP_PASSWORD') }}", "known_hosts": str(self.known)}

    def put(self, name: str, data: bytes) -> None:
        path = self.files / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def close(self) -> None:
        self._server.close()
        self._wait(self._server.wait_closed())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _listen(self) -> Any:
        def served(channel: Any) -> asyncssh.SFTPServer:
            return asyncssh.SFTPServer(channel, chroot=str(self.files))

        door: Any = lambda: _Door(self.keys)  # noqa: E731
        return await asyncssh.listen("127.0.0.1", 0, server_factory=door, server_host_keys=[self._key], sftp_factory=served)

    def _wait(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    made = Host(tmp_path / "host")
    yield made
    made.close()
