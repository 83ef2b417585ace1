/** The path of a column through the tables: everything that its value comes from, and everything that it flows into. */

import type { Project } from "../data/project";

export const HOWS = ["copied", "renamed", "cast", "computed", "aggregated", "windowed"] as const;

type Place = number | string;
export type ColumnLineage = [
  name: string,
  origins: [Place, string, number][],
  influences: [Place, string, string][],
  expression: string | null,
  unknown: string | null,
];
/** Columns, what decides over rows, why there may be more columns, why rows may hang on more; null for a node without SQL. */
export type NodeLineage = [ColumnLineage[], [Place, string, string][], string | null, string | null] | null;

export type Lineages = (nodes: number[]) => Promise<NodeLineage[]>;

export interface Spot {
  node: Place;
  column: string;
}

export interface Step {
  from: Spot;
  to: Spot;
  how: string;
  indirect: boolean;
}

export interface Trace {
  start: Spot;
  steps: Step[];
  /** The columns of each node that lie on the path. */
  columns: Map<number, string[]>;
  /** Expressions, by `key`. */
  expressions: Map<string, string>;
  /** What could not be told, by `key`. */
  unknown: Map<string, string>;
}

export function key(spot: Spot): string {
  return `${spot.node}\u0000${spot.column}`;
}

/** The steps into one column. */
export function into(node: number, column: ColumnLineage, rows: [Place, string, string][], indirect: boolean): Step[] {
  const to = { node, column: column[0] };
  const steps: Step[] = column[1].map(([place, name, how]) => ({
    from: { node: place, column: name },
    to,
    how: HOWS[how] ?? "computed",
    indirect: false,
  }));
  if (indirect) {
    const seen = new Set(steps.map((step) => key(step.from)));
    for (const [place, name, why] of [...column[2], ...rows]) {
      const from = { node: place, column: name };
      if (!seen.has(key(from))) {
        seen.add(key(from));
        steps.push({ from, to, how: why, indirect: true });
      }
    }
  }
  return steps;
}

/** Follow a column both ways. `indirect` takes along what only decides over rows and values. */
export async function trace(project: Project, lineages: Lineages, start: { node: number; column: string }, indirect: boolean): Promise<Trace> {
  const made: Trace = { start, steps: [], columns: new Map(), expressions: new Map(), unknown: new Map() };
  const told = new Set<string>();
  note(made, start);
  const take = (steps: Step[]): Spot[] => {
    const fresh: Spot[] = [];
    for (const step of steps) {
      const name = `${key(step.from)}\u0001${key(step.to)}`;
      if (told.has(name)) continue;
      told.add(name);
      made.steps.push(step);
      for (const spot of [step.from, step.to]) if (note(made, spot)) fresh.push(spot);
    }
    return fresh;
  };
  await upwards(made, lineages, start, indirect, take);
  await downwards(project, made, lineages, start, indirect, take);
  return made;
}

/** Whether it was not there. */
function note(made: Trace, spot: Spot): boolean {
  if (typeof spot.node !== "number") return false;
  const known = made.columns.get(spot.node) ?? [];
  if (known.includes(spot.column)) return false;
  made.columns.set(spot.node, [...known, spot.column]);
  return true;
}

function tell(made: Trace, node: number, column: ColumnLineage): void {
  const spot = key({ node, column: column[0] });
  if (column[3] !== null) made.expressions.set(spot, column[3]);
  if (column[4] !== null) made.unknown.set(spot, column[4]);
}

async function upwards(made: Trace, lineages: Lineages, start: Spot, indirect: boolean, take: (steps: Step[]) => Spot[]): Promise<void> {
  let edge = [start];
  const seen = new Set([key(start)]);
  while (edge.length > 0) {
    const inner = edge.filter((spot): spot is { node: number; column: string } => typeof spot.node === "number");
    const nodes = [...new Set(inner.map((spot) => spot.node))];
    const known = new Map((await lineages(nodes)).map((found, i) => [nodes[i] ?? -1, found]));
    const further: Spot[] = [];
    for (const spot of inner) {
      const found = known.get(spot.node);
      const column = found?.[0].find(([name]) => name === spot.column);
      if (found == null || column === undefined) continue;
      tell(made, spot.node, column);
      const steps = into(spot.node, column, found[1], indirect);
      take(steps);
      for (const step of steps) {
        if (!seen.has(key(step.from))) {
          seen.add(key(step.from));
          further.push(step.from);
        }
      }
    }
    edge = further;
  }
}

async function downwards(
  project: Project,
  made: Trace,
  lineages: Lineages,
  start: { node: number; column: string },
  indirect: boolean,
  take: (steps: Step[]) => Spot[],
): Promise<void> {
  let edge = new Map<number, Set<string>>([[start.node, new Set([start.column])]]);
  const seen = new Set([key(start)]);
  while (edge.size > 0) {
    const below = [...new Set([...edge.keys()].flatMap((node) => project.down[node] ?? []))];
    const found = await lineages(below);
    const further = new Map<number, Set<string>>();
    found.forEach((lineage, at) => {
      const node = below[at];
      if (lineage === null || node === undefined) return;
      for (const column of lineage[0]) {
        const steps = into(node, column, lineage[1], indirect).filter(
          (step) => typeof step.from.node === "number" && edge.get(step.from.node)?.has(step.from.column),
        );
        if (steps.length === 0) continue;
        tell(made, node, column);
        take(steps);
        const spot = { node, column: column[0] };
        if (!seen.has(key(spot))) {
          seen.add(key(spot));
          further.set(node, (further.get(node) ?? new Set()).add(column[0]));
        }
      }
    });
    edge = further;
  }
}
