"""Secrets in the keyring of the system: the Keychain of macOS, the Secret Service of Linux desktops, the Credential Manager of Windows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow.base.plugins import driver
from eltflow.transfer import NoSecret

_SERVICE = "eltflow"


class Keyring:
    """Secrets of type `keyring`: the passwords of users of one service."""

    keys: Mapping[str, str] = {
        "service": f"the service whose passwords they are (default: {_SERVICE}); a secret's name is the user's"
    }

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return []

    def open(self, values: Mapping[str, Any], root: Path, env: Mapping[str, str]) -> Callable[[str], str | None]:
        with driver("secrets of type keyring", "'eltflow[keyring]'"):
            import keyring
        service = str(values.get("service") or _SERVICE)

        def ask(name: str) -> str | None:
            try:
                found = keyring.get_password(service, name)
            except Exception as error:  # each system's fails in a way of its own
                help = "unlock it; `python -m keyring diagnose` shows which one it is"
                raise NoSecret(f"the keyring does not answer ({type(error).__name__})", help=help) from None
            return None if found is None else str(found)

        return ask


KEYRING = Keyring()
