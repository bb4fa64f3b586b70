/** When the steps of a flow waited and ran, on one line of time. */
import { isStepEnd, type Step } from "./steps";

export interface Bar {
  name: string;
  /** In milliseconds: since when it could have begun, until it began or what it waits for is over. */
  waited: readonly [number, number] | null;
  ran: readonly [number, number] | null;
}

export interface Timeline {
  begin: number;
  end: number;
  bars: Bar[];
  ticks: { at: number; text: string }[];
}

const TICKS = 6;
const SECOND = 1000;
const UNITS = [
  [1, 2, 5, 10, 20, 50, 100, 200, 500],
  [1, 2, 5, 10, 15, 30].map((n) => n * SECOND),
  [1, 2, 5, 10, 15, 30].map((n) => n * 60 * SECOND),
  [1, 2, 3, 6, 12].map((n) => n * 3600 * SECOND),
].flat();
const DAY = 24 * 3600 * SECOND;

/** `begin` is when the flow was accepted, `end` when it ended, or null while it goes on. */
export function timelineOf(steps: readonly Step[], begin: number, end: number | null, now: number): Timeline {
  const ends = new Map(steps.map((step) => [step.name, step.ended_at ? Date.parse(step.ended_at) : null]));
  const last = Math.max(begin + 1, end ?? now, ...[...ends.values()].map((at) => at ?? 0));
  const bars = steps.map((step): Bar => {
    const started = step.started_at ? Date.parse(step.started_at) : null;
    const ended = ends.get(step.name) ?? null;
    const over = isStepEnd(step.state);
    const free = freeSince(step, ends, begin);
    const until = started ?? (over ? ended : last);
    const waits = free !== null && until !== null && step.state !== "skipped" && until > free && (started !== null || end === null);
    return {
      name: step.name,
      waited: waits ? [free, until] : null,
      ran: started === null ? null : [started, ended ?? last],
    };
  });
  return { begin, end: last, bars, ticks: ticksOf(last - begin) };
}

/** When what it needs was over; null: not yet. One that is skipped has no end, and is over when what it needs is. */
function freeSince(step: Step, ends: Map<string, number | null>, begin: number): number | null {
  let free = begin;
  for (const need of step.needs) {
    const at = ends.get(need);
    if (at == null) {
      if (step.started_at || step.counts.items > 0) continue;
      return null;
    }
    free = Math.max(free, at);
  }
  return free;
}

/** Round marks, from nothing to all of it. */
export function ticksOf(span: number): { at: number; text: string }[] {
  const least = span / TICKS;
  const step = UNITS.find((unit) => unit >= least) ?? Math.ceil(least / DAY) * DAY;
  const ticks: { at: number; text: string }[] = [];
  for (let at = 0; at <= span; at += step) ticks.push({ at, text: tickText(at, step) });
  return ticks;
}

function tickText(at: number, step: number): string {
  if (at === 0) return "0";
  if (step < SECOND) return at < SECOND ? `${at} ms` : `${+(at / SECOND).toFixed(2)} s`;
  const s = Math.round(at / SECOND);
  if (step >= DAY) return `${Math.round(s / 86_400)} d`;
  if (s < 60) return `${s} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (step < 60 * SECOND)
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
  if (s < 3600) return `${s / 60} min`;
  return s % 3600 === 0 ? `${s / 3600} h` : `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60}`;
}
