/** Schedules in words: when they are due, how they stand, what became of a due time. */
import type { ScheduleView } from "../api/types";
import { cronWords } from "./cron";
import { moment } from "./format";
import { byWord } from "./people";
import { readTime, writeTime } from "./quantity";
import type { Tone } from "./states";

/** What a schedule says, as far as this page reads it. */
export interface Said {
  cron?: string;
  interval?: string;
  once_at?: string;
  timezone?: string;
  start?: string;
  end?: string;
  jitter?: string;
  catch_up?: string;
  overlap?: string;
  start_within?: string;
  stop_after?: number;
  parameters?: Record<string, unknown>;
  labels?: Record<string, string>;
  target?: string;
}

export function saidBy({ schedule }: Pick<ScheduleView, "schedule">): Said {
  return schedule;
}

/** Whether it has no time: it is kept for runs that people start as it says. */
export function isPreset(view: Pick<ScheduleView, "schedule">): boolean {
  const { cron, interval, once_at } = saidBy(view);
  return cron === undefined && interval === undefined && once_at === undefined;
}

/** The zone by whose clock its times are told; none: by that of whoever looks. */
export function zoneOf(view: Pick<ScheduleView, "schedule">): string | undefined {
  const { cron, timezone } = saidBy(view);
  return timezone ?? (cron === undefined ? undefined : "UTC");
}

/** When it is due, in words; where a cron text has none, that is `code`. */
export function rhythmOf(view: ScheduleView): { words: string; zone?: string; code?: string } {
  const { cron, interval, once_at } = saidBy(view);
  if (isPreset(view)) return { words: "at no time" };
  if (once_at !== undefined) return { words: "once" };
  if (cron === undefined) {
    const every = readTime(interval ?? "");
    return { words: "amount" in every && every.amount !== null ? `every ${writeTime(every.amount)}` : view.rhythm };
  }
  const words = cronWords(cron);
  return { words: words ?? "", zone: zoneOf(view) ?? "UTC", ...(words === null ? { code: cron } : {}) };
}

export interface Standing {
  word: string;
  tone: Tone;
  /** Who has it stand so, and why; "" where there is nothing to say. */
  why: string;
}

/** How it stands. When it was paused is told by whoever shows it. */
export function standingOf(view: ScheduleView): Standing {
  if (isPreset(view)) return { word: "Preset", tone: "idle", why: "It has no time. Runs can be started as it says." };
  const { paused, off } = view;
  if (off != null) return { word: "Off", tone: "idle", why: `${off.charAt(0).toUpperCase()}${off.slice(1)}.` };
  if (paused != null) {
    const who = paused.by === "rigi" ? "by Rigi" : `by ${byWord(paused.by)}`;
    return { word: "Paused", tone: "warn", why: paused.why ? `${who}: ${paused.why}` : who };
  }
  if (view.next.length === 0) return { word: "Over", tone: "idle", why: "No time comes any more." };
  return { word: "On", tone: "ok", why: "" };
}

const days = new Map<string, Intl.DateTimeFormat>();

function dayIn(at: number, zone: string | undefined): number {
  const key = zone ?? "";
  const format =
    days.get(key) ??
    new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", ...(zone ? { timeZone: zone } : {}) });
  days.set(key, format);
  return Date.parse(format.format(at)) / 86_400_000;
}

/** A time that comes, by the clock of a zone: "06:00", "tomorrow 06:00", "Thu 06:00", "3 Dec 06:00"; seconds where they are not 0. */
export function dueClock(
  at: number,
  now: number,
  zone?: string,
  by: "second" | "minute" = at % 60_000 === 0 ? "minute" : "second",
): string {
  const format = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-GB", { ...options, ...(zone ? { timeZone: zone } : {}) }).format(at);
  const second = by === "minute" ? {} : { second: "2-digit" as const };
  const time = format({ hour: "2-digit", minute: "2-digit", ...second });
  const away = dayIn(at, zone) - dayIn(now, zone);
  if (away === 0) return time;
  if (away === 1) return `tomorrow ${time}`;
  if (away === -1) return `yesterday ${time}`;
  if (away > 1 && away < 7) return `${format({ weekday: "short" })} ${time}`;
  return moment(at, now, zone);
}

/** The day of a time as the server writes it by a clock on a wall: "Tue 1 Dec 2026". */
export function localDay(local: string): string {
  const at = Date.parse(`${local.slice(0, 10)}T00:00:00Z`);
  if (Number.isNaN(at)) return local;
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric" });
  return format.format(at).replace(",", "");
}

/** The time of it, with seconds where they are not 0, and how far that clock is from UTC. */
export function localClock(local: string): { time: string; offset: string } {
  const [, time = "", offset = ""] = /T(\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(local) ?? [];
  return { time: time.length > 5 ? time.replace(/:00$/, "") : time, offset: offset === "+00:00" || offset === "Z" ? "UTC" : offset };
}

/** The one that is due before all others. */
export function firstOf(all: readonly ScheduleView[]): ScheduleView | undefined {
  const due = (one: ScheduleView) => Date.parse(one.next[0] ?? "");
  return all.filter(({ next }) => next.length > 0).sort((one, other) => due(one) - due(other))[0];
}
