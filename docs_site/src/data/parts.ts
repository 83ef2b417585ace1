/** Loads the parts of a site: scripts beside the page that call `eltflowPart`, or text within a page that holds everything. Nothing is
 * fetched, so that it works from a file too. */

declare global {
  var eltflowPart: (name: string, packed: string) => void;
}

interface Waiting {
  promise: Promise<string>;
  resolve: (packed: string) => void;
  reject: (error: Error) => void;
}

const arriving = new Map<string, Waiting>();
const read = new Map<string, Promise<unknown>>();

function waiting(name: string): Waiting {
  let known = arriving.get(name);
  if (known === undefined) {
    let resolve!: Waiting["resolve"];
    let reject!: Waiting["reject"];
    const promise = new Promise<string>((yes, no) => {
      resolve = yes;
      reject = no;
    });
    known = { promise, resolve, reject };
    arriving.set(name, known);
  }
  return known;
}

/** Must run before the first part's script does. */
export function listen(): void {
  globalThis.eltflowPart = (name, packed) => waiting(name).resolve(packed);
}

/** JSON that was compressed (zlib) and written in base64. */
export async function unpack<T>(packed: string): Promise<T> {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(stream).text()) as T;
}

/** A part by its name; read once. */
export function part<T>(name: string): Promise<T> {
  let known = read.get(name);
  if (known === undefined) {
    known = packedPart(name).then((packed) => unpack<T>(packed));
    read.set(name, known);
  }
  return known as Promise<T>;
}

function packedPart(name: string): Promise<string> {
  const within = document.getElementById(`part-${name}`);
  if (within !== null) return Promise.resolve(within.textContent ?? "");
  const one = waiting(name);
  if (name !== "index") {
    const script = document.createElement("script");
    const version = document.getElementById("program")?.dataset.version ?? "";
    script.src = `data/${name}.js?${version}`;
    script.onerror = () => one.reject(new Error(`data/${name}.js is missing: generate the docs again`));
    document.head.append(script);
  }
  return one.promise;
}
