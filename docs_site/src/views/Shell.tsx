/** What stands around every page: the bar at the top and the menu at the side. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { KINDS, type Kind, type Project } from "../data/project";
import { format, type Route } from "../data/route";
import { count } from "../text/numbers";
import { KindMark, nodeHref } from "../ui/bits";

export function TopBar({ project, onSearch, onMenu, menu }: { project: Project; onSearch: () => void; onMenu: () => void; menu: boolean }) {
  return (
    <header class="top">
      <button type="button" class="quiet menu-button" aria-label="Menu" aria-expanded={menu} onClick={onMenu}>
        ☰
      </button>
      <a class="brand" href="#/">
        <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
          <rect class="logo" width="32" height="32" rx="8" />
          <path d="M9 10h6a4 4 0 0 1 4 4v4a4 4 0 0 0 4 4M9 16h6M9 22h4" fill="none" stroke="white" stroke-width="2.6" stroke-linecap="round" />
        </svg>
        <span>{project.index.project}</span>
      </a>
      <button type="button" class="search-button" aria-label="Search" onClick={onSearch} aria-keyshortcuts="/ Control+K">
        <span aria-hidden="true">⌕</span>
        <span>Search</span>
        <kbd aria-hidden="true">/</kbd>
      </button>
      <Theme />
    </header>
  );
}

const PREFERS_DARK = matchMedia("(prefers-color-scheme: dark)");

type Choice = "light" | "dark" | undefined;

function Theme() {
  const [choice, choose] = useState<Choice>(remembered());
  const [system, setSystem] = useState(PREFERS_DARK.matches);
  const dark = choice === undefined ? system : choice === "dark";
  useEffect(() => {
    const changed = () => setSystem(PREFERS_DARK.matches);
    PREFERS_DARK.addEventListener("change", changed);
    return () => PREFERS_DARK.removeEventListener("change", changed);
  }, []);
  useEffect(() => {
    document.documentElement.dataset.theme = dark ? "dark" : "light";
    if (choice === undefined) return;
    try {
      localStorage.setItem("eltflow-docs-theme", choice);
    } catch {
      // Storage may be forbidden; the choice holds as long as the page.
    }
  }, [choice, dark]);
  return (
    <button type="button" class="quiet theme" aria-label={dark ? "Use light colours" : "Use dark colours"} title="Light or dark" onClick={() => choose(dark ? "light" : "dark")}>
      {dark ? "☀" : "☾"}
    </button>
  );
}

export function isDark(): boolean {
  const kept = remembered();
  return kept === undefined ? PREFERS_DARK.matches : kept === "dark";
}

function remembered(): Choice {
  try {
    const kept = localStorage.getItem("eltflow-docs-theme");
    return kept === "light" || kept === "dark" ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function Menu({ project, route, open }: { project: Project; route: Route; open: boolean }) {
  const here = route.path[0] ?? "";
  const link = (slug: string, word: string, many?: number, also: string[] = []) => (
    <li key={slug}>
      <a href={format(slug === "" ? [] : [slug])} aria-current={here === slug || also.includes(here) ? "page" : undefined}>
        <span>{word}</span>
        {many !== undefined && <span class="many">{count(many)}</span>}
      </a>
    </li>
  );
  const owners = useMemo(() => project.owners().size, [project]);
  const kinds = (Object.keys(KINDS) as Kind[]).filter((kind) => kind !== "test");
  return (
    <nav class={open ? "side open" : "side"} aria-label="Site">
      <ul class="menu">
        {link("", "Overview")}
        {link("lineage", "Lineage")}
        {link("relationships", "Relationships")}
      </ul>
      <ul class="menu">
        {kinds.map((kind) => {
          const many = project.all(kind).length;
          const words = KINDS[kind];
          return many > 0 && words !== undefined ? link(words.slug, words.many, many, [kind]) : null;
        })}
        {link("tests", "Tests", project.index.tests[0], ["test"])}
        {project.index.macros > 0 && link("macros", "Macros", project.index.macros, ["macro"])}
        {project.index.groups.length > 0 && link("groups", "Groups", project.index.groups.length, ["group"])}
        {owners > 0 && link("owners", "Owners", owners, ["owner"])}
        {project.index.runs.length > 0 && link("runs", "Runs", project.index.runs.length)}
      </ul>
      <Files project={project} route={route} />
      <p class="made muted small">eltflow {project.index.version}</p>
    </nav>
  );
}

interface Folder {
  folders: Map<string, Folder>;
  nodes: number[];
}

function tree(project: Project): Folder {
  const root: Folder = { folders: new Map(), nodes: [] };
  project.nodes.kind.forEach((kind, i) => {
    if (kind === "test" || kind === "operation") return;
    let at = root;
    for (const name of project.folder(i).split("/").filter(Boolean)) {
      let next = at.folders.get(name);
      if (next === undefined) {
        next = { folders: new Map(), nodes: [] };
        at.folders.set(name, next);
      }
      at = next;
    }
    at.nodes.push(i);
  });
  return root;
}

function Files({ project, route }: { project: Project; route: Route }) {
  const root = useMemo(() => tree(project), [project]);
  const current = project.find(route.path[0] ?? "", route.path[1] ?? "");
  return (
    <div class="files">
      <h2>Files</h2>
      <FolderList project={project} folder={root} current={current} path="" />
    </div>
  );
}

const AT_ONCE = 100;

function FolderList({ project, folder, current, path }: { project: Project; folder: Folder; current: number | undefined; path: string }) {
  const [limit, setLimit] = useState(AT_ONCE);
  return (
    <ul>
      {[...folder.folders].map(([name, inner]) => (
        <FolderItem key={name} project={project} name={name} folder={inner} current={current} path={`${path}${name}/`} />
      ))}
      {folder.nodes.slice(0, limit).map((i) => (
        <li key={i}>
          <a class="node-link" href={nodeHref(project, i)} aria-current={i === current ? "page" : undefined} title={project.name(i)}>
            <KindMark kind={project.kind(i)} />
            <span>{project.name(i)}</span>
          </a>
        </li>
      ))}
      {folder.nodes.length > limit && (
        <li>
          <button type="button" class="quiet small" onClick={() => setLimit(limit + 10 * AT_ONCE)}>
            {count(folder.nodes.length - limit)} more
          </button>
        </li>
      )}
    </ul>
  );
}

function FolderItem(props: { project: Project; name: string; folder: Folder; current: number | undefined; path: string }) {
  const { project, name, folder, current, path } = props;
  const holds = current !== undefined && (project.nodes.path[current] ?? "").startsWith(path);
  const [open, setOpen] = useState(holds);
  useEffect(() => {
    if (holds) setOpen(true);
  }, [holds]);
  return (
    <li>
      <button type="button" class="folder" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span class="caret" aria-hidden="true">
          ›
        </span>
        {name}
      </button>
      {open && <FolderList project={project} folder={folder} current={current} path={path} />}
    </li>
  );
}
