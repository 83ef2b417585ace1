"""The stages wired together, for scripts and for the command line. Owns the files under `target/` and the state beside the project.

Nothing here is global: two calls in one process, on two threads, know nothing of each other. Each name is imported when it is used,
so that a command pays for no more than it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eltflow.api.artifacts import (
        check_target_folder,
        run_info,
        write_artifacts,
        write_compiled,
        write_junit,
        write_manifest,
    )
    from eltflow.api.checking import Checked, check
    from eltflow.api.compiling import (
        compile_all,
        compile_offline,
        first_warnings,
        last_catalog,
        make_compiler,
        new_warnings,
        said_warnings,
    )
    from eltflow.api.delivering import left_out
    from eltflow.api.documenting import DOCS_FOLDER, generate_docs
    from eltflow.api.folder import clean_project, diagnose, init_project
    from eltflow.api.inspecting import inspect_steps, preview
    from eltflow.api.lineage import Impact, find_column, impact, is_node, keep_lineages, lineage_pieces, lineages, reached_nodes
    from eltflow.api.loading import BrokenProject, Loaded, check_macros, load, new_options, open_only
    from eltflow.api.looking import find_node, plan, show
    from eltflow.api.past import past_runs
    from eltflow.api.patching import patch_manifest
    from eltflow.api.running import RunOptions, RunState, execute
    from eltflow.api.serving import docs_server
    from eltflow.api.starting import Wanted, Written, init_source, list_tables
    from eltflow.api.syncing import Synced, sync, write_synced
    from eltflow.api.writing import check_file

_HOME = {
    "BrokenProject": "loading",
    "check_file": "writing",
    "check_target_folder": "artifacts",
    "DOCS_FOLDER": "documenting",
    "docs_server": "serving",
    "generate_docs": "documenting",
    "run_info": "artifacts",
    "patch_manifest": "patching",
    "write_artifacts": "artifacts",
    "write_compiled": "artifacts",
    "write_junit": "artifacts",
    "write_manifest": "artifacts",
    "Checked": "checking",
    "check": "checking",
    "compile_all": "compiling",
    "compile_offline": "compiling",
    "last_catalog": "compiling",
    "make_compiler": "compiling",
    "first_warnings": "compiling",
    "new_warnings": "compiling",
    "said_warnings": "compiling",
    "past_runs": "past",
    "left_out": "delivering",
    "RunOptions": "running",
    "RunState": "running",
    "execute": "running",
    "Wanted": "starting",
    "Written": "starting",
    "init_source": "starting",
    "list_tables": "starting",
    "clean_project": "folder",
    "diagnose": "folder",
    "init_project": "folder",
    "Loaded": "loading",
    "check_macros": "loading",
    "load": "loading",
    "new_options": "loading",
    "open_only": "loading",
    "Impact": "lineage",
    "find_column": "lineage",
    "impact": "lineage",
    "is_node": "lineage",
    "keep_lineages": "lineage",
    "lineage_pieces": "lineage",
    "lineages": "lineage",
    "reached_nodes": "lineage",
    "inspect_steps": "inspecting",
    "preview": "inspecting",
    "find_node": "looking",
    "plan": "looking",
    "show": "looking",
    "Synced": "syncing",
    "sync": "syncing",
    "write_synced": "syncing",
}

__all__ = [
    "DOCS_FOLDER",
    "BrokenProject",
    "Checked",
    "Impact",
    "Loaded",
    "RunOptions",
    "RunState",
    "Synced",
    "Wanted",
    "Written",
    "check",
    "check_file",
    "check_macros",
    "check_target_folder",
    "clean_project",
    "compile_all",
    "compile_offline",
    "diagnose",
    "docs_server",
    "execute",
    "find_column",
    "find_node",
    "first_warnings",
    "generate_docs",
    "impact",
    "init_project",
    "init_source",
    "inspect_steps",
    "is_node",
    "keep_lineages",
    "last_catalog",
    "left_out",
    "lineage_pieces",
    "lineages",
    "list_tables",
    "load",
    "make_compiler",
    "new_options",
    "new_warnings",
    "open_only",
    "past_runs",
    "patch_manifest",
    "plan",
    "preview",
    "reached_nodes",
    "run_info",
    "said_warnings",
    "show",
    "sync",
    "write_artifacts",
    "write_compiled",
    "write_junit",
    "write_manifest",
    "write_synced",
]


def __getattr__(name: str) -> Any:
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(name)
    return getattr(import_module(f"eltflow.api.{home}"), name)


def __dir__() -> list[str]:
    """The names above too, though they are not imported yet: a notebook completes from this."""
    return sorted({*globals(), *__all__})
