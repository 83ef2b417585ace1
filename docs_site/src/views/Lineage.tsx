/** The lineage page: a graph, what it shows, and a panel that tells of what was picked. */

import { useMemo, useState } from "preact/hooks";
import { detail, lineages } from "../data/details";
import { KINDS, type Project } from "../data/project";
import { format, type Route } from "../data/route";
import { type Colouring, tone } from "../lineage/colours";
import { Graph } from "../lineage/Graph";
import { around, draw, type Folding, isAside } from "../lineage/graph";
import { key, type Spot, type Trace, trace as follow } from "../lineage/trace";
import { Snippet } from "../text/code";
import { Markdown } from "../text/markdown";
import { counted } from "../text/numbers";
import { Badge, Empty, lineageHref, Loading, NodeLink, nodeHref, useLoaded } from "../ui/bits";

/** More boxes than this are folded by folder: nobody reads them, and laying them out takes long. */
const READABLE = 350;

function whole(project: Project): Set<number> {
  return new Set(project.nodes.kind.flatMap((_, i) => (isAside(project, i) ? [] : [i])));
}

export function LineagePage({ project, route }: { project: Project; route: Route }) {
  const [, kind = "", name = ""] = route.path;
  const focus = kind === "" ? undefined : project.find(kind, name);
  if (kind !== "" && focus === undefined) return <Empty>There is no {kind} called {name}.</Empty>;
  return <View key={`${kind}/${name}`} project={project} route={route} focus={focus} />;
}

function View({ project, route, focus }: { project: Project; route: Route; focus: number | undefined }) {
  const query = route.query;
  const depth = (text: string | undefined) => (text === undefined ? 2 : text === "all" ? Number.POSITIVE_INFINITY : Math.max(0, Number(text) || 0));
  const up = depth(query.up);
  const down = depth(query.down);
  const base = useMemo(() => (focus === undefined ? whole(project) : around(project, focus, up, down)), [project, focus, up, down]);
  const folding = (query.by as Folding | undefined) ?? (base.size > READABLE ? "folder" : "none");
  const colouring = (query.colour as Colouring | undefined) ?? "kind";
  const column = focus === undefined ? undefined : query.column;
  const indirect = query.indirect === "1";
  const [chosen, choose] = useState<number | undefined>(undefined);
  const [opened, open] = useState<ReadonlySet<string>>(new Set());
  const traced = useLoaded(
    async () => (focus !== undefined && column ? follow(project, lineages(project), { node: focus, column }, indirect) : undefined),
    [focus, column, indirect],
  );
  const trace = traced.value;
  // A column's path is shown whole, however far it goes.
  const shown = useMemo(() => (trace === undefined ? base : new Set(trace.columns.keys())), [base, trace]);
  const set = (changed: Record<string, string | undefined>) => {
    location.hash = format(route.path, { ...query, ...changed });
  };
  const toColumn = (node: number, name: string) => {
    location.hash = lineageHref(project, node, { ...query, column: name });
  };
  const drawing = useMemo(() => draw(project, shown, folding, opened), [project, shown, folding, opened]);
  const panel = chosen ?? focus;
  return (
    <div class="lineage-page">
      <header class="bar">
        <h1 tabIndex={-1}>
          {focus === undefined ? "Lineage" : <>Lineage of <a href={nodeHref(project, focus)}>{project.name(focus)}</a></>}
          {column && <span class="mono muted">.{column}</span>}
        </h1>
        <div class="controls">
          {focus !== undefined && !column && (
            <>
              <Depth label="Up" value={query.up ?? "2"} onChange={(value) => set({ up: value })} />
              <Depth label="Down" value={query.down ?? "2"} onChange={(value) => set({ down: value })} />
            </>
          )}
          <Choice label="Fold by" value={folding} options={["none", "folder", "group"]} onChange={(by) => set({ by })} />
          <Choice label="Colour" value={colouring} options={["kind", "materialization", "status", "freshness"]} onChange={(colour) => set({ colour })} />
          {column && (
            <label class="check">
              <input type="checkbox" checked={indirect} onChange={(event) => set({ indirect: event.currentTarget.checked ? "1" : undefined })} />
              Filters and joins
            </label>
          )}
          {column && (
            <button type="button" onClick={() => set({ column: undefined, indirect: undefined })}>
              All columns
            </button>
          )}
          {focus !== undefined && <a class="button" href={format(["lineage"])}>Whole project</a>}
        </div>
      </header>
      <div class="stage">
        <div class="drawing">
          {traced.error !== undefined && <Loading error={traced.error} />}
          {drawing.boxes.length <= 2 * READABLE ? (
            <Graph
              project={project}
              drawing={drawing}
              colouring={colouring}
              focus={focus}
              chosen={chosen}
              trace={trace}
              greedy
              onNode={choose}
              onFold={(id) => open(new Set([...opened, id]))}
              onColumn={toColumn}
            />
          ) : (
            <Empty>
              {counted(drawing.boxes.length, "box", "boxes")} are too many to draw: fold them by folder or group, or begin at one node.{" "}
              {opened.size > 0 && (
                <button type="button" onClick={() => open(new Set())}>
                  Fold again
                </button>
              )}
            </Empty>
          )}
          <Legend project={project} shown={shown} colouring={colouring} />
        </div>
        {panel !== undefined && (
          <aside class="panel" aria-label="Details">
            {trace !== undefined && chosen === undefined ? (
              <Path project={project} trace={trace} />
            ) : (
              <Picked project={project} node={panel} focus={focus} onColumn={toColumn} onClose={chosen === undefined ? undefined : () => choose(undefined)} />
            )}
          </aside>
        )}
      </div>
    </div>
  );
}

