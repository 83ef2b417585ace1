/** SQL with Jinja, with colours. */

import hljs from "highlight.js/lib/core";
import python from "highlight.js/lib/languages/python";
import sql from "highlight.js/lib/languages/sql";
import { useMemo, useState } from "preact/hooks";

hljs.registerLanguage("python", python);
hljs.registerLanguage("jinja-sql", (api) => {
  const language = sql(api);
  const jinja = [
    { scope: "comment", begin: /\{#/, end: /#\}/ },
    { scope: "template", begin: /\{\{-?/, end: /-?\}\}/, subLanguage: "python" },
    { scope: "template", begin: /\{%-?/, end: /-?%\}/, subLanguage: "python" },
  ];
  return { ...language, name: "SQL with Jinja", contains: [...jinja, ...(language.contains ?? [])] };
});

/** Colours for more than this cost too long, and nobody reads it. */
const MOST = 200_000;

/** Highlighted code as HTML; everything of the text is escaped. */
export function highlighted(text: string): string {
  if (text.length > MOST) return escape(text);
  return hljs.highlight(text, { language: "jinja-sql", ignoreIllegals: true }).value;
}

export function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

export function Code({ text, label }: { text: string; label: string }) {
  const made = useMemo(() => highlighted(text), [text]);
  const lines = useMemo(() => text.split("\n").map((_, i) => i + 1).join("\n"), [text]);
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setCopied(true);
    setTimeout(() => setCopied(false), 1500);
  };
  return (
    <figure class="code">
      <figcaption>
        <span>{label}</span>
        <button type="button" class="quiet small" onClick={() => void copy()}>
          {copied ? "Copied" : "Copy"}
        </button>
      </figcaption>
      <div class="scroll" tabIndex={0} role="region" aria-label={label}>
        <pre class="numbers" aria-hidden="true">{lines}</pre>
        <pre><code dangerouslySetInnerHTML={{ __html: made }} /></pre>
      </div>
    </figure>
  );
}

/** A short expression in a line of text. */
export function Snippet({ text }: { text: string }) {
  const made = useMemo(() => highlighted(text), [text]);
  return <code class="snippet" dangerouslySetInnerHTML={{ __html: made }} />;
}
