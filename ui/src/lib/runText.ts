/** What a run's state means, in words. */
import { ago, clock, count, duration, ordinal, roughly } from "./format";
import { isEnd, stateLabel } from "./states";

/** The part of a run that its words need. */
export interface RunWords {
  state: string;
  message?: string | null | undefined;
  queue?: { position: number; waiting: number; limit?: number | null } | null | undefined;
  attempt: number;
  max_attempts: number;
  created_at: string;
  started_at?: string | null | undefined;
  ended_at?: string | null | undefined;
  next_attempt_at?: string | null | undefined;
  cancel_requested_at?: string | null | undefined;
  duration_ms?: number | null | undefined;
  progress?: { fraction?: number | null; message?: string | null } | null | undefined;
}

/** Milliseconds that the process has run so far, or ran. */
export function elapsed(run: RunWords, now: number): number | null {
  if (run.duration_ms != null) return run.duration_ms;
  if (!run.started_at || run.state === "retrying") return null;
  const end = run.ended_at ? Date.parse(run.ended_at) : isEnd(run.state) ? null : now;
  return end === null ? null : Math.max(0, end - Date.parse(run.started_at));
}

/** How long still: from what the run says of its progress, else from how long such runs take. */
export function remaining(run: RunWords, now: number, expectedMs?: number | null): string | null {
  const passed = elapsed(run, now);
  if (run.state !== "running" || passed === null) return null;
  const fraction = run.progress?.fraction;
  if (fraction != null && fraction > 0.02) {
    return fraction >= 1 ? "almost done" : `about ${roughly((passed / fraction) * (1 - fraction))} left`;
  }
  if (!expectedMs) return null;
  const left = expectedMs - passed;
  if (left > 0) return `about ${roughly(left)} left`;
  if (passed > expectedMs * 1.5 + 5000) return `longer than the usual ${duration(expectedMs)}`;
  return "almost done";
}

/** Which attempt it is: "attempt 2 of 5"; those that make up for the machine's faults are beyond what the spec allows. */
export function attemptWord({ attempt, max_attempts }: Pick<RunWords, "attempt" | "max_attempts">): string {
  return attempt <= max_attempts ? `attempt ${attempt} of ${max_attempts}` : `attempt ${attempt}`;
}

/** The status of a process that failed, where the message does not say it: "exit 3". */
export function exitWord({
  exit_code,
  message,
}: {
  exit_code?: number | null | undefined;
  message?: string | null | undefined;
}): string | null {
  if (!exit_code) return null;
  const word = `exit ${exit_code}`;
  return message === word || message?.startsWith(`${word} (`) ? null : word;
}

/** The state as a heading: "Running 0:42", "Retrying in 28 s", "Failed after 41 s"; `passed` is the time of all its attempts. */
export function stateHeading(run: RunWords, now: number, passed = elapsed(run, now)): string {
  const label = stateLabel(run.state);
  if (run.cancel_requested_at && !isEnd(run.state)) return "Stopping";
  if (run.state === "retrying" && run.next_attempt_at) return `${label} ${inWords(run.next_attempt_at, now)}`;
  if (run.state === "running" && passed !== null) return `${label} ${clock(passed)}`;
  if (passed !== null && isEnd(run.state)) return `${label} ${run.state === "succeeded" ? "in" : "after"} ${duration(passed)}`;
  return label;
}

function inWords(at: string, now: number): string {
  const time = Date.parse(at);
  return time <= now ? "now" : ago(time, now);
}

/** The reason or the prospect, without the state: "2nd of 3, limit of 1 at a time", "about 1 min left". */
export function stateDetail(run: RunWords, now: number, expectedMs?: number | null): string {
  if (run.state === "queued") {
    if (run.message) return run.message;
    return run.queue ? `${ordinal(run.queue.position)} of ${run.queue.waiting}` : "";
  }
  const parts: string[] = [];
  if (run.state === "running") {
    const left = remaining(run, now, expectedMs);
    if (left) parts.push(left);
    if (run.progress?.message) parts.push(run.progress.message);
    if (parts.length === 0 && run.message) parts.push(run.message);
  } else if (run.message) {
    parts.push(run.message);
  }
  const more = run.state === "retrying" || (run.attempt > 1 && run.state !== "succeeded");
  if (more && (run.max_attempts > 1 || run.attempt > 1) && !/attempt \d/.test(run.message ?? "")) parts.push(attemptWord(run));
  return parts.join(", ");
}

/** The state as one line of a list: "Retrying in 28 s". */
export function stateShort(run: RunWords, now: number): string {
  if (run.cancel_requested_at && !isEnd(run.state)) return "Stopping";
  if (run.state === "retrying" && run.next_attempt_at) return `Retrying ${inWords(run.next_attempt_at, now)}`;
  return stateLabel(run.state);
}

/** Who or what started it, as a short phrase. */
export function startedBy(trigger: { kind: string; by: string }): string {
  switch (trigger.kind) {
    case "manual":
      return trigger.by;
    case "schedule":
      return backfillOf(trigger) ? `backfill ${shortId(backfillOf(trigger) ?? "")}` : `schedule ${trigger.by}`;
    case "event":
      return `event of ${trigger.by}`;
    case "downstream":
      // By a trigger that waits for several.
      return trigger.by.includes("/") ? `ends for ${trigger.by}` : `after ${shortId(trigger.by)}`;
    case "restart":
      return trigger.by.startsWith("run_") ? `restart after ${shortId(trigger.by)}` : trigger.by;
    case "rerun":
      return trigger.by === "you" ? "you" : `again ${shortId(trigger.by)}`;
    default:
      return `${trigger.kind} ${shortId(trigger.by)}`;
  }
}

/** The backfill that started it for a due time. */
export function backfillOf({ kind, by }: { kind: string; by: string }): string | undefined {
  return kind === "schedule" ? /^backfill (bkf_\w+)/.exec(by)?.[1] : undefined;
}

/** The last four characters of an id, as people say it; other words stay. */
export function shortId(id: string): string {
  return /^[a-z]+_[0-9A-Z]{26}$/i.test(id) ? id.slice(-4) : id;
}

/** What goes on in a project: "2 active, 5 waiting". */
export function goingOn({ active, queued }: { active: number; queued: number }): string {
  const parts = [active > 0 && `${count(active)} active`, queued > 0 && `${count(queued)} waiting`].filter(Boolean);
  return parts.join(", ") || "nothing runs";
}
