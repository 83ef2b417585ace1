"""Data tests in YAML: an entry under `data_tests:` becomes a draft of a test, with the name and id that the field's tools expect."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from eltflow.base.names import did_you_mean
from eltflow.base.records import dataclass
from eltflow.jinja.static import branch_calls
from eltflow.project.config import KEYS, TEST, as_list
from eltflow.project.findings import Findings
from eltflow.project.nodes import TestInfo
from eltflow.project.project import Draft
from eltflow.project.shape import Object, Path

#: The built-in generic tests: their arguments beside model and column_name, and which of those are required.
BUILT_IN: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "unique": ((), ()),
    "not_null": ((), ()),
    "accepted_values": (("values", "quote"), ("values",)),
    "relationships": (("to", "field"), ("to", "field")),
}

_CONFIG = Object(fields=KEYS["test"], what="the config of a test")
_OWN_KEYS = frozenset({"name", "test_name", "arguments", "config", "description", "column_name"})
_CLEAN = re.compile(r"[^0-9a-zA-Z_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """What a test hangs on: the draft's kind, name and unique id, how it is called in Jinja, its folder and file."""

    label: str
    unique_id: str
    call: str
    folder: tuple[str, ...]
    file: str


def read_tests(
    entries: Any,
    attached: Attachment,
    column: str | None,
    path: Path,
    package: str,
    known: Iterable[str],
    findings: Findings,
    *,
    tags: tuple[str, ...] = (),
) -> list[Draft]:
    """The drafts of the tests under one `data_tests:` key; what is wrong goes to `findings`."""
    made = []
    for index, entry in enumerate(as_list(entries)):
        draft = _read_test(entry, attached, column, (*path, index), package, known, findings, tags)
        if draft is not None:
            made.append(draft)
    return made


def _read_test(
    entry: Any,
    attached: Attachment,
    column: str | None,
    place: Path,
    package: str,
    known: Iterable[str],
    findings: Findings,
    tags: tuple[str, ...],
) -> Draft | None:
    parsed = _parse(entry)
    if parsed is None:
        help = "write `- unique`, or `- accepted_values: {arguments: {values: [...]}}`"
        findings.at(attached.file, place, "E0103", "a test is a name, or one name with its arguments", help=help)
        return None
    kind, body = parsed
    if kind not in BUILT_IN and kind not in known:
        help = did_you_mean(kind, [*BUILT_IN, *known]) or f"write it: tests/generic/{kind}.sql with {{% test {kind}(model) %}}"
        findings.at(attached.file, (*place, kind), "E0208", f"no generic test is called `{kind}`", help=help, key=True)
        return None
    config = dict(body.get("config") or {})
    kwargs = dict(body.get("arguments") or {})
    for key, value in body.items():
        if key in _OWN_KEYS:
            continue
        (config if key in TEST else kwargs)[key] = value
    body_path = (*place, kind) if isinstance(entry, dict) and len(entry) == 1 else place
    if "column_name" in body and "column_name" in kwargs:
        help = "keep the one under `arguments:`"
        findings.at(attached.file, (*body_path, "column_name"), "E0103", "the test has two `column_name`", help=help, key=True)
    column = kwargs.pop("column_name", body.get("column_name", column))
    if column is not None and not isinstance(column, str):
        findings.at(
            attached.file, body_path, "E0103", "`column_name` must be text", help="name one column, or write an expression of SQL"
        )
        return None
    problems: list[Any] = []
    _CONFIG.check(body.get("config") or {}, (*body_path, "config"), problems, True)
    findings.problems(attached.file, problems)
    arguments_path = (*body_path, "arguments") if "arguments" in body else body_path
    if not _arguments_fit(kind, kwargs, column, attached, body_path, arguments_path, findings):
        return None
    if tags:
        config["tags"] = [*as_list(config.get("tags")), *tags]
    full, short = test_names(kind, attached.label, kwargs, column)
    name = body.get("name") or full
    unique_id = f"test.{package}.{name}.{_tail(name, kind, kwargs, column, attached.unique_id)}"
    calls = _calls(kwargs)
    info = TestInfo(kind=kind, kwargs=kwargs, column=column, attached=attached.unique_id)
    return Draft(
        resource_type="test",
        name=name,
        path=attached.file,
        folder=attached.folder,
        layers=(config,),
        description=str(body.get("description") or ""),
        patch=attached.file,
        place=place,
        test=info,
        identifier=unique_id,
        depends_on=(attached.call, *calls),
        test_name=short if body.get("name") is None else name,
    )


