import { describe, expect, test } from "vitest";

import { rerunCommand, runCommand } from "../command";
import { readJson, writeJson } from "../json";
import { describeRule, fieldsOf, type Field, type Schema } from "./fields";
import { validate } from "./validate";
import { changedValues, collect, fromRaw, initialRaws, mistakeOf, stepped } from "./values";

const field = (schema: Schema, required = false): Field => {
  const [made] = fieldsOf({ properties: { x: schema }, required: required ? ["x"] : [] });
  if (!made) throw new Error("no field");
  return made;
};
const wrong = (schema: Schema, raw: Parameters<typeof mistakeOf>[1], required = false) => mistakeOf(field(schema, required), raw, schema);

describe("kinds of fields", () => {
  test.each<[Schema, string]>([
    [{ type: "string" }, "text"],
    [{ type: "string", maxLength: 5000 }, "longtext"],
    [{ type: "string", writeOnly: true }, "secret"],
    [{ type: "integer" }, "integer"],
    [{ type: "number" }, "number"],
    [{ type: "boolean" }, "boolean"],
    [{ enum: [1, "a"] }, "choice"],
    [{ oneOf: [{ const: 1, title: "one" }, { const: 2 }] }, "choice"],
    [{ type: "string", format: "date" }, "date"],
    [{ type: "array", items: { type: "string" } }, "list"],
    [{ type: "array", items: { type: "object" } }, "json"],
    [{ type: "object" }, "json"],
    [{}, "json"],
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "integer"],
    [{ type: ["string", "null"] }, "text"],
  ])("%j is %s", (schema, kind) => expect(field(schema).kind).toBe(kind));

  test("references are followed, also to themselves", () => {
    const [made] = fieldsOf({
      properties: { x: { $ref: "#/$defs/year", description: "here" } },
      $defs: { year: { type: "integer", minimum: 1958 } },
    });
    expect(made).toMatchObject({ kind: "integer", help: "here", schema: { minimum: 1958 } });
    expect(() => fieldsOf({ properties: { x: { $ref: "#/$defs/a" } }, $defs: { a: { $ref: "#/$defs/a" } } })).not.toThrow();
  });
  test("no schema, no fields", () => {
    expect(fieldsOf(undefined)).toEqual([]);
    expect(fieldsOf({ type: "object" })).toEqual([]);
  });
  test("a default fills a field, so that nothing is required of it", () => {
    expect(field({ type: "integer", default: 3 }, true).required).toBe(false);
    expect(initialRaws([field({ type: "integer", default: 3 })])).toEqual({ x: "3" });
  });
  test("rules are said in few words", () => {
    expect(describeRule(field({ type: "integer", minimum: 1958, maximum: 2001, default: 1990 }))).toBe(
      "integer, 1958 to 2001, default 1990",
    );
    expect(describeRule(field({ type: "number", exclusiveMinimum: 0, maximum: 1 }, true))).toBe("number, above 0, at most 1, required");
    expect(describeRule(field({ type: "string", minLength: 1, maxLength: 80 }))).toBe("text, 1 to 80 characters");
  });
});

describe("mistakes", () => {
  test.each<[Schema, string | boolean | string[], string | null]>([
    [{ type: "integer", maximum: 2001 }, "2040", "may be at most 2001"],
    [{ type: "integer" }, "1.5", "must be a whole number"],
    [{ type: "number" }, "abc", "must be a number"],
    [{ type: "number", exclusiveMinimum: 0 }, "0", "must be above 0"],
    [{ type: "number", multipleOf: 0.1 }, "0.3", null],
    [{ type: "integer", multipleOf: 5 }, "7", "must be a multiple of 5"],
    [{ type: "string", maxLength: 2 }, "abc", "may have at most 2 characters, has 3"],
    [{ type: "string", maxLength: 1 }, "🙂", null],
    [{ type: "string", pattern: "^a+$" }, "b", "must fit ^a+$"],
    [{ type: "string", pattern: "(" }, "b", null],
    [{ type: "string", format: "date" }, "2023-02-29", "must be a date such as 2024-03-31"],
    [{ type: "string", format: "email" }, "a@b.c", null],
    [{ type: "array", items: { type: "integer", minimum: 0 } }, ["1", "-2"], "entry 2 must be at least 0"],
    [{ type: "array", items: { type: "string" }, uniqueItems: true }, ["a", "a"], "may not have the same twice"],
    [{ type: "array", items: { type: "string" }, maxItems: 1 }, ["a", "b"], "may have at most 1, has 2"],
    [{ type: "object" }, "[1]", "must be an object"],
    [{ type: "object" }, "{", "is not JSON"],
    [{ type: "object", properties: { a: { type: "string" } }, required: ["b"] }, '{"a": "x"}', "needs `b`"],
    [{ type: "object", properties: { a: { type: "string" } } }, '{"a": 1}', "`a` must be text"],
    [{ type: "object", additionalProperties: false }, '{"a": 1}', "`a` is not known"],
    [{ enum: ["a", "b"] }, "1", null],
    [{ type: "boolean" }, false, null],
  ])("%j with %j", (schema, raw, mistake) => expect(wrong(schema, raw)).toBe(mistake));

  test("an empty field is wrong only where it is required", () => {
    expect(wrong({ type: "integer" }, "")).toBeNull();
    expect(wrong({ type: "integer" }, "", true)).toBe("is required");
  });
  test("a secret that is kept is not checked", () => expect(wrong({ type: "string", writeOnly: true, minLength: 20 }, "***")).toBeNull());
  test("false allows nothing", () => expect(validate(1, false, {})).toHaveLength(1));
});

