/** Small things that many views show. */

import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { KINDS, type Project } from "../data/project";
import { format } from "../data/route";

export function nodeHref(project: Project, i: number, column?: string): string {
  const path = [project.kind(i), project.name(i)];
  return format(column === undefined ? path : [...path, "column", column]);
}

export function lineageHref(project: Project, i: number, query: Record<string, string | number | undefined> = {}): string {
  return format(["lineage", project.kind(i), project.name(i)], query);
}

const LETTERS: Record<string, string> = {
  model: "M",
  source: "S",
  seed: "C",
  ingest: "I",
  snapshot: "H",
  deliver: "D",
  task: "▸",
  exposure: "E",
  test: "T",
  analysis: "A",
  macro: "ƒ",
  group: "G",
  owner: "O",
};

export function KindMark({ kind }: { kind: string }) {
  return (
    <span class={`mark kind-${kind}`} aria-hidden="true">
      {LETTERS[kind] ?? "?"}
    </span>
  );
}

export function letter(kind: string): string {
  return LETTERS[kind] ?? "?";
}

export function NodeLink({ project, node, mark = true }: { project: Project; node: number; mark?: boolean }) {
  return (
    <a class="node-link" href={nodeHref(project, node)} title={project.nodes.about[node]}>
      {mark && <KindMark kind={project.kind(node)} />}
      {mark && <span class="unseen">{KINDS[project.kind(node)]?.one} </span>}
      <span>{project.name(node)}</span>
    </a>
  );
}

const TONES: Record<string, string> = { success: "ok", pass: "ok", warn: "warn", error: "error", fail: "error", killed: "error", cancelled: "warn" };

export function Status({ status, extra }: { status: string | null | undefined; extra?: string }) {
  if (status == null) return <span class="badge tone-none">not run</span>;
  return (
    <span class={`badge tone-${TONES[status] ?? "none"}`}>
      <i class="dot" />
      {status}
      {extra ? ` · ${extra}` : ""}
    </span>
  );
}

export function Badge({ children, tone = "plain", title }: { children: ComponentChildren; tone?: string; title?: string }) {
  return (
    <span class={`badge tone-${tone}`} title={title}>
      {children}
    </span>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What a promise gives, once it is there. */
export function useLoaded<T>(load: () => Promise<T>, inputs: unknown[]): { value?: T; error?: string } {
  const [state, setState] = useState<{ value?: T; error?: string; of?: unknown[] }>({});
  useEffect(() => {
    let wanted = true;
    load().then(
      (value) => wanted && setState({ value, of: inputs }),
      (error: unknown) => wanted && setState({ error: String((error as Error).message ?? error), of: inputs }),
    );
    return () => {
      wanted = false;
    };
  }, inputs);
  const current = state.of?.every((input, at) => input === inputs[at]) ?? false;
  return current ? state : {};
}

export function Loading({ error }: { error?: string }) {
  return error === undefined ? (
    <p class="loading" role="status">
      Loading…
    </p>
  ) : (
    <p class="failed" role="alert">
      {error}
    </p>
  );
}
