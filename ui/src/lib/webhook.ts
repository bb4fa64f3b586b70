/** Webhooks in words, and what is written in their form. */
import type { DeliveryView, SetWebhook, WebhookView } from "../api/types";
import { inProject, quote } from "./command";
import { isNumeric, readJson, writeJson } from "./json";
import { isObject, type Field } from "./schema/fields";
import type { Tone } from "./states";

export interface Kind {
  value: string;
  name: string;
  /** By what its sender is known. */
  signs: string;
  /** Where a sender is told of the address and the secret. */
  tell: string;
  /** A `when` that its senders know. */
  when: string;
}

export const KINDS: readonly Kind[] = [
  {
    value: "standard",
    name: "Standard Webhooks",
    signs: "Id, time and body are signed, in `webhook-signature`. The clocks may be five minutes apart.",
    tell: "Give both to the sender. It signs by the rules of Standard Webhooks.",
    when: "body.type == 'order.paid'",
  },
  {
    value: "github",
    name: "GitHub",
    signs: "The body is signed, in `X-Hub-Signature-256`.",
    tell: "On GitHub: Settings of the repository, Webhooks, Add webhook. The address is the payload URL; `application/json` is the content type.",
    when: "event == 'push'",
  },
  {
    value: "gitea",
    name: "Gitea, Forgejo",
    signs: "The body is signed, in `X-Gitea-Signature`.",
    tell: "In Gitea or Forgejo: Settings of the repository, Webhooks, Add webhook. The address is the target URL.",
    when: "event == 'push'",
  },
  {
    value: "gitlab",
    name: "GitLab",
    signs: "Nothing is signed: the secret itself is sent, in `X-Gitlab-Token`. Use it over HTTPS.",
    tell: "On GitLab: Settings of the repository, Webhooks, Add new webhook. The secret is the secret token.",
    when: "event == 'Push Hook'",
  },
];

export function kindOf(value: string): Kind {
  return KINDS.find((kind) => kind.value === value) ?? { value, name: value, signs: "", tell: "Give both to the sender.", when: "" };
}

/** Parameters of a webhook: values in which texts may have expressions. */
export function givenBy({ parameters }: Pick<WebhookView, "parameters">): Record<string, unknown> {
  return parameters;
}

/** What a webhook is to do, as it is. */
export function again(hook: WebhookView): SetWebhook {
  return {
    pipeline: hook.pipeline,
    kind: hook.kind,
    schedule: hook.schedule ?? null,
    parameters: hook.parameters,
    when: hook.when ?? null,
    per_minute: hook.per_minute,
    paused: hook.paused_at != null,
  };
}

/** What became of a delivery; that of a run is told by the run. */
export function outcomeOf({ outcome }: Pick<DeliveryView, "outcome">): { word: string; tone: Tone; state: string } {
  if (outcome === "run") return { word: "Started a run", tone: "ok", state: "succeeded" };
  if (outcome === "ignored") return { word: "Ignored", tone: "idle", state: "skipped" };
  if (outcome === "refused") return { word: "Refused", tone: "bad", state: "failed" };
  return { word: outcome, tone: "idle", state: "lost" };
}

const TEXTS = new Set(["text", "longtext", "secret", "date", "datetime", "time"]);

/** Whether what is written for a field is a text, and not JSON. */
function isText({ kind, schema, choices }: Field): boolean {
  if (kind === "choice") return choices.every(({ value }) => typeof value === "string");
  return TEXTS.has(kind) && (schema.type === undefined || schema.type === "string");
}

/** How the value of a parameter is written. */
export function writtenValue(field: Field, value: unknown): string {
  if (value === undefined) return "";
  if (typeof value === "string" && (isText(field) || value.includes("${"))) return value;
  return writeJson(value);
}

/** What is meant by it: a text, or JSON, or a text with an expression. "" is nothing; null: it cannot be read. */
export function readValue(field: Field, text: string): { value?: unknown } | null {
  if (text.trim() === "") return {};
  if (isText(field)) return { value: text };
  try {
    return { value: readJson(text) };
  } catch {
    return text.includes("${") ? { value: text.trim() } : null;
  }
}

export interface WrittenHook {
  name: string;
  kind: string;
  when: string;
  /** Entry of the pipeline's `schedules`; "": none. */
  schedule: string;
  perMinute: string;
  /** That of its sender; "": one is made, or the former stays. */
  secret: string;
  /** By parameter. */
  values: Record<string, string>;
  /** Those that the spec does not name: a JSON object. */
  others: string;
}

export const PER_MINUTE = 600;

