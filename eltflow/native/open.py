"""Opens a native project: files → Project. Reads and checks every file, and tells everything that is wrong with them at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import LARGE, fingerprint, fingerprint_content, fingerprint_file
from eltflow.base.names import IDENTIFIER, IDENTIFIER_HELP, did_you_mean
from eltflow.base.plurals import plural
from eltflow.base.records import dataclass, replace
from eltflow.jinja.static import macro_names
from eltflow.jinja.values import MacroSource
from eltflow.native.settings import (
    YamlRenderer,
    tree_layers,
    unknown_folders,
)
from eltflow.native.target import Opened, open_target
from eltflow.project import several, yamlfile
from eltflow.project.deliveries import DELIVERIES
from eltflow.project.describe import Describer, Patch, columns_of, constraints_of, entry_config, tests_of
from eltflow.project.findings import Findings
from eltflow.project.folder import Stamp, walk
from eltflow.project.nodes import TestInfo, noun
from eltflow.project.options import Options
from eltflow.project.project import Doc, Draft, MacroInfo, Project, decode, read_bytes, reading
from eltflow.project.properties import PROPERTIES, PYTHON_STEPS, STEPS
from eltflow.project.settings import SELECTORS, TREES, Settings
from eltflow.project.shape import Path as Place
from eltflow.project.shape import Shape, check
from eltflow.project.tasks import TASKS
from eltflow.project.tests import Attachment

if TYPE_CHECKING:
    pass

SEED_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
_DOCS = re.compile(r"\{%-?\s*docs\s+(\w+)\s*-?%\}(.*?)\{%-?\s*enddocs\s*-?%\}", re.DOTALL)
_DOCS_OPENED = re.compile(r"\{%-?\s*docs\s+(\w+)\s*-?%\}")
_DOC_CALL = re.compile(r"\{\{\s*doc\(\s*(['\"])([^'\"]+)\1\s*(?:,\s*(['\"])([^'\"]+)\3\s*)?\)\s*\}\}")
_PLURAL = {"model": "models", "seed": "seeds", "analysis": "analyses", "test": "data_tests"}


@dataclass(slots=True, kw_only=True)
class FileCache:
    """What is known of files from an earlier reading: content hash by path and stamp, YAML values by hash."""

    hashes: dict[str, tuple[int, int, str]]
    values: dict[str, Any]


def open_project(root: Path, options: Options, cache: FileCache | None = None) -> Opened:
    """Read the project at `root`. Raises EltflowError with everything that is wrong (E01xx files, E02xx names, E03xx Jinja)."""
    return _Opening(root, options, cache or FileCache(hashes={}, values={})).open()


def folders_of(settings: Settings) -> tuple[str, ...]:
    """Every folder that a project reads."""
    return tuple(
        dict.fromkeys(
            (
                *settings.model_paths,
                *settings.seed_paths,
                *settings.test_paths,
                *settings.macro_paths,
                *settings.analysis_paths,
                *settings.ingest_paths,
                *settings.deliver_paths,
                *settings.task_paths,
                *settings.docs_paths,
            )
        )
    )


class _Opening:
    def __init__(self, root: Path, options: Options, cache: FileCache) -> None:
        self.home = root
        self.root = options.files(root)
        self.options = options
        self.cache = cache
        self._data: dict[str, bytes] = {}
        self._texts: dict[str, str] = {}
        self._open_docs: set[str] = set()
        self.findings = Findings(self.text)
        self.hashes: dict[str, str] = {}

    # -- files -----------------------------------------------------------------------------------------------------------------

    def data(self, path: str) -> bytes:
        known = self._data.get(path)
        if known is None:
            known = read_bytes(self.root, path)
            self._data[path] = known
        return known

    def text(self, path: str) -> str:
        known = self._texts.get(path)
        if known is None:
            known = decode(self.data(path), path)
            self._texts[path] = known
        return known

    def hash(self, path: str, stamp: Stamp) -> str:
        """The content's fingerprint; the file is read only if its stamp is not the one known."""
        known = self.cache.hashes.get(path)
        if known is None or known[:2] != stamp:
            large = stamp[1] > LARGE  # not to be kept in memory
            made = reading(fingerprint_file, self.root, path) if large else fingerprint_content(self.data(path))
            known = (*stamp, made)
            self.cache.hashes[path] = known
        self.hashes[path] = known[2]
        return known[2]

    def yaml(self, path: str, stamp: Stamp) -> Any:
        digest = self.hash(path, stamp)
        python = path.endswith(".py")
        key = f"{digest} python" if python else digest
        if key not in self.cache.values:
            read = yamlfile.read
            if python:
                from eltflow.project.pyfile import read  # it imports ast
            self.cache.values[key] = read(self.text(path), path)
        return self.cache.values[key]

    def guarded(self, action: Callable[..., Any], *args: Any) -> Any:
        try:
            return action(*args)
        except EltflowError as error:
            self.findings.extend(error)
            return None

    # -- the project -----------------------------------------------------------------------------------------------------------

    def open(self) -> Opened:
        settings, target, adapter, environ, render = open_target(self.home, self.options, self.findings)
        files = walk(self.root, folders_of(settings))
        kinds = _sort(files, settings)
        macros = self._macros(kinds["macro"], files)
        docs = self._docs(kinds["docs"], files)
        described = self._properties(kinds, files, settings, macros, docs, render)
        drafts = self._drafts(kinds, files, settings, described, macros, docs, render)
        self._unique(drafts, settings)
        self._check_connections(drafts, settings)
        self._check_functions(drafts, settings)
        self._check_targets(drafts, settings.targets)
        self._check_folders(drafts, settings)
        project = Project(
            root=self.home,
            files=self.root,
            settings=settings,
            target=target,
            drafts=tuple(drafts),
            macros=tuple(macros.values()),
            macro_info=self._macro_info(macros, described, docs),
            docs=docs,
            groups=described.groups,
            selectors=self._selectors(render),
            vars=settings.vars,
            macro_hash=fingerprint(*(f"{m.file}\0{self.hashes[m.file]}" for m in macros.values())),
        )
        self.findings.stop()
        return Opened(project=project, adapter=adapter, environ=environ, files=files)

    def _macros(self, paths: list[str], files: Mapping[str, Stamp]) -> dict[str, MacroSource]:
        made: dict[str, MacroSource] = {}
        for path in paths:
            text = self.guarded(self.text, path)
            if text is None:
                continue
            self.hash(path, files[path])
            for kind, name, line in macro_names(text):
                key = f"test_{name}" if kind == "test" else name
                if key in made:
                    other = made[key]
                    self.findings.error(
                        "E0206",
                        f"two {'generic tests' if kind == 'test' else 'macros'} are called `{name}`",
                        file=path,
                        line=line,
                        word=name,
                        help=f"the other is {other.file}:{other.line}; rename one",
                    )
                    continue
                made[key] = MacroSource(name=key, file=path, line=line, text=text)
        return made

    def _docs(self, paths: list[str], files: Mapping[str, Stamp]) -> dict[str, Doc]:
        made: dict[str, Doc] = {}
        for path in paths:
            text = self.guarded(self.text, path)
            if text is None:
                continue
            self.hash(path, files[path])
            for block in _DOCS.finditer(text):
                name = block.group(1)
                if name in made:
                    line = text.count("\n", 0, block.start()) + 1
                    self.findings.error(
                        "E0206",
                        f"two docs blocks are called `{name}`",
                        file=path,
                        line=line,
                        word=name,
                        help=f"the other is in {made[name].path}; rename one",
                    )
                made[name] = Doc(name=name, path=path, text=block.group(2).strip("\n"))
            self._unclosed_docs(path, text)
        return made

    def _unclosed_docs(self, path: str, text: str) -> None:
        closed = [block.span() for block in _DOCS.finditer(text)]
        for opened in _DOCS_OPENED.finditer(text):
            if not any(start <= opened.start() < end for start, end in closed):
                name, line = opened.group(1), text.count("\n", 0, opened.start()) + 1
                self._open_docs.add(name)
                message = f"the docs block `{name}` is not closed"
                self.findings.error("E0215", message, file=path, line=line, word=name, help="close it with {% enddocs %}")

    def _describe(self, docs: Mapping[str, Doc], render: YamlRenderer, package: str) -> Callable[[Any, str, tuple[Any, ...]], str]:
        def describe(text: Any, file: str, path: tuple[Any, ...]) -> str:
            if text is None:
                return ""
            if "{{" not in str(text):
                return str(text)

            def block(call: re.Match[str]) -> str:
                name = call.group(4) or call.group(2)
                doc = docs.get(name) if call.group(4) is None or call.group(2) == package else None
                if doc is None and name in self._open_docs:
                    return ""  # the block is there, and its own error told
                if doc is None:
                    help = did_you_mean(name, docs) or "write it in a .md file: {% docs NAME %} ... {% enddocs %}"
                    self.findings.at(file, (*path, "description"), "E0207", f"there is no docs block `{name}`", help=help)
                    return ""
                return doc.text

            filled = _DOC_CALL.sub(block, str(text))
            return str(render(filled, file, (*path, "description")))

        return describe

    def _properties(
        self,
        kinds: Mapping[str, list[str]],
        files: Mapping[str, Stamp],
        settings: Settings,
        macros: Mapping[str, MacroSource],
        docs: Mapping[str, Doc],
        render: YamlRenderer,
    ) -> Any:
        known = [name.removeprefix("test_") for name in macros if name.startswith("test_")]

        def layers(tree: str, steps: tuple[str, ...]) -> tuple[Mapping[str, Any], ...]:
            return tree_layers(settings.configs[tree], TREES[tree].kind, steps)

        describer = Describer(settings.name, layers, self._describe(docs, render, settings.name), render, known, self.findings)

        def checked(kind: str, shape_of: Callable[[str], Shape]) -> Iterator[tuple[str, Any]]:
            """The files of a kind that have their shape, and what stands in them."""
            for path in kinds[kind]:
                value = self.guarded(self.yaml, path, files[path])
                if value is not None:
                    problems = check(value, shape_of(path), strict=self.options.strict)
                    self.findings.problems(path, problems)
                    if not problems:
                        yield path, value

        for path, value in checked("yaml", lambda path: PROPERTIES):
            describer.file(path, _folder(path, _roots(settings)), value)
        for path, value in checked("ingest", lambda path: PYTHON_STEPS if path.endswith(".py") else STEPS):
            for index, entry in enumerate(value["steps"]):
                for one, places in self._tables_of(entry, path, ("steps", index), files):
                    describer.step(one, path, _folder(path, settings.ingest_paths), ("steps", index), places)
        for path, value in checked("deliver", lambda path: DELIVERIES):
            for index, entry in enumerate(value["steps"]):
                describer.delivery(entry, path, _folder(path, settings.deliver_paths), ("steps", index))
        for path, value in checked("task", lambda path: TASKS):
            for index, entry in enumerate(value["tasks"]):
                describer.task(entry, path, _folder(path, settings.task_paths), ("tasks", index))
        return describer.result

    def _tables_of(
        self, entry: Mapping[str, Any], path: str, place: tuple[str | int, ...], files: Mapping[str, Stamp]
    ) -> Sequence[tuple[Mapping[str, Any], Mapping[str, Place]]]:
        """The entries of a step: one for each table that it brings; and where in it that is written which is said of one alone."""
        if not several.brings_several(entry):
            return ((entry, {}),)
        file = several.list_of(path, entry["name"])
        text = self.guarded(self.text, file) if file in files else None
        if text is not None:
            self.hash(file, files[file])
        found = several.expanded(entry, several.listed_in(text) if text is not None else None, file)
        for inner, message, help in found.findings:
            self.findings.at(path, (*place, *inner), "E0103", message, help=help)
        return found.entries

    def _drafts(
        self,
        kinds: Mapping[str, list[str]],
        files: Mapping[str, Stamp],
        settings: Settings,
        described: Any,
        macros: Mapping[str, MacroSource],
        docs: Mapping[str, Doc],
        render: YamlRenderer,
    ) -> list[Draft]:
        describe = self._describe(docs, render, settings.name)
        known = [name.removeprefix("test_") for name in macros if name.startswith("test_")]
        roots = {
            "model": settings.model_paths,
            "seed": settings.seed_paths,
            "analysis": settings.analysis_paths,
            "test": settings.test_paths,
        }
        used: set[tuple[str, str]] = set()
        made: list[Draft] = []
        by_name: dict[tuple[str, str], str] = {}
        for kind in ("model", "seed", "analysis", "test"):
            for path in kinds[kind]:
                name = PurePosixPath(path).stem
                if kind == "model" and not IDENTIFIER.match(name):
                    self.findings.error("E0109", f"`{name}` cannot be a model's name", file=path, help=IDENTIFIER_HELP)
                by_name.setdefault((kind, name), path)
                patch: Patch | None = described.patches.get((kind, name))
                used.add((kind, name))
                made += self._draft(kind, name, path, files, roots[kind], settings, patch, describe, render, known)
        for (kind, name), patch in described.patches.items():
            if (kind, name) not in used:
                names = [n for k, n in by_name if k == kind]
                help = did_you_mean(name, names) or f"add its file, or take the entry out of {patch.file}"
                message = f"{kind} `{name}` is described here, but there is no such {kind}"
                self.findings.at(patch.file, (*patch.place, "name"), "E0205", message, help=help)
        tree = settings.configs["data_tests"]
        return [_with_tree(draft, tree) for draft in (*made, *described.drafts)]

    def _draft(
        self,
        kind: str,
        name: str,
        path: str,
        files: Mapping[str, Stamp],
        roots: tuple[str, ...],
        settings: Settings,
        patch: Patch | None,
        describe: Callable[[Any, str, tuple[Any, ...]], str],
        render: YamlRenderer,
        known: list[str],
    ) -> list[Draft]:
        folder = _folder(path, roots)
        digest = self.guarded(self.hash, path, files[path])
        if digest is None:
            return []
        layers = tree_layers(settings.configs[_PLURAL[kind]], kind, (*folder, name))
        entry: Mapping[str, Any] = patch.entry if patch is not None else {}
        if patch is not None:
            layers = (*layers, render(entry_config(entry), patch.file, (*patch.place, "config")))
        where: tuple[Any, ...] = patch.place if patch is not None else ()

        def text(value: Any, *inner: str | int) -> str:
            return describe(value, patch.file if patch is not None else path, (*where, *inner))

        draft = Draft(
            resource_type=kind,
            name=name,
            path=path,
            folder=folder,
            hash=digest,
            layers=layers,
            description=text(entry.get("description")),
            columns=columns_of(entry, text),
            constraints=constraints_of(entry),
            patch=patch.file if patch is not None else None,
            place=where,
            test=TestInfo() if kind == "test" else None,
        )
        if patch is None or kind not in ("model", "seed"):
            return [draft]
        attached = Attachment(
            label=name,
            unique_id=f"{kind}.{settings.name}.{name}",
            call=f"ref({name!r})",
            folder=_folder(patch.file, roots),
            file=patch.file,
        )
        return [draft, *tests_of(entry, attached, patch.place, settings.name, known, self.findings)]

    def _unique(self, drafts: list[Draft], settings: Settings) -> None:
        names: dict[str, Draft] = {}
        others: dict[tuple[str, ...], Draft] = {}
        for draft in drafts:
            disabled = any(layer.get("enabled") is False for layer in draft.layers)
            if disabled:
                continue
            if draft.resource_type in ("model", "seed", "ingest"):
                known = names.setdefault(draft.name, draft)
            elif draft.resource_type == "source":
                assert draft.source is not None
                known = others.setdefault(("source", draft.source.source, draft.source.table), draft)
            elif draft.resource_type == "test" and draft.identifier is not None:
                known = others.setdefault(("test", draft.identifier), draft)
            else:
                known = others.setdefault((draft.resource_type, draft.name), draft)
            if known is not draft:
                self._twice(draft, known)

    def _twice(self, draft: Draft, known: Draft) -> None:
        what = noun(draft.resource_type)
        if draft.resource_type != known.resource_type:
            counted = f"a {noun(known.resource_type)} and a {what}"
        else:
            counted = f"two {plural(what)}"
        label = draft.name if draft.source is None else f"{draft.source.source}.{draft.source.table}"
        message = f"{counted} are called `{label}`"
        where = known.path
        if known.place and known.patch is not None:
            where = f"{known.patch}:{self.findings.spot(known.patch, known.place).line}"
        help = f"the other is {where}; rename one of them, or disable it with `enabled: false`"
        if draft.resource_type == "test" and draft.identifier is not None:
            help = f"the other is {where}; take one of them away, or give it a `name:`"
        if draft.place and draft.patch is not None:
            place = (
                (*draft.place, "name")
                if draft.resource_type in ("source", "exposure", "ingest", "deliver", "task")
                else draft.place
            )
            self.findings.at(draft.patch, place, "E0206", message, help=help)
        else:
            line = None if draft.resource_type == "seed" else 1
            self.findings.error("E0206", message, file=draft.path, line=line, help=help)

    def _check_connections(self, drafts: list[Draft], settings: Settings) -> None:
        for draft in drafts:
            key, ends = (
                ("source", draft.ingest.source) if draft.ingest is not None else ("to", draft.deliver.to if draft.deliver else {})
            )
            name = ends.get("connection")
            if name is not None and name not in settings.connections and draft.patch is not None:
                known = settings.connections
                help = did_you_mean(str(name), known) or f"connections in eltflow.yml: {', '.join(known) or 'none'}"
                place = (*draft.place, key, "connection")
                self.findings.at(draft.patch, place, "E0118", f"there is no connection `{name}`", help=help)

    def _check_targets(self, drafts: list[Draft], known: Sequence[str]) -> None:
        for draft in drafts:
            info = draft.deliver or draft.task
            for index, name in enumerate(info.targets if info is not None else ()):
                if name not in known and draft.patch is not None:
                    help = did_you_mean(name, known) or f"targets here: {', '.join(known)}"
                    place = (*draft.place, "targets", index)
                    self.findings.at(draft.patch, place, "E0107", f"there is no target `{name}`", help=help)

    def _check_functions(self, drafts: list[Draft], settings: Settings) -> None:
        called = [draft for draft in drafts if draft.ingest is not None and draft.ingest.source.get("kind") == "python"]
        if not called:
            return
        from eltflow.project import pyfile

        for draft in called:
            source = draft.ingest.source if draft.ingest is not None else {}
            known = [*settings.connections, *settings.vars]
            for taken, kind, name in pyfile.given_to(source, settings.connections, settings.vars):
                if kind == "both":
                    message = f"`{taken}` is a connection and a variable"
                    help = "give one of them another name in eltflow.yml"
                elif not kind:
                    message = f"the step `{draft.name}` takes `{name}`, and nothing is called so"
                    help = did_you_mean(name, known) or (
                        "what is given to it is `cursor`, the connections and variables of eltflow.yml by their names, and what `env=` names"
                    )
                else:
                    continue
                self.findings.at(draft.path, (*draft.place, "source", "takes", taken), "E0122", message, help=help)

    def _check_folders(self, drafts: list[Draft], settings: Settings) -> None:
        if not self.options.strict:
            return
        for tree, branches in settings.configs.items():
            kind = TREES[tree].kind
            steps = {(*draft.folder, draft.name) for draft in drafts if draft.resource_type == kind}
            unknown_folders(branches, kind, steps, (tree,), self.findings)

    def _macro_info(self, macros: Mapping[str, MacroSource], described: Any, docs: Mapping[str, Doc]) -> dict[str, MacroInfo]:
        made: dict[str, MacroInfo] = {}
        for name, source in macros.items():
            patch: Patch | None = described.macros.get(name)
            entry: Mapping[str, Any] = patch.entry if patch is not None else {}
            text = str(entry.get("description") or "")
            filled = _DOC_CALL.sub(lambda call: docs[call.group(2)].text if call.group(2) in docs else "", text)
            made[name] = MacroInfo(
                name=name,
                file=source.file,
                line=source.line,
                description=filled,
                arguments=tuple(entry.get("arguments") or ()),
                patch=patch.file if patch is not None else None,
                meta=entry.get("meta") or {},
            )
        for name, patch in described.macros.items():
            if name not in macros:
                help = did_you_mean(name, macros)
                message = f"macro `{name}` is described here, but there is no such macro"
                self.findings.at(patch.file, (*patch.place, "name"), "E0205", message, help=help)
        return made

    def _selectors(self, render: YamlRenderer) -> tuple[Mapping[str, Any], ...]:
        path = "selectors.yml"
        if not (self.root / path).is_file():
            return ()
        value = self.guarded(yamlfile.read, self.guarded(self.text, path) or "", path)
        if value is None:
            return ()
        problems = check(value, SELECTORS, strict=self.options.strict)
        self.findings.problems(path, problems)
        return () if problems else tuple(render(value["selectors"], path, ("selectors",)))


