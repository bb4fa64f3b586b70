/** Backfills in words: how far one is, how it stands, and what is written in its form. */
import type { BackfillView, MakeBackfill } from "../api/types";
import { inProject, quote } from "./command";
import { count, plural } from "./format";
import { writeJson } from "./json";
import { textOf } from "./schema/fields";
import type { Tone } from "./states";
import { momentOf } from "./zones";

/** How many due times are where. */
export interface Progress {
  times: number;
  succeeded: number;
  failed: number;
  active: number;
  /** Stopped, or not wanted any more. */
  stopped: number;
  left: number;
}

const GROUPS: Readonly<Record<string, keyof Progress>> = {
  succeeded: "succeeded",
  // Its run has gone from what is kept; it had ended.
  gone: "succeeded",
  failed: "failed",
  timed_out: "failed",
  refused: "failed",
  starting: "active",
  running: "active",
  retrying: "active",
  cancelled: "stopped",
  skipped: "stopped",
};

export function progressOf({ times, counts }: Pick<BackfillView, "times" | "counts">): Progress {
  const progress: Progress = { times, succeeded: 0, failed: 0, active: 0, stopped: 0, left: 0 };
  for (const [state, number] of Object.entries(counts)) progress[GROUPS[state] ?? "left"] += number;
  return progress;
}

/** "18 of 30, 2 failed, 3 running". */
export function progressWords({ times, succeeded, failed, active, stopped }: Progress): string {
  const parts = [
    `${count(succeeded + failed + stopped)} of ${count(times)}`,
    failed > 0 && `${count(failed)} failed`,
    stopped > 0 && `${count(stopped)} stopped`,
    active > 0 && `${count(active)} running`,
  ];
  return parts.filter(Boolean).join(", ");
}

export function backfillState(state: string): { word: string; tone: Tone; shape: string } {
  switch (state) {
    case "running":
      return { word: "Running", tone: "busy", shape: "running" };
    case "paused":
      return { word: "Paused", tone: "warn", shape: "paused" };
    case "cancelled":
      return { word: "Cancelled", tone: "idle", shape: "cancelled" };
    case "done":
      return { word: "Done", tone: "ok", shape: "succeeded" };
    default:
      return { word: state, tone: "idle", shape: "lost" };
  }
}

/** Whether a run is wanted once more for some of its due times. */
export function canRetry({ counts }: Pick<BackfillView, "counts">): boolean {
  return ["failed", "timed_out", "refused", "cancelled"].some((state) => (counts[state] ?? 0) > 0);
}

export interface WrittenBackfill {
  /** Days by the clock of the schedule's zone: the first, and the last. */
  from: string;
  to: string;
  order: string;
  parallel: string;
  onlyMissing: boolean;
}

const DAY = 86_400_000;

/** The days before today, as many as told, by the clock of a zone. */
export function lastDays(days: number, now: number, zone: string): Pick<WrittenBackfill, "from" | "to"> {
  const format = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone });
  const today = Date.parse(`${format.format(now)}T00:00:00Z`);
  const day = (away: number) => new Date(today - away * DAY).toISOString().slice(0, 10);
  return { from: day(days), to: day(1) };
}

export type WrongBackfill = Partial<Record<"from" | "to" | "parallel", string>>;

export function wrongBackfill(written: WrittenBackfill): WrongBackfill {
  const wrong: WrongBackfill = {};
  if (written.from === "") wrong.from = "is required";
  if (written.to === "") wrong.to = "is required";
  else if (written.from > written.to) wrong.to = "is before the first day";
  if (!/^\s*[1-9]\d{0,2}\s*$|^\s*1000\s*$/.test(written.parallel)) wrong.parallel = "is a whole number from 1 to 1,000";
  return wrong;
}

/** As it is sent: from the begin of the first day to the end of the last. */
export function backfillBody(
  pipeline: string,
  schedule: string,
  written: WrittenBackfill,
  zone: string,
  parameters: Record<string, unknown>,
): MakeBackfill {
  const after = new Date(Date.parse(`${written.to}T00:00:00Z`) + DAY).toISOString().slice(0, 10);
  return {
    pipeline,
    schedule,
    from: momentOf(`${written.from}T00:00`, zone),
    to: momentOf(`${after}T00:00`, zone),
    // The schema says "an object", which its types take for an empty one.
    parameters: parameters as Record<string, never>,
    order: written.order,
    parallel: Number(written.parallel),
    only_missing: written.onlyMissing,
  };
}

/** What is other than the schedule says. */
export function onTop(told: Record<string, unknown>, given: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(told).filter(([name, value]) => !(name in given) || writeJson(given[name]) !== writeJson(value)),
  );
}

/** The same in a terminal. */
export function backfillCommand(body: MakeBackfill): string {
  const day = (moment: string) => moment.replace(/T00:00:00Z$/, "");
  const words = ["rigi", "backfills", "start", quote(`${body.pipeline}/${body.schedule}`), "--from", day(body.from), "--to", day(body.to)];
  for (const [name, value] of Object.entries(body.parameters ?? {})) words.push("-p", quote(`${name}=${textOf(value)}`));
  if (body.order === "newest") words.push("--newest-first");
  if (body.parallel !== 1) words.push("--parallel", String(body.parallel));
  if (body.only_missing) words.push("--only-missing");
  return inProject(words.join(" "));
}

/** What a look says: "31 runs, 4 due times have one already". */
export function previewWords({ count: runs, already }: { count: number; already: number }, onlyMissing: boolean): string {
  const have =
    already === 0 ? "" : `, ${plural(already, "due time has", "due times have")} one already${onlyMissing ? " and are left out" : ""}`;
  return `${plural(runs, "run")}${have}`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatted(key: string, at: number, zone: string | undefined, options: Intl.DateTimeFormatOptions): string {
  const id = `${key} ${zone ?? ""}`;
  const format = formats.get(id) ?? new Intl.DateTimeFormat("en-GB", zone ? { ...options, timeZone: zone } : options);
  formats.set(id, format);
  return format.format(at).replaceAll(",", "");
}

/** A due time as a whole, however long ago it was: "Thu 1 Jan 2026 03:00". */
export function dueWords(at: number, zone?: string): string {
  const second = at % 60_000 === 0 ? {} : { second: "2-digit" as const };
  const day = { weekday: "short", day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit" } as const;
  return formatted(at % 60_000 === 0 ? "due" : "second", at, zone, { ...day, ...second });
}

/** The days of a range whose end is not in it: "1 Jan 2026 to 10 Jan 2026". */
export function rangeWords(from: number, to: number, zone?: string): string {
  const day = (at: number) => formatted("day", at, zone, { day: "numeric", month: "short", year: "numeric" });
  const [first, last] = [day(from), day(to - 1)];
  return first === last ? first : `${first} to ${last}`;
}
