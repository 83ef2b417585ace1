"""Brings what the cache keeps up to date with edits that change nothing that the graph is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eltflow.api.cache import Kept, LoadCache, hashed_environ
from eltflow.api.writing import write_pieces
from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import fingerprint_content
from eltflow.base.records import replace
from eltflow.graph.facts import Facts, quick_only
from eltflow.graph.quick import MacroTexts
from eltflow.project.options import Options
from eltflow.project.project import decode, read_bytes, read_text
from eltflow.report.info import entry_place, patched_pieces

if TYPE_CHECKING:
    from eltflow.native.target import Opened


def patched(root: Path, options: Options, cache: LoadCache, kept: Kept) -> Kept | None:
    """What is kept, brought up to date with edits that changed no fact that the graph is made of; None if one did.

    A graph is made of its templates' facts, never of their text: where the facts are the same, only the checksum is another.
    """
    nodes, disabled, warnings = kept.graph
    index = {raw[4]: position for position, raw in enumerate(nodes) if raw[17] is None or raw[17][0] is None}
    facts = cache.facts().get("facts") or {}
    if warnings or disabled:
        return None
    fresh = list(nodes)
    edited = dict(kept.project["edited"])
    stamps = dict(kept.stamps)
    look = _Look(root, options, kept)
    for path in kept.changed:
        position, entry = index.get(path), facts.get(path)
        if position is None or entry is None or nodes[position][1] not in ("model", "test", "analysis"):
            return None
        try:
            data = read_bytes(options.files(root), path)
            found = look.facts(decode(data, path), nodes[position])
        except EltflowError:
            return None
        if found is None or found.encode() != entry[2]:
            return None
        digest = fingerprint_content(data)
        fresh[position] = (*nodes[position][:13], digest, *nodes[position][14:])
        edited[nodes[position][0]] = path
        stat = (options.files(root) / path).stat()
        stamps[path] = (stat.st_ctime_ns, stat.st_size, digest)
    project = {**kept.project, "edited": edited}
    return replace(
        kept,
        graph=(fresh, disabled, warnings),
        project=project,
        stamps=stamps,
        environ={**kept.environ, **look.environ()},
        changed=(),
        stale_stamps=True,
    )


class _Look:
    """Gathers the facts of single templates of a project that is kept: by a quick look, else by rendering and parsing."""

    def __init__(self, root: Path, options: Options, kept: Kept) -> None:
        self._root = root
        self._options = options
        self._kept = kept
        self._words = frozenset(kept.project["words"])
        self._opened: Opened | None = None

    @cached_property
    def _macros(self) -> MacroTexts:
        files = {name: file for name, file, _ in self._kept.project["macros"]}
        return MacroTexts({file: read_text(self._options.files(self._root), file) for file in set(files.values())}, files)

    def facts(self, text: str, node: Sequence[Any]) -> Facts | None:
        """The facts of a node's template; None where they hang on more than its text. Raises EltflowError for what is wrong with it.

        `node` is encoded, as the cache keeps it.
        """
        kind, name, path, config = node[1], node[2], node[4], node[6]
        quick = quick_only(text, path, kind, self._words, self._macros, self._kept.project["vars"], self._options.strict)
        return quick or self._thorough(text, path, kind, name, config)

    def _thorough(self, text: str, path: str, kind: str, name: str, config: Mapping[str, Any]) -> Facts | None:
        from eltflow.api.extracting import extracting
        from eltflow.api.names import names_of
        from eltflow.native.target import reopen

        if self._opened is None:
            self._opened = reopen(self._root, self._options, self._kept.project)
        outside = _Outside(config.get("dialect"))
        base = names_of(self._opened, self._options, say=lambda text, shown: None, warn=lambda text: None)
        with extracting(self._opened, self._options, base, self._words) as extractor:
            found = extractor.facts(text, path, kind, outside, {"name": name})
        if outside.asked or "model" in found.used or ("this" in found.used and config.get("alias")):
            return None
        return found

    def environ(self) -> Mapping[str, str | None]:
        """The environment variables that were read, hashed."""
        return hashed_environ(self._opened.environ.used) if self._opened is not None else {}


class _Outside(Mapping[str, Any]):
    """The configuration that a template gets from outside, which the cache does not keep: notes that somebody asked for it."""

    def __init__(self, dialect: str | None) -> None:
        self.asked = False
        self._dialect = dialect  # as it was: a template that sets another has other facts

    def __getitem__(self, key: str) -> Any:
        if key == "dialect" and self._dialect is not None:
            return self._dialect
        self.asked = self.asked or key != "dialect"
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        self.asked = True
        return iter(())

    def __len__(self) -> int:
        self.asked = True
        return 0


def patch_manifest(path: Path, graph_id: str, edited: Mapping[str, str]) -> None:
    """Put the new text of edited nodes (by unique id) into a manifest that was made of the same graph; leave any other alone."""
    try:
        manifest = path.read_bytes()
    except OSError:
        return
    head = manifest.find(b"\n")
    if f'"eltflow_graph": "{graph_id}"'.encode() not in manifest[:head]:
        return
    found: list[tuple[int, int, bytes]] = []
    for unique_id, source in edited.items():
        place = entry_place(manifest, unique_id, head)
        if place is None:
            continue
        text = source.strip()
        entry = json.loads(manifest[slice(*place)])
        entry["raw_code"] = text
        entry["checksum"]["checksum"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        entry["compiled_path"] = None
        for name in ("compiled", "compiled_code", "extra_ctes_injected", "extra_ctes"):
            entry.pop(name, None)
        found.append((*place, json.dumps(entry).encode()))
    write_pieces(path, patched_pieces(manifest, found))
