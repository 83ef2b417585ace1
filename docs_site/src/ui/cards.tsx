/** Boxes of a drawing: a title, and rows for columns. */

export const TITLE = 40;
export const ROW = 24;

export interface Row {
  name: string;
  /** Said at the right side: a type, or how a value came. */
  note?: string;
  tone?: "start" | "key" | "plain";
}

export interface CardSize {
  width: number;
  height: number;
}

/** Room for the texts; letters are about that wide in the fonts that are used. */
export function sizeOf(label: string, rows: readonly Row[], sub?: string): CardSize {
  const title = 52 + label.length * 7.3;
  const below = rows.reduce((most, row) => Math.max(most, 34 + row.name.length * 6.9 + (row.note ? row.note.length * 5.9 + 14 : 0)), 0);
  const width = Math.min(340, Math.max(136, title, below, sub ? 52 + sub.length * 6 : 0));
  return { width: Math.round(width), height: TITLE + (rows.length > 0 ? rows.length * ROW + 8 : 0) };
}

/** The middle of a row, from the upper edge of its card. */
export function rowY(at: number): number {
  return TITLE + 4 + at * ROW + (ROW - 2) / 2;
}

export function cut(text: string, width: number, letter: number): string {
  const most = Math.max(4, Math.floor(width / letter));
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

interface Props {
  x: number;
  y: number;
  size: CardSize;
  label: string;
  mark: string;
  tone: string;
  rows: readonly Row[];
  said: string;
  href?: string;
  dim?: boolean;
  chosen?: boolean;
  folded?: boolean;
  onPick?: () => void;
  onRow?: (at: number) => void;
}

export function Card(props: Props) {
  const { x, y, size, label, rows, onPick, onRow } = props;
  const classes = ["card", props.tone, props.dim && "dim", props.chosen && "chosen", props.folded && "folded"].filter(Boolean).join(" ");
  const press = (act: (() => void) | undefined) => (event: KeyboardEvent) => {
    if (act !== undefined && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      event.stopPropagation();
      act();
    }
  };
  return (
    <g class={classes} transform={`translate(${x} ${y})`}>
      {props.folded && <rect class="behind" x="5" y="5" width={size.width} height={size.height} rx="9" />}
      <rect class="body" width={size.width} height={size.height} rx="9" />
      <rect
        class="hit"
        width={size.width}
        height={TITLE}
        rx="9"
        role="button"
        tabindex={0}
        aria-label={props.said}
        aria-pressed={props.chosen ?? false}
        onClick={onPick}
        onKeyDown={press(onPick)}
      />
      <g class="words" aria-hidden="true">
        <rect class="bar" x="9" y="9" width="22" height="22" rx="6" />
        <text class="letter" x="20" y="24.5" text-anchor="middle">
          {props.mark}
        </text>
        <text class="name" x="40" y="24.5">
          {cut(label, size.width - 48, 7.2)}
        </text>
      </g>
      {rows.length > 0 && <line class="rule" x1="0" x2={size.width} y1={TITLE} y2={TITLE} />}
      {rows.map((row, at) => (
        <g key={row.name} class={`row ${row.tone ?? "plain"}`} transform={`translate(0 ${TITLE + 4 + at * ROW})`}>
          <rect
            class="hit"
            x="4"
            width={size.width - 8}
            height={ROW - 2}
            rx="5"
            role="button"
            tabindex={0}
            aria-label={`Column ${row.name} of ${label}${row.note ? `, ${row.note}` : ""}`}
            onClick={() => onRow?.(at)}
            onKeyDown={press(() => onRow?.(at))}
          />
          <g class="words" aria-hidden="true">
            <text x="14" y="15.5">{cut(row.name, size.width - 28 - (row.note ? row.note.length * 5.9 + 8 : 0), 6.8)}</text>
            {row.note && (
              <text class="note" x={size.width - 12} y="15.5" text-anchor="end">
                {row.note}
              </text>
            )}
          </g>
        </g>
      ))}
    </g>
  );
}
