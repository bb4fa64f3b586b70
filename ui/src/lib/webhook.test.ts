import { describe, expect, test } from "vitest";

import { fieldsOf } from "./schema/fields";
import { bodyOf, commandOf, placeOf, readable, readValue, writtenOf, writtenValue, wrongIn, type WrittenHook } from "./webhook";

const FIELDS = fieldsOf({
  properties: {
    branch: { type: "string", default: "none" },
    size: { type: "integer" },
    all: { type: "object" },
    key: { type: "string", writeOnly: true },
  },
});
const [BRANCH, SIZE, ALL] = FIELDS as [(typeof FIELDS)[number], (typeof FIELDS)[number], (typeof FIELDS)[number]];

const written = (more: Partial<WrittenHook> = {}): WrittenHook => ({ ...writtenOf(null, FIELDS), name: "pushes", kind: "github", ...more });

describe("a parameter of a webhook", () => {
  test("is a text, JSON, or an expression", () => {
    expect(readValue(BRANCH, "main")).toEqual({ value: "main" });
    expect(readValue(BRANCH, "3")).toEqual({ value: "3" });
    expect(readValue(SIZE, "3")).toEqual({ value: 3 });
    expect(readValue(SIZE, " ${body.n} ")).toEqual({ value: "${body.n}" });
    expect(readValue(SIZE, "many")).toBeNull();
    expect(readValue(ALL, '{"a": "${body.a}"}')).toEqual({ value: { a: "${body.a}" } });
    expect(readValue(ALL, "")).toEqual({});
  });

  test("is written as it was read", () => {
    for (const [field, text] of [
      [BRANCH, "on ${body.ref}"],
      [SIZE, "3"],
      [SIZE, "${body.n}"],
      [ALL, '{"a":"${body.a}"}'],
    ] as const)
      expect(writtenValue(field, readValue(field, text)?.value)).toBe(text);
    expect(writtenValue(SIZE, "3")).toBe('"3"');
  });
});

test("what a form sends, and the same in a terminal", () => {
  const form = written({ values: { branch: "${body.ref}", size: "" }, when: "event == 'push'", perMinute: "60" });
  expect(bodyOf(form, FIELDS, "build", true)).toEqual({
    pipeline: "build",
    kind: "github",
    when: "event == 'push'",
    schedule: null,
    per_minute: 60,
    parameters: { branch: "${body.ref}" },
    paused: true,
  });
  expect(commandOf(form, FIELDS, "build")).toBe(
    `rigi webhooks set pushes --pipeline build --kind github --when 'event == '\\''push'\\''' -p 'branch=\${body.ref}' --per-minute 60`,
  );
  // A terminal gives texts.
  expect(commandOf(written({ values: { size: "3" } }), FIELDS, "build")).toBeNull();
});

test("what cannot be is told by place", () => {
  expect(wrongIn(written({ name: "" }), FIELDS, [])).toEqual({ name: "is required" });
  expect(wrongIn(written(), FIELDS, ["pushes"]).name).toMatch(/taken/);
  expect(wrongIn(written({ name: "a b" }), FIELDS, []).name).toMatch(/64/);
  const wrong = wrongIn(written({ perMinute: "0", secret: "short", values: { size: "x" }, others: "[]" }), FIELDS, []);
  expect(Object.keys(wrong).sort()).toEqual(["/parameters/", "/parameters/size", "perMinute", "secret"]);
  expect(placeOf("/parameters/size", FIELDS)).toBe("/parameters/size");
  expect(placeOf("/parameters/other", FIELDS)).toBe("/parameters/");
  expect(placeOf("/per_minute", FIELDS)).toBe("perMinute");
  expect(placeOf("/pipeline", FIELDS)).toBe("");
});

test("a body is read as JSON where it is some", () => {
  expect(readable('{"a":1.0}')).toEqual({ text: '{\n  "a": 1.0\n}', json: true });
  expect(readable("payload=%7B%7D")).toEqual({ text: "payload=%7B%7D", json: false });
});
