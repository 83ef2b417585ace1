/** Details and column lineage of single nodes, from the parts that hold them. */

import type { NodeLineage } from "../lineage/trace";
import { part } from "./parts";
import type { Detail, Project } from "./project";

function place(project: Project, i: number): [string, number] {
  const chunk = project.index.chunk;
  return [String(Math.floor(i / chunk)).padStart(3, "0"), i % chunk];
}

export async function detail(project: Project, i: number): Promise<Detail> {
  const [number, at] = place(project, i);
  const found = (await part<Detail[]>(`nodes-${number}`))[at];
  if (found === undefined) throw new Error(`nodes-${number} does not tell of node ${i}`);
  return found;
}

export function lineages(project: Project): (nodes: number[]) => Promise<NodeLineage[]> {
  return (nodes) =>
    Promise.all(
      nodes.map(async (i) => {
        const [number, at] = place(project, i);
        return (await part<NodeLineage[]>(`lineage-${number}`))[at] ?? null;
      }),
    );
}
