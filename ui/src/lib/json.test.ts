import { LosslessNumber } from "lossless-json";
import { describe, expect, test } from "vitest";

import { compareNumbers, numberOf, readAnswer, readJson, wholeOf, writeJson, type Numeric } from "./json";

const n = (text: string): Numeric => numberOf(text) ?? Number.NaN;

describe("numbers pass unchanged", () => {
  test.each([
    "9007199254740993",
    "-12345678901234567890",
    "1e3",
    "1.0",
    "1.50",
    "-0",
    "0.1",
    "123456789012345678901234567890.5",
    "1E-400",
    "0",
  ])("%s", (text) => {
    expect(writeJson(readJson(text))).toBe(text);
    expect(writeJson(readJson(`{"a":[{"b":${text}}]}`))).toBe(`{"a":[{"b":${text}}]}`);
  });
  test("those that JavaScript holds are its own", () => {
    expect(readJson("[1,0.5,1e21]")).toEqual([1, 0.5, new LosslessNumber("1e21")]);
    expect(readJson("1e3")).toEqual(new LosslessNumber("1e3"));
  });
  test("in answers only where people wrote them", () => {
    const answer = readAnswer('{"cpu":2.0,"items":[{"parameters":{"seed":9007199254740993,"deep":[1.0]},"fraction":1.0}]}');
    expect(answer).toEqual({
      cpu: 2,
      items: [{ parameters: { seed: new LosslessNumber("9007199254740993"), deep: [new LosslessNumber("1.0")] }, fraction: 1 }],
    });
    expect(readAnswer('{"cpu":2.0}')).toEqual({ cpu: 2 });
  });
  test.each(["01", "1.", ".5", "0x10", "1_000", "NaN", "", "1e", "١"])("%j is none", (text) => expect(numberOf(text)).toBeNull());
});

test.each([
  ["9007199254740993", "9007199254740992", 1],
  ["1e3", "1000", 0],
  ["1.0", "1", 0],
  ["-5", "-4.5", -1],
  ["0.3", "0.30", 0],
  ["1e500", "1", 1],
  ["0", "-0", 0],
  ["100", "99", 1],
])("%s to %s is %i", (a, b, sign) => expect(Math.sign(compareNumbers(n(a), n(b)))).toBe(sign));

test.each([
  ["1e3", 1000n],
  ["1000.0", 1000n],
  ["1.5", null],
  ["15e-1", null],
  ["9007199254740993", 9007199254740993n],
  ["0.0", 0n],
  ["1e999999", null],
])("%s means %s", (text, whole) => expect(wholeOf(n(text))).toBe(whole));
