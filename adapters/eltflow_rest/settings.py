"""What the settings of a connection may be. Pure: no client."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: Each way to sign in: what it needs, and what it may have.
AUTH: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "bearer": (("token",), ("token",)),
    "basic": (("username", "password"), ("username", "password")),
    "api_key": (("key",), ("key", "header", "param")),
    "oauth2": (
        ("token_url", "client_id", "client_secret"),
        ("token_url", "client_id", "client_secret", "scope", "audience", "refresh_token", "send"),
    ),
}
#: The places of a path that values fill.
PLACE = re.compile(r"\{(\w+)\}")
_PACE = re.compile(r"(\d+) ?/ ?(second|minute|hour)")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}


def pace(limit: object) -> float | None:
    """Seconds between two requests under a limit; None for what is none."""
    found = _PACE.fullmatch(str(limit))
    if found is None or int(found.group(1)) == 0:
        return None
    return _SECONDS[found.group(2)] / int(found.group(1))
