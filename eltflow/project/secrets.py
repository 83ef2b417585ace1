"""`secret('name')` of a project: asks the back end that `secrets:` in `eltflow.yml` names, when a value is first needed."""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any, NoReturn

from eltflow.base.diagnostics import EltflowError
from eltflow.base.secrets import secrets_of
from eltflow.jinja.values import RenderError, shown_as
from eltflow.transfer import NoSecret

#: What gives a secret by its name, or None.
Ask = Callable[[str], str | None]
#: Seconds for which what was read is taken for true: a service that runs for months sees a secret that is another by then.
KEPT = 300.0
#: What was read of a back end, and when; it belongs to the caller's options, so that whoever shares these asks once.
Read = MutableMapping[tuple[str, str], tuple[float, str]]


class WrongSecrets(EltflowError):
    """What is wrong with `secrets:` of the settings, at its own place; it is found when the first secret is asked for."""


@shown_as("secret")
class Secret:
    """`secret('name')`, and `secret('name', 'key')` of one that is JSON. `given` are the values that it gave, and what of them would show them:
    no text that anybody reads may hold these."""

    def __init__(self, open: Callable[[], tuple[str, Ask]], read: Read, clock: Callable[[], float] = time.monotonic) -> None:
        """`open` gives what the back end is called, settings and all, and what asks it."""
        self._open = open
        self._read = read
        self._clock = clock
        self._opened: tuple[str, Ask] | None = None
        self.given: list[str] = []

    def again(self) -> Secret:
        """The same, which has given nothing yet."""
        made = Secret(self._open, self._read, self._clock)
        made._opened = self._opened
        return made

    def __call__(self, name: str, key: str | None = None) -> str:
        if not isinstance(name, str) or not name:
            raise RenderError("E0303", "secret() takes the name of a secret", help="write secret('name')", needle="secret")
        value = self._value(name)
        told = [*secrets_of(value)]
        if key is not None:
            value = _entry(name, value, key)
        self.given = [*dict.fromkeys((*self.given, *told, *secrets_of(value)))]
        return value

    def _value(self, name: str) -> str:
        try:
            if self._opened is None:
                self._opened = self._open()
            label, ask = self._opened
            known = self._read.get((label, name))
            if known is not None and self._clock() - known[0] < KEPT:
                return known[1]
            value = ask(name)
        except NoSecret as error:
            raise RenderError("E0312", str(error), help=error.help, needle=name) from None
        if value is None:
            help = "put it there, or correct its name"
            raise RenderError("E0311", f"there is no secret `{name}` ({label.split()[0]})", help=help, needle=name)
        self._read[label, name] = (self._clock(), value)
        return value


def _entry(name: str, value: str, key: str) -> str:
    """The value of a key within a secret that is JSON."""
    import json

    try:
        entries: Any = json.loads(value)
    except ValueError:
        entries = None
    if not isinstance(entries, dict):
        message, help = f"the secret `{name}` is no JSON object, and has no key `{key}`", f"write secret('{name}') for all of it"
        raise RenderError("E0311", message, help=help, needle=name)
    if not isinstance(entries.get(key), (str, int, float)):
        # Its other keys may be as secret as what they stand for.
        raise RenderError("E0311", f"the secret `{name}` has no key `{key}`", help="correct the key", needle=key)
    return str(entries[key])


def refused(name: Any = None, key: Any = None) -> NoReturn:
    """`secret()` where its value would be written down."""
    help = (
        "use it in `targets:` (but for names, like `schema`), `connections:`, `hash_secret`, `openlineage:` and tasks; or env_var()"
    )
    raise RenderError("E0313", "a secret cannot be used here, where it would be written down", help=help, needle="secret")
