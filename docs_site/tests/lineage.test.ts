import { describe, expect, it } from "vitest";
import { around, draw } from "../src/lineage/graph";
import { curve, layout } from "../src/lineage/layout";
import { type NodeLineage, trace } from "../src/lineage/trace";
import { diagram } from "../src/views/Relations";
import { inOrder } from "../src/views/Lineage";
import { project } from "./sample";

// a → b → d, a → c → d, d → e
const diamond = project(
  ["a", "b", "c", "d", "e"],
  [[], [0], [0], [1, 2], [3]],
  ["models/s/a.sql", "models/s/b.sql", "models/m/c.sql", "models/m/d.sql", "e.sql"],
);

describe("around", () => {
  it("goes so many steps each way", () => {
    expect(around(diamond, 3, 1, 0)).toEqual(new Set([3, 1, 2]));
    expect(around(diamond, 3, 2, 1)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(around(diamond, 0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY).size).toBe(5);
  });

  it("ends where arrows go round", () => {
    const ring = project(["a", "b"], [[1], [0]]);
    expect(around(ring, 0, 99, 99)).toEqual(new Set([0, 1]));
  });
});

describe("draw", () => {
  it("draws each node when nothing is folded", () => {
    const made = draw(diamond, [0, 1, 2, 3, 4], "none", new Set());
    expect(made.boxes.map((box) => box.label)).toEqual(["a", "b", "c", "d", "e"]);
    expect(made.edges).toHaveLength(5);
  });

  it("folds folders, opens one, and leaves single nodes alone", () => {
    const folded = draw(diamond, [0, 1, 2, 3, 4], "folder", new Set());
    expect(folded.boxes.map((box) => [box.label, box.nodes.length])).toEqual([["models/s", 2], ["models/m", 2], ["e", 1]]);
    expect(folded.edges).toEqual([[0, 1], [1, 2]]);
    const wide = Array.from({ length: 200 }, (_, i) => i);
    const many = project(wide.map((i) => `n${i}`), wide.map(() => []), wide.map((i) => `models/${i % 2}/deep${i % 190}/n${i}.sql`));
    expect(draw(many, wide, "folder", new Set()).boxes.map((box) => box.label)).toEqual(["models/0", "models/1"]);
    const open = draw(diamond, [0, 1, 2, 3, 4], "folder", new Set(["f:models/s"]));
    expect(open.boxes.map((box) => box.label)).toEqual(["a", "b", "models/m", "e"]);
  });
});

describe("layout", () => {
  it("puts what is read to the left, and no box over another", () => {
    const edges: [number, number][] = [[0, 1], [0, 2], [1, 3], [2, 3]];
    const made = layout(edges.map(() => ({ width: 100, height: 40 })), edges);
    for (const [from, to] of edges) expect(made.boxes[to]!.x).toBeGreaterThan(made.boxes[from]!.x + 100);
    const [, b, c] = made.boxes;
    expect(Math.abs(b!.y - c!.y)).toBeGreaterThanOrEqual(40);
  });

  it("draws a curve from side to side", () => {
    const box = { width: 10, height: 10 };
    expect(curve({ x: 0, y: 0, ...box }, { x: 110, y: 0, ...box })).toBe("M10 5C60 5 60 5 110 5");
  });
});

const known: Record<number, NodeLineage> = {
  1: [[["x2", [[0, "x", 3]], [], "x * 2", null]], [[0, "flag", "filter"]], null, null],
  2: [[["x", [[0, "x", 0]], [], null, null]], [], null, null],
  3: [[["total", [[1, "x2", 3], [2, "x", 3]], [], "x2 + x", null], ["other", [], [], "1", null]], [], null, null],
  4: [[["total", [[3, "total", 0], ["ext.t", "c", 2]], [], null, "half of it"]], [], null, null],
};
const lineages = async (nodes: number[]) => nodes.map((node) => known[node] ?? null);

describe("trace", () => {
  it("follows a column both ways, with the expression of each hop", async () => {
    const made = await trace(diamond, lineages, { node: 3, column: "total" }, false);
    expect([...made.columns].sort()).toEqual([[0, ["x"]], [1, ["x2"]], [2, ["x"]], [3, ["total"]], [4, ["total"]]]);
    expect(made.steps).toHaveLength(5);
    expect([...made.expressions.values()].sort()).toEqual(["x * 2", "x2 + x"]);
    expect([...made.unknown.values()]).toEqual(["half of it"]);
    const order = inOrder(made).map((spot) => `${spot.node}.${spot.column}`);
    expect(order.indexOf("0.x")).toBeLessThan(order.indexOf("1.x2"));
    expect(order.indexOf("1.x2")).toBeLessThan(order.indexOf("3.total"));
    expect(order.at(-1)).toBe("4.total");
  });

  it("takes along what only decides when asked", async () => {
    const without = await trace(diamond, lineages, { node: 1, column: "x2" }, false);
    expect(without.columns.get(0)).toEqual(["x"]);
    const made = await trace(diamond, lineages, { node: 1, column: "x2" }, true);
    expect(made.columns.get(0)).toEqual(["x", "flag"]);
    expect(made.steps.find((step) => step.indirect)).toMatchObject({ how: "filter" });
  });

  it("finds nothing around a column without relatives", async () => {
    const made = await trace(diamond, lineages, { node: 3, column: "other" }, false);
    expect(made.steps).toEqual([]);
  });
});

describe("diagram", () => {
  it("gives each table its keys and the columns that refer", () => {
    const made = diagram({
      keys: { "0": ["id", "code"] },
      primary: { "0": ["id"] },
      links: [[1, "a_id", 0, "id", true], [1, "b_id", 2, "id", false]],
    });
    expect(made.tables.map((table) => [table.node, table.rows.map((row) => row.name)])).toEqual([
      [1, ["a_id", "b_id"]],
      [0, ["id", "code"]],
      [2, ["id"]],
    ]);
    expect(made.links).toEqual([[0, 0, 1, 0, true], [0, 1, 2, 0, false]]);
    expect(made.tables[1]?.rows.map((row) => row.note)).toEqual(["primary key", "key"]);
  });
});
