"""The names that Jinja sees everywhere in a project: variables, environment, modules, conversions, exceptions."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from eltflow.base.names import did_you_mean
from eltflow.jinja.values import RenderError, shown_as
from eltflow.project.secrets import Secret, refused
from eltflow.warehouse.dialect import Dialect
from eltflow.warehouse.values import Target

if TYPE_CHECKING:
    from eltflow.jinja.renderer import Renderer

_MISSING = object()


def copied(value: Any) -> Any:
    """A plain value whose lists and mappings a template may change: nobody else sees that."""
    if isinstance(value, Mapping):
        return {key: copied(inner) for key, inner in value.items()}
    return [copied(inner) for inner in value] if isinstance(value, list) else value


@shown_as("env_var")
class Environ:
    """The process environment as templates read it; `used` records each name read, so that a cache can tell when one changed."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.used: dict[str, str | None] = {}
        #: `secret()`, for those values of a project that may hold one.
        self.secret: Secret | None = None

    @property
    def values(self) -> Mapping[str, str]:
        """All of it."""
        return self._values

    def __call__(self, name: str, default: Any = _MISSING) -> Any:
        value = self._values.get(name)
        self.used[name] = value
        if value is not None:
            return value
        if default is _MISSING:
            raise RenderError(
                "E0304",
                f"the environment variable `{name}` is not set",
                help=f"set it, add it to .env, or give a default: env_var('{name}', '...')",
                needle=name,
            )
        return default


@shown_as("var")
class Var:
    """`var('name')` and `var('name', default)`; `var.has_var('name')`."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __call__(self, name: str, default: Any = _MISSING) -> Any:
        if name in self._values:
            return copied(self._values[name])
        if default is _MISSING:
            help = did_you_mean(name, self._values) or f"add it under `vars:`, or give a default: var('{name}', ...)"
            raise RenderError("E0305", f"the variable `{name}` is not defined", help=help, needle=name)
        return default

    def has_var(self, name: str) -> bool:
        return name in self._values


@shown_as("exceptions")
class Exceptions:
    """`exceptions.raise_compiler_error` and `exceptions.warn`."""

    def __init__(self, warn: Callable[[str], None]) -> None:
        self._warn = warn

    def raise_compiler_error(self, message: Any, node: Any = None) -> NoReturn:
        raise RenderError("E0306", str(message), help="the project itself raises this error")

    def warn(self, message: Any, node: Any = None) -> str:
        self._warn(str(message))
        return ""


@shown_as("modules")
class Modules:
    """`modules.datetime`, `modules.pytz`, `modules.re`, `modules.itertools`, each imported when first asked for."""

    @property
    def datetime(self) -> Any:
        return {name: getattr(datetime, name) for name in ("date", "datetime", "time", "timedelta", "timezone", "tzinfo")}

    @property
    def pytz(self) -> Any:
        import pytz

        return {name: getattr(pytz, name) for name in ("timezone", "utc", "UTC", "all_timezones", "common_timezones")}

    @property
    def re(self) -> Any:
        import re

        names = (
            "match",
            "search",
            "sub",
            "findall",
            "split",
            "fullmatch",
            "compile",
            "escape",
            "IGNORECASE",
            "MULTILINE",
            "DOTALL",
        )
        return {name: getattr(re, name) for name in names}

    @property
    def itertools(self) -> Any:
        import itertools

        names = ("chain", "combinations", "permutations", "product", "groupby", "islice", "zip_longest", "accumulate", "repeat")
        return {name: getattr(itertools, name) for name in names}


def _fromjson(text: Any, default: Any = None) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return default


def _tojson(value: Any, default: Any = None, sort_keys: bool = False) -> Any:
    try:
        return json.dumps(value, sort_keys=sort_keys)
    except (ValueError, TypeError):
        return default


def _fromyaml(text: Any, default: Any = None) -> Any:
    from eltflow.project.yamlloader import DuplicateKey, TooMuch, YAMLError, load

    try:
        return load(text) if isinstance(text, str) else default
    except (TooMuch, DuplicateKey) as error:  # a slip, or worse: no value that somebody meant
        what = f"the key `{error}` is given twice" if isinstance(error, DuplicateKey) else str(error)
        raise RenderError(
            "E0303", f"fromyaml: {what}", help=getattr(error, "help", "keep one of the two"), needle="fromyaml"
        ) from None
    except YAMLError:
        return default


def _toyaml(value: Any, default: Any = None, sort_keys: bool = False) -> Any:
    import yaml

    try:
        return yaml.safe_dump(value, sort_keys=sort_keys)
    except yaml.YAMLError:
        return default


def _set(value: Any, default: Any = None) -> Any:
    try:
        return set(value)
    except TypeError:
        return default


def _zip(*args: Iterable[Any], default: Any = None) -> Any:
    try:
        return list(zip(*args, strict=False))
    except TypeError:
        return default


def _md5(value: str) -> str:
    import hashlib

    return hashlib.md5(value.encode(), usedforsecurity=False).hexdigest()


def returned(value: Any = None) -> NoReturn:
    """`return(value)`: the value of the macro that calls it."""
    from eltflow.jinja.environment import MacroReturn

    raise MacroReturn(value)


@shown_as("adapter")
class AdapterView:
    """`adapter.dispatch`, `adapter.quote` and `adapter.type`. The first two give SQL of the dialect that the template is written in; the
    last is the `target`'s."""

    def __init__(self, renderer: Callable[[], Renderer], dialect: Dialect, target: Dialect) -> None:
        self._renderer = renderer
        self._dialect = dialect
        self._target = target

    def dispatch(self, macro_name: str, macro_namespace: str | None = None) -> Any:
        names = (f"{self._dialect.name}__{macro_name}", f"default__{macro_name}")
        for name in names:
            macro = self._renderer().macro(name)
            if macro is not None:
                return macro
        near = did_you_mean(f"default__{macro_name}", self._renderer().macros)
        help = near or f"write the macro `default__{macro_name}`"
        raise RenderError("E0302", f"no macro is called {' or '.join(f'`{n}`' for n in names)}", help=help, needle=macro_name)

    def quote(self, identifier: str) -> str:
        return self._dialect.quote(identifier)

    def type(self) -> str:
        return self._target.name


