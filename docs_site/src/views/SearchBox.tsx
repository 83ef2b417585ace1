/** The search: a dialog over the page, worked by keys alone if one likes. */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { part } from "../data/parts";
import { KINDS, type Project } from "../data/project";
import { format } from "../data/route";
import { type Hit, Search, type SearchPart } from "../data/search";
import { KindMark, nodeHref } from "../ui/bits";

let ready: Promise<[Search, SearchPart]> | undefined;

function prepare(project: Project): Promise<[Search, SearchPart]> {
  ready ??= part<SearchPart>("search").then((read) => [new Search(project, read), read]);
  return ready;
}

export function SearchBox({ project, onClose }: { project: Project; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const [tools, setTools] = useState<[Search, SearchPart] | undefined>(undefined);
  const [coded, setCoded] = useState(false);
  useEffect(() => {
    dialog.current?.showModal();
    let wanted = true;
    void prepare(project).then(async (made) => {
      if (wanted) setTools(made);
      if (!made[0].readsCode) made[0].addCode(await part<string[]>("code"));
      if (wanted) setCoded(true);
    });
    return () => {
      wanted = false;
    };
  }, []);
  const hits = useMemo(() => tools?.[0].find(query) ?? [], [tools, query, coded]);
  const go = (hit: Hit) => {
    location.hash = hit.other === undefined ? nodeHref(project, hit.item, hit.column) : format(hit.other.path);
    dialog.current?.close();
  };
  const keys = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(hits.length - 1, at + 1));
    else if (event.key === "ArrowUp") setAt(Math.max(0, at - 1));
    else if (event.key === "Enter" && hits[at] !== undefined) go(hits[at]);
    else return;
    event.preventDefault();
  };
  useEffect(() => document.getElementById(`hit-${at}`)?.scrollIntoView({ block: "nearest" }), [at]);
  return (
    <dialog
      ref={dialog}
      class="search"
      aria-label="Search"
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="search-body">
        <input
          type="text"
          spellcheck={false}
          autocomplete="off"
          placeholder="Tables, columns, descriptions, tests, owners, SQL"
          aria-label="Search"
          role="combobox"
          aria-expanded={hits.length > 0}
          aria-controls="hits"
          aria-activedescendant={hits.length > 0 ? `hit-${at}` : undefined}
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={keys}
        />
        <ul id="hits" role="listbox" aria-label="Results">
          {hits.map((hit, i) => (
            <li key={`${hit.where}${hit.item}${hit.column ?? ""}`} id={`hit-${i}`} role="option" aria-selected={i === at} onClick={() => go(hit)} onPointerMove={() => setAt(i)}>
              <HitLine project={project} hit={hit} />
            </li>
          ))}
        </ul>
        <p class="hint" role="status">
          {query === "" ? (
            <>
              <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>↵</kbd> open <kbd>esc</kbd> close
            </>
          ) : hits.length === 0 ? (
            "Nothing found"
          ) : (
            `${hits.length === 40 ? "The best 40" : hits.length} found`
          )}
        </p>
      </div>
    </dialog>
  );
}

const WHERE: Record<Hit["where"], string> = { name: "", column: "column", other: "", text: "in its description or tags", code: "in its code" };

function HitLine({ project, hit }: { project: Project; hit: Hit }) {
  if (hit.other !== undefined) {
    const { kind, name, text } = hit.other;
    return (
      <>
        <KindMark kind={kind} />
        <span class={kind === "macro" || kind === "test" ? "hit-name mono" : "hit-name"}>{name}</span>
        <span class="muted small about">{[kind, kind === "test" ? `on ${text}` : text].filter(Boolean).join(" · ")}</span>
      </>
    );
  }
  const kind = project.kind(hit.item);
  return (
    <>
      <KindMark kind={kind} />
      <span class="hit-name">
        {project.name(hit.item)}
        {hit.column !== undefined && (
          <>
            <span class="muted">.</span>
            <b class="mono">{hit.column}</b>
          </>
        )}
      </span>
      <span class="muted small about">{WHERE[hit.where] || [KINDS[kind]?.one ?? kind, project.nodes.about[hit.item]].filter(Boolean).join(" · ")}</span>
    </>
  );
}
