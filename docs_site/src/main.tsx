/** The program of the docs site. */

import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { listen, part } from "./data/parts";
import { type Index, KINDS, type Kind, Project } from "./data/project";
import { parse, type Route } from "./data/route";
import "./style.css";
import { Empty } from "./ui/bits";
import { LineagePage } from "./views/Lineage";
import { GroupList, GroupPage, MacroList, MacroPage, NodeList, OwnerList, OwnerPage, RunList, TestList } from "./views/Lists";
import { NodePage } from "./views/Node";
import { Overview } from "./views/Overview";
import { RelationsPage } from "./views/Relations";
import { SearchBox } from "./views/SearchBox";
import { isDark, Menu, TopBar } from "./views/Shell";

function Page({ project, route }: { project: Project; route: Route }) {
  const [first = ""] = route.path;
  const kind = (Object.keys(KINDS) as Kind[]).find((one) => KINDS[one]?.slug === first);
  if (first === "") return <Overview project={project} />;
  if (first === "lineage") return <LineagePage project={project} route={route} />;
  if (first === "relationships") return <RelationsPage project={project} />;
  if (first === "tests") return <TestList project={project} />;
  if (first === "macros") return <MacroList />;
  if (first === "macro") return <MacroPage project={project} route={route} />;
  if (first === "groups") return <GroupList project={project} />;
  if (first === "group") return <GroupPage project={project} route={route} />;
  if (first === "owners") return <OwnerList project={project} />;
  if (first === "owner") return <OwnerPage project={project} route={route} />;
  if (first === "runs") return <RunList project={project} />;
  if (kind !== undefined) return <NodeList project={project} kind={kind} />;
  if (first in KINDS) return <NodePage project={project} route={route} />;
  return <Empty>There is no such page.</Empty>;
}

function titleOf(project: Project, route: Route): string {
  const [first = "", second, , column] = route.path;
  const words = [column, second, first === "" || second !== undefined ? undefined : first, project.index.project];
  return words.filter((word) => word !== undefined && word !== "").join(" · ");
}

function App({ project }: { project: Project }) {
  const [route, setRoute] = useState(parse(location.hash));
  const [searching, setSearching] = useState(false);
  const [menu, setMenu] = useState(false);
  useEffect(() => {
    const changed = () => {
      setRoute(parse(location.hash));
      setMenu(false);
    };
    const key = (event: KeyboardEvent) => {
      const typing = event.target instanceof HTMLElement && /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName);
      if ((event.key === "/" && !typing) || (event.key === "k" && (event.ctrlKey || event.metaKey))) {
        event.preventDefault();
        setSearching(true);
      } else if (event.key === "Escape") setMenu(false);
    };
    addEventListener("hashchange", changed);
    addEventListener("keydown", key);
    return () => {
      removeEventListener("hashchange", changed);
      removeEventListener("keydown", key);
    };
  }, []);
  const place = route.path.slice(0, 2).join("/");
  useEffect(() => {
    document.title = titleOf(project, route);
  }, [route]);
  const [first, setFirst] = useState(true);
  useEffect(() => {
    if (first) {
      setFirst(false);
      return;
    }
    // Another page: readers begin at its heading, as after a page load.
    scrollTo(0, 0);
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  }, [place]);
  const wide = route.path[0] === "lineage" || route.path[0] === "relationships";
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        Skip to the content
      </a>
      <TopBar project={project} onSearch={() => setSearching(true)} onMenu={() => setMenu(!menu)} menu={menu} />
      <div class="body">
        <Menu project={project} route={route} open={menu} />
        {menu && <div class="shade" onClick={() => setMenu(false)} />}
        <main id="main" tabIndex={-1} class={wide ? "wide" : ""}>
          <Page project={project} route={route} />
        </main>
      </div>
      {searching && <SearchBox project={project} onClose={() => setSearching(false)} />}
    </>
  );
}

async function start(): Promise<void> {
  const root = document.getElementById("app");
  if (root === null) return;
  try {
    const project = new Project(await part<Index>("index"));
    root.replaceChildren();
    render(<App project={project} />, root);
  } catch (error) {
    root.textContent = `These docs cannot be shown: ${String((error as Error).message ?? error)}`;
  }
}

listen();
// Before anything is drawn, so that a dark page does not flash.
document.documentElement.dataset.theme = isDark() ? "dark" : "light";
void start();
