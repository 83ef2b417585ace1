"""Reads `eltflow.yml`: settings, the chosen target, and the configuration trees, each checked with the line of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from eltflow.base import plugins
from eltflow.base.diagnostics import EltflowError
from eltflow.base.names import IDENTIFIER, IDENTIFIER_HELP, did_you_mean
from eltflow.base.secrets import passwords_within, secrets_of
from eltflow.jinja.static import has_jinja, literal_call
from eltflow.jinja.values import RenderError
from eltflow.project import config as configs
from eltflow.project import yamlfile
from eltflow.project.config import as_list, canonical
from eltflow.project.findings import Findings
from eltflow.project.options import Options
from eltflow.project.project import read_text
from eltflow.project.secrets import Secret, WrongSecrets, refused
from eltflow.project.settings import DEFAULT_PATHS, FILE, SETTINGS, TREES, Settings
from eltflow.project.shape import check
from eltflow.project.surface import Environ, Var
from eltflow.transfer import SecretBackend
from eltflow.warehouse.protocols import Adapter
from eltflow.warehouse.values import Target

_SECRETS = "eltflow.secret_backends"
#: What Jinja in values calls that is no more than one call.
_CALLED = frozenset({"env_var", "var", "secret"})
#: Keys of a target that are a part of names, and so of much that is written down.
_NAMED = frozenset({"type", "schema", "database", "dbname", "project", "catalog", "path", "threads", "custom_schemas"})


def read_settings(root: Path, options: Options, findings: Findings) -> tuple[Settings, Mapping[str, Any]]:
    """The settings, and the file's value as it was read. Raises EltflowError if nothing can be done with the file."""
    text = read_text(root, FILE)
    value = yamlfile.read(text, FILE)
    problems = check(value if value is not None else {}, SETTINGS, strict=options.strict)
    findings.problems(FILE, problems)
    findings.stop()
    name = value["name"]
    if not IDENTIFIER.match(name):
        message = f"`{name}` cannot be a project's name"
        findings.at(FILE, ("name",), "E0103", message, help=IDENTIFIER_HELP)
    paths: dict[str, Any] = {key: tuple(as_list(value.get(key))) or default for key, default in DEFAULT_PATHS.items()}
    everywhere = tuple(dict.fromkeys(p for group in paths.values() for p in group))
    for key in DEFAULT_PATHS:
        for index, path in enumerate(as_list(value.get(key))):
            if path.startswith("/") or ".." in Path(path).parts:
                _outside(root, path, (key, index), findings)
            elif path not in DEFAULT_PATHS[key] and not (root / path).is_dir():
                known = [p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")]
                findings.at(FILE, (key, index), "E0106", f"there is no folder `{path}`", help=did_you_mean(path, known))
    kept = (value.get("state") or {}).get("connection")
    if kept is not None and kept not in (value.get("connections") or {}):
        help = did_you_mean(kept, value.get("connections") or {}) or "write it under `connections:`"
        findings.at(FILE, ("state", "connection"), "E0103", f"there is no connection `{kept}`", help=help)
    if value.get("secrets") is not None:
        _check_secrets(value["secrets"], findings)
    if value.get("target_path") is not None and (root / value["target_path"]).resolve() == root.resolve():
        message = "`target_path` cannot be the project itself: what stands in it is derived, and deleted by `eltflow clean`"
        findings.at(FILE, ("target_path",), "E0103", message, help="name a folder of its own, like `target`")
    settings = Settings(
        name=name,
        **paths,
        docs_paths=tuple(as_list(value.get("docs_paths"))) or everywhere,
        targets=tuple(value["targets"]),
        target_path=value.get("target_path") or "target",
        log_path=value.get("log_path") or "logs",
        vars=dict(value.get("vars") or {}),
        configs={tree: value.get(tree) or {} for tree in TREES},
        dialect=value.get("dialect"),
        on_run_start=tuple(as_list(value.get("on_run_start", value.get("on-run-start")))),
        on_run_end=tuple(as_list(value.get("on_run_end", value.get("on-run-end")))),
        external_tables=value.get("external_tables") or "allow",
        pii_groups=tuple(as_list(value["pii"]["allowed_groups"])) if value.get("pii") is not None else None,
        query_comment=value.get("query_comment"),
        connections=value.get("connections") or {},
        state=value.get("state"),
        secrets=value.get("secrets"),
        hash_secret=value.get("hash_secret"),
        openlineage=value.get("openlineage"),
    )
    return settings, value


def _outside(root: Path, path: str, place: tuple[str | int, ...], findings: Findings) -> None:
    """An error for a folder that is not below the project, or is written as if it were not."""
    inside = (root / path).resolve()
    if not path.startswith("/") and inside.is_relative_to(root.resolve()) and inside != root.resolve():
        shorter = inside.relative_to(root.resolve()).as_posix()
        findings.at(FILE, place, "E0103", f"`{path}` has a `..` in it", help=f"write `{shorter}`: paths start at the project root")
    else:
        findings.at(FILE, place, "E0103", f"`{path}` is outside the project", help="paths start at the project root")


def tree_layers(tree: Mapping[str, Any], kind: str, steps: tuple[str, ...]) -> tuple[Mapping[str, Any], ...]:
    """The configuration that a tree gives to the node at `steps` (its folders and name), general first."""
    keys = configs.KEYS[kind]
    layers: list[Mapping[str, Any]] = []
    level: Any = tree
    for step in (None, *steps):
        if step is not None:
            level = level.get(step) if isinstance(level, Mapping) else None
        if not isinstance(level, Mapping):
            break
        layer = {canonical(k[1:]): v for k, v in level.items() if isinstance(k, str) and k.startswith("+")}
        for key, value in level.items():
            if isinstance(key, str) and canonical(key) in keys and not isinstance(value, Mapping):
                layer[canonical(key)] = value
        if layer:
            layers.append(layer)
    return tuple(layers)


def unknown_folders(
    tree: Mapping[str, Any], kind: str, steps: set[tuple[str, ...]], path: tuple[str, ...], findings: Findings
) -> None:
    """An error for each key of a tree that is no configuration and matches no folder and no node."""
    keys = configs.KEYS[kind]
    depth = len(path) - 1
    here = {step[depth] for step in steps if len(step) > depth and step[:depth] == path[1:]}
    for key, value in tree.items():
        if not isinstance(key, str) or key.startswith("+") or (canonical(key) in keys and not isinstance(value, Mapping)):
            continue
        if key not in here:
            help = did_you_mean(key, [*here, *(f"+{k}" for k in keys)])
            message = f"`{key}` is no folder or name under {'/'.join(path)}, and no config"
            findings.at(FILE, (*path, key), "E0104", message, help=help or "configs begin with `+`", key=True)
        elif isinstance(value, Mapping):
            unknown_folders(value, kind, steps, (*path, key), findings)


def _is_sql(key: Any) -> bool:
    """Whether a configuration's value is SQL, whose Jinja is rendered when the node is compiled and knows `this`."""
    return canonical(str(key).removeprefix("+")) in ("pre_hook", "post_hook", "sql_header")


class YamlRenderer:
    """Renders the Jinja in YAML values but SQL's; Jinja2 is imported only for what is not one literal call."""

    def __init__(self, names: Mapping[str, Any], findings: Findings) -> None:
        self.names = dict(names)
        self._findings = findings
        self._renderer: Any = None

    def __call__(self, value: Any, file: str, path: tuple[str | int, ...]) -> Any:
        if isinstance(value, str):
            return self._text(value, file, path) if has_jinja(value) else value
        if isinstance(value, dict):
            return {k: v if _is_sql(k) else self(v, file, (*path, k)) for k, v in value.items()}
        if isinstance(value, list):
            return [self(v, file, (*path, i)) for i, v in enumerate(value)]
        return value

    def _text(self, text: str, file: str, path: tuple[str | int, ...]) -> Any:
        try:
            return self._evaluate(text, file)
        except RenderError as error:
            self._findings.at(file, path, error.code, error.message, help=error.help)
        except WrongSecrets as error:
            self._findings.extend(error)
        except EltflowError as error:
            for found in error.diagnostics:
                self._findings.at(file, path, found.code, found.message, help=found.help)
        return text

    def _evaluate(self, text: str, file: str) -> Any:
        import re

        whole = re.fullmatch(r"([^{}]*)\{\{([^{}]*)\}\}([^{}]*)", text)
        if whole is not None:
            call = literal_call(whole.group(2), name=_CALLED.__contains__)
            function = self.names.get(call.name) if call is not None else None
            if call is not None and function is not None:
                value = function(*call.args, **dict(call.kwargs))
                before, after = whole.group(1), whole.group(3)
                return value if not before.strip() and not after.strip() else f"{before}{value}{after}"
        if self._renderer is None:
            from eltflow.jinja.renderer import Renderer

            self._renderer = Renderer(())
        return self._renderer.expression(text, file, self.names)


def read_target(
    value: Mapping[str, Any], root: Path, options: Options, render: YamlRenderer, secret: Secret, findings: Findings
) -> tuple[Target, Adapter]:
    """The chosen target with its values rendered, and its adapter. Raises EltflowError."""
    targets: Mapping[str, Any] = value["targets"]
    name = options.target or value.get("default_target") or (next(iter(targets)) if len(targets) == 1 else None)
    if name is None:
        said = ("there are several targets and no default", "add `default_target:`")
        if not targets:
            said = ("there is no target", "say where to build: `dev: {type: duckdb, path: my.duckdb}`")
        findings.at(FILE, ("targets",), "E0107", said[0], help=said[1], key=True)
        findings.stop()
    assert name is not None
    if name not in targets:
        help = did_you_mean(name, targets) or f"targets here: {', '.join(targets) or 'none'}"
        path = ("default_target",) if options.target is None else ("targets",)
        findings.at(FILE, path, "E0107", f"there is no target `{name}`", help=help, key=options.target is not None)
        findings.stop()
    place = ("targets", name)
    values: dict[str, Any] = {}
    hidden: set[str] = set()
    given: list[str] = []
    known_names = render.names
    for k, v in targets[name].items():
        render.names = known_names if k in _NAMED else {**known_names, "secret": secret.again()}
        values[k] = render(v, FILE, (*place, k))
        if k not in _NAMED and render.names["secret"].given:
            hidden.add(k)
            given += render.names["secret"].given
    render.names = known_names
    findings.secrets = tuple(given)
    findings.stop()
    try:
        adapter: Adapter = plugins.load("eltflow.adapters", str(values["type"]))
    except EltflowError as error:
        for found in error.diagnostics:
            findings.at(FILE, (*place, "type"), found.code, found.message, help=found.help)
        findings.stop()
        raise
    told = (secret for k in sorted(adapter.secret_fields) for secret in secrets_of(values.get(k)))
    findings.secrets = (*told, *passwords_within(values), *given)
    known = ("type", "schema", "database", "threads", "custom_schemas", *adapter.target_fields)
    for key in values:
        if key not in known and options.strict:
            message = f"a {adapter.name} target has no key `{key}`"
            findings.at(
                FILE, (*place, key), "E0104", message, help=did_you_mean(key, known) or f"known: {', '.join(known)}", key=True
            )
    for key, problem in adapter.target_problems(values):
        about = adapter.target_fields.get(key)
        help = f"`{key}` is {about}" if about else f"a {adapter.name} target has: {', '.join(adapter.target_fields)}"
        findings.at(FILE, (*place, key), "E0103", problem, help=help)
    threads = options.threads or values.get("threads", 4)
    if isinstance(threads, str) and threads.isdigit():
        threads = int(threads)
    if not isinstance(threads, int) or threads < 1:
        findings.at(
            FILE,
            (*place, "threads"),
            "E0103",
            f"`threads` must be a whole number of at least 1, not {threads!r}",
            help="write a number like 4",
        )
    schema = str(values.get("schema", adapter.dialect.default_schema))
    if "schema" in values and not schema.strip():
        message = "`schema` must be a name, and what it says gives none"
        findings.at(FILE, (*place, "schema"), "E0103", message, help="write a name, or leave it out")
    findings.stop()
    target = Target(
        name=name,
        type=adapter.name,
        database=adapter.database_name(values, root),
        schema=schema,
        threads=int(threads),
        values=values,
        secrets=findings.secrets,
        hidden=frozenset(hidden),
        custom_schemas=values.get("custom_schemas") or "append",
    )
    return target, adapter


def base_yaml_names(settings_vars: Mapping[str, Any], environ: Environ) -> dict[str, Any]:
    """What Jinja in `eltflow.yml` may call: `env_var` and `var`."""
    return {"env_var": environ, "var": Var(settings_vars), "secret": refused}


def secret_yaml_names(settings_vars: Mapping[str, Any], environ: Environ) -> dict[str, Any]:
    """The same for values that nothing writes down, with `secret`, which keeps what it gave."""
    assert environ.secret is not None
    return {**base_yaml_names(settings_vars, environ), "secret": environ.secret.again()}


def secret_of(settings: Settings, environ: Environ, root: Path, options: Options, read: Callable[[str], str]) -> Secret:
    """The `secret()` of a project: nothing is opened until it is called. What it raises then is EltflowError for its settings (E0103, E0701),
    and RenderError."""
    return Secret(lambda: _opened(settings, environ, root, read), options.read_secrets)


def _opened(
    settings: Settings, environ: Environ, root: Path, read: Callable[[str], str]
) -> tuple[str, Callable[[str], str | None]]:
    findings = Findings(read)
    render = YamlRenderer(base_yaml_names(settings.vars, environ), findings)
    values = {key: render(value, FILE, ("secrets", key)) for key, value in (settings.secrets or {"type": "environment"}).items()}
    type = str(values["type"])
    if not findings.errors and settings.secrets is not None:
        _check_secrets({**values, "type": type}, findings)
    if findings.errors:
        raise WrongSecrets(findings.all)
    backend: SecretBackend = plugins.load(_SECRETS, type)
    for key, problem in backend.problems(values):
        findings.at(FILE, ("secrets", key), "E0103", problem, help=f"`{key}` is {backend.keys.get(key)}")
    if findings.errors:
        raise WrongSecrets(findings.all)
    label = " ".join((type, *(f"{key}={value}" for key, value in sorted(values.items()) if key != "type")))
    return label, backend.open(values, root, environ.values)


def _check_secrets(value: Mapping[str, Any], findings: Findings) -> None:
    """Errors for keys that the back end of secrets has not."""
    type = value["type"]
    if has_jinja(type):  # which one it is, is known when it is asked
        return
    try:
        backend: SecretBackend = plugins.load(_SECRETS, type)
    except EltflowError as error:
        for found in error.diagnostics:
            findings.at(FILE, ("secrets", "type"), found.code, found.message, help=found.help)
        return
    for key in value:
        if key != "type" and key not in backend.keys:
            help = did_you_mean(key, backend.keys) or f"known: {', '.join(backend.keys)}"
            findings.at(FILE, ("secrets", key), "E0104", f"secrets of type {type} have no key `{key}`", help=help, key=True)
