/** Triggers in words: what they wait for, how they stand, what became of what has happened. */
import type { PipelineTriggerView, SetTrigger, TriggerEventView } from "../api/types";
import { bytes } from "./format";
import { byWord } from "./people";
import { shortId } from "./runText";
import type { Tone } from "./states";

export const nameOf = ({ pipeline, id }: Pick<PipelineTriggerView, "pipeline" | "id">) => `${pipeline}/${id}`;

export type TriggerKind = "files" | "sensor" | "after";

export interface KindWords {
  value: TriggerKind;
  name: string;
  /** What an expression may name. */
  names: readonly string[];
  /** A `when` of this kind. */
  when: string;
  /** A parameter of this kind. */
  parameter: string;
}

export const KINDS: readonly KindWords[] = [
  { value: "files", name: "Files that come", names: ["file", "id"], when: "file.size > 0", parameter: "${file.path}" },
  { value: "sensor", name: "Lines of a sensor", names: ["event", "id", "run"], when: "event.total > 100", parameter: "${event.…}" },
  { value: "after", name: "Ends of pipelines", names: ["run", "runs", "key", "id"], when: "run.state == 'succeeded'", parameter: "${key}" },
];

export function kindOf(value: string): KindWords {
  const known = KINDS.find((kind) => kind.value === value);
  return known ?? { value: "files", name: value, names: [], when: "", parameter: "" };
}

const ENDS: Readonly<Record<string, [string, string]>> = {
  success: ["has succeeded", "have succeeded"],
  failure: ["has failed", "have failed"],
  end: ["has ended", "have ended"],
};

/** What one waits for, in a sentence without its end. */
export function waitsFor({ files, sensor, after = [], on }: SetTrigger): string {
  if (files != null) return `files that come: ${files}`;
  if (sensor != null) return `lines of ${sensor}`;
  const [one, many] = ENDS[on ?? "success"] ?? ["has ended", "have ended"];
  const [last = "", ...others] = [...after].reverse();
  return others.length === 0 ? `${last} ${one}` : `${others.reverse().join(", ")} and ${last} ${many}`;
}

/** How it stands: a word, and why. */
export function standingOf(trigger: PipelineTriggerView): { word: "On" | "Off" | "Paused" | "Problem"; tone: Tone; why: string } {
  const { off, paused, problem } = trigger;
  if (off != null) return { word: "Off", tone: "idle", why: off };
  if (paused) return { word: "Paused", tone: "warn", why: `by ${byWord(paused.by)}` };
  if (problem != null) return { word: "Problem", tone: "bad", why: problem };
  return { word: "On", tone: "ok", why: "" };
}

/** What became of an event; that of a run is told by the run. */
export function outcomeOf({ outcome }: Pick<TriggerEventView, "outcome">): { word: string; tone: Tone; state: string } {
  if (outcome === "run") return { word: "Started a run", tone: "ok", state: "succeeded" };
  if (outcome === "ignored") return { word: "Ignored", tone: "idle", state: "skipped" };
  if (outcome === "refused") return { word: "Refused", tone: "bad", state: "failed" };
  if (outcome === "taken") return { word: "Its run is being made", tone: "idle", state: "queued" };
  if (outcome === "seen") return { word: "Was there before", tone: "idle", state: "skipped" };
  return { word: outcome, tone: "idle", state: "lost" };
}

/** Why there is no run, where the server does not say it: the outcome's own words. */
export function reasonOf({ outcome, reason }: TriggerEventView, when: string | null | undefined): string | null {
  if (reason != null && outcome !== "taken") return reason;
  if (outcome === "ignored" && when) return `\`${when}\` does not hold`;
  return null;
}

/** The event in words: a file and its size, the key and the runs that came together, what a line is called. */
export function eventWords(kind: string, event: string): { text: string; detail: string } {
  const file = kind === "files" ? /^(.*)@-?\d+-(\d+)$/s.exec(event) : null;
  if (file) return { text: file[1] ?? event, detail: bytes(Number(file[2])) };
  if (kind !== "after") return { text: event, detail: "" };
  const words = event.split(" ");
  const first = words.findIndex((word) => /^run_[0-9A-Z]{26}$/i.test(word));
  if (first < 0) return { text: event, detail: "" };
  const runs = words.slice(first).map(shortId).join(", ");
  return first === 0 ? { text: runs, detail: "" } : { text: words.slice(0, first).join(" "), detail: runs };
}

export interface Waiting {
  key: string;
  /** The newest of them. */
  at: string;
  ends: { pipeline: string; run: string | null; at: string | null }[];
}

/** By key, which of those that it waits for are there, and which are missing; the newest first. */
export function waitingOf({ trigger: { after = [] }, waiting = [] }: PipelineTriggerView): Waiting[] {
  const keys = [...new Set(waiting.map(({ key }) => key))];
  const all = keys.map((key): Waiting => {
    const there = waiting.filter((end) => end.key === key);
    const ends = after.map((pipeline) => {
      const end = there.find((one) => one.pipeline === pipeline);
      return { pipeline, run: end?.run ?? null, at: end?.at ?? null };
    });
    const at = there.map((end) => end.at).reduce((one, other) => (Date.parse(one) < Date.parse(other) ? other : one), there[0]?.at ?? "");
    return { key, at, ends };
  });
  return all.sort((one, other) => Date.parse(other.at) - Date.parse(one.at));
}

/** The trigger that has started a run, by what the run says; null: something else has. */
export function triggerOf({ kind, by }: { kind: string; by: string }): { pipeline: string; id: string } | null {
  if (kind !== "event" && kind !== "downstream") return null;
  const [pipeline = "", id = "", ...rest] = by.split("/");
  return pipeline !== "" && id !== "" && rest.length === 0 ? { pipeline, id } : null;
}
