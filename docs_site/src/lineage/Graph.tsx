/** The drawing of a lineage: boxes, arrows, and the path of a column through them. */

import { useMemo } from "preact/hooks";
import type { Project } from "../data/project";
import { KINDS } from "../data/project";
import { letter } from "../ui/bits";
import { Card, type Row, rowY, sizeOf } from "../ui/cards";
import { PanZoom } from "../ui/panzoom";
import { type Colouring, worst } from "./colours";
import type { Box, Drawing } from "./graph";
import { curve, layout } from "./layout";
import type { Trace } from "./trace";

interface Props {
  project: Project;
  drawing: Drawing;
  colouring: Colouring;
  focus?: number;
  chosen?: number;
  trace?: Trace;
  greedy?: boolean;
  onNode: (node: number) => void;
  onFold: (id: string) => void;
  onColumn: (node: number, column: string) => void;
}

export function Graph(props: Props) {
  const { drawing, trace, focus } = props;
  const made = useMemo(() => {
    const rows = drawing.boxes.map((box) => rowsOf(box, trace));
    const sizes = drawing.boxes.map((box, i) => sizeOf(labelOf(box), rows[i] ?? []));
    return { rows, sizes, layout: layout(sizes, drawing.edges) };
  }, [drawing, trace]);
  const at = drawing.boxes.findIndex((box) => focus !== undefined && box.nodes.includes(focus));
  const place = made.layout.boxes[at];
  const near = neighbours(drawing, props.chosen);
  const subject = `${drawing.boxes.length} ${drawing.boxes[0]?.id} ${focus} ${trace === undefined ? "" : `${trace.start.node}.${trace.start.column}`}`;
  return (
    <PanZoom
      width={made.layout.width}
      height={made.layout.height}
      label={`Lineage of ${drawing.boxes.length} boxes and ${drawing.edges.length} arrows`}
      subject={subject}
      centre={place && { x: place.x + place.width / 2, y: place.y + place.height / 2 }}
      greedy={props.greedy}
    >
      <g class="edges" aria-hidden="true">
        {made.layout.edges.map((edge) => {
          const from = made.layout.boxes[edge.from];
          const to = made.layout.boxes[edge.to];
          if (from === undefined || to === undefined) return null;
          const lit = trace === undefined && near.has(`${edge.from}>${edge.to}`);
          return <path key={`${edge.from}>${edge.to}`} class={trace ? "edge dim" : lit ? "edge lit" : "edge"} d={curve(from, to, edge.points)} />;
        })}
        {trace && <TraceEdges drawing={drawing} rows={made.rows} boxes={made.layout.boxes} trace={trace} />}
      </g>
      {drawing.boxes.map((box, i) => (
        <BoxCard key={box.id} {...props} box={box} rows={made.rows[i] ?? []} place={made.layout.boxes[i]} />
      ))}
    </PanZoom>
  );
}

function BoxCard(props: Props & { box: Box; rows: Row[]; place: { x: number; y: number; width: number; height: number } | undefined }) {
  const { project, box, rows, place, trace } = props;
  const node = box.nodes[0];
  if (place === undefined || node === undefined) return null;
  const [tone, word] = worst(project, box.nodes, props.colouring);
  const kind = project.kind(node);
  const said = box.folded ? `${labelOf(box)}: open` : `${KINDS[kind]?.one ?? kind} ${box.label}, ${word}`;
  return (
    <Card
      x={place.x}
      y={place.y}
      size={place}
      label={labelOf(box)}
      mark={box.folded ? String(box.nodes.length > 99 ? "…" : box.nodes.length) : letter(kind)}
      tone={`${tone}${!box.folded && node === props.focus ? " focus" : ""}`}
      rows={rows}
      said={said}
      dim={trace !== undefined && rows.length === 0}
      chosen={!box.folded && node === props.chosen}
      folded={box.folded}
      onPick={() => (box.folded ? props.onFold(box.id) : props.onNode(node))}
      onRow={(at) => props.onColumn(node, rows[at]?.name ?? "")}
    />
  );
}

function labelOf(box: Box): string {
  return box.folded ? `${box.label} (${box.nodes.length})` : box.label;
}

function rowsOf(box: Box, trace: Trace | undefined): Row[] {
  const node = box.nodes[0];
  if (trace === undefined || box.folded || node === undefined) return [];
  return (trace.columns.get(node) ?? []).map((name): Row => {
    const start = trace.start.node === node && trace.start.column === name;
    const step = trace.steps.find((one) => one.to.node === node && one.to.column === name && one.how !== "copied");
    return { name, note: step?.how, tone: start ? "start" : "plain" };
  });
}

/** Arrows that touch the chosen node. */
function neighbours(drawing: Drawing, chosen: number | undefined): Set<string> {
  const at = drawing.boxes.findIndex((box) => chosen !== undefined && box.nodes.includes(chosen));
  return new Set(drawing.edges.filter(([from, to]) => from === at || to === at).map(([from, to]) => `${from}>${to}`));
}

interface TraceProps {
  drawing: Drawing;
  rows: Row[][];
  boxes: { x: number; y: number; width: number; height: number }[];
  trace: Trace;
}

function TraceEdges({ drawing, rows, boxes, trace }: TraceProps) {
  const home = new Map<number, number>();
  drawing.boxes.forEach((box, i) => box.nodes.forEach((node) => home.set(node, i)));
  return (
    <>
      {trace.steps.map((step, i) => {
        const a = home.get(step.from.node as number);
        const b = home.get(step.to.node as number);
        if (a === undefined || b === undefined || a === b) return null;
        const from = boxes[a];
        const to = boxes[b];
        if (from === undefined || to === undefined) return null;
        const fromRow = rows[a]?.findIndex((row) => row.name === step.from.column) ?? -1;
        const toRow = rows[b]?.findIndex((row) => row.name === step.to.column) ?? -1;
        const fromY = fromRow < 0 ? undefined : from.y + rowY(fromRow);
        const toY = toRow < 0 ? undefined : to.y + rowY(toRow);
        return <path key={i} class={step.indirect ? "edge hop indirect" : "edge hop"} d={curve(from, to, [], fromY, toY)} />;
      })}
    </>
  );
}
