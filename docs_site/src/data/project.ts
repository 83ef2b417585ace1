/** The index of a site as the views ask for it. Nodes are numbers; what is told of them stands in columns of values. */

export type Kind = "model" | "source" | "seed" | "ingest" | "deliver" | "task" | "exposure" | "test" | "analysis" | "snapshot" | "operation";

export interface Run {
  command: string;
  selection: string;
  status: string;
  started_at: string;
  seconds: number | null;
  target: string;
  commit: string | null;
  counts: Record<string, number>;
}

export interface Group {
  name: string;
  description: string;
  owner: string;
}

export interface Nodes {
  kind: Kind[];
  name: string[];
  path: string[];
  about: string[];
  materialized: (string | null)[];
  group: (string | null)[];
  tags: string[][];
  /** Whom an exposure or the `meta` of another node names; a group's owner is the group's. */
  owner: (string | null)[];
  status: (string | null)[];
  built: (string | null)[];
  /** Of a source that was measured: when its latest row came, and when that was looked at. */
  newest: ([string, string] | null)[];
  /** After how many hours without news a source is a warning, and an error, as the project says it. */
  limits: ([number | null, number | null] | null)[];
  seconds: (number | null)[];
  rows: (number | null)[];
  columns: number[];
  tests: number[];
  /** The worst result of its tests: -1 none known, 0 pass, 1 warn, 2 fail, 3 error. */
  health: number[];
  up: number[][];
}

export interface Index {
  project: string;
  adapter: string;
  generated_at: string;
  version: string;
  readme: string;
  chunk: number;
  runs: Run[];
  /** All, passed, warned, failed, in error. */
  tests: number[];
  macros: number;
  groups: Group[];
  nodes: Nodes;
}

export interface Column {
  name: string;
  type: string | null;
  description: string;
  tags: string[];
  meta?: Record<string, unknown>;
  /** What it has from columns that it is a copy of, each with the node (or the name of a table) and column where that is written. */
  inherited_tags?: [string, number | string, string][];
  inherited_meta?: [string, unknown, number | string, string][];
  /** The tagged column that a personal one is made of; empty where that is not sure. */
  pii?: [number | string, string] | [];
  /** The node (or the name of a table) and column that the description is inherited from. */
  from?: [number | string, string];
  /** The constraints on it alone, in words, of a model with a contract. */
  rules?: string[];
}

export interface Test {
  name: string;
  kind: string;
  column: string | null;
  severity: string;
  description: string;
  arguments: Record<string, unknown>;
  status: string | null;
  failures: number | null;
  at: string | null;
  node: number | null;
  on: number[];
}

/** When (ISO 8601, UTC), status, seconds, rows, changed rows, command. */
export type NodeRun = [string, string, number | null, number | null, number | null, string];

export interface Detail {
  id: string;
  description: string;
  relation: string | null;
  columns: Column[];
  /** Why there may be more columns than those. */
  unlisted?: string;
  rows: number | null;
  type: string | null;
  patch: string | null;
  raw: string | null;
  compiled: string | null;
  macros: string[];
  meta: Record<string, unknown>;
  settings: Record<string, unknown>;
  tests: Test[];
  runs: NodeRun[];
  /** The constraints on several columns of a model with a contract. */
  contract?: string[];
  loader?: string;
  about_source?: string;
  freshness?: Record<string, { count: number; period: string }>;
  step?: { name: string; load: string; into: string; source: Record<string, unknown> };
  /** Of a delivery or a task: where rows go, or what runs, and on which targets. */
  outside?: { to?: Record<string, unknown>; send?: string; command?: string; wait_for?: Record<string, unknown>; targets: string[] };
  exposure?: { type: string; maturity: string | null; url: string | null; label: string | null };
}

export interface Macro {
  name: string;
  path: string;
  description: string;
  arguments: { name: string; type: string | null; description: string }[];
  sql: string;
  macros: string[];
  users: number[];
}

export interface Relationships {
  keys: Record<string, string[]>;
  primary: Record<string, string[]>;
  /** A column that refers to another one, and whether a constraint says so (else a test does). */
  links: [number, string, number, string, boolean][];
}

export class Project {
  readonly index: Index;
  readonly nodes: Nodes;
  readonly size: number;
  readonly down: number[][];
  private readonly byName = new Map<string, number>();

  constructor(index: Index) {
    this.index = index;
    this.nodes = index.nodes;
    this.size = index.nodes.kind.length;
    this.down = Array.from({ length: this.size }, () => []);
    this.nodes.up.forEach((above, i) => above.forEach((j) => this.down[j]?.push(i)));
    this.nodes.name.forEach((name, i) => this.byName.set(`${this.kind(i)}/${name}`, i));
  }

  kind(i: number): Kind {
    return this.nodes.kind[i] ?? "model";
  }

  name(i: number): string {
    return this.nodes.name[i] ?? "";
  }

  find(kind: string, name: string): number | undefined {
    return this.byName.get(`${kind}/${name}`);
  }

  up(i: number): number[] {
    return this.nodes.up[i] ?? [];
  }

  /** The folder of a node's file, without the file. */
  folder(i: number): string {
    return (this.nodes.path[i] ?? "").split("/").slice(0, -1).join("/");
  }

  /** What a node looks like now, in one word: its own last result, or what its tests say if they are worse. */
  state(i: number): "ok" | "warn" | "error" | "none" {
    const status = this.nodes.status[i];
    const health = this.nodes.health[i] ?? -1;
    if (status === "error" || status === "fail" || health >= 2) return "error";
    if (status === "warn" || health === 1) return "warn";
    return status == null && health < 0 ? "none" : "ok";
  }

  /** Who answers for a node: whom it names itself, or the owner of its group. */
  owner(i: number): string | undefined {
    const named = this.nodes.owner[i];
    if (named) return named;
    const group = this.nodes.group[i];
    return (group && this.index.groups.find((one) => one.name === group)?.owner) || undefined;
  }

  /** The nodes of each owner, tests left out, by the owner's name. */
  owners(): Map<string, number[]> {
    const made = new Map<string, number[]>(this.index.groups.flatMap((group) => (group.owner ? [[group.owner, []]] : [])));
    this.nodes.kind.forEach((kind, i) => {
      const owner = kind === "test" ? undefined : this.owner(i);
      if (owner === undefined) return;
      const known = made.get(owner);
      if (known === undefined) made.set(owner, [i]);
      else known.push(i);
    });
    return new Map([...made].sort(([a], [b]) => a.localeCompare(b)));
  }

  all(kind: Kind): number[] {
    return this.nodes.kind.flatMap((k, i) => (k === kind ? [i] : []));
  }
}

/** The words that the site uses for kinds of nodes, in the order of the menu. */
export const KINDS: Record<string, { one: string; many: string; slug: string }> = {
  model: { one: "Model", many: "Models", slug: "models" },
  source: { one: "Source", many: "Sources", slug: "sources" },
  seed: { one: "Seed", many: "Seeds", slug: "seeds" },
  ingest: { one: "Ingested table", many: "Ingestion", slug: "ingestion" },
  deliver: { one: "Delivery", many: "Deliveries", slug: "deliveries" },
  task: { one: "Task", many: "Tasks", slug: "tasks" },
  snapshot: { one: "Snapshot", many: "Snapshots", slug: "snapshots" },
  exposure: { one: "Exposure", many: "Exposures", slug: "exposures" },
  analysis: { one: "Analysis", many: "Analyses", slug: "analyses" },
  test: { one: "Test", many: "Tests", slug: "tests" },
};
