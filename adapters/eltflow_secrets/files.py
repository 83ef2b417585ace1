"""Secrets in a folder of files, one each, as Docker and Kubernetes mount them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.transfer import NoSecret

_PATH = "/run/secrets"
_MOST = 1_048_576  #: bytes of a secret: Kubernetes has none that is larger


class Files:
    """Secrets of type `files`: each is what a file of its name holds, without the line's end after it."""

    keys: Mapping[str, str] = {"path": f"the folder, from the project root (default: {_PATH})"}

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return []

    def open(self, values: Mapping[str, Any], root: Path, env: Mapping[str, str]) -> Callable[[str], str | None]:
        written = str(values.get("path") or _PATH)
        folder = root / written
        if not folder.is_dir():
            raise NoSecret(
                f"there is no folder `{written}` of secrets", help="mount it, or correct `path:` under `secrets:` in eltflow.yml"
            )
        return lambda name: _read(folder, name, written)


def _read(folder: Path, name: str, written: str) -> str | None:
    if name.startswith(".") or "/" in name or "\\" in name or "\0" in name:
        raise NoSecret(f"`{name}` is no name of a file in `{written}`", help="name a file of that folder itself")
    path = folder / name
    try:
        if not path.exists():
            return None
        if not path.is_file():
            raise NoSecret(f"`{name}` in `{written}` is no file", help="name a file of that folder")
        with path.open("rb") as file:
            data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise NoSecret(f"`{name}` in `{written}` has more than {_MOST:,} bytes", help="name the file of a secret")
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise NoSecret(f"`{name}` in `{written}` is not UTF-8", help="keep it as text, in base64 if need be") from None
    except OSError as error:
        raise NoSecret(f"`{name}` in `{written}` cannot be read: {error.strerror}", help="see who may read it") from None
    return text.removesuffix("\n").removesuffix("\r")


FILES = Files()
