import { describe, expect, it } from "vitest";
import { type Index, Project } from "../src/data/project";
import { distance, Search } from "../src/data/search";
import { project } from "./sample";

const read = {
  columns: [["id", "amount"], ["id", "order_id", "amount_eur"], ["customer_id"], []],
  text: ["", "Payments of orders", "People who pay\nand more", "Ürün İstanbul"],
  macros: [["cents_to_euros", "Divides by a hundred"]] as [string, string][],
  tests: [["unique_orders_id", 0, "id"], ["rows_of_payments", 1, null]] as [string, number, string | null][],
};

function made(): Search {
  return new Search(project(["orders", "payments", "customers", "turkish"]), read);
}

describe("search", () => {
  it("puts the exact name before what only holds it", () => {
    const hits = made().find("orders");
    expect(hits[0]).toMatchObject({ where: "name", item: 0 });
    expect(hits.find((hit) => hit.item === 1)).toMatchObject({ where: "text" });
  });

  it("finds columns, and the column of a table when both are named", () => {
    expect(made().find("order_id")[0]).toMatchObject({ where: "column", item: 1, column: "order_id" });
    const hits = made().find("payments.amount");
    expect(hits[0]).toMatchObject({ where: "column", item: 1, column: "amount_eur" });
    expect(hits.some((hit) => hit.item === 0)).toBe(false);
  });

  it("wants every word", () => {
    expect(made().find("people pay")).toHaveLength(1);
    expect(made().find("people zebra")).toHaveLength(0);
  });

  it("forgives a slip", () => {
    expect(made().find("custmers")[0]).toMatchObject({ where: "name", item: 2 });
    expect(made().find("xyzabcd")).toHaveLength(0);
  });

  it("finds macros, and code once it is there", () => {
    expect(made().find("cents")[0]).toMatchObject({ where: "other", other: { kind: "macro", path: ["macro", "cents_to_euros"] } });
    const search = made();
    expect(search.find("coalesce")).toHaveLength(0);
    search.addCode(["select 1", "select coalesce(a, 0)", "", ""]);
    expect(search.find("coalesce")).toEqual([expect.objectContaining({ where: "code", item: 1 })]);
  });

  it("finds tests by name, at the column that they are on, and lets no test come before a table", () => {
    expect(made().find("unique_orders_id")[0]).toMatchObject({ other: { kind: "test", path: ["model", "orders", "column", "id"] } });
    expect(made().find("rows_of")[0]).toMatchObject({ other: { kind: "test", path: ["model", "payments"] } });
    expect(made().find("orders")[0]).toMatchObject({ where: "name", item: 0 });
    expect(made().find("orders").at(-1)).toMatchObject({ other: { kind: "test" } });
  });

  it("finds groups, and owners of groups, of nodes and by address", () => {
    const { index } = project(["orders", "payments"]);
    const groups = [{ name: "money", description: "Who is paid", owner: "Ann · ann@example.org" }];
    const owned = new Project({ ...index, groups, nodes: { ...index.nodes, owner: [null, "Bert"], group: ["money", null] } });
    const search = new Search(owned, { columns: [[], []], text: ["", ""], macros: [], tests: [] });
    expect([...owned.owners()]).toEqual([["Ann · ann@example.org", [0]], ["Bert", [1]]]);
    expect(search.find("bert")[0]).toMatchObject({ other: { kind: "owner", path: ["owner", "Bert"] } });
    expect(search.find("ann@example.org")[0]).toMatchObject({ other: { kind: "owner" } });
    expect(search.find("paid")[0]).toMatchObject({ other: { kind: "group", path: ["group", "money"] } });
  });

  it("keeps places right where lower case is longer, and survives odd input", () => {
    expect(made().find("ürün")[0]).toMatchObject({ item: 3 });
    for (const odd of ["", " ", ".", "(((", "\\", "a".repeat(5000), "\u0000"]) expect(() => made().find(odd)).not.toThrow();
  });

  it("knows an empty project", () => {
    const empty = new Project({ ...project([]).index } as Index);
    expect(new Search(empty, { columns: [], text: [], macros: [], tests: [] }).find("a")).toEqual([]);
  });
});

describe("distance", () => {
  it("counts letters changed, put in, left out and swapped", () => {
    expect(distance("orders", "orders", 2)).toBe(0);
    expect(distance("ordres", "orders", 2)).toBe(1);
    expect(distance("order", "orders", 2)).toBe(1);
    expect(distance("oxxers", "orders", 2)).toBe(2);
    expect(distance("abcdef", "uvwxyz", 2)).toBe(3);
  });
});
