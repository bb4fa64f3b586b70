/** Checks a value as the server will, as far as a form needs it; what is not known here, the server checks. */
import { compareNumbers, isNumeric, wholeOf, writeJson, type Numeric } from "../json";
import { isObject, resolve, textOf, type Schema } from "./fields";

export interface Mistake {
  /** Below the value, as in RFC 6901: "", "/0", "/a/b". */
  pointer: string;
  rule: string;
  message: string;
}

export function validate(value: unknown, raw: Schema | boolean, root: Schema, pointer = ""): Mistake[] {
  if (raw === true) return [];
  if (raw === false) return [{ pointer, rule: "false", message: "may not be given" }];
  const { schema, nullable } = resolve(raw, root);
  if (value === null && nullable) return [];
  const found: Mistake[] = [];
  const say = (rule: string, message: string) => found.push({ pointer, rule, message });
  if (schema.type !== undefined && !hasType(value, schema.type)) {
    say("type", `must be ${typeWords(schema.type)}`);
    return found;
  }
  if (schema.enum && !schema.enum.some((option) => same(option, value)))
    say("enum", `must be one of ${schema.enum.map(textOf).join(", ")}`);
  if ("const" in schema && !same(schema.const, value)) say("const", `must be ${textOf(schema.const)}`);
  if (isNumeric(value)) checkNumber(value, schema, say);
  if (typeof value === "string") checkText(value, schema, say);
  if (Array.isArray(value)) {
    checkList(value, schema, say);
    value.forEach((item: unknown, index) => {
      if (schema.items !== undefined) found.push(...validate(item, schema.items, root, `${pointer}/${index}`));
    });
  }
  if (isObject(value)) found.push(...checkObject(value, schema, root, pointer));
  return found;
}

type Say = (rule: string, message: string) => void;

function hasType(value: unknown, type: string | string[]): boolean {
  if (Array.isArray(type)) return type.some((one) => hasType(value, one));
  switch (type) {
    case "integer":
      return isNumeric(value) && wholeOf(value) !== null;
    case "number":
      return isNumeric(value);
    case "array":
      return Array.isArray(value);
    case "object":
      return isObject(value);
    case "null":
      return value === null;
    default:
      return typeof value === type;
  }
}

function typeWords(type: string | string[]): string {
  const words: Record<string, string> = {
    string: "text",
    number: "a number",
    integer: "a whole number",
    boolean: "true or false",
    array: "a list",
    object: "an object",
    null: "null",
  };
  return (Array.isArray(type) ? type : [type]).map((one) => words[one] ?? one).join(" or ");
}

function checkNumber(value: Numeric, schema: Schema, say: Say): void {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema;
  if (minimum !== undefined && compareNumbers(value, minimum) < 0) say("minimum", `must be at least ${textOf(minimum)}`);
  if (maximum !== undefined && compareNumbers(value, maximum) > 0) say("maximum", `may be at most ${textOf(maximum)}`);
  if (exclusiveMinimum !== undefined && compareNumbers(value, exclusiveMinimum) <= 0)
    say("exclusiveMinimum", `must be above ${textOf(exclusiveMinimum)}`);
  if (exclusiveMaximum !== undefined && compareNumbers(value, exclusiveMaximum) >= 0)
    say("exclusiveMaximum", `must be below ${textOf(exclusiveMaximum)}`);
  if (multipleOf !== undefined && !isMultiple(value, multipleOf)) say("multipleOf", `must be a multiple of ${textOf(multipleOf)}`);
}

function isMultiple(value: Numeric, of: Numeric): boolean {
  const [whole, step] = [wholeOf(value), wholeOf(of)];
  if (whole !== null && step !== null && step !== 0n) return whole % step === 0n;
  const times = Number(String(value)) / Number(String(of));
  // 0.3 is a multiple of 0.1 for people, though not in binary.
  return Math.abs(times - Math.round(times)) <= 1e-9 * Math.max(1, Math.abs(times));
}

function checkText(value: string, schema: Schema, say: Say): void {
  // As JSON Schema counts: code points.
  const length = Array.from(value).length;
  if (schema.minLength !== undefined && length < schema.minLength) say("minLength", `needs at least ${characters(schema.minLength)}`);
  if (schema.maxLength !== undefined && length > schema.maxLength)
    say("maxLength", `may have at most ${characters(schema.maxLength)}, has ${length}`);
  if (schema.pattern !== undefined && !fitsPattern(value, schema.pattern)) say("pattern", `must fit ${schema.pattern}`);
  const format = schema.format === undefined ? undefined : FORMATS[schema.format];
  if (format && !format.test(value)) say("format", `must be ${format.words}`);
}

function characters(n: number): string {
  return n === 1 ? "1 character" : `${n} characters`;
}

/** A pattern that this browser cannot read is left to the server. */
function fitsPattern(value: string, pattern: string): boolean {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true;
  }
}

const FORMATS: Partial<Record<string, { test: (value: string) => boolean; words: string }>> = {
  date: { test: (value) => /^\d{4}-\d{2}-\d{2}$/.test(value) && isDay(value), words: "a date such as 2024-03-31" },
  "date-time": {
    test: (value) => /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})$/.test(value) && isDay(value.slice(0, 10)),
    words: "a time such as 2024-03-31T12:00:00Z",
  },
  time: {
    test: (value) => /^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d+)?)?([Zz]|[+-]\d{2}:\d{2})?$/.test(value),
    words: "a time such as 12:30:00",
  },
  email: { test: (value) => /^[^\s@]+@[^\s@]+$/.test(value), words: "an e-mail address" },
  uri: { test: (value) => URL.canParse(value), words: "an address such as https://example.org/" },
  uuid: { test: (value) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value), words: "a UUID" },
};

/** Whether the calendar has this day: 2023-02-29 is none. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

function checkList(value: unknown[], schema: Schema, say: Say): void {
  if (schema.minItems !== undefined && value.length < schema.minItems) say("minItems", `needs at least ${schema.minItems}`);
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    say("maxItems", `may have at most ${schema.maxItems}, has ${value.length}`);
  if (schema.uniqueItems && new Set(value.map((item) => writeJson(item))).size < value.length)
    say("uniqueItems", "may not have the same twice");
}

function checkObject(value: Record<string, unknown>, schema: Schema, root: Schema, pointer: string): Mistake[] {
  const found: Mistake[] = [];
  for (const name of schema.required ?? []) {
    if (!(name in value)) found.push({ pointer, rule: "required", message: `needs \`${name}\`` });
  }
  for (const [name, inner] of Object.entries(value)) {
    const at = `${pointer}/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`;
    const known = schema.properties?.[name];
    if (known !== undefined) found.push(...validate(inner, known, root, at));
    else if (schema.additionalProperties === false) found.push({ pointer: at, rule: "additionalProperties", message: "is not known" });
    else if (isObject(schema.additionalProperties)) found.push(...validate(inner, schema.additionalProperties, root, at));
  }
  return found;
}

function same(a: unknown, b: unknown): boolean {
  if (isNumeric(a) && isNumeric(b)) return compareNumbers(a, b) === 0;
  return a === b || writeJson(a) === writeJson(b);
}
