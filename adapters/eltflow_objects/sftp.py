"""Files on hosts that speak SFTP. A host shows its key, and one that is not known, or another than the known one, is not spoken to."""

from __future__ import annotations

import base64
import fnmatch
import getpass
import hashlib
import logging
import posixpath
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import paramiko

from eltflow.transfer import Remote, version_of
from eltflow.warehouse import WarehouseError
from eltflow_objects.patterns import WILD, pattern

_BLOCK = 1 << 20  #: bytes
_AHEAD = 64  #: blocks of 32 KB that are asked for before the first one is there
logging.getLogger("paramiko").addHandler(logging.NullHandler())  # what is wrong is told by errors


class _Unknown(Exception):
    """A host whose key is nowhere written down."""

    def __init__(self, key: paramiko.PKey) -> None:
        super().__init__()
        self.key = key


class _Refuse(paramiko.MissingHostKeyPolicy):
    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        raise _Unknown(key)


class Hosts:
    """What one connection may read. A path is from the root of the host, or from the user's home: sftp://host/~/in/*.csv."""

    def __init__(self, values: Mapping[str, Any], root: Path) -> None:
        self._values, self._root = values, root
        self._timeout = float(values.get("timeout", 30))
        self._opened: dict[str, tuple[paramiko.SSHClient, paramiko.SFTPClient]] = {}

    def listed(self, path: str) -> Sequence[Remote]:
        if not WILD.search(_parts(path)[1]):
            found = self.look(path)
            return [] if found is None else [found]
        place, there = _parts(path)
        with self._told(path):
            client = self._client(place)
            fixed = posixpath.dirname(WILD.split(there)[0])
            rest = there[len(fixed) :].lstrip("/").split("/")
            matches = re.compile(pattern(there)).fullmatch
            try:
                names = [name for name in self._walk(client, fixed, rest) if matches(name)]
            except FileNotFoundError:
                return []
            made = [self._remote(place, name, client.stat(name)) for name in names]
        return sorted((one for one in made if one is not None), key=lambda one: one.name)

    def look(self, name: str) -> Remote | None:
        place, there = _parts(name)
        with self._told(name):
            client = self._client(place)
            try:
                return self._remote(place, there, client.stat(there))
            except FileNotFoundError:
                return None

    def fetch(self, file: Remote, path: str, stop: Callable[[], bool]) -> None:
        place, there = _parts(file.name)
        size = 0
        with self._told(file.name):
            source = self._client(place).open(there, "rb")
        with source, open(path, "wb") as output:
            with self._told(file.name):
                source.prefetch(file.size, max_concurrent_requests=_AHEAD)
            while True:
                with self._told(file.name):
                    block = source.read(_BLOCK)
                if stop():
                    raise WarehouseError("cancelled", kind="cancelled")
                if not block:
                    break
                size += len(block)
                output.write(block)
        if size != file.size:
            raise WarehouseError(f"{file.name} broke off: {size:,} bytes of {file.size:,}", kind="connection")

    def close(self) -> None:
        for client, _ in self._opened.values():
            client.close()
        self._opened.clear()

    def _walk(self, client: paramiko.SFTPClient, folder: str, parts: Sequence[str]) -> Iterator[str]:
        """The files below a folder that the `parts` of the rest of a pattern may mean. Below `**`, links to folders are not followed: they may
        lead round in a circle."""
        deep = "**" in parts[0]
        for one in client.listdir_attr(folder or "."):
            if "/" in one.filename or one.filename in (".", ".."):
                raise WarehouseError(f"the host names a file {one.filename!r}, which leads elsewhere", kind="connection")
            name = posixpath.join(folder, one.filename)
            mode, link = one.st_mode or 0, stat.S_ISLNK(one.st_mode or 0)
            if link:
                try:
                    mode = client.stat(name).st_mode or 0
                except OSError:
                    continue  # it leads nowhere
            if stat.S_ISREG(mode):
                yield name
            elif stat.S_ISDIR(mode) and deep and not link:
                yield from self._walk(client, name, parts)
            elif stat.S_ISDIR(mode) and not deep and len(parts) > 1 and fnmatch.fnmatchcase(one.filename, parts[0]):
                yield from self._walk(client, name, parts[1:])

    def _remote(self, place: str, name: str, found: paramiko.SFTPAttributes) -> Remote | None:
        if not stat.S_ISREG(found.st_mode or stat.S_IFREG):
            return None
        version = version_of(f"{found.st_mtime} {found.st_size}")
        shown = name if name.startswith("/") else f"/~/{name}"
        return Remote(name=f"sftp://{place}{shown}", size=found.st_size or 0, version=version)

    def _client(self, place: str) -> paramiko.SFTPClient:
        if place not in self._opened:
            client = self._connected(place)
            files = client.open_sftp()
            channel = files.get_channel()
            if channel is not None:
                channel.settimeout(self._timeout)
            self._opened[place] = client, files
        return self._opened[place][1]

    def _connected(self, place: str) -> paramiko.SSHClient:
        parts = urlsplit(f"sftp://{place}")
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(_Refuse())
        known = self._values.get("known_hosts")
        try:
            client.load_system_host_keys(None if known is None else self._path(known))
        except OSError as error:
            message = f"the keys of hosts cannot be read from {known}: {error.strerror}"
            raise WarehouseError(message, kind="connection", help="correct `known_hosts:` of the connection") from None
        key, password = self._values.get("private_key_file"), self._values.get("password")
        own = key is None and password is None
        client.connect(
            parts.hostname or "",
            parts.port or 22,
            username=str(self._values.get("user") or getpass.getuser()),
            password=None if password is None else str(password),
            key_filename=None if key is None else self._path(key),
            passphrase=self._values.get("passphrase"),
            allow_agent=own,
            look_for_keys=own,
            timeout=self._timeout,
            banner_timeout=self._timeout,
            auth_timeout=self._timeout,
        )
        return client

    def _path(self, told: Any) -> str:
        return str(self._root / Path(str(told)).expanduser())

    @contextmanager
    def _told(self, path: str) -> Iterator[None]:
        """Around what asks a host: its errors are ours."""
        host = urlsplit(path).hostname
        try:
            yield
        except _Unknown as error:
            message = f"the host {host} is not known: its key is {_shown(error.key)}"
            help = "if that is its fingerprint, as whoever runs it says, add its key to known_hosts: ssh-keyscan shows it"
            raise WarehouseError(message, kind="connection", help=help) from None
        except paramiko.BadHostKeyException as error:
            message = f"the host {host} shows the key {_shown(error.key)}, and the known one is {_shown(error.expected_key)}"
            help = "it may be another host that answers: ask whoever runs it, before the key in known_hosts is replaced"
            raise WarehouseError(message, kind="permission", help=help) from None
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            help = "correct `user:` and `password:` or `private_key_file:` of the connection"
            raise WarehouseError(f"{path}: {host} does not let the connection in: {error}", kind="permission", help=help) from None
        except PermissionError as error:
            help = "correct the user of the connection, or the rights of the file"
            raise WarehouseError(f"{path} may not be read: {error.strerror or error}", kind="permission", help=help) from None
        except FileNotFoundError as error:
            what = f"{path} is not there" if error.filename is None else f"there is no {error.filename}"
            raise WarehouseError(what, kind="connection", help="correct `path:`, or the files of the connection") from None
        except TimeoutError:
            message = f"{path} cannot be read: {host} did not answer within {self._timeout:g} seconds"
            raise WarehouseError(message, kind="connection", help="see whether the host can be reached") from None
        except (OSError, EOFError, ValueError, paramiko.SSHException) as error:
            message = f"{path} cannot be read: {str(error) or type(error).__name__}"
            raise WarehouseError(message, kind="connection", help="see whether the host can be reached, and speaks SFTP") from None


def _parts(path: str) -> tuple[str, str]:
    """The host, with its port if that is told, and the path there."""
    place, _, rest = path.partition("://")[2].partition("/")
    return place, rest[2:] if rest.startswith("~/") else f"/{rest}"


def _shown(key: paramiko.PKey) -> str:
    """A key as people compare it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return f"{key.get_name()} SHA256:{digest}"
