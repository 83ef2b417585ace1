"""Tasks in a run: programs, and conditions that are waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from decimal import Decimal
from typing import Any

from eltflow.api.explain import warehouse_problem
from eltflow.api.loading import Loaded
from eltflow.base.diagnostics import EltflowError
from eltflow.base.records import replace
from eltflow.base.secrets import secrets_of
from eltflow.compile.node import Compiler
from eltflow.compile.program import ProgramError
from eltflow.engine.run import NotYet
from eltflow.ingest.files import matching
from eltflow.native.settings import YamlRenderer, base_yaml_names
from eltflow.project.findings import Findings
from eltflow.project.nodes import Node
from eltflow.project.tasks import EVERY, PATIENCE
from eltflow.tasks.command import Command, run
from eltflow.warehouse.catalog import Catalog
from eltflow.warehouse.protocols import Session
from eltflow.warehouse.values import Statement, WarehouseError


def done(
    loaded: Loaded,
    compiler: Compiler,
    node: Node,
    session: Session,
    ask: Callable[[], Any],
    began: MutableMapping[str, float],
    stop: Callable[[], bool],
    run_id: str,
) -> tuple[str, Iterable[str]]:
    """What kind of task it was, and what is told of it. Raises ProgramError, EltflowError; NotYet for what is still
    waited for, since it `began`."""
    assert node.task is not None
    if node.task.command:
        return "command", run(_command(loaded, node, run_id), stop)
    started = began.setdefault(node.unique_id, time.monotonic())
    wait = node.task.wait_for
    if _so(loaded, compiler, node, session, ask):
        return "wait", ()
    patience, every = float(wait.get("timeout", PATIENCE)), float(wait.get("every", EVERY))
    waited = time.monotonic() - started
    if waited >= patience:
        what = f"no file matches `{wait['files']}`" if wait.get("files") else "the query of `wait_for` is not true"
        raise ProgramError(
            f"{what} after {waited:,.0f} s", "see what is late, or raise `timeout:` below `wait_for:`", place=("wait_for",)
        )
    raise NotYet(min(every, patience - waited))


def _so(loaded: Loaded, compiler: Compiler, node: Node, session: Session, ask: Callable[[], Any]) -> bool:
    """Whether what a task waits for is so. Raises EltflowError."""
    assert node.task is not None
    wait = node.task.wait_for
    if wait.get("files"):
        return bool(matching(loaded.root, [str(wait["files"])]))
    sql = compiler.hook(replace(node, config={**node.config, "sql": str(wait["sql"])}), ask())
    try:
        rows = session.execute(Statement(sql, role="query")).rows
    except WarehouseError as error:
        if error.retriable or error.kind == "cancelled":
            raise
        raise EltflowError(
            warehouse_problem(loaded, node, None, error, None, Catalog(loaded.adapter.dialect.fold_relation))
        ) from None
    value = rows[0][0] if rows else None
    if value is not None and not isinstance(value, bool | int | float | Decimal):
        message = f"the query of `wait_for` gives `{value}`, which is neither true nor a number"
        raise ProgramError(message, "write a condition: select count(*) > 0 from ...", place=("wait_for", "sql"))
    return value is not None and value > 0


def _command(loaded: Loaded, node: Node, run_id: str) -> Command:
    assert node.task is not None
    info = node.task
    about = {"ELTFLOW_RUN": run_id, "ELTFLOW_TARGET": loaded.target.name, "ELTFLOW_NODE": node.unique_id}
    if loaded.options.interval is not None:
        start, end = loaded.options.interval
        about |= {"ELTFLOW_INTERVAL_START": start.isoformat(), "ELTFLOW_INTERVAL_END": end.isoformat()}
    folder = loaded.root / info.folder
    if not folder.is_dir():
        raise ProgramError(
            f"there is no folder `{info.folder}`", "correct `folder:`: it begins at the project root", place=("folder",)
        )
    findings = Findings(loaded.read)
    render = YamlRenderer(base_yaml_names(loaded.opened.project.settings.vars, loaded.opened.environ), findings)
    file = node.patch or node.path
    env = {name: str(render(value, file, (*node.place, "env", name))) for name, value in info.env.items()}
    arguments = [str(render(text, file, (*node.place, "command", n))) for n, text in enumerate(info.command)]
    findings.stop()
    return Command(
        arguments=arguments,
        folder=folder,
        environ={**loaded.options.env, **about, **env},
        memory=(info.memory_mb or 0) * 1_000_000,
        secrets=(
            *loaded.target.secrets,
            *_secrets(info.env, env),
            *_secrets(dict(enumerate(info.command)), dict(enumerate(arguments))),
        ),
    )


def _secrets(written: Mapping[Any, str], rendered: Mapping[Any, str]) -> Iterator[str]:
    """What may be secret of values: all that is not written down."""
    for key, value in rendered.items():
        if value != written[key]:
            yield from secrets_of(value)
