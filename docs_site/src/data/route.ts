/** Addresses within the site: `#/model/orders/column/amount?up=2`. They name nodes and columns, so that they last. */

export interface Route {
  path: string[];
  query: Record<string, string>;
}

export function parse(hash: string): Route {
  const text = hash.replace(/^#\/?/, "");
  const [path = "", query = ""] = text.split("?", 2);
  return {
    path: path.split("/").filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

export function format(path: readonly string[], query: Record<string, string | number | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined && pair[1] !== "");
  const rest = given.length > 0 ? `?${new URLSearchParams(given.map(([k, v]) => [k, String(v)])).toString()}` : "";
  return `#/${path.map(encodeURIComponent).join("/")}${rest}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
