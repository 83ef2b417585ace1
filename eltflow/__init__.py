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

`eltflow.api` wires them together, and is what other programs call.
"""

__version__ = "0.1.0"
