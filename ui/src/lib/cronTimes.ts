/**
 * When a cron text is due, by the clock on the wall: for looking ahead further than the server tells. It decides nothing: what the
 * server says is due next is compared with it, and where they differ this is not used. A text that it does not know is null.
 */

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const NICKNAMES: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};
const DAY = 86_400_000;
const HOUR = 3_600_000;
export const QUARTER = 900_000;

export interface CronPlan {
  seconds: number[];
  /** Minutes of each quarter of an hour. */
  quarters: readonly [number[], number[], number[], number[]];
  hours: boolean[];
  /** Whether it is due on a day, counted from 1970. */
  onDay: (day: number) => boolean;
  /** At fixed times of day: once a day, also where the clock is changed. Others follow the wall. */
  fixed: boolean;
}

function value(text: string, names: readonly string[], base: number): number | null {
  const at = names.indexOf(text);
  if (at >= 0) return at + base;
  return /^\d{1,2}$/.test(text) ? Number(text) : null;
}

interface Field {
  on: boolean[];
  /** It is `*`: every one. */
  every: boolean;
  /** It recurs: by `*`, a range or a step. */
  recurs: boolean;
}

function readField(text: string, least: number, most: number, names: readonly string[] = []): Field | null {
  const on = Array.from({ length: most + 1 }, () => false);
  for (const part of text.split(",")) {
    const [range = "", step, ...more] = part.split("/");
    if (more.length > 0 || (step !== undefined && !/^[1-9]\d?$/.test(step))) return null;
    const by = step === undefined ? 1 : Number(step);
    const star = range === "*" || range === "?";
    const [from = "", to, ...rest] = range.split("-");
    if (rest.length > 0) return null;
    const first = star ? least : value(from, names, least);
    const last = star || (to === undefined && step !== undefined) ? most : value(to ?? from, names, least);
    if (first === null || last === null || first < least || last > most || first > last) return null;
    for (let at = first; at <= last; at += by) on[at] = true;
  }
  const every = text === "*" || text === "?";
  return { on, every, recurs: every || /[/-]/.test(text) };
}

/** Reads five fields, or six with seconds first. */
export function readCron(text: string): CronPlan | null {
  const parts = (NICKNAMES[text.trim().toLowerCase()] ?? text).trim().toUpperCase().split(/\s+/);
  if (parts.length === 5) parts.unshift("0");
  if (parts.length !== 6) return null;
  const [second = "", minute = "", hour = "", date = "", month = "", weekday = ""] = parts;
  const seconds = readField(second, 0, 59);
  const minutes = readField(minute, 0, 59);
  const hours = readField(hour, 0, 23);
  const last = date === "L";
  const dates = readField(last ? "*" : date, 1, 31);
  const months = readField(month, 1, 12, MONTHS);
  const weekdays = readField(weekday, 0, 7, DAYS);
  if (!seconds || !minutes || !hours || !dates || !months || !weekdays) return null;
  if (weekdays.on[7]) weekdays.on[0] = true;
  const list = (of: Field) => of.on.flatMap((on, at) => (on ? [at] : []));
  const inQuarter = (quarter: number) => list(minutes).filter((at) => Math.floor(at / 15) === quarter);
  const onDate = (day: Date) => (last ? new Date(day.getTime() + DAY).getUTCDate() === 1 : dates.on[day.getUTCDate()] === true);
  const anyDate = dates.every && !last;
  return {
    seconds: list(seconds),
    quarters: [inQuarter(0), inQuarter(1), inQuarter(2), inQuarter(3)],
    hours: hours.on,
    fixed: !hours.recurs && !minutes.recurs,
    onDay: (count) => {
      const day = new Date(count * DAY);
      if (!months.on[day.getUTCMonth() + 1]) return false;
      const onWeekday = weekdays.on[day.getUTCDay()] === true;
      if (anyDate) return weekdays.every || onWeekday;
      // Of both, either counts.
      return weekdays.every ? onDate(day) : onDate(day) || onWeekday;
    },
  };
}

/** Quarters of an hour of a stretch of time, with what the clock of a zone says at the begin of each, as if it were UTC. */
export interface Clock {
  start: number;
  wall: Float64Array;
}

const zones = new Map<string, Intl.DateTimeFormat>();

/** How far the clock of a zone is from UTC. */
export function offsetAt(at: number, zone: string): number {
  const format = zones.get(zone) ?? new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  zones.set(zone, format);
  return Date.parse(`${format.format(at).replace(" ", "T")}Z`) - Math.floor(at / 1000) * 1000;
}

export function clockOf(zone: string, start: number, end: number): Clock {
  const from = Math.floor(start / QUARTER) * QUARTER;
  const wall = new Float64Array(Math.ceil((end - from) / QUARTER));
  let [offset, until] = [0, -Infinity];
  for (let i = 0; i < wall.length; i += 1) {
    const at = from + i * QUARTER;
    if (at >= until) {
      offset = offsetAt(at, zone);
      // Of a whole day at once, where the clock is not changed within it.
      until = offsetAt(at + DAY, zone) === offset ? at + DAY : at + QUARTER;
    }
    wall[i] = at + offset;
  }
  return { start: from, wall };
}

/** Visits each quarter of an hour in which a plan is due, with the minutes and seconds in it, as long as it is told to. */
export function eachQuarter(plan: CronPlan, { start, wall }: Clock, visit: (at: number, minutes: readonly number[]) => boolean): void {
  const known = new Map<number, boolean>();
  const isDay = (day: number) => {
    const said = known.get(day) ?? plan.onDay(day);
    known.set(day, said);
    return said;
  };
  const minutesAt = (local: number) => {
    if (!plan.hours[Math.floor((local % DAY) / HOUR)]) return [];
    const minutes = plan.quarters[(Math.floor(local / QUARTER) % 4) as 0 | 1 | 2 | 3];
    return minutes.length > 0 && isDay(Math.floor(local / DAY)) ? minutes : [];
  };
  let highest = -Infinity;
  for (let i = 0; i < wall.length; i += 1) {
    const local = wall[i] ?? 0;
    const at = start + i * QUARTER;
    let minutes = minutesAt(local);
    if (plan.fixed) {
      // What the clock says twice counts once, and what it leaves out is due as soon as it goes on.
      if (local <= highest) minutes = [];
      for (let skipped = i === 0 ? local : highest + QUARTER; skipped < local && minutes.length === 0; skipped += QUARTER) {
        if (minutesAt(skipped).length > 0) minutes = [0];
      }
      highest = Math.max(highest, local);
    }
    if (minutes.length > 0 && !visit(at, minutes)) return;
  }
}
