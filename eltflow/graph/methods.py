"""What each selection method matches: a token and a graph → unique ids, and the names that a misspelt value may have meant."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from functools import cached_property
from typing import Any

from eltflow.base.names import suggest
from eltflow.base.records import dataclass
from eltflow.graph.expression import Token
from eltflow.graph.graph import Graph
from eltflow.project.nodes import Node

_WILD = re.compile(r"[*?\[]")
_GLOB = re.compile(r"(?P<folders>(?:^|(?<=/))\*\*(?:/|$))|\*+|\?|\[(?P<not>!?)(?P<set>\]?[^\]/]*)\]|[^*?\[]+|\[")

Labels = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """Matches a value with the labels of a node. `dotted`: a pattern's part between dots matches one part of a label."""

    labels: Callable[[Node], Iterable[str]]
    wild: bool = True
    dotted: bool = False


def _source(node: Node) -> Iterable[str]:
    if node.source is None:
        return ()
    table = f"{node.source.source}.{node.source.table}"
    return node.source.source, table, f"{node.package}.{table}"


def _ingest(node: Node) -> Iterable[str]:
    return () if node.ingest is None else dict.fromkeys((node.name, node.ingest.into))


def _file(node: Node) -> Iterable[str]:
    name = node.path.rpartition("/")[2]
    return dict.fromkeys((name, name.rpartition(".")[0] or name))


def _test_type(node: Node) -> Iterable[str]:
    if node.test is None:
        return ()
    return ("data", "singular") if node.test.singular else ("data", "generic", "schema")


def _of_model(value: Callable[[Node], str]) -> Callable[[Node], Iterable[str]]:
    return lambda node: (value(node),) if node.resource_type == "model" else ()


def _nothing(node: Node) -> Iterable[str]:
    return ()


def _task(node: Node) -> tuple[str, ...]:
    names = (node.name, node.task.each) if node.task is not None else ()
    return tuple(label for name in names if name for label in (name, f"{node.package}.{name}"))


#: The methods that compare labels; `fqn`, `path`, `config` and `selector` have rules of their own, `state` and its like need
#: what one graph does not know.
METHODS: Mapping[str, Method] = {
    "tag": Method(labels=lambda node: node.tags),
    "group": Method(labels=lambda node: (node.group,) if node.group else ()),
    "access": Method(labels=_of_model(lambda node: str(node.config.get("access") or "protected")), wild=False),
    "source": Method(labels=_source, dotted=True),
    "ingest": Method(labels=_ingest, dotted=True),
    "deliver": Method(labels=lambda n: (n.name, f"{n.package}.{n.name}") if n.deliver is not None else (), dotted=True),
    "task": Method(labels=_task, dotted=True),
    "exposure": Method(labels=lambda n: (n.name, f"{n.package}.{n.name}") if n.resource_type == "exposure" else (), dotted=True),
    "file": Method(labels=_file),
    "package": Method(labels=lambda node: (node.package,)),
    "resource_type": Method(labels=lambda node: (node.resource_type,), wild=False),
    "test_name": Method(labels=lambda node: (node.test.kind,) if node.test is not None and node.test.kind else ()),
    "test_type": Method(labels=_test_type, wild=False),
    "column": Method(labels=_nothing),
    "version": Method(labels=_of_model(lambda node: "none"), wild=False),
    "unit_test": Method(labels=_nothing),
    "metric": Method(labels=_nothing),
    "semantic_model": Method(labels=_nothing),
    "saved_query": Method(labels=_nothing),
}


