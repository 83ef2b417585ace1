/** The first page: what the project is, how large, how its last run went, how fresh its data are. */

import { KINDS, type Kind, type Project, type Run } from "../data/project";
import { format } from "../data/route";
import { Markdown } from "../text/markdown";
import { ago, count, counted, moment, seconds } from "../text/numbers";
import { freshness } from "../lineage/colours";
import { Badge, Empty, NodeLink, Status } from "../ui/bits";

export function Overview({ project }: { project: Project }) {
  const index = project.index;
  const last = index.runs[0];
  return (
    <article class="page">
      <header class="page-head">
        <p class="crumbs">
          {index.adapter} · docs of {moment(index.generated_at)}
        </p>
        <h1 tabIndex={-1}>{index.project}</h1>
      </header>
      <ul class="tiles">
        {(Object.keys(KINDS) as Kind[]).filter((kind) => kind !== "test").map((kind) => {
          const many = project.all(kind).length;
          const words = KINDS[kind];
          return many === 0 || words === undefined ? null : (
            <li key={kind}>
              <a class={`tile kind-${kind}`} href={format([words.slug])}>
                <strong>{count(many)}</strong>
                <span>{many === 1 ? words.one : words.many}</span>
              </a>
            </li>
          );
        })}
        <li>
          <a class="tile kind-test" href={format(["tests"])}>
            <strong>{count(index.tests[0] ?? 0)}</strong>
            <span>Tests</span>
          </a>
        </li>
        <li>
          <a class="tile kind-column" href={format(["models"])}>
            <strong>{count(project.nodes.columns.reduce((a, b) => a + b, 0))}</strong>
            <span>Columns</span>
          </a>
        </li>
      </ul>
      <div class="with-facts">
        <div class="main-column">
          {index.readme.trim() ? <Markdown text={index.readme} /> : <Empty>The project has no README.md.</Empty>}
        </div>
        <aside class="facts" aria-label="State">
          <section>
            <h2>Last run</h2>
            {last === undefined ? <Empty>Nothing was run on this target yet.</Empty> : <RunCard run={last} now={index.generated_at} />}
          </section>
          <TestBar tests={index.tests} />
          <Failing project={project} />
          <Fresh project={project} />
        </aside>
      </div>
    </article>
  );
}

function RunCard({ run, now }: { run: Run; now: string }) {
  return (
    <div class="run-card">
      <Status status={run.status} extra={seconds(run.seconds)} />
      <dl>
        <div>
          <dt>Started</dt>
          <dd>
            {moment(run.started_at)} <span class="muted">({ago(run.started_at, now)})</span>
          </dd>
        </div>
        <div>
          <dt>Command</dt>
          <dd class="mono breaks">
            {run.command} {run.selection}
          </dd>
        </div>
        <div>
          <dt>Target</dt>
          <dd>{run.target}</dd>
        </div>
        <div>
          <dt>Results</dt>
          <dd>
            {Object.entries(run.counts)
              .map(([status, many]) => `${count(many)} ${status}`)
              .join(", ")}
          </dd>
        </div>
      </dl>
      <a href={format(["runs"])}>All runs</a>
    </div>
  );
}

function TestBar({ tests }: { tests: number[] }) {
  const [all = 0, passed = 0, warned = 0, failed = 0, broken = 0] = tests;
  if (all === 0) return null;
  const parts: [string, number, string][] = [
    ["ok", passed, "passed"],
    ["warn", warned, "warned"],
    ["error", failed + broken, "failed"],
    ["none", all - passed - warned - failed - broken, "not run"],
  ];
  const there = parts.filter(([, many]) => many > 0);
  return (
    <section>
      <h2>
        <a href={format(["tests"])}>Tests</a>
      </h2>
      <svg class="bar-chart" viewBox="0 0 100 4" preserveAspectRatio="none" role="img" aria-label={there.map(([, many, word]) => `${many} ${word}`).join(", ")}>
        {there.map(([tone, many], i) => (
          <rect key={tone} class={`tone-${tone}`} x={(there.slice(0, i).reduce((sum, [, n]) => sum + n, 0) / all) * 100} width={(many / all) * 100} height="4" />
        ))}
      </svg>
      <p class="muted small">{there.map(([, many, word]) => `${count(many)} ${word}`).join(" · ")}</p>
    </section>
  );
}

function Failing({ project }: { project: Project }) {
  const bad = project.nodes.kind.flatMap((kind, i) => (kind !== "test" && project.state(i) === "error" ? [i] : []));
  if (bad.length === 0) return null;
  return (
    <section>
      <h2>
        Needs a look <small>{count(bad.length)}</small>
      </h2>
      <ul class="plain">
        {bad.slice(0, 12).map((i) => (
          <li key={i}>
            <NodeLink project={project} node={i} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The tables that come from outside: when each was last loaded, how many rows it has, and whether that is in time; what needs a look first. */
function Fresh({ project }: { project: Project }) {
  const { built, limits, newest, rows } = project.nodes;
  const now = project.index.generated_at;
  const outside = project.nodes.kind.flatMap((kind, i) => (kind === "ingest" || kind === "source" ? [i] : []));
  if (outside.length === 0) return null;
  const shown = outside.filter((i) => built[i] || limits[i] || newest[i]);
  const first = (i: number) => ["tone-error", "tone-warn", "tone-none", "tone-ok"].indexOf(limits[i] ? freshness(project, i)[0] : "tone-ok");
  shown.sort((a, b) => first(a) - first(b) || (built[a] ?? "").localeCompare(built[b] ?? ""));
  const unknown = outside.filter((i) => !built[i] && !newest[i]).length;
  return (
    <section>
      <h2>Freshness</h2>
      <ul class="plain">
        {shown.slice(0, 8).map((i) => (
          <li key={i}>
            <div class="split">
              <NodeLink project={project} node={i} />
              {limits[i] && <Badge tone={freshness(project, i)[0].slice("tone-".length)}>{freshness(project, i)[1]}</Badge>}
            </div>
            <p class="muted small">
              {newest[i] ? `latest row ${ago(newest[i]?.[0], newest[i]?.[1] ?? now)}, looked at ${ago(newest[i]?.[1], now)}` : built[i] ? `loaded ${ago(built[i], now)}` : "not measured"}
              {rows[i] == null ? "" : ` · ${counted(rows[i] ?? 0, "row")}`}
            </p>
          </li>
        ))}
      </ul>
      {shown.length > 8 && <p class="muted small">8 of {counted(shown.length, "table")}</p>}
      {unknown > 0 && (
        <p class="muted small">
          Of {counted(unknown, "table")} it is not known when rows came last: no step loads them, and <code>eltflow freshness</code> did not measure them.
        </p>
      )}
    </section>
  );
}
