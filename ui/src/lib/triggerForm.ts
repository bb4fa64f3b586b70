/** What is written in the form of a trigger, what of it cannot be, and how it is sent. */
import type { PipelineTriggerView, SetTrigger } from "../api/types";
import { inProject, quote } from "./command";
import { writeJson } from "./json";
import type { Field } from "./schema/fields";
import type { TriggerKind } from "./triggers";
import { parametersOf, readOthers, readValue, writtenValue } from "./webhook";

export interface WrittenTrigger {
  id: string;
  kind: TriggerKind;
  files: string;
  /** "": none. */
  input: string;
  /** `file`, `batch`. */
  each: string;
  /** `skip`, `start`. */
  existing: string;
  interval: string;
  settle: string;
  sensor: string;
  after: string[];
  /** `success`, `failure`, `end`. */
  on: string;
  key: string;
  within: string;
  when: string;
  /** Entry of the pipeline's `schedules`; "": none. */
  schedule: string;
  /** By parameter. */
  values: Record<string, string>;
  /** Those that the spec does not name: a JSON object. */
  others: string;
}

/** What the server goes by where nothing is told. */
export const UNTOLD = { interval: "30s", settle: "5s", each: "file", existing: "skip", on: "success" } as const;

/** Which fields belong to which kind. */
const OF: Readonly<Record<TriggerKind, readonly (keyof WrittenTrigger)[]>> = {
  files: ["files", "input", "each", "existing", "interval", "settle"],
  sensor: ["sensor"],
  after: ["after", "on", "key", "within"],
};

/** A form that is new, or filled with what a trigger says. */
export function writtenOf(view: PipelineTriggerView | null, fields: readonly Field[]): WrittenTrigger {
  const said: SetTrigger = view?.trigger ?? {};
  const given: Record<string, unknown> = said.parameters ?? {};
  const others = Object.entries(given).filter(([name]) => fields.every((field) => field.name !== name));
  const told = (text: string | null | undefined, untold: string) => (text == null || text === untold ? "" : text);
  return {
    id: view?.id ?? "",
    kind: said.sensor != null ? "sensor" : said.after?.length ? "after" : "files",
    files: said.files ?? "",
    input: said.input ?? "",
    each: said.each ?? UNTOLD.each,
    existing: said.existing ?? UNTOLD.existing,
    interval: told(said.interval, UNTOLD.interval),
    settle: told(said.settle, UNTOLD.settle),
    sensor: said.sensor ?? "",
    after: said.after ?? [],
    on: said.on ?? UNTOLD.on,
    key: said.key ?? "",
    within: said.within ?? "",
    when: said.when ?? "",
    schedule: said.schedule ?? "",
    values: Object.fromEntries(fields.map((field) => [field.name, writtenValue(field, given[field.name])])),
    others: others.length > 0 ? writeJson(Object.fromEntries(others), 2) : "",
  };
}

export type Wrong = Partial<Record<string, string>>;

/** What cannot be, in words that follow the field's name; by field, and `/parameters/NAME`. `taken` are the ids that the pipeline has. */
export function wrongIn(written: WrittenTrigger, fields: readonly Field[], taken: readonly string[]): Wrong {
  const wrong: Wrong = {};
  const { id, kind, files } = written;
  if (id === "") wrong.id = "is required";
  else if (!/^[\w.-]{1,64}$/.test(id)) wrong.id = "has up to 64 letters, digits and `-_.`";
  else if (taken.includes(id)) wrong.id = "is taken: the pipeline has a trigger of this name";
  if (kind === "files" && files.trim() === "") wrong.files = "is required";
  else if (kind === "files" && !/^(?:\/|storage:[^/])/.test(files.trim()))
    wrong.files = "is an absolute path such as `/data/in/*.csv`, or `storage:` and one below the storage";
  if (kind === "sensor" && written.sensor === "") wrong.sensor = "is required";
  if (kind === "after" && written.after.length === 0) wrong.after = "names at least one pipeline";
  for (const field of fields) {
    if (readValue(field, written.values[field.name] ?? "") === null)
      wrong[`/parameters/${field.name}`] = "is JSON, such as `3` or `true`, or an expression: `${…}`";
  }
  if (readOthers(written.others) === null) wrong["/parameters/"] = "is not a JSON object";
  return wrong;
}

const told = (text: string): string | null => text.trim() || null;
const unless = (text: string, untold: string): string | null => (text === untold ? null : told(text));

/** As it is sent; what belongs to another kind is left out. */
export function bodyOf(written: WrittenTrigger, fields: readonly Field[], enabled?: boolean | null): SetTrigger {
  const { kind } = written;
  return {
    ...(kind === "files" && {
      files: written.files.trim(),
      input: told(written.input),
      each: unless(written.each, UNTOLD.each),
      existing: unless(written.existing, UNTOLD.existing),
      interval: told(written.interval),
      settle: told(written.settle),
    }),
    ...(kind === "sensor" && { sensor: written.sensor }),
    ...(kind === "after" && {
      after: written.after,
      on: unless(written.on, UNTOLD.on),
      key: told(written.key),
      within: told(written.within),
    }),
    when: told(written.when),
    schedule: told(written.schedule),
    // The schema says "an object", which its types take for an empty one.
    parameters: parametersOf(written, fields) as Record<string, never>,
    ...(enabled === false && { enabled }),
  };
}

/** The same in a terminal, which knows texts alone; null where a value is none. */
export function commandOf(written: WrittenTrigger, fields: readonly Field[], pipeline: string): string | null {
  const { parameters = {}, enabled: _, ...said } = bodyOf(written, fields);
  const given = Object.entries(parameters);
  if (given.some(([, value]) => typeof value !== "string")) return null;
  const words = ["rigi", "triggers", "set", quote(`${pipeline}/${written.id || "ID"}`)];
  for (const [name, value] of Object.entries(said)) {
    for (const one of Array.isArray(value) ? value : [value]) if (typeof one === "string") words.push(`--${name}`, quote(one));
  }
  for (const [name, value] of given) words.push("-p", quote(`${name}=${String(value)}`));
  return inProject(words.join(" "));
}

/** Which field of the form the server means, and its words without the field's name; null: none. */
export function placeOf(
  message: string,
  pointer: string,
  written: WrittenTrigger,
  fields: readonly Field[],
): { place: string; text: string } | null {
  const [, named = "", inside = "", rest = message] = /^`(\w+)(?:\[\d+\])?(?:\.([^`]+))?`:? ([\s\S]*)$/.exec(message) ?? [];
  const [, group = "", name = ""] = pointer.split("/");
  if (group === "parameters" || named === "parameters") {
    const parameter = group === "parameters" ? name : inside;
    const known = fields.some((field) => field.name === parameter);
    const text = known && named === parameter ? rest : known && named === "parameters" ? rest : message;
    return { place: `/parameters/${known ? parameter : ""}`, text };
  }
  const shown = ["id", "when", "schedule", ...OF[written.kind]];
  if (shown.includes(named)) return { place: named, text: rest };
  if (shown.includes(group)) return { place: group, text: message };
  // A pipeline in the list of those that are waited for is said by its name.
  return written.kind === "after" && / in `after`$/.test(message) ? { place: "after", text: `has ${message}` } : null;
}