class Index:
    """Lookups over one graph, each made when a token first asks for it. `project` is what `package:this` means."""

    def __init__(self, graph: Graph, project: str | None = None) -> None:
        self.graph = graph
        packages = {node.package for node in graph.nodes.values()}
        self.project = project or (packages.pop() if len(packages) == 1 else "")
        self._labels: dict[tuple[str, ...], Labels] = {}

    def match(self, token: Token) -> set[str]:
        """The ids that the token's method and value match, without its neighbours."""
        if token.method == "fqn":
            return self._fqn(token.value)
        if token.method == "path":
            return self._path(token.value)
        if token.method == "config":
            return self._config(token.args, token.value)
        method = METHODS[token.method]
        value = self.project if token.method == "package" and token.value == "this" else token.value
        return _pick(self.labels(token), value, wild=method.wild, dotted=method.dotted)

    def labels(self, token: Token) -> Labels:
        """The ids under each label that the token's method compares with."""
        key = (token.method, *token.args)
        made = self._labels.get(key)
        if made is None:
            method = Method(labels=_config_labels(token.args)) if token.method == "config" else METHODS[token.method]
            made = self._labels[key] = _grouped(
                (label, unique_id) for unique_id, node in self.graph.nodes.items() for label in method.labels(node)
            )
        return made

    @cached_property
    def tests(self) -> Labels:
        """The tests that read each node."""
        return _grouped((parent, test.unique_id) for test in self.graph.of_type("test") for parent in test.parents)

    # -- by name ---------------------------------------------------------------------------------------------------------------

    def _fqn(self, value: str) -> set[str]:
        """By name, or by folders and name with dots between, with or without the package.

        A loaded table also by what it is loaded into; a source by `source.table`, if nothing else is called so.
        """
        if _WILD.search(value):
            matches = re.compile(translate(value)).match
            found = {
                unique_id
                for dotted, (name, bare, ids) in self._dotted.items()
                if matches(name) or matches(bare) or matches(dotted)
                for unique_id in ids
            }
        else:
            found = {*self._names.get(value, ()), *self._folders.get(value, ())}
            if "." in value:
                found |= self._by_full_name(value)
        if not found and "." in value:
            found = _pick(self.labels(Token(method="source", value=value)), value, wild=True, dotted=True)
        if "." in value:
            found |= _pick(self.labels(Token(method="ingest", value=value)), value, wild=True, dotted=True)
        return found

    @cached_property
    def _named(self) -> tuple[Node, ...]:
        return tuple(node for node in self.graph.nodes.values() if node.source is None)

    @cached_property
    def _names(self) -> Labels:
        return _grouped((node.fqn[-1], node.unique_id) for node in self._named)

    @cached_property
    def _dotted(self) -> Mapping[str, tuple[str, str, list[str]]]:
        """Full name → name, full name without the package, ids."""
        made: dict[str, tuple[str, str, list[str]]] = {}
        for node in self._named:
            dotted = ".".join(node.fqn)
            made.setdefault(dotted, (node.fqn[-1], dotted.partition(".")[2], []))[2].append(node.unique_id)
        return made

    def _by_full_name(self, value: str) -> set[str]:
        last = value.rpartition(".")[2]
        nodes = self.graph.nodes
        ids = (*self._names.get(last, ()), *self._dotted_names.get(last, ()))
        return {unique_id for unique_id in ids if value in (full := ".".join(nodes[unique_id].fqn), full.partition(".")[2])}

    @cached_property
    def _dotted_names(self) -> Labels:
        """Ids of nodes with a dot in their name, by what follows the last one."""
        return _grouped(
            (name.rpartition(".")[2], unique_id) for name, ids in self._names.items() if "." in name for unique_id in ids
        )

    @cached_property
    def _folders(self) -> Labels:
        """Ids under each folder, written with dots, with and without the package. A dot in a name stands for a folder."""
        folders: dict[tuple[str, ...], list[str]] = {}
        for node in self._named:
            steps = node.fqn[:-1] if "." not in node.fqn[-1] else (*node.fqn[:-1], node.fqn[-1].rpartition(".")[0])
            folders.setdefault(steps, []).append(node.unique_id)
        direct: dict[str, list[str]] = {}
        for steps, ids in folders.items():
            direct.setdefault(".".join(steps), []).extend(ids)
        bare: dict[str, list[str]] = {}
        for steps, ids in folders.items():
            bare.setdefault(".".join(steps[1:]), []).extend(ids)
        full, short = _under(direct, "."), _under(bare, ".")
        return {folder: (*full.get(folder, ()), *short.get(folder, ())) for folder in {**full, **short}}

    # -- by file ---------------------------------------------------------------------------------------------------------------

    def _path(self, value: str) -> set[str]:
        only_folders = value.endswith("/")
        value = "/".join(part for part in value.split("/") if part not in ("", "."))
        if not value:
            return {unique_id for ids in self._files.values() for unique_id in ids}
        if not _WILD.search(value):
            files = () if only_folders else self._files.get(value, ())
            return {*self._in_folder.get(value, ()), *files}
        matches = re.compile(_glob(value)).fullmatch
        places = (self._in_folder,) if only_folders else (self._in_folder, self._files)
        return {unique_id for place in places for path, ids in place.items() if matches(path) for unique_id in ids}

    @cached_property
    def _files(self) -> Labels:
        """Ids by the file that defines them, and by the properties file that describes them."""
        return _grouped((path, node.unique_id) for node in self.graph.nodes.values() for path in {node.path, node.patch} if path)

    @cached_property
    def _in_folder(self) -> Labels:
        """Ids of what is defined under each folder."""
        return _under(_grouped((node.path.rpartition("/")[0], node.unique_id) for node in self.graph.nodes.values()), "/")

    # -- by config -------------------------------------------------------------------------------------------------------------

    def _config(self, keys: tuple[str, ...], value: str) -> set[str]:
        labels = self.labels(Token(method="config", args=keys, value=value))
        lowered = value.lower()
        same = lowered if lowered in ("true", "false") or keys == ("severity",) else value
        return set(labels.get(same, ()))

    # -- what was meant --------------------------------------------------------------------------------------------------------

    def meant(self, token: Token) -> str | None:
        """What a token that matched nothing may have meant, as one would write it."""
        if token.method == "fqn":
            return self._meant_by_name(token.value)
        if token.method == "path":
            return suggest(token.value.removeprefix("./").rstrip("/"), {*self._files, *self._in_folder} - {""})
        near = suggest(token.value, self.labels(token))
        return f"{'.'.join((token.method, *token.args))}:{near}" if near is not None else None

    def _meant_by_name(self, value: str) -> str | None:
        for method in ("tag", "source", "ingest", "group", "exposure", "deliver", "task", "test_name"):
            if value in self.labels(Token(method=method, value=value)):
                return f"{method}:{value}"
        inside = [folder for folder in self._folders if folder.endswith(f".{value}")]
        if inside:
            return min(inside, key=lambda folder: (len(folder), folder))
        tests = {node.name for node in self.graph.of_type("test")}
        return suggest(value, [name for name in self._names if name not in tests]) or suggest(value, [*self._folders, *tests])


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    made: dict[str, list[str]] = {}
    for label, unique_id in pairs:
        made.setdefault(label, []).append(unique_id)
    return made


