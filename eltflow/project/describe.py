"""Properties YAML into patches, sources, exposures, groups and tests: the part of reading that both front doors share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from eltflow.base.records import dataclass, field
from eltflow.project import deliveries, steps, tasks, unnest
from eltflow.project.config import as_list, canonical
from eltflow.project.findings import Findings
from eltflow.project.nodes import ColumnInfo, ConstraintInfo, DeliverInfo, ExposureInfo, IngestInfo, SourceInfo, TaskInfo
from eltflow.project.project import Draft, Group
from eltflow.project.shape import Path
from eltflow.project.tests import Attachment, read_tests

Layers = Callable[[str, tuple[str, ...]], tuple[Mapping[str, Any], ...]]
Render = Callable[[Any, str, Path], Any]

_NODE_KEYS = {"models": "model", "seeds": "seed", "analyses": "analysis", "data_tests": "test", "tests": "test"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patch:
    """What YAML says of a node that has a file of its own."""

    resource_type: str
    name: str
    file: str
    place: Path
    entry: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Described:
    """Everything that a project's properties files say."""

    patches: dict[tuple[str, str], Patch] = field(default_factory=dict)
    drafts: list[Draft] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    macros: dict[str, Patch] = field(default_factory=dict)


def entry_config(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in a properties entry: its `config:`, and the keys that may also stand beside it."""
    config = {canonical(k): v for k, v in (entry.get("config") or {}).items()}
    for key in ("docs", "group", "access", "meta", "tags", "freshness", "loaded_at_field", "loaded_at_query"):
        if key in entry and key not in config:
            config[key] = entry[key]
    return config


def columns_of(entry: Mapping[str, Any], describe: Callable[..., str]) -> dict[str, ColumnInfo]:
    """The columns of an entry by name."""
    made: dict[str, ColumnInfo] = {}
    for place, own, column in steps.columns_in(entry):
        if column.get("exclude"):
            continue
        config = column.get("config") or {}
        name = column.get("rename") or own
        made[name] = ColumnInfo(
            name=name,
            description=describe(column.get("description"), "columns", place),
            data_type=column.get("data_type"),
            meta={**(column.get("meta") or {}), **(config.get("meta") or {})},
            tags=(*as_list(column.get("tags")), *as_list(config.get("tags"))),
            quote=bool(column.get("quote", False)),
            constraints=constraints_of(column, (name,)),
        )
    return made


def constraints_of(entry: Mapping[str, Any], columns: tuple[str, ...] | None = None) -> tuple[ConstraintInfo, ...]:
    """The constraints of an entry; those of a column's are on `columns`."""
    return tuple(
        ConstraintInfo(
            type=one["type"],
            name=one.get("name"),
            expression=one.get("expression"),
            columns=tuple(map(str, as_list(one.get("columns")))) if columns is None else columns,
            to=one.get("to"),
            to_columns=tuple(map(str, as_list(one.get("to_columns")))),
            warn_unsupported=bool(one.get("warn_unsupported", True)),
            warn_unenforced=bool(one.get("warn_unenforced", True)),
        )
        for one in entry.get("constraints") or ()
    )


def tests_of(
    entry: Mapping[str, Any], attached: Attachment, place: Path, package: str, known: Iterable[str], findings: Findings
) -> list[Draft]:
    """The tests of an entry and of its columns."""
    made: list[Draft] = []
    for key in ("data_tests", "tests"):
        if entry.get(key):
            made += read_tests(entry[key], attached, None, (*place, key), package, known, findings)
    columns = steps.columns_in(entry)
    for spot, name, column in columns:
        config = column.get("config") or {}
        tags = (*as_list(column.get("tags")), *as_list(config.get("tags")))
        for key in ("data_tests", "tests"):
            if column.get(key):
                inner = (*place, "columns", spot, key)
                made += read_tests(column[key], attached, column.get("rename") or name, inner, package, known, findings, tags=tags)
    _columns_once(entry, attached.file, place, findings)
    both = [e for e in (entry, *(column for _, _, column in columns)) if "tests" in e and "data_tests" in e]
    if both:
        findings.at(attached.file, place, "E0103", "`tests` and `data_tests` are the same key", help="keep `data_tests`")
    return made


def _columns_once(entry: Mapping[str, Any], file: str, place: Path, findings: Findings) -> None:
    """An error for each column that is described twice."""
    seen: dict[str, str | int] = {}
    for spot, name, _ in steps.columns_in(entry):
        first = seen.setdefault(name.lower(), spot)
        if first != spot:
            other = findings.spot(file, (*place, "columns", first)).line
            message = f"the column `{name}` is described twice"
            help = f"the other is in line {other}; put them together"
            inner = ("name",) if isinstance(spot, int) else ()
            findings.at(file, (*place, "columns", spot, *inner), "E0206", message, help=help, key=not inner)


class Describer:
    """Reads the properties files of one package."""

    def __init__(
        self,
        package: str,
        layers: Layers,
        describe: Callable[[Any, str, Path], str],
        render: Render,
        known: Iterable[str],
        findings: Findings,
    ) -> None:
        self._package = package
        self._layers = layers
        self._describe = describe
        self._render = render
        self._known = frozenset(known)
        self._findings = findings
        self.result = Described()

    def file(self, path: str, folder: tuple[str, ...], value: Mapping[str, Any]) -> None:
        """Take in one properties file, already checked for its shape."""
        for key, kind in _NODE_KEYS.items():
            for index, entry in enumerate(value.get(key) or ()):
                self._patch(kind, entry, path, (key, index))
        for index, entry in enumerate(value.get("macros") or ()):
            before = self.result.macros.get(entry["name"])
            if before is not None:
                self._twice("macro", entry["name"], path, ("macros", index), before)
            self.result.macros[entry["name"]] = Patch(
                resource_type="macro", name=entry["name"], file=path, place=("macros", index), entry=entry
            )
        for index, entry in enumerate(value.get("sources") or ()):
            self._source(entry, path, folder, ("sources", index))
        for index, entry in enumerate(value.get("exposures") or ()):
            self._exposure(entry, path, folder, ("exposures", index))
        for index, entry in enumerate(value.get("groups") or ()):
            self._group(entry, path, ("groups", index))

    def _patch(self, kind: str, entry: Mapping[str, Any], path: str, place: Path) -> None:
        key = (kind, entry["name"])
        known = self.result.patches.get(key)
        if known is not None:
            self._twice(kind, entry["name"], path, place, known)
            return
        self.result.patches[key] = Patch(resource_type=kind, name=entry["name"], file=path, place=place, entry=entry)

    def _twice(self, kind: str, name: str, path: str, place: Path, other: Patch) -> None:
        line = self._findings.spot(other.file, (*other.place, "name")).line
        message = f"{kind} `{name}` is described twice"
        help = f"the other is {other.file}:{line}; put them together"
        self._findings.at(path, (*place, "name"), "E0206", message, help=help)

    def _source(self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path) -> None:
        name = entry["name"]
        for index, table in enumerate(entry.get("tables") or ()):
            inner = (*place, "tables", index)
            info = SourceInfo(
                source=name,
                table=table["name"],
                loader=str(table.get("loader") or entry.get("loader") or ""),
                source_description=self._describe(entry.get("description"), path, place),
            )
            describe = _at(self._describe, path, inner)
            unique_id = f"source.{self._package}.{name}.{table['name']}"
            self.result.drafts.append(
                Draft(
                    resource_type="source",
                    name=table["name"],
                    path=path,
                    folder=(*folder, name),
                    layers=(
                        *self._layers("sources", (*folder, name, table["name"])),
                        self._render(entry_config(entry), path, (*place, "config")),
                        self._render(entry_config(table), path, (*inner, "config")),
                    ),
                    description=describe(table.get("description")),
                    columns=columns_of(table, describe),
                    patch=path,
                    place=inner,
                    source=info,
                    schema=self._render(entry.get("schema") or name, path, (*place, "schema")),
                    database=self._render(entry.get("database"), path, (*place, "database")),
                    identifier=self._render(table.get("identifier") or table["name"], path, (*inner, "identifier")),
                )
            )
            attached = Attachment(
                label=f"source_{name}_{table['name']}",
                unique_id=unique_id,
                call=f"source({name!r}, {table['name']!r})",
                folder=folder,
                file=path,
            )
            self.result.drafts += tests_of(table, attached, inner, self._package, self._known, self._findings)

    def _exposure(self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path) -> None:
        info = ExposureInfo(
            type=entry["type"],
            owner=entry["owner"],
            label=entry.get("label"),
            maturity=entry.get("maturity"),
            url=self._render(entry.get("url"), path, (*place, "url")),
        )
        self.result.drafts.append(
            Draft(
                resource_type="exposure",
                name=entry["name"],
                path=path,
                folder=folder,
                layers=(*self._layers("exposures", (*folder, entry["name"])), self._render(entry_config(entry), path, place)),
                description=self._describe(entry.get("description"), path, place),
                patch=path,
                place=place,
                exposure=info,
                depends_on=tuple(entry.get("depends_on") or ()),
            )
        )

    def _group(self, entry: Mapping[str, Any], path: str, place: Path) -> None:
        name = entry["name"]
        if name in self.result.groups:
            help = f"the other is in {self.result.groups[name].path}"
            self._findings.at(path, (*place, "name"), "E0206", f"two groups are called `{name}`", help=help)
            return
        self.result.groups[name] = Group(
            name=name, owner=entry["owner"], description=str(entry.get("description") or ""), path=path
        )

    def delivery(self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path) -> None:
        """Take in one delivery."""
        for inner, message, help in deliveries.problems(entry):
            self._findings.at(path, (*place, *inner), "E0103", message, help=help)
        read = str(entry["from"])
        source, dot, table = read.partition(".")
        send = "all" if entry["to"]["kind"] in deliveries.WHOLE else entry.get("send") or "changed"
        info = DeliverInfo(
            to=self._render(entry["to"], path, (*place, "to")),
            columns=tuple(as_list(entry.get("columns"))),
            key=tuple(as_list(entry.get("unique_key"))),
            send=send,
            on_delete=entry.get("on_delete") or "ignore",
            targets=tuple(as_list(entry.get("targets"))),
        )
        self.result.drafts.append(
            Draft(
                resource_type="deliver",
                name=entry["name"],
                path=path,
                folder=folder,
                layers=(*self._layers("deliver", (*folder, entry["name"])), self._render(entry_config(entry), path, place)),
                description=self._describe(entry.get("description"), path, place),
                patch=path,
                place=place,
                deliver=info,
                depends_on=(f"source({source!r}, {table!r})" if dot else f"ref({read!r})",),
            )
        )

    def task(self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path) -> None:
        """Take in one task, or each item of one that is for several."""
        if entry.get("for_each") is None:
            self._task(entry, path, folder, place)
            return
        found = list(tasks.each_problems(entry))
        for inner, message, help in found:
            self._findings.at(path, (*place, *inner), "E0103", message, help=help)
        if not found:
            for one in tasks.expanded(entry):
                self._task(one, path, (*folder, entry["name"]), place, each=entry["name"])

    def _task(self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path, each: str = "") -> None:
        for inner, message, help in tasks.problems(entry):
            self._findings.at(path, (*place, *inner), "E0103", message, help=help)
        info = TaskInfo(
            command=tuple(
                map(str, entry.get("command") or ())
            ),  # rendered when it runs: a graph is kept in a file, and holds no secret
            python=dict(entry.get("python") or {}),
            params=dict(entry.get("params") or {}),
            reads=tuple(map(str, as_list(entry.get("reads")))),
            into=entry.get("into") or "",
            each=each,
            wait_for=dict(entry.get("wait_for") or {}),
            http_job=dict(entry.get("http_job") or {}),
            env={name: str(value) for name, value in (entry.get("env") or {}).items()},
            folder=entry.get("folder") or "",
            memory_mb=entry.get("memory_mb"),
            targets=tuple(as_list(entry.get("targets"))),
        )
        own = {"timeout": entry["timeout"]} if entry.get("timeout") is not None else {}
        into = ((("into",), info.into),) if info.into else ()
        self.result.drafts.append(
            Draft(
                resource_type="task",
                name=entry["name"],
                path=path,
                folder=folder,
                layers=(*self._layers("tasks", (*folder, entry["name"])), self._render(entry_config(entry), path, place), own),
                description=self._describe(entry.get("description"), path, place),
                patch=path,
                place=place,
                task=info,
                after=(*_named(entry, "after"), *_named(entry, "reads")),
                writes=(*_named(entry, "writes"), *into),
            )
        )

    def step(
        self, entry: Mapping[str, Any], path: str, folder: tuple[str, ...], place: Path, places: Mapping[str, Path] | None = None
    ) -> None:
        """Take in one ingestion step; `places` are those, within the entry's, of keys that are not written in the entry itself."""
        if "env" in entry:
            entry = {**entry, "source": {**entry["source"], "env": entry["env"]}}
        for inner, message, help in (*steps.problems(entry), *unnest.problems(entry)):
            self._findings.at(path, (*place, *_within(inner, places or {})), "E0103", message, help=help)
        info = IngestInfo(
            source=self._render(entry["source"], path, (*place, "source")),
            load=entry.get("load") or "replace",
            into=entry["into"],
            step=steps.settings(entry),
        )
        layers = self._layers("ingest", (*folder, entry["name"]))
        self._loading(entry, path, folder, place, info, layers)
        for column, one in unnest.children(entry):
            inner = (*place, *(places or {}).get("unnest", ()), *unnest.place_of(entry, column))
            step = {**steps.settings(one), **one["unnest"]}
            items = IngestInfo(source=one["source"], load=info.load, into=one["into"], step=step)
            self._loading(one, path, folder, inner, items, layers, reads=(f"ref({entry['name']!r})",))

    def _loading(
        self,
        entry: Mapping[str, Any],
        path: str,
        folder: tuple[str, ...],
        place: Path,
        info: IngestInfo,
        layers: tuple[Mapping[str, Any], ...],
        reads: tuple[str, ...] = (),
    ) -> None:
        """Take in a table that a step makes: what is said of it stands at a place."""
        schema, _, table = str(entry["into"]).rpartition(".")
        describe = _at(self._describe, path, place)
        self.result.drafts.append(
            Draft(
                resource_type="ingest",
                name=entry["name"],
                path=path,
                folder=folder,
                layers=(*layers, self._render(entry_config(entry), path, place)),
                description=describe(entry.get("description")),
                columns=columns_of(entry, describe),
                patch=path,
                place=place,
                ingest=info,
                schema=schema or None,
                identifier=table,
                depends_on=reads,
            )
        )
        attached = Attachment(
            label=entry["name"].replace(".", "_"),
            unique_id=f"ingest.{self._package}.{entry['name']}",
            call=f"ref({entry['name']!r})",
            folder=folder,
            file=path,
        )
        self.result.drafts += tests_of(entry, attached, place, self._package, self._known, self._findings)


def _within(inner: Path, places: Mapping[str, Path]) -> Path:
    """Where in a step's entry that is written which a table of it says at `inner`; what says how it is asked for stands there without
    `source`."""
    own = places.get(".".join(map(str, inner[:2]))) if len(inner) > 1 else None
    if own is not None:
        return (*own, *inner[1:]) if own else inner
    if inner == ("source",):
        return places.get("source", inner)
    return (*places.get(str(inner[0]), ()), *inner)


def _named(entry: Mapping[str, Any], key: str) -> tuple[tuple[Path, str], ...]:
    """The names below a key, each with its place."""
    several = isinstance(entry.get(key), list)
    return tuple(((key, index) if several else (key,), str(name)) for index, name in enumerate(as_list(entry.get(key))))


def _at(describe: Callable[[Any, str, Path], str], path: str, place: Path) -> Callable[..., str]:
    return lambda text, *inner: describe(text, path, (*place, *inner))
