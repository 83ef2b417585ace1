/** Full-text search by scanning: each field of all nodes is one long text, and finding a word in a few megabytes takes a browser a few
 * milliseconds. No index has to be built, shipped or kept (docs/decisions/0012). */

import type { Project } from "./project";

export interface SearchPart {
  columns: string[][];
  text: string[];
  macros: [string, string][];
  /** Tests that have no page: the name, and the node and column that they are on. */
  tests: [string, number, string | null][];
}

/** What is found and is no node: where its page is, and on what it is said to be. */
export interface Other {
  kind: "macro" | "test" | "group" | "owner";
  name: string;
  text: string;
  path: string[];
}

export type Where = "name" | "column" | "text" | "code" | "other";

export interface Hit {
  where: Where;
  /** A node's number, or for another thing its place among those. */
  item: number;
  other?: Other;
  /** The column, for a hit in one. */
  column?: string;
  score: number;
}

/** Hits of one word in one field that are looked at: who types two letters wants the best, not all. */
const MOST = 6_000;

/** Texts of many items end to end, so that one scan looks through all. */
class Field {
  private readonly text: string;
  private readonly starts: Uint32Array;

  constructor(items: readonly string[]) {
    this.starts = new Uint32Array(items.length + 1);
    let at = 0;
    items.forEach((item, i) => {
      this.starts[i] = at;
      at += item.length + 1;
    });
    this.starts[items.length] = at;
    // Lower case that keeps lengths: a few letters become two, and the places would shift.
    this.text = items.map(lower).join("\n");
  }

  /** Items that hold the word, with the best score of where in the item it stands. */
  find(word: string, scores: { exact: number; start: number; part: number; inside: number }): Map<number, number> {
    const found = new Map<number, number>();
    let item = 0;
    for (let at = this.text.indexOf(word); at >= 0 && found.size < MOST; at = this.text.indexOf(word, at + 1)) {
      item = this.itemAt(at, item);
      const start = this.starts[item] ?? 0;
      const end = (this.starts[item + 1] ?? 0) - 1;
      const before = this.text.charCodeAt(at - 1);
      const after = at + word.length;
      let score = scores.inside;
      if (at === start) score = after === end ? scores.exact : scores.start;
      else if (!isLetter(before)) score = scores.part;
      if (score > (found.get(item) ?? 0)) found.set(item, score);
    }
    return found;
  }

  private itemAt(at: number, from: number): number {
    let low = from;
    let high = this.starts.length - 2;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function lower(text: string): string {
  const made = text.toLowerCase();
  const same = made.length === text.length ? made : text.replace(/[^\0-\x7f]|[A-Z]/g, (c) => (c.toLowerCase().length === c.length ? c.toLowerCase() : c));
  return same.replaceAll("\n", " ");
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 48 && code <= 57) || code > 127;
}

const NAME = { exact: 100, start: 70, part: 50, inside: 30 };
const COLUMN = { exact: 60, start: 40, part: 28, inside: 16 };
const TAG = { exact: 24, start: 20, part: 18, inside: 8 };
const TEXT = { exact: 14, start: 12, part: 12, inside: 6 };
const CODE = { exact: 4, start: 4, part: 4, inside: 2 };
/** Of nodes that match alike, what people look for first. */
const WEIGHT: Record<string, number> = { model: 3, source: 2, ingest: 2, seed: 2, snapshot: 2, exposure: 1 };

export class Search {
  private readonly names: Field;
  private readonly tags: Field;
  private readonly texts: Field;
  private readonly columns: Field;
  private readonly others: Other[];
  private readonly otherTexts: Field;
  private readonly columnNames: string[];
  private readonly owners: Uint32Array;
  private code: Field | undefined;

  constructor(
    private readonly project: Project,
    part: SearchPart,
  ) {
    this.names = new Field(project.nodes.name);
    this.tags = new Field(project.nodes.tags.map((tags, i) => [...tags, project.nodes.group[i] ?? ""].join(" ")));
    this.texts = new Field(part.text);
    this.columnNames = part.columns.flat();
    this.columns = new Field(this.columnNames);
    this.others = othersOf(project, part);
    this.otherTexts = new Field(this.others.map((other) => `${other.name} ${other.text}`));
    this.owners = new Uint32Array(this.columnNames.length);
    let at = 0;
    part.columns.forEach((names, i) => {
      this.owners.fill(i, at, at + names.length);
      at += names.length;
    });
  }

  get readsCode(): boolean {
    return this.code !== undefined;
  }

  /** The SQL of every node, to be looked through from now on. */
  addCode(code: readonly string[]): void {
    this.code = new Field(code);
  }

