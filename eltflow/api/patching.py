"""Brings what the cache keeps up to date with edits that change nothing that the graph is made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from eltflow.api.cache import Kept, LoadCache
from eltflow.api.writing import write_if_changed
from eltflow.base.diagnostics import EltflowError
from eltflow.base.fingerprint import fingerprint
from eltflow.graph.facts import Facts, quick_only
from eltflow.graph.quick import MacroTexts
from eltflow.project.options import Options
from eltflow.project.project import decode, read_bytes, read_text


def patched(root: Path, options: Options, cache: LoadCache, kept: Kept) -> Kept | None:
    """What is kept, brought up to date with edits that changed no fact that the graph is made of; None if one did.

    A graph is made of its templates' facts, never of their text: where the facts are the same, only the checksum is another.
    """
    nodes, disabled, warnings = kept.graph
    index = {raw[4]: position for position, raw in enumerate(nodes) if raw[17] is None or raw[17][0] is None}
    facts = cache.facts().get("facts") or {}
    words = frozenset(kept.project["words"])
    if warnings or disabled:
        return None
    fresh = list(nodes)
    edited = dict(kept.project["edited"])
    stamps = dict(kept.stamps)
    for path in kept.changed:
        position, entry = index.get(path), facts.get(path)
        if position is None or entry is None or nodes[position][1] not in ("model", "test", "analysis"):
            return None
        try:
            data = read_bytes(root, path)
            quick = _quick_facts(root, options, kept, decode(data, path), path, nodes[position][1], words)
        except EltflowError:
            return None
        if quick is None or quick.encode() != entry[2]:
            return None
        digest = fingerprint(data)
        fresh[position] = (*nodes[position][:13], digest, *nodes[position][14:])
        edited[nodes[position][0]] = path
        stat = (root / path).stat()
        stamps[path] = (stat.st_ctime_ns, stat.st_size, digest)
    project = {**kept.project, "edited": edited}
    return replace(kept, graph=(fresh, disabled, warnings), project=project, stamps=stamps, changed=(), stale_stamps=True)


def _quick_facts(root: Path, options: Options, kept: Kept, text: str, path: str, kind: str, words: frozenset[str]) -> Facts | None:
    """The facts of one template where a quick look is enough, without opening the project."""
    files = {file for _, file, _ in kept.project["macros"]}
    macros = MacroTexts({f: read_text(root, f) for f in files}, {name: file for name, file, _ in kept.project["macros"]})
    return quick_only(text, path, kind, words, macros, kept.project["vars"], options.strict)


def patch_manifest(path: Path, graph_id: str, edited: Mapping[str, str]) -> None:
    """Put the new text of edited nodes (by unique id) into a manifest that was made of the same graph; leave any other alone."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError):
        return
    if f'"eltflow_graph": "{graph_id}"' not in lines[0]:
        return
    wanted = {f"{json.dumps(i)}: ": text for i, text in edited.items()}
    for index, line in enumerate(lines):
        start = line[: line.find(": {") + 2]
        if start not in wanted:
            continue
        text = wanted.pop(start).strip()
        entry = json.loads(line[len(start) :].rstrip(","))
        entry["raw_code"] = text
        entry["checksum"]["checksum"] = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        entry["compiled_path"] = None
        for key in ("compiled", "compiled_code", "extra_ctes_injected", "extra_ctes"):
            entry.pop(key, None)
        lines[index] = f"{start}{json.dumps(entry)}{',' if line.endswith(',') else ''}"
        if not wanted:
            break
    write_if_changed(path, "\n".join(lines))
