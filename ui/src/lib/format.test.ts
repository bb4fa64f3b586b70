import { describe, expect, test } from "vitest";

import { ago, bytes, clock, duration, moment, ordinal, roughly, timeOfDay } from "./format";

describe("lengths of time", () => {
  test.each([
    [0, "0 s"],
    [3, "3 ms"],
    [99, "99 ms"],
    [110, "0.1 s"],
    [2400, "2.4 s"],
    [9949, "9.9 s"],
    [9960, "10 s"],
    [41_000, "41 s"],
    [59_400, "59 s"],
    [59_600, "1 min"],
    [83_000, "1 min 23 s"],
    [3_600_000, "1 h"],
    [7_500_000, "2 h 5 min"],
    [273_600_000, "3 d 4 h"],
  ])("%d ms is %s", (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [400, "1 s"],
    [7200, "7 s"],
    [23_000, "25 s"],
    [58_000, "1 min"],
    [95_000, "2 min"],
    [7_000_000, "2 h"],
  ])("%d ms is about %s", (ms, text) => expect(roughly(ms)).toBe(text));

  test.each([
    [42_000, "0:42"],
    [600_000, "10:00"],
    [3_753_000, "1:02:33"],
    [-5, "0:00"],
  ])("a clock at %d ms shows %s", (ms, text) => expect(clock(ms)).toBe(text));
});

test.each([
  [0, "0 B"],
  [1023, "1023 B"],
  [1024, "1 KiB"],
  [1536, "1.5 KiB"],
  [49_152, "48 KiB"],
  [536_870_912, "512 MiB"],
  [1_048_000, "1023 KiB"],
  [1_048_570, "1 MiB"],
])("%d bytes are %s", (n, text) => expect(bytes(n)).toBe(text));

test.each([
  [1, "1st"],
  [2, "2nd"],
  [3, "3rd"],
  [4, "4th"],
  [11, "11th"],
  [12, "12th"],
  [21, "21st"],
  [113, "113th"],
])("%d is %s", (n, text) => expect(ordinal(n)).toBe(text));

test("points in time are told from now", () => {
  expect(ago(1000, 1500)).toBe("now");
  expect(ago(0, 4000)).toBe("4 s ago");
  expect(ago(0, 180_000)).toBe("3 min ago");
  expect(ago(28_000, 0)).toBe("in 28 s");
});

test("a time shows its day only where that is another", () => {
  const noon = Date.parse("2024-11-20T12:04:09Z");
  expect(moment(noon, noon + 3600_000, "UTC")).toBe("12:04:09");
  expect(moment(noon, noon + 86_400_000, "UTC")).toBe("20 Nov 12:04");
  expect(moment(noon, noon + 400 * 86_400_000, "UTC")).toBe("20 Nov 2024");
  expect(timeOfDay(noon, "Europe/Zurich")).toBe("13:04:09");
});
