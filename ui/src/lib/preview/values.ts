/** Values of tables as texts of a bounded length. */
import { CELL } from "./limits";
import { cut } from "./text";

const DEPTH = 6;

/** As it is drawn in a cell; null where there is no value. */
export function shownValue(value: unknown): string | null {
  return value === null || value === undefined ? null : cut(brief(value, 0), CELL);
}

function brief(value: unknown, depth: number): string {
  switch (typeof value) {
    case "string":
      return depth === 0 ? value : `"${cut(value, 80)}"`;
    case "number":
    case "bigint":
    case "boolean":
      return String(value);
    case "object":
      break;
    default:
      return "–";
  }
  if (value === null) return "null";
  if (value instanceof Date) return timeOf(value.getTime());
  if (value instanceof Uint8Array) return hexOf(value);
  if (depth >= DEPTH) return "…";
  // What goes beyond the cell is not made.
  if (Array.isArray(value) || ArrayBuffer.isView(value)) {
    const list = Array.from((value as unknown[]).slice(0, 40), (inner) => brief(inner, depth + 1));
    return `[${list.join(", ")}${(value as unknown[]).length > 40 ? ", …" : ""}]`;
  }
  const entries = Object.entries(value).slice(0, 20);
  return `{${entries.map(([name, inner]) => `${cut(name, 40)}: ${brief(inner, depth + 1)}`).join(", ")}}`;
}

export function hexOf(bytes: Uint8Array): string {
  const digits = Array.from(bytes.subarray(0, 24), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `0x${digits}${bytes.length > 24 ? "…" : ""}`;
}

/** A time in milliseconds as a date, with the time of day where it is not midnight; no time of ours where it cannot be. */
export function timeOf(ms: number): string {
  if (!Number.isFinite(ms) || Math.abs(ms) > 8.64e15) return "a time that cannot be";
  return new Date(ms)
    .toISOString()
    .replace("T", " ")
    .replace(/(\.000)?Z$/, "");
}

/** A day since 1970. */
export function dayOf(days: number): string {
  return timeOf(days * 86_400_000).slice(0, 10);
}