def target_names(target: Target, secret_fields: frozenset[str], project: str) -> dict[str, Any]:
    """`target` as templates see it: everything but secrets. What the field calls a profile is the project, whose targets these are."""
    visible = {k: v for k, v in target.values.items() if k not in secret_fields and k not in target.hidden}
    return {
        **visible,
        "name": target.name,
        "target_name": target.name,
        "profile_name": project,
        "type": target.type,
        "schema": target.schema,
        "database": target.database,
        "threads": target.threads,
    }


class Interval:
    """What a run is about: from `start` up to, and not with, `end`, in UTC."""

    def __init__(self, start: datetime.datetime, end: datetime.datetime) -> None:
        self.start, self.end = start, end


#: Where the interval of a run begins that is about everything up to now.
_BEGINNING = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def base_names(
    *,
    vars: Mapping[str, Any],
    environ: Environ,
    flags: Mapping[str, Any],
    invocation_id: str,
    started_at: datetime.datetime,
    interval: tuple[datetime.datetime, datetime.datetime] | None,
    say: Callable[[str, bool], None],
    warn: Callable[[str], None],
) -> dict[str, Any]:
    """The names that every template and YAML value may use. `say(message, shown)` takes what `log` and `print` write."""

    def log(message: Any = "", info: bool = False) -> str:
        say(str(message), bool(info))
        return ""

    def print(message: Any = "") -> str:
        return log(message, True)

    return {
        "var": Var(vars),
        "env_var": environ,
        "secret": refused,
        "flags": flags,
        "invocation_id": invocation_id,
        "run_started_at": started_at,
        "interval": Interval(*(interval or (_BEGINNING, started_at))),
        "log": log,
        "print": print,
        "exceptions": Exceptions(warn),
        "return": returned,
        "fromjson": _fromjson,
        "tojson": _tojson,
        "fromyaml": _fromyaml,
        "toyaml": _toyaml,
        "zip": _zip,
        "set": _set,
        "local_md5": _md5,
        "modules": Modules(),
    }


#: Names whose value differs from run to run, or whose use has an effect: what is rendered with them is never cached.
VOLATILE = frozenset(
    {"run_started_at", "invocation_id", "interval", "log", "print", "run_query", "modules", "graph", "flags", "exceptions"}
)