def _parse(entry: Any) -> tuple[str, Mapping[str, Any]] | None:
    if isinstance(entry, str):
        return entry, {}
    if not isinstance(entry, dict) or not entry:
        return None
    if len(entry) == 1:
        ((kind, body),) = entry.items()
        if body is None:
            return str(kind), {}
        return (str(kind), body) if isinstance(body, dict) else None
    if "test_name" in entry:
        return str(entry["test_name"]), entry
    first, *rest = entry.items()
    if isinstance(first[1], dict) and all(key in _OWN_KEYS or key in TEST for key, _ in rest):
        return str(first[0]), {**first[1], **dict(rest)}
    return None


def _arguments_fit(
    kind: str,
    kwargs: Mapping[str, Any],
    column: str | None,
    attached: Attachment,
    place: Path,
    arguments: Path,
    findings: Findings,
) -> bool:
    if kind not in BUILT_IN:
        return True
    allowed, required = BUILT_IN[kind]
    ok = True
    for key in kwargs:
        if key not in allowed:
            help = did_you_mean(key, allowed) or (
                f"known here: {', '.join(allowed)}" if allowed else f"`{kind}` takes no arguments"
            )
            inner = (*arguments, key)
            findings.at(attached.file, inner, "E0104", f"the test `{kind}` has no argument `{key}`", help=help, key=True)
            ok = False
    for key in required:
        if key not in kwargs:
            findings.at(attached.file, place, "E0103", f"the test `{kind}` needs the argument `{key}`", help=f"add `{key}:`")
            ok = False
    if column is None:
        help = "put it under a column, or add `column_name:`"
        findings.at(attached.file, place, "E0103", f"the test `{kind}` needs a column", help=help)
        ok = False
    return ok


def _flatten(value: Any) -> list[str]:
    if isinstance(value, Mapping):
        return [part for item in value.values() for part in _flatten(item)]
    if isinstance(value, (list, tuple)):
        return [part for item in value for part in _flatten(item)]
    return [str(value)]


def test_names(kind: str, label: str, kwargs: Mapping[str, Any], column: str | None) -> tuple[str, str]:
    """The full name of a generic test, and the short form (at most 63 characters) that its relation carries."""
    arguments: dict[str, Any] = {**kwargs, **({"column_name": column} if column is not None else {})}
    parts = [_CLEAN.sub("_", part) for key in sorted(arguments) for part in _flatten(arguments[key])]
    start = f"{kind}_{label}"
    full = f"{start}_{'__'.join(parts)}"
    if len(full) < 64:
        return full, full
    digest = hashlib.md5(full.encode(), usedforsecurity=False).hexdigest()
    return full, f"{start[:30]}_{digest}"


def given_name(name: str, test: TestInfo) -> str | None:
    """The name that a generic test's entry gives it; None where it is made of the test's kind, place and arguments."""
    assert test.kind is not None
    _, _, last = test_names(test.kind, "", test.kwargs, test.column)[0].partition(f"{test.kind}__")
    return None if name.startswith(f"{test.kind}_") and name.endswith(f"_{last}") else name


def _tail(name: str, kind: str, kwargs: Mapping[str, Any], column: str | None, attached: str) -> str:
    metadata = json.dumps([name, kind, kwargs, column, attached], sort_keys=True, default=str)
    return hashlib.md5(metadata.encode(), usedforsecurity=False).hexdigest()[-10:]


def _calls(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """The literal `ref(...)` and `source(...)` calls among a test's arguments, as text."""
    found: list[str] = []
    for value in kwargs.values():
        for text in _flatten(value):
            if "ref" in text or "source" in text:
                for name, args in branch_calls(text if "{{" in text else "{{ " + text + " }}"):
                    found.append(f"{name}({', '.join(repr(a) for a in args)})")
    return tuple(dict.fromkeys(found))
