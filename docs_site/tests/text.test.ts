// @vitest-environment jsdom
import { describe, expect, it } from "vitest";
import { format, parse } from "../src/data/route";
import { highlighted } from "../src/text/code";
import { toHtml } from "../src/text/markdown";
import { ago, seconds } from "../src/text/numbers";
import { fitted, zoomed } from "../src/ui/panzoom";

const EVIL = [
  "<script>alert(1)</script>",
  "<img src=x onerror=alert(1)>",
  "[a](javascript:alert(1))",
  "[a](data:text/html,<script>alert(1)</script>)",
  "![a](http://elsewhere.example/x.png)",
  '[a](http://x "onmouseover=alert(1)")',
  "<svg><animate onbegin=alert(1)>",
  "[a]: javascript:alert(1)\n\n[a]",
  "<a href='vbscript:x'>a</a>",
  "`<script>alert(1)</script>`",
];

describe("markdown", () => {
  it.each(EVIL)("makes nothing that runs or loads of %s", (text) => {
    const holder = document.createElement("div");
    holder.innerHTML = toHtml(text);
    expect(holder.querySelector("script, img, svg, iframe, object, style, link")).toBeNull();
    for (const element of holder.querySelectorAll("*")) {
      for (const attribute of element.attributes) expect(["href", "start", "target", "rel", "tabindex"]).toContain(attribute.name);
    }
    for (const link of holder.querySelectorAll("a")) expect(link.getAttribute("href")).toMatch(/^(https?|mailto):/);
  });

  it("keeps what people write", () => {
    const html = toHtml("# Title\n\n**bold** [docs](https://example.com) [file](docs/x.md)\n\n| a |\n|---|\n| 1 |");
    expect(html).toContain("<h2>Title</h2>");
    expect(html).toContain("<strong>bold</strong>");
    expect(html).toContain('href="https://example.com"');
    expect(html).toContain("<td>1</td>");
    expect(html).toContain("file");
    expect(html).not.toContain("docs/x.md");
  });
});

describe("code", () => {
  it("colours SQL and Jinja, and escapes the rest", () => {
    const html = highlighted("select 1 from {{ ref('a') }} {# note #} -- <b>\nwhere x = '</code><script>'");
    expect(html).toContain('hljs-keyword">select');
    expect(html).toContain("hljs-template");
    expect(html).not.toContain("<script");
    expect(html).not.toContain("<b>");
    const holder = document.createElement("div");
    holder.innerHTML = html;
    expect(holder.textContent).toBe("select 1 from {{ ref('a') }} {# note #} -- <b>\nwhere x = '</code><script>'");
  });
});

describe("addresses", () => {
  it.each([["model", "a/b"], ["source", "shop.orders"], ["model", "über ?#%"]])("come back as they were: %s %s", (kind, name) => {
    const route = parse(format([kind, name, "column", "x y"], { up: 2, none: undefined }));
    expect(route).toEqual({ path: [kind, name, "column", "x y"], query: { up: "2" } });
  });

  it("survive what people type", () => {
    expect(parse("#/model/%E0%A4%A")).toEqual({ path: ["model", "%E0%A4%A"], query: {} });
    expect(parse("")).toEqual({ path: [], query: {} });
  });
});

describe("numbers", () => {
  it("are told as people read them", () => {
    expect(seconds(0.0421)).toBe("42 ms");
    expect(seconds(75)).toBe("1 min 15 s");
    expect(ago("2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z")).toBe("5 h before");
    expect(ago("nonsense", "2026-01-01T05:00:00Z")).toBe("");
  });
});

describe("zooming", () => {
  it("keeps the place under the pointer", () => {
    const view = zoomed({ x: 10, y: 20, scale: 1 }, 2, 110, 220);
    expect(view).toEqual({ scale: 2, x: -90, y: -180 });
  });

  it("stays within bounds and fits the frame", () => {
    expect(zoomed({ x: 0, y: 0, scale: 1 }, 1000, 0, 0).scale).toBe(2.5);
    expect(fitted(2000, 100, { width: 1000, height: 500 })).toEqual({ scale: 0.5, x: 0, y: 225 });
  });
});