/** A form that is new, or filled with what a webhook says. */
export function writtenOf(hook: WebhookView | null, fields: readonly Field[]): WrittenHook {
  const given = hook ? givenBy(hook) : {};
  const others = Object.entries(given).filter(([name]) => fields.every((field) => field.name !== name));
  return {
    name: hook?.name ?? "",
    kind: hook?.kind ?? "standard",
    when: hook?.when ?? "",
    schedule: hook?.schedule ?? "",
    perMinute: hook && hook.per_minute !== PER_MINUTE ? String(hook.per_minute) : "",
    secret: "",
    values: Object.fromEntries(fields.map((field) => [field.name, writtenValue(field, given[field.name])])),
    others: others.length > 0 ? writeJson(Object.fromEntries(others), 2) : "",
  };
}

/** One JSON object, or nothing; null: it is neither. */
export function readOthers(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return {};
  try {
    const value = readJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

export function parametersOf(written: Pick<WrittenHook, "values" | "others">, fields: readonly Field[]): Record<string, unknown> {
  const said = fields.flatMap((field) => {
    const read = readValue(field, written.values[field.name] ?? "");
    return read && "value" in read ? [[field.name, read.value] as const] : [];
  });
  return { ...readOthers(written.others), ...Object.fromEntries(said) };
}

/** What cannot be, in words that follow the field's name; by `name`, `perMinute`, `secret`, `/parameters/NAME`. */
export function wrongIn(written: WrittenHook, fields: readonly Field[], taken: readonly string[]): Partial<Record<string, string>> {
  const wrong: Partial<Record<string, string>> = {};
  if (written.name === "") wrong.name = "is required";
  else if (!/^[\w.-]{1,64}$/.test(written.name)) wrong.name = "has up to 64 letters, digits and `-_.`";
  else if (taken.includes(written.name)) wrong.name = "is taken: there is a webhook of this name";
  const most = written.perMinute.trim();
  if (most !== "" && (!/^[1-9]\d{0,6}$/.test(most) || Number(most) > 1_000_000)) wrong.perMinute = "is a whole number from 1 to 1,000,000";
  if (written.secret !== "" && (written.secret.length < 16 || written.secret.length > 500)) wrong.secret = "has 16 to 500 characters";
  for (const field of fields) {
    if (readValue(field, written.values[field.name] ?? "") === null)
      wrong[`/parameters/${field.name}`] = "is JSON, such as `3` or `true`, or an expression: `${body.…}`";
  }
  if (readOthers(written.others) === null) wrong["/parameters/"] = "is not a JSON object";
  return wrong;
}

/** As it is sent. */
export function bodyOf(written: WrittenHook, fields: readonly Field[], pipeline: string, paused: boolean): SetWebhook {
  return {
    pipeline,
    kind: written.kind,
    when: written.when.trim() || null,
    schedule: written.schedule || null,
    per_minute: written.perMinute.trim() === "" ? PER_MINUTE : Number(written.perMinute),
    // The schema says "an object", which its types take for an empty one.
    parameters: parametersOf(written, fields) as Record<string, never>,
    ...(written.secret === "" ? {} : { secret: written.secret }),
    paused,
  };
}

/** The same in a terminal, which knows texts alone; null where a value is none. */
export function commandOf(written: WrittenHook, fields: readonly Field[], pipeline: string): string | null {
  const parameters = Object.entries(parametersOf(written, fields));
  if (parameters.some(([, value]) => typeof value !== "string")) return null;
  const words = ["rigi", "webhooks", "set", quote(written.name || "NAME"), "--pipeline", quote(pipeline), "--kind", written.kind];
  if (written.when.trim()) words.push("--when", quote(written.when.trim()));
  if (written.schedule) words.push("--schedule", quote(written.schedule));
  for (const [name, value] of parameters) words.push("-p", quote(`${name}=${String(value)}`));
  if (written.perMinute.trim()) words.push("--per-minute", written.perMinute.trim());
  if (written.secret) words.push("--secret-stdin");
  return inProject(words.join(" "));
}

/** Which field of the form the server means by a pointer; "": none. */
export function placeOf(pointer: string, fields: readonly Field[]): string {
  const [, group = "", name = ""] = pointer.split("/");
  if (group === "parameters") return fields.some((field) => field.name === name) ? `/parameters/${name}` : "/parameters/";
  return group === "per_minute" ? "perMinute" : ["name", "kind", "when", "schedule", "secret"].includes(group) ? group : "";
}

/** A body as people read it: JSON in lines, else as it came. */
export function readable(body: string): { text: string; json: boolean } {
  try {
    const value: unknown = readJson(body);
    const whole = isObject(value) || Array.isArray(value) || isNumeric(value);
    return whole ? { text: writeJson(value, 2), json: true } : { text: body, json: false };
  } catch {
    return { text: body, json: false };
  }
}
