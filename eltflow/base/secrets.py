"""What of a secret setting would give it away, were it shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

_LONG = 8  #: characters of a line that may be a part of a secret; shorter ones are in every text
#: Keys within a secret field whose values tell nobody anything, and stand in many a message.
_TOLD = frozenset(
    (
        *(
            "type",
            "name",
            "provider",
            "scope",
            "region",
            "endpoint",
            "url_style",
            "host",
            "hostaddr",
            "port",
            "database",
            "dbname",
            "user",
        ),
        *("username", "header", "param", "send", "token_url", "audience", "accept"),
        *("project_id", "client_email", "client_id", "auth_uri", "token_uri", "universe_domain"),
        *("auth_provider_x509_cert_url", "client_x509_cert_url"),
    )
)

_PASSWORD = re.compile(
    r"\b(?:password|passwd|pwd)\s*=\s*(?P<named>'[^']+'|[^\s;&,'\"]+)|://[^/@\s:]*:(?P<before>[^/@\s]+)@", re.IGNORECASE
)


def secrets_of(value: Any, key: str = "") -> Iterator[str]:
    """The texts within a secret field; of those in several lines, and of what is in JSON, the parts too, for they may be written otherwise
    than they are read."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secrets_of(inner, str(name).lower())
    elif isinstance(value, list):
        for inner in value:
            yield from secrets_of(inner, key)
    elif value and not isinstance(value, bool) and key not in _TOLD:
        text = str(value)
        yield text
        yield from secrets_of(_entries(text))
        lines = (line.strip() for line in text.replace("\\n", "\n").splitlines())
        yield from (line for line in lines if len(line) >= _LONG and line != text)


def passwords_within(value: Any) -> Iterator[str]:
    """The passwords in connection strings and addresses, which may stand in any setting."""
    if isinstance(value, Mapping | list):
        for inner in value.values() if isinstance(value, Mapping) else value:
            yield from passwords_within(inner)
    elif isinstance(value, str):
        yield from (found["named"] or found["before"] for found in _PASSWORD.finditer(value))


def _entries(text: str) -> Any:
    """The contents of a key file; None of any other text."""
    if text.lstrip().startswith("{"):
        import json

        with suppress(ValueError):
            return json.loads(text)
    return None
