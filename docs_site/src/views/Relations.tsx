/** An entity-relationship diagram: keys, and the columns that refer to them, as tests and contracts of the project say. */

import { useMemo, useState } from "preact/hooks";
import { part } from "../data/parts";
import type { Project, Relationships } from "../data/project";
import { curve, layout } from "../lineage/layout";
import { count } from "../text/numbers";
import { Empty, letter, Loading, nodeHref, useLoaded } from "../ui/bits";
import { Card, type Row, rowY, sizeOf } from "../ui/cards";
import { PanZoom } from "../ui/panzoom";

/** References that are drawn at once: more cannot be read. */
const MOST = 90;

export interface Table {
  node: number;
  rows: Row[];
}

/** The tables of the diagram with the columns that take part, and its links as places of table and row. */
export function diagram(relations: Relationships): { tables: Table[]; links: [number, number, number, number, boolean][] } {
  const tables: Table[] = [];
  const at = new Map<number, number>();
  const place = (node: number): number => {
    let known = at.get(node);
    if (known === undefined) {
      known = tables.length;
      at.set(node, known);
      const primary = relations.primary[node] ?? [];
      const others = (relations.keys[node] ?? []).filter((name) => !primary.includes(name));
      const key = (note: string) => (name: string): Row => ({ name, note, tone: "key" });
      tables.push({ node, rows: [...primary.map(key("primary key")), ...others.map(key("key"))] });
    }
    return known;
  };
  const row = (table: number, name: string): number => {
    const rows = tables[table]?.rows ?? [];
    const known = rows.findIndex((one) => one.name === name);
    return known >= 0 ? known : rows.push({ name }) - 1;
  };
  const links = relations.links.map(([node, column, above, field, held]): [number, number, number, number, boolean] => {
    const from = place(node);
    const to = place(above);
    return [from, row(from, column), to, row(to, field), held];
  });
  return { tables, links };
}

export function RelationsPage({ project }: { project: Project }) {
  const { value, error } = useLoaded(() => part<Relationships>("erd"), []);
  if (value === undefined) return <Loading error={error} />;
  if (value.links.length === 0) {
    return (
      <article class="page">
        <h1 tabIndex={-1}>Relationships</h1>
        <Empty>No table refers to another one by a <code>relationships</code> test or a foreign key of its contract. Write one, and the diagram draws it.</Empty>
      </article>
    );
  }
  return <Diagram project={project} relations={value} />;
}

function Diagram({ project, relations }: { project: Project; relations: Relationships }) {
  const [filter, setFilter] = useState("");
  const wanted = filter.toLowerCase();
  const links = relations.links.filter(([node, , above]) => [node, above].some((i) => project.name(i).toLowerCase().includes(wanted)));
  const made = useMemo(() => {
    const all = diagram({ ...relations, links: links.slice(0, MOST) });
    const sizes = all.tables.map((table) => sizeOf(project.name(table.node), table.rows));
    const edges = [...new Map(all.links.filter(([a, , b]) => a !== b).map(([a, , b]) => [`${b}>${a}`, [b, a] as const])).values()];
    return { ...all, sizes, layout: layout(sizes, edges, { node: 28, rank: 110 }) };
  }, [relations, wanted]);
  return (
    <div class="lineage-page">
      <header class="bar">
        <h1 tabIndex={-1}>
          Relationships <small>{count(made.tables.length)} tables</small>
        </h1>
        <p class="muted small">
          {links.length > MOST
            ? `The first ${MOST} of ${count(links.length)} references: filter to see others.`
            : "A line leads from a key to the column that refers to it: whole where a constraint says so, dashed where a test does."}
        </p>
        <input type="search" placeholder="Filter tables" aria-label="Filter tables" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      </header>
      <div class="stage">
        <div class="drawing">
        <PanZoom
          width={made.layout.width}
          height={made.layout.height}
          label={`Diagram of ${made.tables.length} tables and ${made.links.length} references`}
          subject={`erd ${wanted}`}
          greedy
        >
          <g class="edges" aria-hidden="true">
            {made.links.map(([from, fromRow, to, toRow, held], i) => {
              const a = made.layout.boxes[to];
              const b = made.layout.boxes[from];
              return a && b && <path key={i} class={held ? "edge reference held" : "edge reference"} marker-end="url(#many)" d={curve(a, b, [], a.y + rowY(toRow), b.y + rowY(fromRow))} />;
            })}
          </g>
          <defs>
            <marker id="many" viewBox="0 0 12 12" refX="11" refY="6" markerWidth="11" markerHeight="11" orient="auto">
              <path class="crow" d="M0 6H12M1 6L12 1M1 6L12 11" />
            </marker>
          </defs>
          {made.tables.map((table, i) => {
            const place = made.layout.boxes[i];
            return (
              place && (
                <Card
                  key={table.node}
                  x={place.x}
                  y={place.y}
                  size={place}
                  label={project.name(table.node)}
                  mark={letter(project.kind(table.node))}
                  tone={`kind-${project.kind(table.node)}`}
                  rows={table.rows}
                  said={`Table ${project.name(table.node)}`}
                  onPick={() => {
                    location.hash = nodeHref(project, table.node);
                  }}
                  onRow={(at) => {
                    location.hash = nodeHref(project, table.node, table.rows[at]?.name);
                  }}
                />
              )
            );
          })}
        </PanZoom>
        </div>
      </div>
    </div>
  );
}
