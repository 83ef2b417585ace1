/** What the colour of a box says. */

import { age } from "../text/numbers";
import type { Project } from "../data/project";

export type Colouring = "kind" | "materialization" | "status" | "freshness";

/** A class for a node, and the words that the legend has for it. */
export function tone(project: Project, i: number, by: Colouring): [string, string] {
  const kind = project.kind(i);
  if (by === "status") {
    const state = project.state(i);
    return [`tone-${state}`, { ok: "passed", warn: "warned", error: "failed", none: "not run" }[state]];
  }
  if (by === "freshness") {
    return freshness(project, i);
  }
  if (by === "materialization") {
    const made = project.nodes.materialized[i];
    return made ? [`made-${SHADES[made] ?? "other"}`, made] : ["made-none", kind];
  }
  return [`kind-${kind}`, kind];
}

/** How old what a node shows is: by the limits that the project sets for it, else in days. */
export function freshness(project: Project, i: number): [string, string] {
  const newest = project.nodes.newest[i];
  const hours = newest ? age(newest[0], newest[1]) : age(project.nodes.built[i], project.index.generated_at);
  if (hours === undefined) return ["tone-none", "not known"];
  const limits = project.nodes.limits[i];
  if (limits) {
    const [warn, error] = limits;
    if (error !== null && hours > error) return ["tone-error", "too old"];
    return warn !== null && hours > warn ? ["tone-warn", "late"] : ["tone-ok", "in time"];
  }
  if (hours <= 24) return ["tone-ok", "within a day"];
  return hours <= 24 * 7 ? ["tone-warn", "within a week"] : ["tone-error", "older"];
}

const SHADES: Record<string, string> = {
  table: "table",
  view: "view",
  incremental: "incremental",
  ephemeral: "ephemeral",
  materialized_view: "view",
};

/** The worst of some nodes: what is folded together is coloured by it. */
export function worst(project: Project, nodes: readonly number[], by: Colouring): [string, string] {
  const tones = nodes.map((i) => tone(project, i, by));
  for (const bad of ["tone-error", "tone-warn"]) {
    const found = tones.find(([name]) => name === bad);
    if (found !== undefined) return found;
  }
  const first = tones[0] ?? ["tone-none", ""];
  return tones.every(([name]) => name === first[0]) ? first : ["tone-mixed", "several"];
}
