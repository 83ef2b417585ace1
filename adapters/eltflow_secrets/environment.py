"""Secrets in the environment, and in the project's `.env`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


class Environment:
    """Secrets of type `environment`: what `env_var()` reads too."""

    keys: Mapping[str, str] = {"prefix": "what the variables' names begin with, before the secrets' own names"}

    def problems(self, values: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
        return []

    def open(self, values: Mapping[str, Any], root: Path, env: Mapping[str, str]) -> Callable[[str], str | None]:
        prefix = str(values.get("prefix") or "")
        return lambda name: env.get(prefix + name)


ENVIRONMENT = Environment()
