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

/** Boxes and arrows of some nodes. Nodes of one folder or group are one box, unless it was opened or holds only one; an opened folder shows
 * the folders in it. */
export function draw(project: Project, shown: Iterable<number>, folding: Folding, opened: ReadonlySet<string>): Drawing {
  const nodes = [...shown].sort((a, b) => a - b);
  let made = drawn(project, nodes, folding, opened, DEEPEST);
  if (folding !== "folder") return made;
  // Folders as deep as can still be read.
  for (let depth = 3; depth > 0 && (made.boxes.length > MANY || made.edges.length > 4 * MANY); depth--) {
    made = drawn(project, nodes, folding, opened, depth);
  }
  return made;
}

const DEEPEST = 99;
const MANY = 130;

function drawn(project: Project, nodes: number[], folding: Folding, opened: ReadonlySet<string>, depth: number): Drawing {
  const members = new Map<string, number[]>();
  for (const i of nodes) {
    const key = foldOf(project, i, folding, opened, depth);
    const known = members.get(key);
    if (known === undefined) members.set(key, [i]);
    else known.push(i);
  }
  const boxes: Box[] = [];
  const home = new Map<number, number>();
  for (const [key, inside] of members) {
    const [first = 0] = inside;
    inside.forEach((i) => home.set(i, boxes.length));
    if (inside.length > 1) boxes.push({ id: key, nodes: inside, label: key.slice(2), folded: true });
    else boxes.push({ id: `n${first}`, nodes: inside, label: project.name(first), folded: false });
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

/** The box that a node is in: itself, its group, or the folder of that depth that was not opened. */
function foldOf(project: Project, i: number, folding: Folding, opened: ReadonlySet<string>, depth: number): string {
  if (folding === "none") return `n${i}`;
  if (folding === "group") {
    const group = `g:${project.nodes.group[i] ?? "no group"}`;
    return opened.has(group) ? `n${i}` : group;
  }
  const parts = (project.folder(i) || "(top)").split("/");
  for (let at = Math.min(depth, parts.length); at <= parts.length; at++) {
    const folder = `f:${parts.slice(0, at).join("/")}`;
    if (!opened.has(folder)) return folder;
  }
  return `n${i}`;
}
