import { describe, expect, it } from "vitest";
import { freshness, tone } from "../src/lineage/colours";
import { project } from "./sample";

describe("freshness", () => {
  const now = "2026-11-29T12:00:00+00:00";
  const hours = (n: number) => new Date(new Date(now).getTime() - n * 3_600_000).toISOString();

  function aged(built: string | null, limits: [number | null, number | null] | null) {
    const one = project(["a"], [[]]);
    one.index.generated_at = now;
    one.nodes.built[0] = built;
    one.nodes.limits[0] = limits;
    return one;
  }

  it("goes by the limits that the project sets", () => {
    expect(freshness(aged(hours(5), [6, 12]), 0)).toEqual(["tone-ok", "in time"]);
    expect(freshness(aged(hours(7), [6, 12]), 0)).toEqual(["tone-warn", "late"]);
    expect(freshness(aged(hours(13), [6, 12]), 0)).toEqual(["tone-error", "too old"]);
    expect(freshness(aged(hours(13), [null, 12]), 0)).toEqual(["tone-error", "too old"]);
    expect(freshness(aged(hours(400), [720, null]), 0)).toEqual(["tone-ok", "in time"]);
  });

  it("goes by the latest row as it was when somebody looked", () => {
    const one = aged(hours(100), [6, 12]);
    one.nodes.newest[0] = [hours(30), hours(26)];
    expect(freshness(one, 0)).toEqual(["tone-ok", "in time"]);
  });

  it("goes by days where it sets none", () => {
    expect(freshness(aged(hours(2), null), 0)).toEqual(["tone-ok", "within a day"]);
    expect(freshness(aged(hours(30), null), 0)).toEqual(["tone-warn", "within a week"]);
    expect(freshness(aged(hours(200), null), 0)).toEqual(["tone-error", "older"]);
  });

  it("does not guess", () => {
    expect(freshness(aged(null, [6, 12]), 0)).toEqual(["tone-none", "not known"]);
    expect(tone(aged(null, null), 0, "freshness")).toEqual(["tone-none", "not known"]);
  });
});
