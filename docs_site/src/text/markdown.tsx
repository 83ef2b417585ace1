/** Markdown of a project as HTML that runs nothing and loads nothing. */

import DOMPurify from "dompurify";
import MarkdownIt from "markdown-it";

const markdown = new MarkdownIt({ html: false, linkify: true });
markdown.disable("image");
// The page has a heading of its own: those of texts stand below it.
markdown.core.ruler.push("lower-headings", (state) => {
  for (const token of state.tokens) {
    if (token.type.startsWith("heading_")) token.tag = `h${Math.min(6, Number(token.tag.slice(1)) + 1)}`;
  }
});

const TAGS =
  "a p br hr em strong del s code pre blockquote ul ol li h2 h3 h4 h5 h6 table thead tbody tr th td".split(" ");

export function toHtml(text: string): string {
  const clean = DOMPurify.sanitize(markdown.render(text), {
    ALLOWED_TAGS: TAGS,
    ALLOWED_ATTR: ["href", "start"],
    // Addresses with a scheme that opens elsewhere on a click; what is relative means nothing here.
    ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
    RETURN_DOM_FRAGMENT: true,
  });
  for (const link of clean.querySelectorAll("a")) {
    if (!link.hasAttribute("href")) link.replaceWith(...link.childNodes);
    else {
      link.target = "_blank";
      link.rel = "noopener noreferrer";
    }
  }
  for (const scrolled of clean.querySelectorAll("pre")) scrolled.tabIndex = 0;
  const holder = document.createElement("div");
  holder.append(clean);
  return holder.innerHTML;
}

export function Markdown({ text, compact = false }: { text: string; compact?: boolean }) {
  if (text.trim() === "") return null;
  return <div class={compact ? "prose compact" : "prose"} dangerouslySetInnerHTML={{ __html: toHtml(text) }} />;
}
