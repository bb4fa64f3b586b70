/** The steps of a flow, in words. */
import { clock, count, duration, plural } from "../format";

/** What is drawn of a step, whether it is of a spec or of a run. */
export interface Planned {
  name: string;
  kind: string;
  /** What it does, in a few words. */
  does: string;
  needs: readonly string[];
  run_if: string;
  when?: string | null;
  optional: boolean;
  fans_out: boolean;
}

export interface StepCounts {
  items: number;
  waiting: number;
  active: number;
  succeeded: number;
  failed: number;
  cancelled: number;
}

/** A step of a run. */
export interface Step extends Planned {
  state: string;
  description?: string | null;
  message?: string | null;
  counts: StepCounts;
  run?: string | null;
  started_at?: string | null;
  ended_at?: string | null;
}

export function isStepEnd(state: string): boolean {
  return state === "succeeded" || state === "failed" || state === "skipped";
}

/** Nothing of it changes any more. */
export function isOver({ state, counts }: Pick<Step, "state" | "counts">): boolean {
  return isStepEnd(state) && counts.active + counts.waiting === 0;
}

/** It waits for a person, and nothing else. */
export function asks({ kind, state }: Pick<Step, "kind" | "state">): boolean {
  return kind === "approval" && state === "running";
}

/** Whose shape and colour a step's state has. */
export function shapeOf(state: string): string {
  return state === "waiting" ? "queued" : state;
}

const WORDS: Record<string, string> = {
  waiting: "Waiting",
  running: "Running",
  succeeded: "Succeeded",
  failed: "Failed",
  skipped: "Skipped",
};

export function stepWord(step: Pick<Step, "kind" | "state">): string {
  return asks(step) ? "Asks for an answer" : (WORDS[step.state] ?? step.state);
}

/** Milliseconds since it started, or that it took. */
export function passedOf(step: Pick<Step, "started_at" | "ended_at" | "state">, now: number): number | null {
  if (!step.started_at) return null;
  const end = step.ended_at ? Date.parse(step.ended_at) : isStepEnd(step.state) ? null : now;
  return end === null ? null : Math.max(0, end - Date.parse(step.started_at));
}

/** "0:42", "2.4 s", or nothing. */
export function timeOf(step: Step, now: number): string {
  const passed = passedOf(step, now);
  return passed === null ? "" : step.ended_at ? duration(passed) : clock(passed);
}

/** How far a step is that is done for several items: "91 of 300, 2 failed". */
export function itemsOf({ fans_out, counts }: Pick<Step, "fans_out" | "counts">): string {
  if (!fans_out || counts.items === 0) return "";
  const ended = counts.succeeded + counts.failed + counts.cancelled;
  const parts = [ended === counts.items ? plural(counts.items, "item") : `${count(ended)} of ${count(counts.items)}`];
  if (counts.failed > 0) parts.push(`${count(counts.failed)} failed`);
  if (counts.cancelled > 0) parts.push(`${count(counts.cancelled)} cancelled`);
  return parts.join(", ");
}

const CONDITIONS: Record<string, string> = {
  any_success: "one succeeded",
  failed: "one failed",
  done: "all ended",
  not_skipped: "none skipped",
};

/** What its needs must have come to, where that is not success. */
export function conditionOf({ run_if, needs }: Pick<Planned, "run_if" | "needs">): string | null {
  if (run_if === "success" || needs.length === 0) return null;
  if (needs.length > 1) return CONDITIONS[run_if] ?? run_if;
  return { failed: "failed", any_success: "succeeded", done: "ended", not_skipped: "not skipped" }[run_if] ?? run_if;
}

const ENDS: Record<string, readonly [one: string, many: string]> = {
  any_success: ["if it succeeded", "if one succeeded"],
  failed: ["if it failed", "if one failed"],
  done: ["however it ended", "however they ended"],
  not_skipped: ["if it was not skipped", "if none was skipped"],
};

/** When it is done, in a sentence. */
export function orderOf(step: Planned): string {
  const parts: string[] = [];
  const [first, ...more] = step.needs;
  if (first === undefined) parts.push("at the start");
  else {
    const names = more.length > 0 ? `${step.needs.slice(0, -1).join(", ")} and ${step.needs.at(-1) ?? ""}` : first;
    parts.push(`after ${names}`);
    if (step.run_if !== "success") parts.push(ENDS[step.run_if]?.[more.length > 0 ? 1 : 0] ?? step.run_if);
  }
  if (step.when) parts.push(`when ${step.when}`);
  return parts.join(", ");
}

const FILES = ["script", "notebook"];

/** The steps that a spec has, as the server tells it. */
export function stepsOfSpec(spec: unknown): Planned[] {
  const steps = fields(spec).steps;
  return Array.isArray(steps) ? steps.map(planned) : [];
}

function planned(raw: unknown): Planned {
  const step = fields(raw);
  const action = fields(step.action);
  const entry = fields(action.entry);
  const kind = text(action.kind) === "run" ? text(entry.kind) : text(action.kind);
  return {
    name: text(step.name),
    kind,
    does: doesOf(kind, action, entry),
    needs: texts(step.needs),
    run_if: text(step.run_if) || "success",
    when: whenOf(step.when),
    optional: step.optional === true,
    fans_out: step.for_each != null,
  };
}

function doesOf(kind: string, action: Fields, entry: Fields): string {
  if (kind === "pipeline") return `pipeline ${text(action.pipeline)}`;
  if (kind === "approval") return `approval by ${text(action.role)}`;
  if (FILES.includes(kind)) return text(entry.file);
  const argv = texts(entry.argv);
  const [program, flag, script] = argv;
  if (/^(ba|da|z)?sh$/.test(program ?? "") && flag === "-c" && script) return script.trim();
  return kind === "image" ? [text(entry.image), ...argv].join(" ") : argv.join(" ");
}

/** A condition, as far as the spec tells it as a text. */
function whenOf(when: unknown): string | null {
  if (when == null) return null;
  return text(when) || text(fields(when).text) || text(fields(when).source) || "a condition holds";
}

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === "object" && value !== null ? (value as Fields) : {});
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((one) => typeof one === "string") : []);
