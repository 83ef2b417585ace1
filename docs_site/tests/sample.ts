import { type Index, Project } from "../src/data/project";

/** A project of models by those names; `up` are the parents of each. */
export function project(names: string[], up: number[][] = names.map(() => []), paths: string[] = names.map((name) => `models/${name}.sql`)): Project {
  const all = <T>(value: T): T[] => names.map(() => value);
  const index: Index = {
    project: "p",
    adapter: "duckdb",
    generated_at: "2026-01-02T00:00:00Z",
    version: "0",
    readme: "",
    chunk: 48,
    runs: [],
    tests: [0, 0, 0, 0, 0],
    macros: 0,
    groups: [],
    nodes: {
      kind: all("model" as const),
      name: names,
      path: paths,
      about: all(""),
      materialized: all("table"),
      group: all(null),
      tags: names.map(() => []),
      owner: all(null),
      status: all(null),
      built: all(null),
      newest: all(null),
      limits: all(null),
      seconds: all(null),
      rows: all(null),
      columns: all(0),
      tests: all(0),
      health: all(-1),
      up,
    },
  };
  return new Project(index);
}
