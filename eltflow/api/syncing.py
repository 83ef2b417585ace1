"""Columns and their types, as they are known from SQL, files and the target, into properties YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any

from eltflow.api.compiling import compile_each, keep_compiled, last_catalog, make_compiler
from eltflow.api.loading import Loaded
from eltflow.api.writing import write_pieces
from eltflow.base.diagnostics import fail
from eltflow.base.records import dataclass
from eltflow.compile.lineage import Lineages
from eltflow.project import yamlfile
from eltflow.project.nodes import Node
from eltflow.project.yamledit import YamlEdit
from eltflow.sql.types import same_type
from eltflow.warehouse.values import Column

_SECTIONS = {"model": "models", "seed": "seeds"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A properties file as it stands (None: it does not) and as it would be."""

    path: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Synced:
    """What would be written. `unknown` are nodes that are left as they are, with the reason; `gone` are columns that files
    describe and nodes do not have, which stay: (node, column)."""

    changes: tuple[FileChange, ...]
    unknown: dict[str, str]
    gone: tuple[tuple[str, str], ...]


def sync(loaded: Loaded, ids: Iterable[str]) -> Synced:
    """What properties files lack of the columns and types of models, seeds and sources. Nothing is written.

    Raises EltflowError (E0702) where the library that keeps comments is not installed."""
    catalog, _ = last_catalog(loaded)
    compiler = make_compiler(loaded, catalog)
    nodes = [loaded.graph.nodes[i] for i in ids if loaded.graph.nodes[i].resource_type in ("model", "seed", "source")]
    compile_each(compiler, [node for node in nodes if node.resource_type == "model"])
    keep_compiled(loaded, compiler)
    lineages = Lineages(compiler, {})
    files: dict[str, tuple[str | None, YamlEdit]] = {}
    unknown: dict[str, str] = {}
    gone: list[tuple[str, str]] = []
    for node in nodes:
        columns = compiler.known.columns(node)
        if columns is None:
            names = compiler.known.names(node)
            columns = tuple(Column(name) for name in names.names) if names.complete else None
        if columns is None:
            if node.source is None:  # of a source nobody expects that its columns are known
                unknown[node.display] = lineages.of(node).unlisted or "the engine names some of them"
            continue
        path = node.patch or _file_for(loaded, node)
        if path not in files:
            there = (loaded.root / path).is_file()
            text = (loaded.root / path).read_bytes().decode("utf-8-sig") if there else None
            files[path] = (text, YamlEdit(text or ""))
        if node.patch is not None and files[path][1].shared((*node.place, "columns")):
            unknown[node.display] = "its entry is shared with another one by a YAML alias"
            continue
        gone += [(node.display, name) for name in _put(files[path][1], node, columns, loaded.adapter.dialect.sqlglot)]
    changed = []
    for path, (before, edit) in files.items():
        after = edit.text()
        if before is None or yamlfile.read(after, path) != yamlfile.read(before, path):
            changed.append(FileChange(path=path, before=before, after=after))
    return Synced(changes=tuple(changed), unknown=unknown, gone=tuple(gone))


def write_synced(loaded: Loaded, synced: Synced) -> None:
    """Write what `sync` found. Raises EltflowError (E0117) for a file that cannot be written, or has changed in between."""
    for change in synced.changes:
        path = loaded.root / change.path
        now = path.read_bytes().decode("utf-8-sig") if path.is_file() else None
        if now != change.before:
            raise fail("E0117", f"{change.path} changed in between", help="run `eltflow sync` again, and look at what it shows")
    for change in synced.changes:
        write_pieces(loaded.root / change.path, (change.after,))


def _file_for(loaded: Loaded, node: Node) -> str:
    """Where a node that no file describes is described: beside it, in the file that describes most of its neighbours."""
    folder = PurePosixPath(node.path).parent
    beside = Counter(
        other.patch
        for other in loaded.graph.of_type(node.resource_type)
        if other.patch is not None and PurePosixPath(other.path).parent == folder and PurePosixPath(other.patch).parent == folder
    )
    if beside:
        return min(beside, key=lambda path: (-beside[path], path))
    return str(folder / f"{folder.name}.yml")


def _put(edit: YamlEdit, node: Node, columns: Sequence[Column], dialect: str) -> list[str]:
    """Put a node's columns into its file; gives those that it describes and the node has not."""
    place = node.place if node.patch is not None else _entry(edit, node)
    described: Any = edit.at((*place, "columns"))
    if not described:
        edit.set(place, "columns", edit.new_list([_item(column) for column in columns]))
        return []
    known = {str(one.get("name")).lower(): index for index, one in enumerate(described) if isinstance(one, dict)}
    position = 0
    for column in columns:
        at = known.get(column.name.lower())
        if at is None:
            edit.insert((*place, "columns"), position, _item(column))
            known = {name: index + (index >= position) for name, index in known.items()}
            position += 1
            continue
        position = max(position, at + 1)
        written = described[at].get("data_type")
        if column.type is not None and (written is None or not same_type(str(written), column.type, dialect)):
            edit.set((*place, "columns", at), "data_type", column.type, after="name")
    names = {column.name.lower() for column in columns}
    return [str(one.get("name")) for one in described if str(one.get("name")).lower() not in names]


def _item(column: Column) -> dict[str, str]:
    return {"name": column.name, **({"data_type": column.type} if column.type is not None else {})}


def _entry(edit: YamlEdit, node: Node) -> tuple[str | int, ...]:
    """The place of a new entry for a node that its file does not describe yet."""
    section = _SECTIONS[node.resource_type]
    listed = edit.at((section,))
    if not listed:
        edit.set((), section, edit.new_list([{"name": node.name}]))
        return (section, 0)
    edit.insert((section,), len(listed), {"name": node.name})
    return (section, len(listed) - 1)