def _with_tree(draft: Draft, tree: Mapping[str, Any]) -> Draft:
    """A generic test below what `data_tests:` of eltflow.yml sets for its folder; any other draft has its layers already."""
    if draft.test is None or draft.test.singular:
        return draft
    return replace(draft, layers=(*tree_layers(tree, "test", (*draft.folder, draft.name)), *draft.layers))


def _roots(settings: Settings) -> tuple[str, ...]:
    return (*settings.model_paths, *settings.seed_paths, *settings.test_paths, *settings.macro_paths, *settings.analysis_paths)


def _under(path: str, roots: tuple[str, ...]) -> bool:
    return any(path.startswith(root.rstrip("/") + "/") or root == "." for root in roots)


def _folder(path: str, roots: tuple[str, ...]) -> tuple[str, ...]:
    """The folders between a root and the file."""
    for root in sorted(roots, key=len, reverse=True):
        prefix = root.rstrip("/") + "/"
        if path.startswith(prefix):
            return PurePosixPath(path[len(prefix) :]).parts[:-1]
    return PurePosixPath(path).parts[:-1]


def _sort(files: Mapping[str, Stamp], settings: Settings) -> dict[str, list[str]]:
    """Which file is what, by its folder and suffix."""
    kinds: dict[str, list[str]] = {
        k: [] for k in ("model", "seed", "analysis", "test", "macro", "yaml", "ingest", "deliver", "task", "docs")
    }
    generic = tuple(f"{path.rstrip('/')}/generic" for path in settings.test_paths)
    for path in files:
        suffix = PurePosixPath(path).suffix.lower()
        if suffix == ".sql":
            if _under(path, settings.macro_paths) or _under(path, generic):
                kinds["macro"].append(path)
            elif _under(path, settings.test_paths):
                kinds["test"].append(path)
            elif _under(path, settings.analysis_paths):
                kinds["analysis"].append(path)
            elif _under(path, settings.model_paths):
                kinds["model"].append(path)
        elif suffix == ".py":
            if _under(path, settings.ingest_paths):
                kinds["ingest"].append(path)
        elif suffix in (".yml", ".yaml"):
            if _under(path, settings.ingest_paths):
                kinds["ingest"].append(path)
            elif _under(path, settings.deliver_paths):
                kinds["deliver"].append(path)
            elif _under(path, settings.task_paths):
                kinds["task"].append(path)
            elif _under(path, _roots(settings)):
                kinds["yaml"].append(path)
        elif suffix == ".md":
            kinds["docs"].append(path)
        elif suffix in SEED_SUFFIXES and _under(path, settings.seed_paths):
            kinds["seed"].append(path)
    return kinds


__all__ = ["Attachment", "FileCache", "Opened", "open_project"]
