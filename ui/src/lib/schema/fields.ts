/** Fields of a form, made from a pipeline's JSON Schema (draft 2020-12). */

import { isNumeric, writeJson, type Numeric } from "../json";

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  enum?: unknown[];
  const?: unknown;
  format?: string;
  pattern?: string;
  minimum?: Numeric;
  maximum?: Numeric;
  exclusiveMinimum?: Numeric;
  exclusiveMaximum?: Numeric;
  multipleOf?: Numeric;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  uniqueItems?: boolean;
  items?: Schema | boolean;
  properties?: Record<string, Schema | boolean>;
  required?: string[];
  additionalProperties?: Schema | boolean;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  writeOnly?: boolean;
  $ref?: string;
  $defs?: Record<string, Schema>;
  /** Rigi's own words. */
  "x-section"?: string;
  "x-advanced"?: boolean;
  "x-hidden"?: boolean;
}

export type FieldKind =
  "text" | "longtext" | "secret" | "number" | "integer" | "boolean" | "choice" | "list" | "json" | "date" | "datetime" | "time";

export interface Choice {
  value: unknown;
  label: string;
}

export interface Field {
  name: string;
  title: string;
  help: string;
  kind: FieldKind;
  required: boolean;
  /** With references resolved and `null` taken out. */
  schema: Schema;
  choices: Choice[];
  /** `null` is a value, too. */
  nullable: boolean;
  /** `algorithm:fit`; empty: none. */
  section: string;
  /** Folded away until it is asked for. */
  advanced: boolean;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !isNumeric(value);
}

/** The fields in the order of the schema, but for hidden ones; none where there is no schema of an object. */
export function fieldsOf(schema: unknown): Field[] {
  if (!isObject(schema)) return [];
  const root = schema as Schema;
  const required = new Set(root.required ?? []);
  return Object.entries(root.properties ?? {}).flatMap(([name, raw]) => {
    const schema = typeof raw === "boolean" ? {} : raw;
    return schema["x-hidden"] === true ? [] : [toField(name, schema, root, required.has(name))];
  });
}

/** Whether values other than the named ones may be given. */
export function isOpen(schema: unknown): boolean {
  return !isObject(schema) || (schema as Schema).additionalProperties === undefined || (schema as Schema).additionalProperties !== false;
}

function toField(name: string, raw: Schema, root: Schema, required: boolean): Field {
  const { schema, nullable } = resolve(raw, root);
  const choices = choicesOf(schema);
  return {
    name,
    title: schema.title ?? "",
    help: schema.description ?? "",
    kind: kindOf(schema, choices),
    required: required && schema.default === undefined,
    schema,
    choices,
    nullable,
    section: schema["x-section"] ?? "",
    advanced: schema["x-advanced"] === true,
  };
}

/** Follows local references and unwraps "this or null", as pydantic and others write it. */
export function resolve(raw: Schema, root: Schema, depth = 0): { schema: Schema; nullable: boolean } {
  if (depth > 8) return { schema: raw, nullable: false };
  if (raw.$ref?.startsWith("#/")) {
    const target = raw.$ref
      .slice(2)
      .split("/")
      .reduce<unknown>((at, part) => (isObject(at) ? at[part.replace(/~1/g, "/").replace(/~0/g, "~")] : undefined), root);
    const { $ref: _, ...beside } = raw;
    return isObject(target) ? resolve({ ...(target as Schema), ...beside }, root, depth + 1) : { schema: beside, nullable: false };
  }
  for (const keyword of ["anyOf", "oneOf", "allOf"] as const) {
    const options = raw[keyword];
    if (!options) continue;
    const real = options.filter((option) => option.type !== "null");
    if (real.length !== 1 || !real[0]) continue;
    const { [keyword]: _, ...beside } = raw;
    const inner = resolve({ ...real[0], ...beside }, root, depth + 1);
    return { schema: inner.schema, nullable: inner.nullable || real.length < options.length };
  }
  if (Array.isArray(raw.type)) {
    const types = raw.type.filter((type) => type !== "null");
    const only = types.length === 1 ? types[0] : undefined;
    return { schema: only === undefined ? raw : { ...raw, type: only }, nullable: types.length < raw.type.length };
  }
  return { schema: raw, nullable: false };
}

