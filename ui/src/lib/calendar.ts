/** A week or a month of due times: what is to come, as far as it can be told, and what became of what was. */
import type { FireView, ScheduleView } from "../api/types";
import { clockOf, eachQuarter, offsetAt, QUARTER, readCron, type Clock, type CronPlan } from "./cronTimes";
import { readTime } from "./quantity";
import { saidBy, zoneOf } from "./schedule";
import { momentOf, wallTime } from "./zones";

export type Span = "week" | "month";
const DAY = 86_400_000;

/** "2026-11-30" as a count of days from 1970. */
const dayNumber = (day: string) => Date.parse(`${day}T00:00:00Z`) / DAY;
const dayText = (count: number) => new Date(count * DAY).toISOString().slice(0, 10);

export function isDay(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(dayNumber(text));
}

/** The day of a moment, by the clock of a zone. */
export function dayOf(at: number, zone: string): string {
  return dayText(Math.floor((at + offsetAt(at, zone)) / DAY));
}

/** The days of a week from Monday on, or of the weeks that hold a month. */
export function daysOf(day: string, by: Span): string[] {
  const monday = (count: number) => count - ((count + 3) % 7);
  if (by === "week") return Array.from({ length: 7 }, (_, i) => dayText(monday(dayNumber(day)) + i));
  const [first, last] = monthOf(day);
  const start = monday(first);
  return Array.from({ length: monday(last) + 7 - start }, (_, i) => dayText(start + i));
}

function monthOf(day: string): [number, number] {
  const [year = 0, month = 1] = day.split("-").map(Number);
  return [Date.UTC(year, month - 1, 1) / DAY, Date.UTC(year, month, 0) / DAY];
}

/** The same day of the next week or month, or of the one before. */
export function shifted(day: string, by: Span, step: 1 | -1): string {
  if (by === "week") return dayText(dayNumber(day) + 7 * step);
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const [, last] = monthOf(dayText(Date.UTC(year, month - 1 + step, 1) / DAY));
  return dayText(Math.min(Date.UTC(year, month - 1 + step, date) / DAY, last));
}

/** "30 Nov – 6 Dec 2026", "November 2026". */
export function spanTitle(day: string, by: Span): string {
  const format = (at: string, options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }).format(Date.parse(`${at}T00:00:00Z`));
  if (by === "month") return format(day, { month: "long", year: "numeric" });
  const days = daysOf(day, "week");
  const [first = day, last = day] = [days[0], days.at(-1)];
  const one = first.slice(0, 7) === last.slice(0, 7) ? { day: "numeric" as const } : { day: "numeric" as const, month: "short" as const };
  return `${format(first, one)} – ${format(last, { day: "numeric", month: "short", year: "numeric" })}`;
}

export interface Frame {
  days: string[];
  zone: string;
  start: number;
  end: number;
}

export function frameOf(day: string, by: Span, zone: string): Frame {
  const days = daysOf(day, by);
  const start = firstMoment(`${days[0] ?? day}T00:00`, zone);
  const end = firstMoment(`${dayText(dayNumber(days.at(-1) ?? day) + 1)}T00:00`, zone);
  return { days, zone, start, end };
}

/** Where a day begins and ends, or an hour of it: "2026-11-30", "2026-11-30T14". An hour that the clock says twice is all of both. */
export function bounds(of: string, zone: string): { start: number; end: number } {
  const [day = "", hour] = of.split("T");
  const next = hour === undefined ? `${dayText(dayNumber(day) + 1)}T00:00` : hourAfter(day, Number(hour));
  return { start: firstMoment(`${day}T${hour ?? "00"}:00`, zone), end: firstMoment(next, zone) };
}

/** The first moment at which the clock says so. */
function firstMoment(wall: string, zone: string): number {
  const at = Date.parse(momentOf(wall, zone));
  const before = at - 3_600_000;
  return wallTime(new Date(before).toISOString(), zone) === wall ? before : at;
}

function hourAfter(day: string, hour: number): string {
  return hour === 23 ? `${dayText(dayNumber(day) + 1)}T00:00` : `${day}T${String(hour + 1).padStart(2, "0")}:00`;
}

export interface Tally {
  coming: number;
  run: number;
  skipped: number;
  missed: number;
}

export const total = ({ coming, run, skipped, missed }: Tally) => coming + run + skipped + missed;

/** When one schedule is due from its next time on. */
export interface Ahead {
  /** Whether the server's next times bear it out; if not, nothing is known but these. */
  exact: boolean;
  each: (start: number, end: number, visit: (at: number, count: number) => void) => void;
  /** Its times, `most` of them. */
  list: (start: number, end: number, most: number) => number[];
}

type Rule = (start: number, end: number, visit: (at: number, count: number, times: () => number[]) => boolean) => void;

const clocks = new Map<string, Clock>();

function clockFor(zone: string, start: number, end: number): Clock {
  const key = `${zone} ${start} ${end}`;
  const known = clocks.get(key) ?? clockOf(zone, start, end);
  if (clocks.size > 40) clocks.clear();
  clocks.set(key, known);
  return known;
}

