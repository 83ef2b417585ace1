/** Numbers and times as people read them. */

export function count(value: number): string {
  return value.toLocaleString("en-US");
}

export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${value === 1 ? noun : plural}`;
}

export function seconds(value: number | null | undefined): string {
  if (value == null) return "";
  if (value < 0.1) return `${Math.max(1, Math.round(value * 1000))} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.round(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.round((value % 3600) / 60)} min`;
}

/** A moment in UTC, to the minute. */
export function moment(value: string | null | undefined): string {
  if (!value) return "";
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? value : `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** How long before `now` something was, in words. */
export function ago(value: string | null | undefined, now: string): string {
  const hours = age(value, now);
  if (hours === undefined) return "";
  if (hours < 1) return hours * 60 < 1.5 ? "just before" : `${Math.round(hours * 60)} min before`;
  if (hours < 36) return `${Math.round(hours)} h before`;
  return `${Math.round(hours / 24)} days before`;
}

/** Hours between two moments; undefined if one is not known. */
export function age(value: string | null | undefined, now: string): number | undefined {
  if (!value) return undefined;
  const hours = (new Date(now).getTime() - new Date(value).getTime()) / 3_600_000;
  return Number.isNaN(hours) ? undefined : Math.max(0, hours);
}
