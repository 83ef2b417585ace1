"""Files under `target/`: compiled SQL and artifacts. Written whole or not at all, and only when their content changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eltflow import __version__
from eltflow.api.explain import compiled_path
from eltflow.api.loading import Loaded
from eltflow.api.running import RunOptions, RunState, project_hooks
from eltflow.api.writing import check_folder, write_if_changed, write_pieces
from eltflow.base.records import replace
from eltflow.compile.compiled import Compiled
from eltflow.engine.run import utc_now
from eltflow.report.info import RunInfo, patch_lines, to_json
from eltflow.report.manifest import SEED_LIMIT, manifest_entries, manifest_lines

#: With more entries to put in than this, the manifest is written anew.
_FEW = 100


def write_compiled(loaded: Loaded, compiled: Mapping[str, Compiled]) -> int:
    """Write compiled SQL; gives how many files changed."""
    written = 0
    for one in compiled.values():
        if one.sql:
            written += write_if_changed(loaded.root / compiled_path(loaded, one.node), one.sql + "\n")
    return written


def run_info(loaded: Loaded, command: str, argv: Sequence[str] = (), args: Mapping[str, Any] | None = None) -> RunInfo:
    """What artifacts say of this command."""
    return RunInfo(
        invocation_id=loaded.options.invocation_id,
        started_at=loaded.options.started_at,
        generated_at=utc_now(),
        command=command,
        version=__version__,
        args=args or {},
        argv=tuple(argv),
        env={"eltflow_graph": loaded.graph_id},
    )


def manifest_inputs(loaded: Loaded, info: RunInfo, compiled: Mapping[str, Compiled]) -> dict[str, Any]:
    return {
        "project": loaded.opened.project,
        "graph": loaded.places.graph,
        "dialect": loaded.adapter.dialect,
        "info": info,
        "compiled": compiled,
        "compiled_path": lambda node: compiled_path(loaded, node),
        "dialects": loaded.places.dialects,
        "seed_bytes": lambda path: _seed_bytes(loaded, path),
    }


def _seed_bytes(loaded: Loaded, path: str) -> bytes | None:
    file = loaded.root / path
    return file.read_bytes() if file.stat().st_size <= SEED_LIMIT else None


def target_file(loaded: Loaded, name: str) -> Path:
    return loaded.root / loaded.target_path / name


def _write(loaded: Loaded, name: str, text: str) -> Path:
    path = target_file(loaded, name)
    write_if_changed(path, text)
    return path


def manifest_stands(loaded: Loaded) -> bool:
    """Whether the manifest that is there was made of this very graph, so that only single nodes can be out of date in it."""
    path = target_file(loaded, "manifest.json")
    try:
        with path.open(encoding="utf-8") as handle:
            head = handle.readline(10_000)
    except (OSError, UnicodeDecodeError):
        return False
    return bool(loaded.graph_id) and f'"eltflow_graph": "{loaded.graph_id}"' in head


def write_manifest(loaded: Loaded, info: RunInfo, compiled: Mapping[str, Compiled]) -> None:
    """Write `manifest.json`; where it stands already, only the entries that are another now are put in."""
    ids = [*loaded.edited, *(i for i in compiled if i not in loaded.edited)]
    if len(ids) <= _FEW and manifest_stands(loaded):
        head, entries = manifest_entries(**manifest_inputs(loaded, info, compiled), ids=ids)
        pieces = patch_lines(target_file(loaded, "manifest.json").read_bytes(), {"metadata": head}, entries)
        if pieces is not None:
            write_pieces(target_file(loaded, "manifest.json"), pieces)
            return
    inputs = manifest_inputs(loaded, info, compiled)
    write_pieces(target_file(loaded, "manifest.json"), manifest_lines(**inputs, hooks=project_hooks(loaded)))


def check_target_folder(loaded: Loaded) -> None:
    """Raise EltflowError (E0117) where the artifacts of a run could not be written: before it begins, not after."""
    check_folder(loaded.root / loaded.target_path)


def write_artifacts(loaded: Loaded, options: RunOptions, state: RunState, argv: list[str]) -> None:
    """Write what a run leaves: compiled SQL, manifest, run results."""
    from eltflow.report.run_results import run_results

    args = {"full_refresh": options.full_refresh, "fail_fast": options.fail_fast, "store_failures": options.store_failures}
    info = run_info(loaded, options.command, argv, args)
    compiled = state.compiled
    if loaded.places.elsewhere:
        compiled = {i: replace(one, sql=loaded.places.settled(one.sql)) for i, one in compiled.items()}
    write_compiled(loaded, compiled)
    write_manifest(loaded, info, compiled)
    results = run_results(
        state.results.values(),
        loaded.places.graph.nodes,
        loaded.adapter.dialect,
        info,
        compiled=compiled,
        seconds=state.finished.seconds if state.finished is not None else 0.0,
        dialects=loaded.places.dialects,
    )
    _write(loaded, "run_results.json", to_json(results))


def write_junit(loaded: Loaded, options: RunOptions, state: RunState, path: Path, *, warn_error: bool = False) -> None:
    """Write the tests' results as JUnit XML."""
    from eltflow.report.junit import junit

    text = junit(
        state.results.values(),
        loaded.graph.nodes,
        run_info(loaded, options.command),
        project=loaded.opened.project.settings.name,
        seconds=state.finished.seconds if state.finished is not None else 0.0,
        rows=options.sample_rows > 0,
        warn_error=warn_error,
    )
    write_if_changed(path, text)
