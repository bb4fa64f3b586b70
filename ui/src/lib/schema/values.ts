/** Between what is written in a form and the values that are sent. */
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
      return value === undefined ? "" : JSON.stringify(value, null, 2);
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
    const emptyText = (field.kind === "text" || field.kind === "longtext") && typeof field.schema.default === "string" && field.schema.default !== "";
    return emptyText ? { value: "" } : { absent: true };
  }
  switch (field.kind) {
    case "integer":
    case "number":
      return fromNumber(raw);
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

function fromNumber(raw: string): Given {
  const text = raw.trim();
  const value = Number(text);
  return text !== "" && Number.isFinite(value) ? { value } : { wrong: "must be a number" };
}

function fromList(field: Field, raw: string[]): Given {
  if (raw.length === 0) return field.schema.default === undefined ? { absent: true } : { value: [] };
  const items = field.schema.items as Schema;
  if (items.type === "string") return { value: raw };
  const values = raw.map(Number);
  const wrong = raw.find((_, index) => !Number.isFinite(values[index]));
  return wrong === undefined ? { value: values } : { wrong: `${wrong} is not a number` };
}

function fromJson(raw: string, field: Field): Given {
  try {
    return { value: JSON.parse(raw) as unknown };
  } catch {
    // Where anything may be given, text without quotes is text.
    if (field.schema.type === undefined && !/^[[{"]/.test(raw.trim())) return { value: raw };
    return { wrong: "is not JSON" };
  }
}

/** What is wrong with a field, in words that follow its name; null is good. */
export function mistakeOf(field: Field, raw: Raw, root: Schema): string | null {
  const given = fromRaw(field, raw);
  if ("wrong" in given) return given.wrong;
  if ("absent" in given) return field.required ? "is required" : null;
  if (field.kind === "secret" && given.value === KEPT_SECRET) return null;
  const [first] = validate(given.value, field.schema, root);
  return first ? inWords(first) : null;
}

function inWords(mistake: Mistake): string {
  const item = /^\/(\d+)$/.exec(mistake.pointer);
  if (item) return `entry ${Number(item[1]) + 1} ${mistake.message}`;
  return mistake.pointer ? `\`${mistake.pointer.slice(1).replace(/\//g, ".")}\` ${mistake.message}` : mistake.message;
}

/** Values by name of the fields that give one. */
export function collect(fields: Field[], raws: Record<string, Raw>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of fields) {
    const given = fromRaw(field, raws[field.name] ?? toRaw(field, undefined));
    if ("value" in given) values[field.name] = given.value;
  }
  return values;
}

/** First contents: from the given values, else the defaults. */
export function initialRaws(fields: Field[], values: Record<string, unknown> = {}): Record<string, Raw> {
  return Object.fromEntries(fields.map((field) => [field.name, toRaw(field, field.name in values ? values[field.name] : field.schema.default)]));
}

/** What a rerun has to be told: changed values; null for those that went back to the default. */
export function changedValues(before: Record<string, unknown>, after: Record<string, unknown>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (value === KEPT_SECRET && before[name] === KEPT_SECRET) continue;
    if (!(name in before) || JSON.stringify(before[name]) !== JSON.stringify(value)) changed[name] = value;
  }
  for (const name of Object.keys(before)) if (!(name in after)) changed[name] = null;
  return changed;
}