function byCron(plan: CronPlan, zone: string): Rule {
  const { seconds } = plan;
  return (start, end, visit) =>
    eachQuarter(plan, clockFor(zone, start, end), (at, minutes) => {
      const [first] = minutes;
      // After a gap of the clock, at its first moment.
      const base = first === 0 ? at : at - (((first ?? 0) - ((first ?? 0) % 15)) % 60) * 60_000;
      const times = () => minutes.flatMap((minute) => seconds.map((second) => base + minute * 60_000 + second * 1000));
      return visit(at, minutes.length * seconds.length, times);
    });
}

function byInterval(next: number, every: number): Rule {
  return (start, end, visit) => {
    const first = next + Math.max(0, Math.ceil((start - next) / every)) * every;
    for (let at = first; at < end;) {
      const stop = Math.min(end, (Math.floor(at / QUARTER) + 1) * QUARTER);
      const [from, count] = [at, Math.ceil((stop - at) / every)];
      const times = () => Array.from({ length: count }, (_, i) => from + i * every);
      if (!visit(at, count, times)) return;
      at = from + count * every;
    }
  };
}

function ruleOf(schedule: ScheduleView): Rule | null {
  const { cron, interval } = saidBy(schedule);
  const next = Date.parse(schedule.next[0] ?? "");
  if (cron !== undefined) {
    const plan = readCron(cron);
    return plan && byCron(plan, zoneOf(schedule) ?? "UTC");
  }
  const read = interval === undefined ? null : readTime(interval);
  return read && "amount" in read && read.amount ? byInterval(next, read.amount) : null;
}

/** What comes of a schedule; `told` are the times that the server gives. Null: nothing does. */
export function aheadOf(schedule: ScheduleView, told: readonly string[] = schedule.next): Ahead | null {
  const times = told.map((at) => Date.parse(at));
  const [first] = times;
  if (first === undefined) return null;
  const rule = ruleOf(schedule);
  const last = times.at(-1) ?? first;
  const until = Date.parse(saidBy(schedule).end ?? "");
  const most = Number.isNaN(until) ? Infinity : until + 1;
  // Times are compared as far as a month goes; what is due more seldom is told whole by the server anyway.
  const checked = Math.min(last + 1, first + 40 * DAY);
  const known = times.filter((at) => at < checked);
  if (!rule || !same(listed(rule, first, Math.min(checked, most), known.length + 1), known)) {
    const between = (start: number, end: number) => times.filter((at) => at >= start && at < end);
    const once = saidBy(schedule).once_at !== undefined;
    return {
      exact: once || (rule === null && times.length === 0),
      each: (start, end, visit) => between(start, end).forEach((at) => visit(at, 1)),
      list: (start, end, count) => between(start, end).slice(0, count),
    };
  }
  return {
    exact: true,
    each: (start, end, visit) => {
      const [from, to] = [Math.max(start, first), Math.min(end, most)];
      if (from >= to) return;
      rule(start, to, (at, count, all) => {
        if (at + QUARTER <= from) return true;
        // Only where it begins or ends within a quarter is each time looked at.
        const within = at >= from && at + QUARTER <= to ? count : all().filter((time) => time >= from && time < to).length;
        if (within > 0) visit(Math.max(at, from), within);
        return true;
      });
    },
    list: (start, end, count) => listed(rule, Math.max(start, first), Math.min(end, most), count),
  };
}

function same(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((at, i) => at === other[i]);
}

function listed(rule: Rule, start: number, end: number, most: number): number[] {
  const found: number[] = [];
  if (start >= end) return found;
  rule(start, end, (at, _, times) => {
    if (at + QUARTER <= start) return true;
    for (const time of times()) if (time >= start && time < end && found.length < most) found.push(time);
    return found.length < most;
  });
  return found;
}

/** Counts by day and hour of a frame: hour 14 of its third day is at 2 * 24 + 14. */
export function tallies(frame: Frame, coming: readonly Ahead[], fires: readonly FireView[]): Tally[] {
  const { days, zone, start, end } = frame;
  const cells: Tally[] = Array.from({ length: days.length * 24 }, () => ({ coming: 0, run: 0, skipped: 0, missed: 0 }));
  const clock = clockFor(zone, start, end);
  const first = dayNumber(days[0] ?? "");
  const cellAt = (at: number): Tally | undefined => {
    const wall = clock.wall[Math.floor((at - clock.start) / QUARTER)] ?? NaN;
    return cells[(Math.floor(wall / DAY) - first) * 24 + (Math.floor(wall / 3_600_000) % 24)];
  };
  for (const one of coming) {
    one.each(start, end, (at, count) => {
      const cell = cellAt(at);
      if (cell) cell.coming += count;
    });
  }
  for (const { due, outcome } of fires) {
    const at = Date.parse(due);
    const cell = at >= start && at < end ? cellAt(at) : undefined;
    if (cell && (outcome === "run" || outcome === "skipped" || outcome === "missed")) cell[outcome] += 1;
  }
  return cells;
}

export function sum(cells: readonly Tally[]): Tally {
  const all = { coming: 0, run: 0, skipped: 0, missed: 0 };
  for (const cell of cells) {
    all.coming += cell.coming;
    all.run += cell.run;
    all.skipped += cell.skipped;
    all.missed += cell.missed;
  }
  return all;
}