function choicesOf(schema: Schema): Choice[] {
  if (schema.enum) return schema.enum.map((value) => ({ value, label: textOf(value) }));
  const options = schema.oneOf ?? schema.anyOf;
  if (options && options.length > 0 && options.every((option) => "const" in option)) {
    return options.map((option) => ({ value: option.const, label: option.title ?? textOf(option.const) }));
  }
  return [];
}

function kindOf(schema: Schema, choices: Choice[]): FieldKind {
  if (choices.length > 0) return "choice";
  if (schema.writeOnly || schema.format === "password") return "secret";
  switch (schema.type) {
    case "integer":
    case "number":
    case "boolean":
      return schema.type;
    case "string":
      return textKind(schema);
    case "array":
      return isObject(schema.items) && isScalar(schema.items) ? "list" : "json";
    default:
      return "json";
  }
}

function textKind(schema: Schema): FieldKind {
  if (schema.format === "date") return "date";
  if (schema.format === "date-time") return "datetime";
  if (schema.format === "time") return "time";
  const long =
    (schema.maxLength ?? 0) > 300 || schema.format === "textarea" || (typeof schema.default === "string" && schema.default.includes("\n"));
  return long ? "longtext" : "text";
}

function isScalar(schema: Schema): boolean {
  return typeof schema.type === "string" && ["string", "number", "integer"].includes(schema.type);
}

/** A value as one writes it: text without quotes, the rest as JSON. */
export function textOf(value: unknown): string {
  return typeof value === "string" ? value : writeJson(value);
}

/** What may be written, in few words: "integer, 1958 to 2001, default 1990". */
export function describeRule(field: Field): string {
  const { schema } = field;
  const parts: string[] = [];
  if (field.kind === "choice")
    parts.push(
      field.choices.length > 6 ? `one of ${field.choices.length}` : `one of ${field.choices.map((choice) => choice.label).join(", ")}`,
    );
  else parts.push(kindWord(field));
  const range = rangeOf(schema);
  if (range) parts.push(range);
  if (schema.multipleOf !== undefined && schema.multipleOf !== 1) parts.push(`multiples of ${textOf(schema.multipleOf)}`);
  if (schema.pattern && field.kind !== "secret") parts.push(`fits ${schema.pattern}`);
  if (field.required) parts.push("required");
  else if (schema.default !== undefined && schema.default !== "" && field.kind !== "secret")
    parts.push(`default ${textOf(schema.default)}`);
  return parts.join(", ");
}

function kindWord({ kind, schema }: Field): string {
  switch (kind) {
    case "longtext":
    case "text":
      return schema.format ?? "text";
    case "boolean":
      return "yes or no";
    case "datetime":
      return "date and time";
    case "list":
      return `list of ${isObject(schema.items) ? `${(schema.items as Schema).type === "string" ? "text" : "number"}s` : "values"}`;
    case "json":
      return schema.type === undefined ? "any value" : `${Array.isArray(schema.type) ? schema.type.join(" or ") : schema.type} as JSON`;
    default:
      return kind;
  }
}

function rangeOf(schema: Schema): string {
  const low = schema.minimum ?? schema.exclusiveMinimum ?? schema.minLength ?? schema.minItems;
  const high = schema.maximum ?? schema.exclusiveMaximum ?? schema.maxLength ?? schema.maxItems;
  const unit =
    schema.minLength !== undefined || schema.maxLength !== undefined
      ? " characters"
      : schema.minItems !== undefined || schema.maxItems !== undefined
        ? " items"
        : "";
  const above = schema.minimum === undefined && schema.exclusiveMinimum !== undefined ? "above" : "at least";
  const below = schema.maximum === undefined && schema.exclusiveMaximum !== undefined ? "below" : "at most";
  if (low !== undefined && high !== undefined) {
    return above === "at least" && below === "at most"
      ? `${textOf(low)} to ${textOf(high)}${unit}`
      : `${above} ${textOf(low)}, ${below} ${textOf(high)}`;
  }
  if (low !== undefined) return low === 0 && unit ? "" : `${above} ${textOf(low)}${unit}`;
  return high !== undefined ? `${below} ${textOf(high)}${unit}` : "";
}
