/** A drawing that can be moved and zoomed: by pointer, two fingers, wheel and keys. */

import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

interface View {
  x: number;
  y: number;
  scale: number;
}

const LEAST = 0.08;
const MOST = 2.5;

export function zoomed(view: View, factor: number, x: number, y: number): View {
  const scale = Math.min(MOST, Math.max(LEAST, view.scale * factor));
  const real = scale / view.scale;
  return { scale, x: x - (x - view.x) * real, y: y - (y - view.y) * real };
}

export function fitted(width: number, height: number, frame: { width: number; height: number }, most = 1): View {
  const scale = Math.max(LEAST, Math.min(most, frame.width / Math.max(1, width), frame.height / Math.max(1, height)));
  return { scale, x: (frame.width - width * scale) / 2, y: (frame.height - height * scale) / 2 };
}

interface Props {
  width: number;
  height: number;
  label: string;
  /** Changes when the drawing is another one and has to be fitted anew. */
  subject: string;
  /** A place that must be in sight, where the whole drawing is too large to read. */
  centre?: { x: number; y: number };
  /** Whether the wheel zooms at once: the drawing is the page. */
  greedy?: boolean;
  children: ComponentChildren;
}

/** Below this a drawing that is fitted whole cannot be read: it begins at its centre instead. */
const READABLE = 0.55;

export function PanZoom({ width, height, label, subject, centre, greedy = false, children }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ x: 0, y: 0, scale: 1 });
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const moved = useRef(false);

  const fit = (whole: boolean) => {
    const box = frame.current?.getBoundingClientRect();
    if (box === undefined) return;
    let made = fitted(width, height, box);
    if (!whole && made.scale < READABLE && centre !== undefined) {
      made = { scale: READABLE + 0.15, x: 0, y: 0 };
      made.x = box.width / 2 - centre.x * made.scale;
      made.y = box.height / 2 - centre.y * made.scale;
    }
    setView(made);
  };
  useLayoutEffect(() => fit(false), [subject, width, height]);

  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const wheel = (event: WheelEvent) => {
      // A page with a small drawing scrolls on: zooming there takes a key held down.
      if (element.dataset.greedy !== "true" && !event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const factor = Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0016));
      setView((old) => zoomed(old, factor, event.clientX - box.left, event.clientY - box.top));
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => element.removeEventListener("wheel", wheel);
  }, []);

  const by = (factor: number) => {
    const box = frame.current?.getBoundingClientRect();
    if (box !== undefined) setView((old) => zoomed(old, factor, box.width / 2, box.height / 2));
  };
  const move = (x: number, y: number) => setView((old) => ({ ...old, x: old.x + x, y: old.y + y }));

  const down = (event: PointerEvent) => {
    if (event.button !== 0) return;
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved.current = false;
  };
  const drag = (event: PointerEvent) => {
    const before = pointers.current.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...pointers.current].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (!moved.current && Math.hypot(now.x - before.x, now.y - before.y) < 4) return;
    moved.current = true;
    frame.current?.setPointerCapture(event.pointerId);
    const other = others[0];
    if (other === undefined) move(now.x - before.x, now.y - before.y);
    else {
      const box = frame.current?.getBoundingClientRect();
      const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(1, Math.hypot(before.x - other.x, before.y - other.y));
      setView((old) => zoomed(old, factor, (now.x + other.x) / 2 - (box?.left ?? 0), (now.y + other.y) / 2 - (box?.top ?? 0)));
    }
    pointers.current.set(event.pointerId, now);
  };
  const up = (event: PointerEvent) => {
    pointers.current.delete(event.pointerId);
  };
  const swallow = (event: MouseEvent) => {
    if (!moved.current) return;
    event.stopPropagation();
    event.preventDefault();
    moved.current = false;
  };
  const keys = (event: KeyboardEvent) => {
    if (event.target !== frame.current) return;
    const action = KEYS[event.key];
    if (action === undefined) return;
    event.preventDefault();
    if (action === "fit") fit(true);
    else if (typeof action === "number") by(action);
    else move(action[0], action[1]);
  };
  return (
    <div class="panzoom">
      <div
        class="frame"
        ref={frame}
        data-greedy={String(greedy)}
        tabIndex={0}
        role="group"
        aria-label={`${label}. Arrow keys move, plus and minus zoom, 0 shows all.`}
        onPointerDown={down}
        onPointerMove={drag}
        onPointerUp={up}
        onPointerCancel={up}
        onClickCapture={swallow}
        onKeyDown={keys}
      >
        <svg width="100%" height="100%">
          <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>{children}</g>
        </svg>
      </div>
      <div class="zoom" role="group" aria-label="Zoom">
        <button type="button" onClick={() => by(1.25)} aria-label="Zoom in" title="Zoom in (+)">
          +
        </button>
        <button type="button" onClick={() => by(0.8)} aria-label="Zoom out" title="Zoom out (−)">
          −
        </button>
        <button type="button" onClick={() => fit(true)} aria-label="Show all" title="Show all (0)">
          ⤢
        </button>
      </div>
    </div>
  );
}

const STEP = 60;
const KEYS: Record<string, number | [number, number] | "fit"> = {
  "+": 1.25,
  "=": 1.25,
  "-": 0.8,
  "0": "fit",
  ArrowLeft: [STEP, 0],
  ArrowRight: [-STEP, 0],
  ArrowUp: [0, STEP],
  ArrowDown: [0, -STEP],
};
