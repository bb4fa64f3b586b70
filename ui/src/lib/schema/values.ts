/** Between what is written in a form and the values that are sent. */
import { compareNumbers, isNumeric, numberOf, readJson, wholeOf, writeJson } from "../json";
import { textOf, type Field, type Schema } from "./fields";
import { validate, type Mistake } from "./validate";

/** What a field holds while it is edited: text, a switch, or the entries of a list. */
export type Raw = string | boolean | string[];

/** What a field gives: a value, nothing (the default counts), or text that is no value. */
export type Given = { value: unknown } | { absent: true } | { wrong: string };

/** Stands for a secret that is kept as it was. */
export const KEPT_SECRET = "***";

/** The field's content for a value; for none, empty. */
export function toRaw(field: Field, value: unknown): Raw {
  switch (field.kind) {
    case "boolean":
      return value === true;
    case "list":
      return Array.isArray(value) ? value.map(textOf) : [];
    case "choice": {
      const at = field.choices.findIndex((choice) => textOf(choice.value) === textOf(value));
      return value === undefined || at < 0 ? "" : String(at);
    }
    case "json":
      return value === undefined ? "" : writeJson(value, 2);
    case "datetime":
      return typeof value === "string" ? toLocal(value) : "";
    default:
      return value === undefined || value === null ? "" : textOf(value);
  }
}

