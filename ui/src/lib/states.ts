/** The states of runs and attempts: their words, tones and kinds. Shapes are in `components/StateIcon`. */

export const RUN_STATES = [
  "queued",
  "starting",
  "running",
  "retrying",
  "succeeded",
  "failed",
  "timed_out",
  "cancelled",
  "skipped",
] as const;

export type RunState = (typeof RUN_STATES)[number];
export type AnyState = RunState | "lost";
export type Tone = "idle" | "busy" | "warn" | "ok" | "bad";

const LABEL: Record<AnyState, string> = {
  queued: "Queued",
  starting: "Starting",
  running: "Running",
  retrying: "Retrying",
  succeeded: "Succeeded",
  failed: "Failed",
  timed_out: "Timed out",
  cancelled: "Cancelled",
  skipped: "Skipped",
  lost: "Lost",
};

const TONE: Record<AnyState, Tone> = {
  queued: "idle",
  starting: "idle",
  running: "busy",
  retrying: "warn",
  succeeded: "ok",
  failed: "bad",
  timed_out: "bad",
  cancelled: "idle",
  skipped: "idle",
  lost: "warn",
};

/** Whether a word is a state this page knows; a newer server may have more. */
export function isState(state: string): state is AnyState {
  return state in LABEL;
}

export function stateLabel(state: string): string {
  return isState(state) ? LABEL[state] : state;
}

export function stateTone(state: string): Tone {
  return isState(state) ? TONE[state] : "idle";
}

const ENDS = new Set(["succeeded", "failed", "timed_out", "cancelled", "skipped", "lost"]);

export function isEnd(state: string): boolean {
  return ENDS.has(state);
}

/** Which counter of a pipeline or of the server a state belongs to. */
export function counterOf(state: string): "queued" | "active" | null {
  if (state === "queued") return "queued";
  return state === "starting" || state === "running" || state === "retrying" ? "active" : null;
}
