"""eltflow: a folder of SQL becomes tested tables.

    files → Project → Graph → Plan → Statements → Events → Artifacts

| stage   | function                                   | room                  |
|---------|--------------------------------------------|-----------------------|
| open    | `open_project(root, options)`              | `native/`             |
| graph   | `build_graph(project, facts, dialect)`     | `graph/`              |
| plan    | `make_plan(graph, request, durations)`     | `plan/`               |
| compile | `Compiler.node(node)`                      | `compile/`            |
| program | `MATERIALIZATIONS[kind](job)`              | `compile/materialize/`|
| run     | `run(plan, open_session, work)`            | `engine/`             |
| report  | `manifest(graph)`, `run_results(results)`  | `report/`             |

`eltflow.api` wires them together.
"""

__version__ = "0.1.0"
