"""The names that every template of an opened project may use."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eltflow.project.options import Options
from eltflow.project.surface import base_names, target_names

if TYPE_CHECKING:
    from eltflow.native.target import Opened


def names_of(opened: Opened, options: Options, *, say: Callable[[str, bool], None], warn: Callable[[str], None]) -> dict[str, Any]:
    """The names that every template of an opened project may use."""
    made = base_names(
        vars=opened.project.vars,
        environ=opened.environ,
        flags={"FULL_REFRESH": False, "STORE_FAILURES": False, "WHICH": "", **options.flags},
        invocation_id=options.invocation_id,
        started_at=options.started_at,
        interval=options.interval,
        say=say,
        warn=warn,
    )
    made["target"] = target_names(opened.project.target, opened.adapter.secret_fields, opened.project.settings.name)
    return made
