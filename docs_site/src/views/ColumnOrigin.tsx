/** Under a column in the table: where it comes from and where it goes, one hop each, with the expression. */

import { lineages } from "../data/details";
import type { Project } from "../data/project";
import { into, key, type Spot, type Step } from "../lineage/trace";
import { Snippet } from "../text/code";
import { Badge, lineageHref, Loading, nodeHref, useLoaded } from "../ui/bits";

interface Near {
  up: Step[];
  deciding: Step[];
  down: Step[];
  expression: string | null;
  unknown: string | null;
}

async function near(project: Project, node: number, column: string): Promise<Near> {
  const ask = lineages(project);
  const below = project.down[node] ?? [];
  const [own, ...others] = await ask([node, ...below]);
  const found = own?.[0].find(([name]) => name === column);
  const steps = own && found ? into(node, found, own[1], true) : [];
  const down = others.flatMap((other, at) =>
    (other?.[0] ?? []).flatMap((one) =>
      into(below[at] ?? -1, one, [], false).filter((step) => key(step.from) === key({ node, column })),
    ),
  );
  return {
    up: steps.filter((step) => !step.indirect),
    deciding: steps.filter((step) => step.indirect),
    down,
    expression: found?.[3] ?? null,
    unknown: found?.[4] ?? null,
  };
}

export function ColumnOrigin({ project, node, column }: { project: Project; node: number; column: string }) {
  const { value, error } = useLoaded(() => near(project, node, column), [node, column]);
  if (value === undefined) return <Loading error={error} />;
  return (
    <div class="origin">
      {value.expression && (
        <div>
          <h3>Expression</h3>
          <Snippet text={value.expression} />
        </div>
      )}
      <Hops title="Comes from" project={project} spots={value.up.map((step) => [step.from, step.how])} />
      <Hops title="Flows into" project={project} spots={value.down.map((step) => [step.to, step.how])} />
      <Hops title="Decides over it" project={project} spots={value.deciding.map((step) => [step.from, step.how])} quiet />
      {value.unknown && <p class="warned">Not all is known: {value.unknown}</p>}
      {value.up.length + value.down.length + value.deciding.length > 0 ? (
        <a class="button" href={lineageHref(project, node, { column, indirect: value.up.length + value.down.length > 0 ? undefined : 1 })}>
          Light up the whole path →
        </a>
      ) : (
        <p class="muted">No column above or below is known.</p>
      )}
    </div>
  );
}

function Hops({ title, project, spots, quiet = false }: { title: string; project: Project; spots: [Spot, string][]; quiet?: boolean }) {
  if (spots.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <ul class={quiet ? "near quiet-list" : "near"}>
        {spots.slice(0, 40).map(([spot, how], i) => (
          <li key={i}>
            {typeof spot.node === "number" ? (
              <a href={nodeHref(project, spot.node, spot.column)}>
                {project.name(spot.node)}.<span class="mono">{spot.column}</span>
              </a>
            ) : (
              <span class="mono">
                {spot.node}.{spot.column}
              </span>
            )}{" "}
            <Badge tone={quiet ? "plain" : "accent"}>{how}</Badge>
          </li>
        ))}
        {spots.length > 40 && <li class="muted">and {spots.length - 40} more</li>}
      </ul>
    </div>
  );
}
