"""Opens a project and builds its graph."""

from __future__ import annotations

import contextlib
import datetime
import os
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eltflow.events import Message
from eltflow.graph.build import FactStore, Names, build_graph, candidate_words
from eltflow.graph.facts import Extractor
from eltflow.graph.graph import Graph
from eltflow.graph.quick import MacroTexts
from eltflow.native.open import Opened, open_project
from eltflow.native.settings import YamlRenderer, base_yaml_names, read_settings, read_target
from eltflow.project.findings import Findings
from eltflow.project.folder import read_dotenv
from eltflow.project.nodes import Node
from eltflow.project.options import Options
from eltflow.project.project import read_text
from eltflow.project.surface import Environ, base_names, target_names
from eltflow.state.store import Store
from eltflow.warehouse.protocols import Adapter
from eltflow.warehouse.values import Target

STATE_FOLDER = ".eltflow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A project, its graph and what is needed to compile and run it."""

    opened: Opened
    graph: Graph
    options: Options
    base: Mapping[str, Any]
    messages: list[Message] = field(default_factory=list)

    @property
    def root(self) -> Path:
        return self.opened.project.root

    @property
    def target(self) -> Target:
        return self.opened.project.target

    @property
    def adapter(self) -> Adapter:
        return self.opened.adapter

    @property
    def target_key(self) -> str:
        """What a run locks and history is kept under: where the target physically is, and its database and schema."""
        return target_key(self.adapter, self.target, self.root)

    @property
    def store(self) -> Store:
        return Store(self.root / STATE_FOLDER / "state.sqlite")


def target_key(adapter: Adapter, target: Target, root: Path) -> str:
    location = adapter.location(target, root)
    unique = f"#{os.getpid()}" if location == ":memory:" else ""
    return f"{adapter.name}:{location}{unique}"


def new_options(**values: Any) -> Options:
    """Options for this process: its environment, the time now and a fresh invocation id, unless given."""
    given = {
        "env": dict(os.environ),
        "invocation_id": str(uuid.uuid4()),
        "started_at": datetime.datetime.now(datetime.UTC),
        **values,
    }
    return Options(**given)


def load(root: Path, options: Options | None = None) -> Loaded:
    """Open the project at `root` and build its graph. Raises EltflowError with everything that is wrong."""
    options = options or new_options()
    opened = open_project(root, options)
    project, adapter = opened.project, opened.adapter
    messages: list[Message] = []
    base = base_names(
        vars=project.vars,
        environ=opened.environ,
        flags=_flags(options),
        invocation_id=options.invocation_id,
        started_at=options.started_at,
        say=lambda text, shown: None,
        warn=lambda text: None,
    )
    base["target"] = target_names(project.target, adapter.secret_fields)
    with _offline(adapter) as parse:
        extractor = Extractor(
            lambda: opened.renderer,
            base,
            adapter.dialect,
            project.target,
            candidate_words(project),
            parse,
            macros=MacroTexts({m.file: m.text for m in project.macros}, {m.name: m.file for m in project.macros}),
            vars=project.vars,
            strict=options.strict,
            full=_full(opened, options),
        )
        graph = build_graph(project, FactStore(extractor), adapter.dialect, _naming(opened, base))
    said = base_names(
        vars=project.vars,
        environ=opened.environ,
        flags=_flags(options),
        invocation_id=options.invocation_id,
        started_at=options.started_at,
        say=lambda text, shown: messages.append(Message(text=text, level="info" if shown else "debug")),
        warn=lambda text: messages.append(Message(text=text, level="warning")),
    )
    return Loaded(opened=opened, graph=graph, options=options, base={**said, "target": base["target"]}, messages=messages)


def _full(opened: Opened, options: Options) -> bool:
    """Whether all SQL must be parsed now: where undeclared tables are asked for, or are errors."""
    return bool(options.flags.get("FULL_FACTS")) or opened.project.settings.external_tables == "error"


def _flags(options: Options) -> dict[str, Any]:
    return {"FULL_REFRESH": False, "STORE_FAILURES": False, "WHICH": "", **options.flags}


@contextlib.contextmanager
def _offline(adapter: Adapter) -> Iterator[Callable[[str], tuple[str, int | None, int | None] | None] | None]:
    """The adapter's offline parser, opened when it is first asked."""
    opened: list[Any] = []

    def parse(sql: str) -> tuple[str, int | None, int | None] | None:
        if not opened:
            opened.append(adapter.offline())
        answer: tuple[str, int | None, int | None] | None = opened[0].parse(sql)
        return answer

    try:
        yield parse if adapter.dialect.capabilities.offline_parser else None
    finally:
        for one in opened:
            one.close()


def _naming(opened: Opened, base: Mapping[str, Any]) -> Names:
    """The project's own `generate_schema_name`, `generate_alias_name` and `generate_database_name`, if it has them."""
    known = {macro.name for macro in opened.project.macros}

    def rule(macro: str) -> Callable[..., Any] | None:
        if macro not in known:
            return None

        def name(custom: Any, node: Node) -> Any:
            shown = {"name": node.name, "config": dict(node.config), "resource_type": node.resource_type, "fqn": list(node.fqn)}
            return opened.renderer.call(macro, {**base, "node": shown}, node.path, custom, shown)

        return name

    return Names(schema=rule("generate_schema_name"), alias=rule("generate_alias_name"), database=rule("generate_database_name"))


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedOnly:
    """A project's settings and target, without its nodes: enough to look at its history."""

    target_key: str
    target: Target
    store: Store


def open_only(root: Path, options: Options) -> OpenedOnly:
    """Read the settings and the target, and nothing else."""
    findings = Findings(lambda path: read_text(root, path))
    environ = Environ({**read_dotenv(root), **options.env})
    settings, value = read_settings(root, options, findings)
    render = YamlRenderer(base_yaml_names(settings.vars, environ), findings)
    target, adapter = read_target(value, root, options, render, findings)
    return OpenedOnly(
        target_key=target_key(adapter, target, root), target=target, store=Store(root / STATE_FOLDER / "state.sqlite")
    )
