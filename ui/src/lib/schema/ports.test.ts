import { expect, test } from "vitest";

import { parameterCount, portWords } from "./ports";

const port = (formats?: string[]) => ({ type: "array", ...(formats ? { "x-formats": formats } : {}) });

test("what must be given is said with its formats", () => {
  const inputs = { properties: { in: port(["mzML", "mzXML"]), more: port() }, required: ["in"] };
  expect(portWords(inputs)).toEqual(["in: mzML, mzXML"]);
  expect(portWords({ properties: { a: port("123456".split("")), b: port() } })).toEqual(["a: 1, 2, 3, 4, …", "b"]);
  expect(portWords(null)).toEqual([]);
});

test("hidden parameters are not counted", () => {
  expect(parameterCount({ properties: { a: {}, b: { "x-hidden": true }, c: {} } })).toBe(2);
  expect(parameterCount({ type: "object" })).toBe(0);
});