function Depth({ label, value, onChange }: { label: string; value: string; onChange: (value: string) => void }) {
  return <Choice label={label} value={value} options={["0", "1", "2", "3", "5", "8", "all"]} onChange={onChange} />;
}

function Choice({ label, value, options, onChange }: { label: string; value: string; options: string[]; onChange: (value: string) => void }) {
  const all = options.includes(value) ? options : [...options, value];
  return (
    <label class="choice">
      <span>{label}</span>
      <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
        {all.map((option) => (
          <option key={option} value={option}>
            {option}
          </option>
        ))}
      </select>
    </label>
  );
}

function Legend({ project, shown, colouring }: { project: Project; shown: ReadonlySet<number>; colouring: Colouring }) {
  const words = new Map([...shown].map((i) => tone(project, i, colouring)));
  return (
    <ul class="legend" aria-label={`Colours by ${colouring}`}>
      {[...words].map(([name, word]) => (
        <li key={name} class={name}>
          <i />
          {colouring === "kind" ? (KINDS[word]?.one ?? word) : word}
        </li>
      ))}
    </ul>
  );
}

interface PickedProps {
  project: Project;
  node: number;
  focus: number | undefined;
  onColumn: (node: number, column: string) => void;
  onClose?: () => void;
}

function Picked({ project, node, focus, onColumn, onClose }: PickedProps) {
  const { value, error } = useLoaded(() => detail(project, node), [node]);
  return (
    <>
      <div class="panel-head">
        <h2>
          <NodeLink project={project} node={node} />
        </h2>
        {onClose && (
          <button type="button" class="quiet" onClick={onClose} aria-label="Close">
            ×
          </button>
        )}
      </div>
      {node !== focus && (
        <p>
          <a href={lineageHref(project, node)}>Begin here</a>
        </p>
      )}
      {value === undefined ? (
        <Loading error={error} />
      ) : (
        <>
          <Markdown text={value.description} compact />
          {value.columns.length > 0 && <h3>Columns: follow one</h3>}
          <ul class="picks">
            {value.columns.map((column) => (
              <li key={column.name}>
                <button type="button" class="pick" onClick={() => onColumn(node, column.name)}>
                  <span class="mono">{column.name}</span>
                  <span class="muted small">{column.type}</span>
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}

/** The hops of a path in words: from the furthest origin down, each with its expression. */
function Path({ project, trace }: { project: Project; trace: Trace }) {
  const spots = inOrder(trace);
  return (
    <>
      <div class="panel-head">
        <h2 class="mono">{trace.start.column}</h2>
      </div>
      <p class="muted">
        {trace.steps.length === 0
          ? "No value comes from a column above or goes into one below. Filters and joins may still decide over it."
          : `${counted(spots.length, "column")} in ${counted(trace.columns.size, "table")} on its path`}
      </p>
      <ol class="hops">
        {spots.map((spot) => (
          <Hop key={key(spot)} project={project} spot={spot} trace={trace} />
        ))}
      </ol>
    </>
  );
}

export function Hop({ project, spot, trace }: { project: Project; spot: Spot; trace: Trace }) {
  const from = trace.steps.filter((step) => key(step.to) === key(spot));
  const expression = trace.expressions.get(key(spot));
  const unknown = trace.unknown.get(key(spot));
  const start = key(spot) === key(trace.start);
  return (
    <li class={start ? "hop start" : "hop"}>
      <div>
        {typeof spot.node === "number" ? (
          <>
            <a href={nodeHref(project, spot.node)}>{project.name(spot.node)}</a>
            <span class="muted">.</span>
            <a class="mono" href={lineageHref(project, spot.node, { column: spot.column })}>
              {spot.column}
            </a>
          </>
        ) : (
          <span class="mono">
            {spot.node}.{spot.column}
          </span>
        )}{" "}
        {[...new Set(from.map((step) => step.how))].map((how) => (
          <Badge key={how} tone={from.some((step) => step.how === how && step.indirect) ? "plain" : "accent"}>
            {how}
          </Badge>
        ))}
      </div>
      {expression !== undefined && <Snippet text={expression} />}
      {unknown !== undefined && <p class="warned">not all is known: {unknown}</p>}
    </li>
  );
}

/** Every column of a path, each after those that it comes from. */
export function inOrder(trace: Trace): Spot[] {
  const spots = new Map<string, Spot>([[key(trace.start), trace.start]]);
  const above = new Map<string, string[]>();
  for (const step of trace.steps) {
    spots.set(key(step.from), step.from);
    spots.set(key(step.to), step.to);
    above.set(key(step.to), [...(above.get(key(step.to)) ?? []), key(step.from)]);
  }
  const made: Spot[] = [];
  const seen = new Set<string>();
  const visit = (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    for (const parent of above.get(name) ?? []) visit(parent);
    const spot = spots.get(name);
    if (spot !== undefined) made.push(spot);
  };
  for (const name of spots.keys()) visit(name);
  return made;
}