/** A time as the browser's own field takes it: local, without a zone. */
function toLocal(value: string): string {
  const time = Date.parse(value);
  if (Number.isNaN(time)) return "";
  const local = new Date(time - new Date(time).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}

export function fromRaw(field: Field, raw: Raw): Given {
  if (typeof raw === "boolean") return { value: raw };
  if (Array.isArray(raw)) return fromList(field, raw);
  if (raw === "") {
    const emptyText =
      (field.kind === "text" || field.kind === "longtext") && typeof field.schema.default === "string" && field.schema.default !== "";
    return emptyText ? { value: "" } : { absent: true };
  }
  switch (field.kind) {
    case "integer":
    case "number":
      return fromNumber(raw, field.kind);
    case "choice":
      return { value: field.choices[Number(raw)]?.value };
    case "json":
      return fromJson(raw, field);
    case "datetime": {
      const time = new Date(raw);
      return Number.isNaN(time.getTime()) ? { wrong: "must be a date and a time" } : { value: time.toISOString().replace(".000Z", "Z") };
    }
    case "time":
      return { value: raw.length === 5 ? `${raw}:00` : raw };
    default:
      return { value: raw };
  }
}

/** A number as it is typed, or what is wrong with it: nothing is rounded and nothing rewritten. */
function fromNumber(raw: string, kind: "integer" | "number"): Given {
  const text = raw.trim();
  // A sign, zeros in front and a bare point are the same number to everybody, and no JSON.
  const value = numberOf(
    text
      .replace(/^\+/, "")
      .replace(/^(-?)0+(?=\d)/, "$1")
      .replace(/^(-?)\./, "$10.")
      .replace(/\.$/, ""),
  );
  if (value === null) return { wrong: kind === "integer" ? "must be a whole number" : "must be a number" };
  if (!Number.isFinite(Number(String(value)))) return { wrong: "is larger than a number can be" };
  if (kind === "integer" && /[.eE]/.test(String(value))) {
    const whole = wholeOf(value);
    return { wrong: whole === null ? "must be a whole number" : `must be written with digits alone: ${whole}` };
  }
  return { value };
}

function fromList(field: Field, raw: string[]): Given {
  if (raw.length === 0) return field.schema.default === undefined ? { absent: true } : { value: [] };
  const items = field.schema.items as Schema;
  if (items.type === "string") return { value: raw };
  const values: unknown[] = [];
  for (const [index, text] of raw.entries()) {
    const given = fromNumber(text, items.type === "integer" ? "integer" : "number");
    if (!("value" in given)) return { wrong: `entry ${index + 1} (${text}) ${"wrong" in given ? given.wrong : "is empty"}` };
    values.push(given.value);
  }
  return { value: values };
}

function fromJson(raw: string, field: Field): Given {
  try {
    return { value: readJson(raw) };
  } catch {
    // Where anything may be given, text without quotes is text.
    if (field.schema.type === undefined && !/^[[{"]/.test(raw.trim())) return { value: raw };
    return { wrong: "is not JSON" };
  }
}

/** What a field gives where it was filled from `before`: that value itself until somebody changes it. */
function givenBy(field: Field, raw: Raw, before: unknown): Given {
  const untouched = before !== undefined && JSON.stringify(toRaw(field, before)) === JSON.stringify(raw);
  return untouched && shows(field, raw, before) ? { value: before } : fromRaw(field, raw);
}

/** Whether the field shows this value, and could have given one like it: not an empty field for what it cannot hold. */
function shows(field: Field, raw: Raw, value: unknown): boolean {
  if (value === null) return field.nullable || field.kind === "json" || field.kind === "choice";
  if (raw === "") return false;
  switch (field.kind) {
    case "boolean":
      return typeof value === "boolean";
    case "integer":
    case "number":
      return isNumeric(value);
    case "list":
      return Array.isArray(value) && value.length > 0 && value.every(isNumeric) && (field.schema.items as Schema).type !== "string";
    case "choice":
    case "json":
      return true;
    default:
      return typeof value === "string";
  }
}

/** What is wrong with a field, in words that follow its name; null is good. */
export function mistakeOf(field: Field, raw: Raw, root: Schema, before?: unknown): string | null {
  const given = givenBy(field, raw, before);
  if ("wrong" in given) return given.wrong;
  if ("absent" in given) return field.required ? "is required" : null;
  if (given.value === null && field.nullable) return null;
  if (field.kind === "secret" && given.value === KEPT_SECRET) return null;
  const [first] = validate(given.value, field.schema, root);
  return first ? inWords(first) : null;
}

function inWords(mistake: Mistake): string {
  const item = /^\/(\d+)$/.exec(mistake.pointer);
  if (item) return `entry ${Number(item[1]) + 1} ${mistake.message}`;
  return mistake.pointer ? `\`${mistake.pointer.slice(1).replace(/\//g, ".")}\` ${mistake.message}` : mistake.message;
}

/** Values by name of the fields that give one; `before` is what they were filled from. */
export function collect(fields: Field[], raws: Record<string, Raw>, before: Record<string, unknown> = {}): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const given = givenBy(field, raws[field.name] ?? toRaw(field, undefined), before[field.name]);
    if ("value" in given) values[field.name] = given.value;
  }
  return values;
}

/** First contents: from the given values, else the defaults. */
export function initialRaws(fields: Field[], values: Record<string, unknown> = {}): Record<string, Raw> {
  return Object.fromEntries(
    fields.map((field) => [field.name, toRaw(field, field.name in values ? values[field.name] : field.schema.default)]),
  );
}

/** What a rerun has to be told: changed values; null for those that went back to the default. */
export function changedValues(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (value === KEPT_SECRET && before[name] === KEPT_SECRET) continue;
    if (!(name in before) || writeJson(before[name]) !== writeJson(value)) changed[name] = value;
  }
  for (const name of Object.keys(before)) if (!(name in after) && before[name] !== null) changed[name] = null;
  return changed;
}

/** The next whole number up or down, exactly; null where the text is none, or there is no next. */
export function stepped(text: string, by: 1 | -1, { schema }: Field): string | null {
  if (!/^\s*-?\d+\s*$/.test(text)) return null;
  const step = schema.multipleOf === undefined ? 1n : (wholeOf(schema.multipleOf) ?? 0n);
  const next = BigInt(text.trim()) + step * BigInt(by);
  const value = numberOf(String(next));
  if (step === 0n || value === null) return null;
  if (by > 0 && schema.maximum !== undefined && compareNumbers(value, schema.maximum) > 0) return null;
  if (by < 0 && schema.minimum !== undefined && compareNumbers(value, schema.minimum) < 0) return null;
  return String(next);
}
