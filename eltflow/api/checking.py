"""Everything that can be said against a project without asking its target: of all nodes at once, and how much of them is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from eltflow.api.compiling import (
    as_last_seen,
    certain,
    compile_each,
    keep_compiled,
    last_catalog,
    make_compiler,
    new_warnings,
    said_warnings,
)
from eltflow.api.loading import Loaded
from eltflow.api.running import project_hooks
from eltflow.base.diagnostics import Diagnostic, EltflowError
from eltflow.base.records import dataclass
from eltflow.compile.compiled import NeedsWarehouse
from eltflow.compile.lineage import Lineages
from eltflow.compile.personal import forbidden


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What checking gave. `counts` tells how many nodes of each kind were checked, `known` of how many models all columns are known,
    `unknown` of which that compile they are not, by name, with the reason; `deferred` are nodes whose templates ask the warehouse."""

    findings: tuple[Diagnostic, ...]
    counts: Mapping[str, int]
    known: int
    unknown: Mapping[str, str]
    deferred: tuple[str, ...]


def check(loaded: Loaded, ids: Iterable[str], *, full_refresh: bool = False, sound: bool = True) -> Checked:
    """The nodes compiled as a build compiles them before it opens the target, and every error and warning of theirs.

    What hangs on tables of the target, which are as they were last seen, is a warning. Where the project is not `sound`, what is personal
    is not followed: not all nodes are there, nor all groups."""
    catalog, seen = last_catalog(loaded)
    compiler = make_compiler(loaded, catalog, full_refresh=full_refresh)
    nodes = [loaded.graph.nodes[i] for i in ids]
    compiled, deferred, failed = compile_each(compiler, nodes)
    keep_compiled(loaded, compiler)
    findings: dict[Diagnostic, None] = {}
    for unique_id, found in failed.items():
        sure = seen is None or certain(loaded, unique_id, found)
        findings |= dict.fromkeys(found if sure else as_last_seen(found, seen))
    for hook in project_hooks(loaded):
        try:
            compiler.hook(hook)
        except NeedsWarehouse:
            pass
        except EltflowError as error:
            findings |= dict.fromkeys(error.diagnostics)
    findings |= dict.fromkeys(forbidden(compiler, compiled.values()) if sound else ())
    warnings = [*loaded.graph.warnings, *said_warnings(loaded), *new_warnings(loaded, compiled.values())]
    warnings += [found for one in compiled.values() for found in one.warnings if found.severity == "note"]
    models = [node for node in nodes if node.resource_type == "model" and node.unique_id not in failed]
    lineages = Lineages(compiler, {})
    unknown = {}
    for node in models:
        done = compiled.get(node.unique_id)
        if done is None or done.columns is None:
            unknown[node.name] = lineages.of(node).unlisted or "the engine names some of them"
    return Checked(
        findings=tuple(dict.fromkeys((*findings, *warnings))),
        counts=Counter(node.resource_type for node in nodes),
        known=len(models) - len(unknown),
        unknown=unknown,
        deferred=tuple(loaded.graph.nodes[i].name for i in deferred),
    )
