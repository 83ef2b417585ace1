"""eltflow: a folder of SQL becomes tested tables.

    files → Project → Graph → Plan → Statements → Events → Artifacts

| stage   | function                                    | takes → gives                                         | room                   |
|---------|---------------------------------------------|-------------------------------------------------------|------------------------|
| open    | `open_project(root, options)`               | files → Project, target, adapter                      | `native/`              |
| graph   | `build_graph(project, facts, dialect)`      | Project → Graph; `facts` says what each template says | `graph/`               |
| plan    | `make_plan(graph, request, durations)`      | Graph × Request × history → Plan                      | `plan/`                |
| compile | `Compiler.node(node)`                       | Node → Compiled: SQL, columns, the way back to a line | `compile/`             |
| program | `MATERIALIZATIONS[kind](job)`               | Compiled → Program, a generator of Statements         | `compile/materialize/` |
| run     | `run(plan, open_session, work, run_id=...)` | Plan → iterator of Events                             | `engine/`              |
| report  | `manifest(project, graph, dialect, info)`   | Graph → `manifest.json`, as a plain value             | `report/`              |
| report  | `run_results(results, nodes, dialect, info)`| results → `run_results.json`, as a plain value        | `report/`              |

`eltflow.api` wires them together, and is what other programs call. `step` marks a function of a project's `ingest/*.py` as an ingestion step.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any, Literal, TypeVar

    F = TypeVar("F", bound=Callable[..., Any])

__version__ = "0.1.0"


def step(
    *,
    into: str,
    name: str | None = None,
    description: str | None = None,
    load: Literal["replace", "append", "merge", "delete+insert", "history"] = "replace",
    unique_key: str | Sequence[str] | None = None,
    partition_by: str | Sequence[str] | None = None,
    cursor: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
    columns: Mapping[str, Mapping[str, Any]] | None = None,
    schema_changes: Mapping[str, str] | None = None,
    on_bad_row: Literal["fail", "quarantine"] = "fail",
    max_bad_rows: int | str | None = None,
    data_tests: Sequence[Any] = (),
    column_types: Mapping[str, str] | None = None,
    config: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    tags: str | Sequence[str] = (),
) -> Callable[[F], F]:
    """The function itself: a project's files are read without running them, so that what is said here is written out where it stands.

    The function gives the rows of the table `into`: it yields mappings, lists of them, Arrow tables or data frames, or returns a resource
    of dlt. It is given by name what its parameters ask for: `cursor`, connections and variables of `eltflow.yml`, and what `env` names.
    All else means what it means in YAML (docs/reference/ingest.md).
    """
    return lambda function: function
