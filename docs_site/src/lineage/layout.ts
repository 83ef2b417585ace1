/** Where boxes and arrows stand: layers from left to right, by dagre. */

import { graphlib, layout as dagre } from "@dagrejs/dagre";

export interface Size {
  width: number;
  height: number;
}

export interface Place extends Size {
  x: number;
  y: number;
}

export interface Layout extends Size {
  /** The upper left corner of each box. */
  boxes: Place[];
  edges: { from: number; to: number; points: { x: number; y: number }[] }[];
}

/** With more boxes than this the best layers cost too much time (network simplex grows with the cube of it). */
const CAREFUL = 60;

export function layout(sizes: readonly Size[], edges: readonly (readonly [number, number])[], gaps = { node: 18, rank: 52 }): Layout {
  const graph = new graphlib.Graph({ multigraph: false });
  const ranker = sizes.length <= CAREFUL ? "network-simplex" : "longest-path";
  graph.setGraph({ rankdir: "LR", ranker, nodesep: gaps.node, edgesep: 10, ranksep: gaps.rank, marginx: 24, marginy: 24 });
  graph.setDefaultEdgeLabel(() => ({}));
  sizes.forEach((size, i) => graph.setNode(String(i), { ...size }));
  edges.forEach(([from, to]) => graph.setEdge(String(from), String(to)));
  dagre(graph);
  const boxes = sizes.map((size, i) => {
    const node = graph.node(String(i)) as { x: number; y: number };
    return { ...size, x: node.x - size.width / 2, y: node.y - size.height / 2 };
  });
  const made = edges.map(([from, to]) => {
    const edge = graph.edge(String(from), String(to)) as { points?: { x: number; y: number }[] };
    return { from, to, points: edge.points ?? [] };
  });
  const size = graph.graph() as { width?: number; height?: number };
  return { boxes, edges: made, width: size.width ?? 0, height: size.height ?? 0 };
}

/** A curve from the right side of one box to the left side of another, by way of the points between. */
export function curve(from: Place, to: Place, points: readonly { x: number; y: number }[] = [], fromY?: number, toY?: number): string {
  const start = { x: from.x + from.width, y: fromY ?? from.y + from.height / 2 };
  const end = { x: to.x, y: toY ?? to.y + to.height / 2 };
  const between = points.slice(1, -1).filter((p) => p.x > start.x + 8 && p.x < end.x - 8);
  let path = `M${round(start.x)} ${round(start.y)}`;
  let last = start;
  for (const point of [...between, end]) {
    const bend = Math.max(Math.abs(point.x - last.x) / 2, point === end && point.x < last.x ? 60 : 0);
    path += `C${round(last.x + bend)} ${round(last.y)} ${round(point.x - bend)} ${round(point.y)} ${round(point.x)} ${round(point.y)}`;
    last = point;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
