/** How long the parts of a run took, over all its attempts. */
import { elapsed, type RunWords } from "./runText";
import { isEnd } from "./states";

export type PartKind = "queued" | "waited" | "preparing" | "running" | "rest";

export interface Part {
  kind: PartKind;
  ms: number;
}

/** When an attempt was begun, its process started, and it ended. */
export interface Span {
  created_at: string;
  started_at?: string | null | undefined;
  ended_at?: string | null | undefined;
}

export interface PhasedRun extends RunWords {
  phases: { queued_ms: number; preparing_ms?: number | null; running_ms?: number | null };
  expected_ms?: number | null | undefined;
}

/** With more attempts than this their parts are put together. */
const MOST = 8;

/** Whether the run alone does not say it: it has, or will have, more than one attempt. */
export function hasMany(run: Pick<RunWords, "attempt" | "state">): boolean {
  return run.attempt > 1 || run.state === "retrying";
}

/** The parts in their order; `spans` are the attempts where there are many, and none while they are not known. */
export function partsOf(run: PhasedRun, spans: readonly Span[], now: number): Part[] {
  const parts = hasMany(run) ? partsOfMany(run, spans, now) : partsOfOne(run, now);
  const passed = elapsed(run, now);
  if (run.state === "running" && passed !== null) {
    const fraction = run.progress?.fraction;
    const all = fraction ? passed / fraction : (run.expected_ms ?? 0);
    if (all > passed) parts.push({ kind: "rest", ms: all - passed });
  }
  return parts;
}

function partsOfOne(run: PhasedRun, now: number): Part[] {
  const { phases } = run;
  const accepted = Date.parse(run.created_at);
  const parts: Part[] = [{ kind: "queued", ms: run.state === "queued" ? Math.max(phases.queued_ms, now - accepted) : phases.queued_ms }];
  const preparing = phases.preparing_ms ?? (run.state === "starting" ? Math.max(0, now - accepted - phases.queued_ms) : null);
  if (preparing != null) parts.push({ kind: "preparing", ms: preparing });
  const running = phases.running_ms ?? (run.attempt > 0 && run.state !== "starting" ? elapsed(run, now) : null);
  if (running != null) parts.push({ kind: "running", ms: running });
  return parts;
}

function partsOfMany(run: PhasedRun, spans: readonly Span[], now: number): Part[] {
  const parts: Part[] = [];
  let free = Date.parse(run.created_at);
  const put = (kind: PartKind, until: number) => {
    parts.push({ kind, ms: Math.max(0, until - free) });
    free = until;
  };
  for (const [index, span] of spans.entries()) {
    put(index === 0 ? "queued" : "waited", Date.parse(span.created_at));
    const end = span.ended_at ? Date.parse(span.ended_at) : now;
    put("preparing", span.started_at ? Date.parse(span.started_at) : end);
    if (span.started_at) put("running", end);
  }
  if (spans.length > 0 && !isEnd(run.state) && spans.at(-1)?.ended_at) put("waited", now);
  return spans.length > MOST ? sumsOf(parts) : parts;
}

/** One part of each kind, in the order in which they first came. */
export function sumsOf(parts: readonly Part[]): Part[] {
  const sums = new Map<PartKind, number>();
  for (const { kind, ms } of parts) sums.set(kind, (sums.get(kind) ?? 0) + ms);
  return Array.from(sums, ([kind, ms]) => ({ kind, ms }));
}

/** Milliseconds from the first start of its process until now or its end, all attempts and the waits between them; null while that is not known. */
export function totalOf(run: RunWords, spans: readonly Span[], now: number): number | null {
  if (!hasMany(run)) return elapsed(run, now);
  const [first] = spans;
  if (!first) return null;
  const end = isEnd(run.state) ? (run.ended_at ?? spans.at(-1)?.ended_at) : null;
  return Math.max(0, (end ? Date.parse(end) : now) - Date.parse(first.started_at ?? first.created_at));
}
