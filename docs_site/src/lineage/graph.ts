/** Which nodes a lineage view shows, and what it folds together. */

import type { Project } from "../data/project";

export type Folding = "none" | "folder" | "group";

export interface Box {
  /** `n12` for a node, `f:models/staging` for what is folded together. */
  id: string;
  nodes: number[];
  label: string;
  folded: boolean;
}

export interface Drawing {
  boxes: Box[];
  /** From, to: places in `boxes`. */
  edges: [number, number][];
}

/** A node and what is at most so many steps above and below it. */
export function around(project: Project, start: number, up: number, down: number): Set<number> {
  const found = new Set([start]);
  spread(found, start, up, (i) => project.up(i));
  // What tests and analyses read is told on pages: in a drawing they only hide where data go.
  spread(found, start, down, (i) => (project.down[i] ?? []).filter((j) => !isAside(project, j)));
  return found;
}

/** Whether a node reads data and hands on none. */
export function isAside(project: Project, i: number): boolean {
  return project.kind(i) === "test" || project.kind(i) === "analysis";
}

function spread(found: Set<number>, start: number, steps: number, next: (i: number) => number[]): void {
  const seen = new Set([start]);
  let edge = [start];
  for (let step = 0; step < steps && edge.length > 0; step++) {
    const further: number[] = [];
    for (const i of edge) {
      for (const j of next(i)) {
        if (!seen.has(j)) {
          seen.add(j);
          found.add(j);
          further.push(j);
        }
      }
    }
    edge = further;
  }
}

/** Boxes and arrows of some nodes. Nodes of one folder or group are one box, unless it was opened or holds only one. */
export function draw(project: Project, shown: Iterable<number>, folding: Folding, opened: ReadonlySet<string>): Drawing {
  const members = new Map<string, number[]>();
  for (const i of [...shown].sort((a, b) => a - b)) {
    const key = folding === "none" ? `n${i}` : foldOf(project, i, folding);
    const known = members.get(key);
    if (known === undefined) members.set(key, [i]);
    else known.push(i);
  }
  const boxes: Box[] = [];
  const home = new Map<number, number>();
  for (const [key, nodes] of members) {
    if (nodes.length > 1 && !opened.has(key)) {
      nodes.forEach((i) => home.set(i, boxes.length));
      boxes.push({ id: key, nodes, label: key.slice(2), folded: true });
    } else {
      for (const i of nodes) {
        home.set(i, boxes.length);
        boxes.push({ id: `n${i}`, nodes: [i], label: project.name(i), folded: false });
      }
    }
  }
  const edges = new Map<string, [number, number]>();
  for (const [i, to] of home) {
    for (const j of project.up(i)) {
      const from = home.get(j);
      if (from !== undefined && from !== to) edges.set(`${from}>${to}`, [from, to]);
    }
  }
  return { boxes, edges: [...edges.values()] };
}

export function foldOf(project: Project, i: number, folding: Folding): string {
  if (folding === "group") return `g:${project.nodes.group[i] ?? "no group"}`;
  return `f:${project.folder(i) || "(top)"}`;
}
