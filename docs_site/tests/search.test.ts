import { describe, expect, it } from "vitest";
import { type Index, Project } from "../src/data/project";
import { distance, Search } from "../src/data/search";
import { project } from "./sample";

const read = {
  columns: [["id", "amount"], ["id", "order_id", "amount_eur"], ["customer_id"], []],
  text: ["", "Payments of orders", "People who pay\nand more", "Ürün İstanbul"],
  macros: [["cents_to_euros", "Divides by a hundred"]] as [string, string][],
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
    expect(made().find("cents")[0]).toMatchObject({ where: "macro", item: 0 });
    const search = made();
    expect(search.find("coalesce")).toHaveLength(0);
    search.addCode(["select 1", "select coalesce(a, 0)", "", ""]);
    expect(search.find("coalesce")).toEqual([expect.objectContaining({ where: "code", item: 1 })]);
  });

  it("keeps places right where lower case is longer, and survives odd input", () => {
    expect(made().find("ürün")[0]).toMatchObject({ item: 3 });
    for (const odd of ["", " ", ".", "(((", "\\", "a".repeat(5000), "\u0000"]) expect(() => made().find(odd)).not.toThrow();
  });

  it("knows an empty project", () => {
    const empty = new Project({ ...project([]).index } as Index);
    expect(new Search(empty, { columns: [], text: [], macros: [] }).find("a")).toEqual([]);
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