def _under(direct: Labels, separator: str) -> dict[str, list[str]]:
    """Ids under each folder and the folders above it, from the ids that stand directly in each."""
    made: dict[str, list[str]] = {}
    for folder, ids in direct.items():
        end = len(folder)
        while end > 0:
            made.setdefault(folder[:end], []).extend(ids)
            end = folder.rfind(separator, 0, end)
    return made


def _pick(labels: Labels, value: str, *, wild: bool, dotted: bool) -> set[str]:
    """The ids under the labels that the value matches."""
    if not wild or not _WILD.search(value):
        return set(labels.get(value, ()))
    matches = re.compile(translate(value)).match
    dots = value.count(".")
    return {
        unique_id
        for label, ids in labels.items()
        if (not dotted or label.count(".") == dots) and matches(label)
        for unique_id in ids
    }


def _config_labels(keys: tuple[str, ...]) -> Callable[[Node], Iterable[str]]:
    def labels(node: Node) -> Iterable[str]:
        value: Any = node.config
        for key in keys:
            if not isinstance(value, Mapping) or key not in value:
                value = _implied(node, keys)
                break
            value = value[key]
        members = value if isinstance(value, (list, tuple, set, frozenset, Mapping)) else (value,)
        words = [str(member).lower() if isinstance(member, bool) else str(member) for member in members if member is not None]
        return [word.lower() for word in words] if keys == ("severity",) else words

    return labels


def _implied(node: Node, keys: tuple[str, ...]) -> Any:
    """The value of a config that nobody wrote."""
    if keys == ("materialized",) and node.resource_type in ("model", "seed", "ingest", "test"):
        return node.materialized
    if keys == ("enabled",):
        return True
    return "protected" if keys == ("access",) and node.resource_type == "model" else None


def _glob(pattern: str) -> str:
    """A regular expression for a path with wildcards: `*` and `?` stay within one folder, `**` is any number of folders."""

    def piece(match: re.Match[str]) -> str:
        text = match[0]
        if match["folders"]:
            return "(?:[^/]+/)*" if text.endswith("/") else ".*"
        if text[0] == "*":
            return "[^/]*"
        if text == "?":
            return "[^/]"
        if match["set"]:
            members = re.sub(r"([\\\[\]&~|^])", r"\\\1", match["set"])
            one = f"[{'^/' if match['not'] else ''}{members}]"
            return one if _compiles(one) else "(?!)"
        return re.escape(text)

    return _GLOB.sub(piece, pattern)


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:  # a range that runs backwards
        return False
    return True
