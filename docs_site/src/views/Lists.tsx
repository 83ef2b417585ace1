/** Lists: of nodes of one kind, tests, macros, groups and runs. */

import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import { part } from "../data/parts";
import { KINDS, type Kind, type Macro, type Project, type Test } from "../data/project";
import { format, type Route } from "../data/route";
import { Code } from "../text/code";
import { Markdown } from "../text/markdown";
import { ago, count, counted, moment, seconds } from "../text/numbers";
import { Badge, Empty, KindMark, Loading, NodeLink, Status, useLoaded } from "../ui/bits";
import { TestTable } from "./Node";

const AT_ONCE = 150;

interface Frame<T> {
  title: string;
  items: T[];
  text: (item: T) => string;
  start?: string;
  children: (items: T[]) => ComponentChildren;
}

/** A heading, a filter and the first of the items; more on demand. */
function Listed<T>({ title, items, text, start = "", children }: Frame<T>) {
  const [filter, setFilter] = useState(start);
  const [limit, setLimit] = useState(AT_ONCE);
  const texts = useMemo(() => items.map((item) => text(item).toLowerCase()), [items]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const found = items.filter((_, i) => words.every((word) => texts[i]?.includes(word)));
  return (
    <article class="page">
      <header class="page-head list-head">
        <h1 tabIndex={-1}>
          {title} <small>{count(found.length)}</small>
        </h1>
        <input type="search" placeholder="Filter" aria-label={`Filter ${title}`} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      </header>
      {found.length === 0 ? <Empty>Nothing here{filter && " matches the filter"}.</Empty> : children(found.slice(0, limit))}
      {found.length > limit && (
        <button type="button" onClick={() => setLimit(limit + 10 * AT_ONCE)}>
          Show more: {count(found.length - limit)} are left
        </button>
      )}
    </article>
  );
}

export function NodeList({ project, kind }: { project: Project; kind: Kind }) {
  const nodes = project.nodes;
  const items = useMemo(() => project.all(kind), [project, kind]);
  return (
    <Listed
      key={kind}
      title={KINDS[kind]?.many ?? kind}
      items={items}
      text={(i) => `${project.name(i)} ${nodes.about[i]} ${nodes.path[i]} ${nodes.tags[i]?.join(" ")} ${nodes.group[i] ?? ""} ${nodes.materialized[i] ?? ""}`}
    >
      {(shown) => <NodeTable project={project} nodes={shown} made={kind === "model"} />}
    </Listed>
  );
}

/** Nodes with their last result and size; `made` shows how models are materialized, `mixed` marks of what kind each is. */
function NodeTable({ project, nodes: shown, made = false, mixed = false }: { project: Project; nodes: number[]; made?: boolean; mixed?: boolean }) {
  const nodes = project.nodes;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="List">
      <table class="nodes">
        <thead>
          <tr>
            <th scope="col">Name</th>
            {made && <th scope="col">Made as</th>}
            <th scope="col">Last result</th>
            <th scope="col" class="number">
              Columns
            </th>
            <th scope="col" class="number">
              Tests
            </th>
            <th scope="col" class="number">
              Rows
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((i) => (
            <tr key={i}>
              <th scope="row">
                <NodeLink project={project} node={i} mark={mixed} />
                <div class="about muted">{nodes.about[i]}</div>
              </th>
              {made && <td>{nodes.materialized[i] && <Badge>{nodes.materialized[i]}</Badge>}</td>}
              <td>
                {project.kind(i) !== "exposure" && <Status status={nodes.status[i]} extra={ago(nodes.built[i], project.index.generated_at)} />}
              </td>
              <td class="number">{count(nodes.columns[i] ?? 0)}</td>
              <td class="number">{count(nodes.tests[i] ?? 0)}</td>
              <td class="number">{nodes.rows[i] == null ? "" : count(nodes.rows[i] ?? 0)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

const WORST: Record<string, number> = { error: 0, fail: 1, warn: 2, pass: 4 };

export function TestList({ project }: { project: Project }) {
  const { value, error } = useLoaded(() => part<Test[]>("tests"), []);
  const sorted = useMemo(() => value && [...value].sort((a, b) => (WORST[a.status ?? ""] ?? 3) - (WORST[b.status ?? ""] ?? 3)), [value]);
  if (sorted === undefined) return <Loading error={error} />;
  return (
    <Listed
      title="Tests"
      items={sorted}
      text={(test) => `${test.name} ${test.kind} ${test.column ?? ""} ${test.status ?? "not run"} ${test.on.map((i) => project.name(i)).join(" ")}`}
    >
      {(shown) => <TestTable project={project} tests={shown} on />}
    </Listed>
  );
}

export function MacroList() {
  const { value, error } = useLoaded(() => part<Macro[]>("macros"), []);
  if (value === undefined) return <Loading error={error} />;
  return (
    <Listed title="Macros" items={value} text={(macro) => `${macro.name} ${macro.description} ${macro.path}`}>
      {(shown) => (
        <ul class="rows">
          {shown.map((macro) => (
            <li key={macro.name}>
              <a class="mono" href={format(["macro", macro.name])}>
                {macro.name}({macro.arguments.map((one) => one.name).join(", ")})
              </a>
              <Markdown text={macro.description} compact />
              <p class="muted small">
                <span class="mono">{macro.path}</span> · used by {counted(macro.users.length, "node")}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Listed>
  );
}

export function MacroPage({ project, route }: { project: Project; route: Route }) {
  const { value, error } = useLoaded(() => part<Macro[]>("macros"), []);
  if (value === undefined) return <Loading error={error} />;
  const macro = value.find((one) => one.name === route.path[1]);
  if (macro === undefined) return <Empty>There is no macro called “{route.path[1]}” in these docs.</Empty>;
  return (
    <article class="page">
      <header class="page-head">
        <p class="crumbs">
          <a href={format(["macros"])}>Macros</a> <span aria-hidden="true">/</span> <span class="mono">{macro.path}</span>
        </p>
        <h1 tabIndex={-1}>
          <KindMark kind="macro" />
          <span>{macro.name}</span>
        </h1>
      </header>
      <Markdown text={macro.description} />
      {macro.arguments.length > 0 && (
        <section>
          <h2>Arguments</h2>
          <dl class="terms">
            {macro.arguments.map((one) => (
              <div key={one.name}>
                <dt class="mono">
                  {one.name} <span class="muted">{one.type}</span>
                </dt>
                <dd>
                  <Markdown text={one.description} compact />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <section>
        <h2>Code</h2>
        <Code text={macro.sql} label={macro.path} />
      </section>
      <section>
        <h2>
          Used by <small>{count(macro.users.length)}</small>
        </h2>
        {macro.users.length === 0 ? <Empty>No node calls it by name.</Empty> : null}
        <ul class="plain">
          {macro.users.slice(0, 200).map((i) => (
            <li key={i}>
              <NodeLink project={project} node={i} />
            </li>
          ))}
        </ul>
      </section>
    </article>
  );
}

function members(project: Project): Map<string, number[]> {
  const made = new Map<string, number[]>();
  project.nodes.group.forEach((group, i) => {
    if (group !== null && project.kind(i) !== "test") made.set(group, [...(made.get(group) ?? []), i]);
  });
  return made;
}

export function GroupList({ project }: { project: Project }) {
  const inside = useMemo(() => members(project), [project]);
  return (
    <Listed title="Groups" items={project.index.groups} text={(group) => `${group.name} ${group.description} ${group.owner}`}>
      {(shown) => (
        <ul class="rows">
          {shown.map((group) => (
            <li key={group.name}>
              <a class="node-link" href={format(["group", group.name])}>
                <KindMark kind="group" />
                <span>{group.name}</span>
              </a>
              <Markdown text={group.description} compact />
              <p class="muted small">
                {counted(inside.get(group.name)?.length ?? 0, "node")} · {group.owner ? <OwnerLink owner={group.owner} /> : "no owner"}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Listed>
  );
}

export function OwnerLink({ owner }: { owner: string }) {
  return <a href={format(["owner", owner])}>{owner}</a>;
}

/** A heading with where it belongs, what is said, and the nodes. */
function Collection({ project, kind, name, nodes, children }: { project: Project; kind: string; name: string; nodes: number[]; children: ComponentChildren }) {
  const [limit, setLimit] = useState(AT_ONCE);
  const bad = nodes.filter((i) => project.state(i) === "error").length;
  return (
    <article class="page">
      <header class="page-head">
        <p class="crumbs">
          <a href={format([`${kind}s`])}>{kind === "group" ? "Groups" : "Owners"}</a>
        </p>
        <h1 tabIndex={-1}>
          <KindMark kind={kind} />
          <span>{name}</span>
        </h1>
        <div class="badges">
          <Badge>{counted(nodes.length, "node")}</Badge>
          {bad > 0 && <Badge tone="error">{count(bad)} need a look</Badge>}
        </div>
      </header>
      {children}
      {nodes.length === 0 ? <Empty>Nothing belongs to it.</Empty> : <NodeTable project={project} nodes={nodes.slice(0, limit)} made mixed />}
      {nodes.length > limit && (
        <button type="button" onClick={() => setLimit(limit + 10 * AT_ONCE)}>
          Show more: {count(nodes.length - limit)} are left
        </button>
      )}
    </article>
  );
}

export function GroupPage({ project, route }: { project: Project; route: Route }) {
  const group = project.index.groups.find((one) => one.name === route.path[1]);
  const nodes = useMemo(() => members(project).get(route.path[1] ?? "") ?? [], [project, route.path[1]]);
  if (group === undefined) return <Empty>There is no group called “{route.path[1]}” in these docs.</Empty>;
  return (
    <Collection key={group.name} project={project} kind="group" name={group.name} nodes={nodes}>
      <p class="muted">{group.owner ? <>Owned by <OwnerLink owner={group.owner} /></> : "Nobody is named as its owner."}</p>
      <Markdown text={group.description} />
    </Collection>
  );
}

export function OwnerList({ project }: { project: Project }) {
  const items = useMemo(() => [...project.owners()], [project]);
  return (
    <Listed title="Owners" items={items} text={([name]) => name}>
      {(shown) => (
        <ul class="rows">
          {shown.map(([name, nodes]) => (
            <li key={name}>
              <a class="node-link" href={format(["owner", name])}>
                <KindMark kind="owner" />
                <span>{name}</span>
              </a>
              <p class="muted small">{counted(nodes.length, "node")}</p>
            </li>
          ))}
        </ul>
      )}
    </Listed>
  );
}

export function OwnerPage({ project, route }: { project: Project; route: Route }) {
  const name = route.path[1] ?? "";
  const nodes = useMemo(() => project.owners().get(name), [project, name]);
  if (nodes === undefined) return <Empty>There is no owner called “{name}” in these docs.</Empty>;
  const groups = project.index.groups.filter((group) => group.owner === name);
  return (
    <Collection key={name} project={project} kind="owner" name={name} nodes={nodes}>
      {groups.length > 0 && (
        <p class="muted">
          {groups.length === 1 ? "Group" : "Groups"}{" "}
          {groups.map((group, i) => (
            <span key={group.name}>
              {i > 0 && ", "}
              <a href={format(["group", group.name])}>{group.name}</a>
            </span>
          ))}
        </p>
      )}
    </Collection>
  );
}

export function RunList({ project }: { project: Project }) {
  return (
    <Listed title="Runs" items={project.index.runs} text={(run) => `${run.command} ${run.selection} ${run.status} ${run.target}`}>
      {(shown) => (
        <div class="scroll" tabIndex={0} role="region" aria-label="Runs">
          <table>
            <thead>
              <tr>
                <th scope="col">Started</th>
                <th scope="col">Command</th>
                <th scope="col">Result</th>
                <th scope="col">Took</th>
                <th scope="col">Nodes</th>
                <th scope="col">Commit</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((run) => (
                <tr key={run.started_at}>
                  <td class="nowrap">{moment(run.started_at)}</td>
                  <td class="mono breaks">
                    {run.command} {run.selection}
                  </td>
                  <td>
                    <Status status={run.status} />
                  </td>
                  <td class="nowrap">{seconds(run.seconds)}</td>
                  <td>
                    {Object.entries(run.counts)
                      .map(([status, many]) => `${count(many)} ${status}`)
                      .join(", ")}
                  </td>
                  <td class="mono muted">{run.commit?.slice(0, 8)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Listed>
  );
}