  /** The best hits, best first. Each word must be found; `a.b` looks for the column b of a. */
  find(query: string, limit = 40): Hit[] {
    const words = lower(query)
      .split(/[\s.]+/)
      .filter(Boolean)
      .slice(0, 8);
    if (words.length === 0) return [];
    const names = words.map((word) => this.names.find(word, NAME));
    const hits = [...this.ofNodes(words, names), ...this.ofColumns(words, names), ...this.ofOthers(words)];
    if (!hits.some((hit) => hit.where === "name")) hits.push(...this.nearly(words.join("_")));
    const weight = (hit: Hit) => (hit.other !== undefined ? 0 : (WEIGHT[this.project.kind(hit.item)] ?? 0));
    const length = (hit: Hit) => (hit.other?.name ?? hit.column ?? this.project.nodes.name[hit.item] ?? "").length;
    return hits.sort((a, b) => b.score - a.score || weight(b) - weight(a) || length(a) - length(b) || a.item - b.item).slice(0, limit);
  }

  private ofNodes(words: string[], names: Map<number, number>[]): Hit[] {
    const fields = words.map((word, i): [Where, Map<number, number>][] => [
      ["name", names[i] ?? new Map()],
      ["text", this.tags.find(word, TAG)],
      ["text", this.texts.find(word, TEXT)],
      ["code", this.code?.find(word, CODE) ?? new Map()],
    ]);
    const [first = [], ...rest] = fields;
    const hits: Hit[] = [];
    for (const item of new Set(first.flatMap(([, found]) => [...found.keys()]))) {
      let score = 0;
      let where: Where = "code";
      for (const word of [first, ...rest]) {
        let best = 0;
        for (const [place, found] of word) {
          const here = found.get(item) ?? 0;
          if (here > best) {
            best = here;
            if (RANK[place] < RANK[where]) where = place;
          }
        }
        if (best === 0) {
          score = 0;
          break;
        }
        score += best;
      }
      if (score > 0) hits.push({ where, item, score: score / words.length });
    }
    return hits;
  }

  private ofColumns(words: string[], names: Map<number, number>[]): Hit[] {
    if (words.every((word) => word.length < 2)) return [];
    const found = words.map((word) => this.columns.find(word, COLUMN));
    const hits: Hit[] = [];
    for (const at of new Set(found.flatMap((map) => [...map.keys()]))) {
      const item = this.owners[at] ?? 0;
      const scores = words.map((_, i) => Math.max(found[i]?.get(at) ?? 0, (names[i]?.get(item) ?? 0) / 2));
      if (scores.every((score) => score > 0)) {
        hits.push({ where: "column", item, column: this.columnNames[at] ?? "", score: scores.reduce((a, b) => a + b) / words.length });
      }
    }
    return hits;
  }

  private ofOthers(words: string[]): Hit[] {
    const found = words.map((word) => this.otherTexts.find(word, { ...TEXT, start: 60, exact: 60 }));
    const hits: Hit[] = [];
    for (const [item, score] of found[0] ?? new Map<number, number>()) {
      const other = this.others[item];
      if (other === undefined || !found.every((map) => map.has(item))) continue;
      // The names of tests begin with what they look for, and hold the names of tables: they come last, unless one is asked for by name.
      const whole = other.name.toLowerCase() === words.join(".");
      hits.push({ where: "other", item, other, score: other.kind !== "test" ? score : whole ? NAME.start : TEXT.inside });
    }
    return hits;
  }

  /** Names that are a slip of the finger away, word by word. */
  private nearly(query: string): Hit[] {
    const words = query.split("_").filter(Boolean);
    if (!words.some((word) => word.length >= 4)) return [];
    return this.project.nodes.name.flatMap((name, item) => {
      const parts = name.toLowerCase().split(/[_.]+/);
      let slips = 0;
      for (const word of words) {
        const most = word.length > 7 ? 2 : word.length >= 4 ? 1 : 0;
        const near = Math.min(...parts.map((part) => distance(word, part, most)));
        if (near > most) return [];
        slips += near;
      }
      return [{ where: "name" as const, item, score: 20 - slips * 3 - parts.length }];
    });
  }
}

const RANK: Record<Where, number> = { name: 0, column: 1, other: 1, text: 2, code: 3 };

function othersOf(project: Project, part: SearchPart): Other[] {
  const on = (node: number, column: string | null) => `${project.name(node)}${column === null ? "" : `.${column}`}`;
  return [
    ...part.macros.map(([name, text]): Other => ({ kind: "macro", name, text, path: ["macro", name] })),
    ...part.tests.map(([name, node, column]): Other => {
      const place = [project.kind(node), project.name(node)];
      return { kind: "test", name, text: on(node, column), path: column === null ? place : [...place, "column", column] };
    }),
    ...project.index.groups.map((group): Other => ({ kind: "group", name: group.name, text: group.description, path: ["group", group.name] })),
    ...[...project.owners().keys()].map((name): Other => ({ kind: "owner", name, text: "", path: ["owner", name] })),
  ];
}

/** How many letters must be changed, put in, left out or swapped with their neighbour; more than `most` is told as most + 1. */
export function distance(a: string, b: string, most: number): number {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let older: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, (older[j - 2] ?? 0) + 1);
      row.push(least);
    }
    if (Math.min(...row) > most) return most + 1;
    older = last;
    last = row;
  }
  return last[b.length] ?? most + 1;
}
