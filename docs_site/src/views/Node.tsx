/** The page of a model, source, seed, ingested table, exposure, analysis or test. */

import { Fragment } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { detail } from "../data/details";
import { type Column, type Detail, KINDS, type Project, type Test } from "../data/project";
import { format, type Route } from "../data/route";
import { Graph } from "../lineage/Graph";
import { around, draw } from "../lineage/graph";
import { Code } from "../text/code";
import { Markdown } from "../text/markdown";
import { ago, count, counted, moment, seconds } from "../text/numbers";
import { Badge, Empty, KindMark, lineageHref, Loading, NodeLink, nodeHref, Status, useLoaded } from "../ui/bits";
import { ColumnOrigin } from "./ColumnOrigin";

export function NodePage({ project, route }: { project: Project; route: Route }) {
  const [kind = "", name = "", what, column] = route.path;
  const node = project.find(kind, name);
  if (node === undefined) return <Empty>There is no {kind} called “{name}” in these docs.</Empty>;
  return <Page key={node} project={project} node={node} column={what === "column" ? column : undefined} />;
}

function Page({ project, node, column }: { project: Project; node: number; column: string | undefined }) {
  const { value, error } = useLoaded(() => detail(project, node), [node]);
  const kind = project.kind(node);
  const path = project.nodes.path[node] ?? "";
  return (
    <article class="page">
      <header class="page-head">
        <p class="crumbs">
          <a href={format([KINDS[kind]?.slug ?? kind])}>{KINDS[kind]?.many ?? kind}</a> <span aria-hidden="true">/</span> <span class="mono">{path}</span>
        </p>
        <h1 tabIndex={-1}>
          <KindMark kind={kind} />
          <span>{project.name(node)}</span>
        </h1>
        <div class="badges">
          {project.nodes.materialized[node] && <Badge>{project.nodes.materialized[node]}</Badge>}
          {kind !== "exposure" && kind !== "analysis" && <Status status={project.nodes.status[node]} extra={ago(project.nodes.built[node], project.index.generated_at)} />}
          {project.nodes.group[node] && (
            <a href={format(["group", project.nodes.group[node] ?? ""])}>
              <Badge tone="accent">group {project.nodes.group[node]}</Badge>
            </a>
          )}
          {project.nodes.tags[node]?.map((tag) => <Badge key={tag}>#{tag}</Badge>)}
        </div>
      </header>
      {value === undefined ? <Loading error={error} /> : <Body project={project} node={node} detail={value} column={column} />}
    </article>
  );
}

interface Props {
  project: Project;
  node: number;
  detail: Detail;
}

function Body({ project, node, detail, column }: Props & { column: string | undefined }) {
  const sections: [string, string, boolean][] = [
    ["columns", "Columns", detail.columns.length > 0 || detail.unlisted !== undefined],
    ["lineage", "Lineage", project.up(node).length + (project.down[node]?.length ?? 0) > 0],
    ["code", "Code", Boolean(detail.raw)],
    ["tests", "Tests", detail.tests.length > 0],
    ["runs", "Runs", detail.runs.length > 0],
  ];
  const there = new Set(sections.filter(([, , shown]) => shown).map(([id]) => id));
  return (
    <>
      {there.size > 1 && <nav class="sections" aria-label="On this page">
        {sections.map(([id, word, shown]) =>
          shown ? (
            <button key={id} type="button" class="quiet" onClick={() => document.getElementById(id)?.scrollIntoView({ behavior: "smooth" })}>
              {word}
            </button>
          ) : null,
        )}
      </nav>}
      <div class="with-facts">
        <div class="main-column">
          {detail.description ? <Markdown text={detail.description} /> : <Empty>Nobody has described this yet.</Empty>}
          {detail.about_source && <Markdown text={detail.about_source} />}
          {there.has("columns") && (
            <section id="columns">
              <h2>
                Columns <small>{count(detail.columns.length)}</small>
              </h2>
              {detail.columns.length > 0 && <Columns project={project} node={node} detail={detail} open={column} />}
              {detail.unlisted !== undefined && (
                <p class="warned">
                  {detail.columns.length > 0 ? "There may be more" : "They are not known"}: {detail.unlisted}
                </p>
              )}
            </section>
          )}
        </div>
        <Facts project={project} node={node} detail={detail} />
      </div>
      {there.has("lineage") && <NearLineage project={project} node={node} />}
      {detail.raw && <CodeSection detail={detail} />}
      {there.has("tests") && (
        <section id="tests">
          <h2>
            Tests <small>{count(detail.tests.length)}</small>
          </h2>
          <TestTable project={project} tests={detail.tests} />
        </section>
      )}
      {there.has("runs") && <Runs detail={detail} />}
    </>
  );
}

function Lines({ of }: { of: Record<string, unknown> }) {
  return <span class="mono breaks">{Object.entries(of).map(([name, value]) => `${name}: ${shown(value)}`).join("\n")}</span>;
}

function Facts({ project, node, detail }: Props) {
  const owner = project.owner(node);
  const rows = detail.rows ?? project.nodes.rows[node];
  const other = Object.entries(detail.meta).filter(([name]) => name !== "owner");
  const facts: [string, preact.ComponentChildren][] = [
    ["Relation", detail.relation && <span class="mono breaks">{detail.relation}</span>],
    ["Rows", rows != null && count(rows)],
    ["Last built", moment(project.nodes.built[node])],
    ["Took", seconds(project.nodes.seconds[node])],
    ["Owner", owner && <a href={format(["owner", owner])}>{owner}</a>],
    ["Contract", detail.contract && <span class="breaks">{["columns and types are promised", ...detail.contract].join("\n")}</span>],
    ["Exposure", detail.exposure && [detail.exposure.type, detail.exposure.maturity].filter(Boolean).join(" · ")],
    ["Goes to", detail.outside?.to && <Lines of={detail.outside.to} />],
    ["Sends", detail.outside?.send && (detail.outside.send === "all" ? "all rows" : "what is new or changed")],
    ["Runs", detail.outside?.command && <span class="mono breaks">{detail.outside.command}</span>],
    ["Waits for", detail.outside?.wait_for && <Lines of={detail.outside.wait_for} />],
    ["On", detail.outside && detail.outside.targets.join(", ")],
    ["Address", detail.exposure?.url && <Address url={detail.exposure.url} />],
    ["Loaded by", detail.step ? `the step ${detail.step.name} (${detail.step.load})` : detail.loader],
    ["From", detail.step && <Lines of={detail.step.source} />],
    ...Object.entries(detail.freshness ?? {}).map(([name, limit]): [string, string] => [
      name === "warn_after" ? "Stale: warn after" : "Stale: error after",
      counted(limit.count, limit.period),
    ]),
    ["Macros", detail.macros.length > 0 && <List items={detail.macros.map((name) => [name, format(["macro", name])])} />],
    ["Described in", detail.patch && <span class="mono breaks">{detail.patch}</span>],
    ...Object.entries(detail.settings).map(([name, value]): [string, preact.ComponentChildren] => [name.replaceAll("_", " "), shown(value)]),
    ...other.map(([name, value]): [string, preact.ComponentChildren] => [name, <span class="breaks">{shown(value)}</span>]),
  ];
  return (
    <aside class="facts" aria-label="Facts">
      <dl>
        {facts.map(([name, value]) =>
          value ? (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ) : null,
        )}
      </dl>
      <Neighbours project={project} title="Reads" nodes={project.up(node)} />
      <Neighbours project={project} title="Used by" nodes={project.down[node] ?? []} />
    </aside>
  );
}

function Address({ url }: { url: string }) {
  return /^https?:/i.test(url) ? (
    <a class="breaks" href={url} target="_blank" rel="noopener noreferrer">
      {url}
    </a>
  ) : (
    <span class="breaks">{url}</span>
  );
}

export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(", ");
  return typeof value === "object" && value !== null ? JSON.stringify(value) : String(value);
}

function List({ items }: { items: [string, string][] }) {
  return (
    <ul class="inline">
      {items.map(([word, href]) => (
        <li key={word}>
          <a class="mono" href={href}>
            {word}
          </a>
        </li>
      ))}
    </ul>
  );
}

const FEW = 12;

function Neighbours({ project, title, nodes }: { project: Project; title: string; nodes: number[] }) {
  const [all, showAll] = useState(false);
  if (nodes.length === 0) return null;
  return (
    <div class="neighbours">
      <h2>
        {title} <small>{count(nodes.length)}</small>
      </h2>
      <ul>
        {(all ? nodes : nodes.slice(0, FEW)).map((i) => (
          <li key={i}>
            <NodeLink project={project} node={i} />
          </li>
        ))}
      </ul>
      {!all && nodes.length > FEW && (
        <button type="button" class="quiet small" onClick={() => showAll(true)}>
          Show all {count(nodes.length)}
        </button>
      )}
    </div>
  );
}

function Columns({ project, node, detail, open }: Props & { open: string | undefined }) {
  const tests = useMemo(() => {
    const made = new Map<string, Test[]>();
    for (const test of detail.tests) {
      if (test.column !== null) made.set(test.column.toLowerCase(), [...(made.get(test.column.toLowerCase()) ?? []), test]);
    }
    return made;
  }, [detail]);
  const row = useRef<HTMLTableRowElement>(null);
  useEffect(() => row.current?.scrollIntoView({ block: "center" }), [open]);
  const follows = ["model", "seed", "source", "ingest", "snapshot", "analysis"].includes(project.kind(node));
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Columns">
      <table class="columns">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Type</th>
            <th scope="col">Description</th>
            <th scope="col">Tests</th>
          </tr>
        </thead>
        <tbody>
          {detail.columns.map((column) => {
            const isOpen = column.name === open;
            const href = isOpen ? nodeHref(project, node) : nodeHref(project, node, column.name);
            return (
              <Fragment key={column.name}>
                <tr class={isOpen ? "open" : ""} ref={isOpen ? row : undefined}>
                  <th scope="row">
                    {follows ? (
                      <a class="mono" href={href} aria-expanded={isOpen}>
                        {column.name}
                      </a>
                    ) : (
                      <span class="mono">{column.name}</span>
                    )}
                  </th>
                  <td class="mono muted small">
                    {column.type}
                    {column.rules?.map((rule) => (
                      <div key={rule} class="rule-of">
                        {rule}
                      </div>
                    ))}
                  </td>
                  <td>
                    <Markdown text={column.description} compact />
                    {column.from !== undefined && (
                      <p class="muted small">
                        as said of <ColumnLink project={project} spot={column.from} />
                      </p>
                    )}
                    <Marks project={project} column={column} />
                  </td>
                  <td>
                    {tests.get(column.name.toLowerCase())?.map((test) => (
                      <Badge key={test.name} tone={toneOf(test)} title={`${test.name}: ${test.status ?? "not run"}`}>
                        <i class="dot" />
                        {test.kind}
                        <span class="unseen"> {test.status ?? "not run"}</span>
                      </Badge>
                    ))}
                  </td>
                </tr>
                {isOpen && (
                  <tr class="opened">
                    <td colSpan={4}>
                      <ColumnOrigin project={project} node={node} column={column.name} />
                    </td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function ColumnLink({ project, spot }: { project: Project; spot: readonly [number | string, string] }) {
  const [node, name] = spot;
  return typeof node === "number" ? <a href={nodeHref(project, node, name)}>{`${project.name(node)}.${name}`}</a> : <>{`${node}.${name}`}</>;
}

/** The tags and `meta` of a column: its own, those inherited with where they are from, and whether it is made of personal data. */
function Marks({ project, column }: { project: Project; column: Column }) {
  const meta = Object.entries(column.meta ?? {});
  const from = new Map<string, { spot: [number | string, string]; words: string[] }>();
  const inherited: [string, number | string, string][] = [
    ...(column.inherited_tags ?? []).map(([tag, ...spot]): [string, number | string, string] => [`#${tag}`, ...spot]),
    ...(column.inherited_meta ?? []).map(([name, value, ...spot]): [string, number | string, string] => [`${name}: ${shown(value)}`, ...spot]),
  ];
  for (const [word, node, name] of inherited) {
    const known = from.get(`${node}.${name}`) ?? { spot: [node, name], words: [] };
    known.words.push(word);
    from.set(`${node}.${name}`, known);
  }
  const told = column.tags.includes("pii") || column.inherited_tags?.some(([tag]) => tag === "pii");
  return (
    <>
      {column.tags.map((tag) => (
        <Badge key={tag}>#{tag}</Badge>
      ))}
      {meta.map(([name, value]) => (
        <Badge key={name}>
          {name}: {shown(value)}
        </Badge>
      ))}
      {[...from.values()].map(({ spot, words }) => (
        <p key={spot.join(".")} class="muted small inherited">
          {words.map((word) => (
            <Badge key={word} tone="from">
              {word}
            </Badge>
          ))}
          from <ColumnLink project={project} spot={spot} />
        </p>
      ))}
      {column.pii !== undefined && !told && (
        <p class="muted small inherited">
          <Badge tone="warn">{column.pii.length === 0 ? "may be pii" : "pii"}</Badge>
          {column.pii.length === 0 ? (
            "what it is made of is not all known"
          ) : (
            <>
              made of <ColumnLink project={project} spot={column.pii} />
            </>
          )}
        </p>
      )}
    </>
  );
}

function toneOf(test: Test): string {
  return { pass: "ok", warn: "warn", fail: "error", error: "error" }[test.status ?? ""] ?? "none";
}

const NONE: ReadonlySet<string> = new Set();

function NearLineage({ project, node }: { project: Project; node: number }) {
  const drawing = useMemo(() => draw(project, around(project, node, 1, 1), "none", NONE), [project, node]);
  const [chosen, choose] = useState<number | undefined>(undefined);
  return (
    <section id="lineage">
      <h2>
        Lineage <small>one step each way</small>
        <a class="more" href={lineageHref(project, node)}>
          Open the whole lineage →
        </a>
      </h2>
      {drawing.boxes.length <= 150 ? (
        <div class="mini">
          <Graph
            project={project}
            drawing={drawing}
            colouring="kind"
            focus={node}
            chosen={chosen}
            onNode={(i) => {
              if (i === chosen || i !== node) location.hash = nodeHref(project, i);
              else choose(i);
            }}
            onFold={() => undefined}
            onColumn={() => undefined}
          />
        </div>
      ) : (
        <Empty>{counted(drawing.boxes.length - 1, "neighbour")}: too many to draw here.</Empty>
      )}
    </section>
  );
}

function CodeSection({ detail }: { detail: Detail }) {
  const raw = detail.raw ?? "";
  const both = detail.compiled !== null && detail.compiled !== undefined && detail.compiled.trim() !== raw.trim();
  return (
    <section id="code">
      <h2>Code</h2>
      <div class={both ? "side-by-side" : ""}>
        <Code text={raw} label={both ? "As written" : "As written; compiled it is the same"} />
        {both && <Code text={detail.compiled ?? ""} label="Compiled" />}
      </div>
    </section>
  );
}

export function TestTable({ project, tests, on = false }: { project: Project; tests: Test[]; on?: boolean }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="Tests">
      <table class="tests">
        <thead>
          <tr>
            <th scope="col">Test</th>
            {on && <th scope="col">On</th>}
            <th scope="col">Column</th>
            <th scope="col">Last result</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {tests.map((test, i) => (
            <tr key={`${test.name}${i}`}>
              <th scope="row">
                {test.node === null ? <span>{test.kind}</span> : <NodeLink project={project} node={test.node} />}
                {Object.keys(test.arguments).length > 0 && (
                  <div class="mono muted small breaks">
                    {Object.entries(test.arguments)
                      .map(([name, value]) => `${name}: ${shown(value)}`)
                      .join(", ")}
                  </div>
                )}
                {test.description && <Markdown text={test.description} compact />}
              </th>
              {on && (
                <td>
                  {test.on.map((node) => (
                    <div key={node}>
                      <NodeLink project={project} node={node} />
                    </div>
                  ))}
                </td>
              )}
              <td class="mono">{test.column}</td>
              <td>
                <Status status={test.status} extra={test.failures ? counted(test.failures, "row") : undefined} />
                {test.severity === "warn" && <span class="muted small"> only warns</span>}
              </td>
              <td class="muted small nowrap">{moment(test.at)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Runs({ detail }: { detail: Detail }) {
  const longest = Math.max(0.001, ...detail.runs.map((run) => run[2] ?? 0));
  return (
    <section id="runs">
      <h2>
        Runs <small>the last {count(detail.runs.length)}</small>
      </h2>
      <div class="scroll" tabIndex={0} role="region" aria-label="Runs">
        <table>
          <thead>
            <tr>
              <th scope="col">Started</th>
              <th scope="col">Command</th>
              <th scope="col">Result</th>
              <th scope="col">Took</th>
              <th scope="col" class="number">
                Rows
              </th>
            </tr>
          </thead>
          <tbody>
            {detail.runs.map(([at, status, took, rows, changed, command], i) => (
              <tr key={i}>
                <td class="nowrap">{moment(at)}</td>
                <td class="mono">{command}</td>
                <td>
                  <Status status={status} />
                </td>
                <td class="nowrap">
                  <meter class="took" min={0} max={longest} value={took ?? 0} aria-label={seconds(took) || "not measured"} /> {seconds(took)}
                </td>
                <td class="number">{rows != null ? count(rows) : changed != null ? `${count(changed)} changed` : ""}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
