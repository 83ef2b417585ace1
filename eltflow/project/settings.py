"""`eltflow.yml`: the shape of a native project's settings, and the values that stages read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eltflow.base.records import dataclass, field
from eltflow.project.config import DIALECT, FLAG, NAME, NAMES, TEXT, Tree
from eltflow.project.folder import FILE
from eltflow.project.shape import ListOf, MapOf, Object, OneOf, Scalar, Shape

_PATHS = ListOf(TEXT, lone=True)
TARGET = Object(
    fields={
        "type": TEXT,
        "schema": NAME,
        "database": TEXT,
        "threads": Scalar((int,), least=1),
        "custom_schemas": Scalar(choices=("append", "exact")),
    },
    required=("type",),
    open=True,
    about="Where models are built. Further keys are the adapter's.",
)

#: Configuration by folder, for each kind of node.
TREES: Mapping[str, Tree] = {
    "models": Tree("model", about="Configuration of models, by folder; keys that begin with + are configuration."),
    "seeds": Tree("seed"),
    "sources": Tree("source"),
    "data_tests": Tree("test"),
    "ingest": Tree("ingest"),
    "deliver": Tree("deliver"),
    "tasks": Tree("task"),
    "analyses": Tree("analysis"),
    "exposures": Tree("exposure"),
}

SETTINGS = Object(
    what=FILE,
    about="Settings of an eltflow project.",
    required=("name", "targets"),
    fields={
        "name": Scalar(about="The project's name: letters, digits and underscores."),
        "version": Scalar((str, int, float), about="The project's own version; eltflow does not use it."),
        "default_target": Scalar(about="The target used without --target; not needed when there is only one."),
        "model_paths": ListOf(TEXT, lone=True, about="Folders of models, from the project root."),
        "seed_paths": _PATHS,
        "test_paths": _PATHS,
        "macro_paths": _PATHS,
        "analysis_paths": _PATHS,
        "ingest_paths": _PATHS,
        "deliver_paths": _PATHS,
        "task_paths": _PATHS,
        "docs_paths": _PATHS,
        "dialect": DIALECT,
        "target_path": Scalar(about="Folder of derived files (default: target)."),
        "log_path": Scalar(about="Folder of log files (default: logs)."),
        "targets": MapOf(TARGET, about="One target per environment."),
        "vars": MapOf(about="Variables for Jinja's var()."),
        "connections": MapOf(
            Object(fields={"type": TEXT}, required=("type",), open=True), about="What is no warehouse: sources and destinations."
        ),
        "state": Object(
            fields={
                "connection": Scalar(about="The connection, of type postgres, to the database that keeps it."),
                "schema": Scalar(about="The schema there (default: eltflow_state); each project has one of its own."),
            },
            required=("connection",),
            about="Where run history and the runs of jobs are kept (default: a file in the project folder).",
        ),
        "secrets": Object(
            fields={"type": Scalar(about="environment, files, keyring, aws, or another that is installed.")},
            required=("type",),
            open=True,
            about="Where `secret('name')` finds secrets (default: the environment). Further keys are the back end's.",
        ),
        "hash_secret": Scalar(about="What columns with `hash: true` are hashed under: from the environment, by env_var()."),
        **TREES,
        "on_run_start": NAMES,
        "on_run_end": NAMES,
        "on-run-start": NAMES,
        "on-run-end": NAMES,
        "pii": Object(
            fields={"allowed_groups": ListOf(TEXT, lone=True, about="The groups whose models may hold personal columns.")},
            required=("allowed_groups",),
            about="Where columns tagged `pii`, and what is made of them, may be.",
        ),
        "query_comment": OneOf(
            options=(FLAG, MapOf(TEXT)),
            about="Whether statements begin with a comment that names node, run, project and target; a mapping adds entries to it.",
        ),
        "openlineage": Object(
            fields={
                "url": Scalar(about="Where OpenLineage events are sent: a server, or its endpoint."),
                "api_key": Scalar(about="The server's key, sent as a bearer token: from the environment, by env_var()."),
                "file": Scalar(about="A file that events are added to, one a line; from the project root."),
                "namespace": Scalar(about="The namespace of jobs (default: the project's name)."),
            },
            about="Where each run is told as OpenLineage events, with the lineage of columns.",
        ),
        "external_tables": Scalar(choices=("allow", "error"), about="What to do with a table that is no node and no source."),
    },
)

DEFAULT_PATHS: Mapping[str, tuple[str, ...]] = {
    "model_paths": ("models",),
    "seed_paths": ("seeds",),
    "test_paths": ("tests",),
    "macro_paths": ("macros",),
    "analysis_paths": ("analyses",),
    "ingest_paths": ("ingest",),
    "deliver_paths": ("deliver",),
    "task_paths": ("tasks",),
}

SELECTORS = Object(
    what="selectors.yml",
    required=("selectors",),
    fields={
        "selectors": ListOf(
            Object(
                fields={
                    "name": TEXT,
                    "description": TEXT,
                    "default": Scalar((bool, str)),
                    "definition": Shape(about="What it selects; `graph.selectors` checks it."),
                },
                required=("name", "definition"),
            )
        ),
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a project, whichever front door it came in by; folders are relative to the root."""

    name: str
    model_paths: tuple[str, ...]
    seed_paths: tuple[str, ...]
    test_paths: tuple[str, ...]
    macro_paths: tuple[str, ...]
    analysis_paths: tuple[str, ...]
    ingest_paths: tuple[str, ...]
    deliver_paths: tuple[str, ...]
    task_paths: tuple[str, ...]
    docs_paths: tuple[str, ...]
    targets: tuple[str, ...] = ()
    target_path: str = "target"
    log_path: str = "logs"
    dialect: str | None = None
    vars: Mapping[str, Any] = field(default_factory=dict)
    configs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    on_run_start: tuple[str, ...] = ()
    on_run_end: tuple[str, ...] = ()
    external_tables: str = "allow"
    pii_groups: tuple[str, ...] | None = None
    query_comment: bool | Mapping[str, str] | None = None
    connections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    state: Mapping[str, str] | None = None
    secrets: Mapping[str, Any] | None = field(default=None, repr=False)
    hash_secret: str | None = field(default=None, repr=False)
    openlineage: Mapping[str, str] | None = field(default=None, repr=False)
    root_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)


__all__ = ["DEFAULT_PATHS", "FILE", "FLAG", "SELECTORS", "SETTINGS", "TARGET", "Settings"]