describe("values", () => {
  test("empty fields are left out, emptied texts are sent", () => {
    const fields = [field({ type: "integer" })];
    expect(collect(fields, { x: "" })).toEqual({});
    expect(fromRaw(field({ type: "string", default: "a" }), "")).toEqual({ value: "" });
  });
  test("numbers, choices and lists get their types", () => {
    expect(fromRaw(field({ type: "number" }), "1.5")).toEqual({ value: 1.5 });
    expect(fromRaw(field({ enum: [1, "a", null] }), "2")).toEqual({ value: null });
    expect(fromRaw(field({ type: "array", items: { type: "number" } }), ["1", "2.5"])).toEqual({ value: [1, 2.5] });
    expect(fromRaw(field({}), "plain")).toEqual({ value: "plain" });
  });
  test("a rerun sends what changed, null for what went back, and no secret", () => {
    expect(changedValues({ a: 1, b: 2, c: "***", d: [1] }, { a: 1, c: "***", d: [1, 2] })).toEqual({ d: [1, 2], b: null });
  });
});

test("the same for a terminal is quoted for a shell", () => {
  expect(
    runCommand({
      pipeline: "co2",
      parameters: { start: 1990, title: "it's", tags: ["a b"] },
      inputs: { f: ["x.csv"] },
      labels: { team: "ops" },
      priority: 5,
    }),
  ).toBe(`rigi run co2 -p start=1990 -p 'title=it'\\''s' -p 'tags=["a b"]' -i f=x.csv -l team=ops --priority 5`);
  expect(rerunCommand({ run: "7Q2A", parameters: { start: 1980 }, unset: ["until"], inputs: { f: ["x.csv"] }, code: "current" })).toBe(
    "rigi runs rerun 7Q2A -p start=1980 --unset until -i f=x.csv --code current",
  );
});

describe("numbers of a form", () => {
  const sent = (schema: Schema, raw: string) => writeJson(fromRaw(field(schema), raw));
  test.each([
    ["integer", "9007199254740993", '{"value":9007199254740993}'],
    ["integer", "-12345678901234567890", '{"value":-12345678901234567890}'],
    ["integer", " +007 ", '{"value":7}'],
    ["number", "1e3", '{"value":1e3}'],
    ["number", "1.0", '{"value":1.0}'],
    ["number", ".5", '{"value":0.5}'],
    ["number", "5.", '{"value":5}'],
    ["integer", "1e3", '{"wrong":"must be written with digits alone: 1000"}'],
    ["integer", "1000.0", '{"wrong":"must be written with digits alone: 1000"}'],
    ["integer", "1.5", '{"wrong":"must be a whole number"}'],
    ["number", "0x10", '{"wrong":"must be a number"}'],
    ["number", "1e999", '{"wrong":"is larger than a number can be"}'],
  ])("%s %s", (type, raw, given) => expect(sent({ type }, raw)).toBe(given));
  test("in lists and in JSON, too", () => {
    expect(writeJson(fromRaw(field({ type: "array", items: { type: "integer" } }), ["9007199254740993"]))).toBe(
      '{"value":[9007199254740993]}',
    );
    expect(fromRaw(field({ type: "array", items: { type: "integer" } }), ["1", "1e3"])).toEqual({
      wrong: "entry 2 (1e3) must be written with digits alone: 1000",
    });
    expect(writeJson(fromRaw(field({}), '{"a": 12345678901234567890}'))).toBe('{"value":{"a":12345678901234567890}}');
  });
  test("limits are met exactly", () => {
    const schema = readJson('{"type":"integer","maximum":9007199254740993}') as Schema;
    expect(wrong(schema, "9007199254740993")).toBeNull();
    expect(wrong(schema, "9007199254740994")).toBe("may be at most 9007199254740993");
    expect(wrong({ type: "integer", multipleOf: 2 }, "9007199254740993")).toBe("must be a multiple of 2");
  });
  test("arrows step exactly", () => {
    expect(stepped("9007199254740993", 1, field({ type: "integer" }))).toBe("9007199254740994");
    expect(stepped("5", 1, field({ type: "integer", maximum: 5 }))).toBeNull();
    expect(stepped("1.5", 1, field({ type: "number" }))).toBeNull();
  });
});

describe("what nobody changed is sent as it was", () => {
  const again = (schema: Schema, text: string) => {
    const [fields, before] = [[field(schema)], readJson(`{"x":${text}}`) as Record<string, unknown>];
    const after = collect(fields, initialRaws(fields, before), before);
    expect(mistakeOf(field(schema), initialRaws(fields, before).x ?? "", schema, before.x)).toBeNull();
    expect(changedValues(before, after)).toEqual({});
    return writeJson(after);
  };
  test.each<[Schema, string]>([
    [{ type: "integer" }, "9007199254740993"],
    [{ type: "number" }, "1.0"],
    [{ type: "string", format: "date-time" }, '"2024-03-31T12:00:00.123+02:00"'],
    [{ type: "string", format: "time" }, '"12:30"'],
    [{ type: "array", items: { type: "integer" } }, "[9007199254740993]"],
    [{}, '{"deep":[1e3,1.0]}'],
    [{ type: ["string", "null"] }, "null"],
    [{ enum: [1, null] }, "null"],
    [{ type: "integer" }, "10.0"],
  ])("%j %s", (schema, text) => expect(again(schema, text)).toBe(`{"x":${text}}`));
  test("a rerun keeps a null", () => expect(changedValues({ a: null }, {})).toEqual({}));
  test("commands hold every digit", () =>
    expect(runCommand({ pipeline: "a", parameters: readJson('{"seed":9007199254740993,"r":1.0}') as Record<string, unknown> })).toBe(
      "rigi run a -p seed=9007199254740993 -p r=1.0",
    ));
});
