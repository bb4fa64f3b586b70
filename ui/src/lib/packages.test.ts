import { expect, test } from "vitest";

import { originOf, outcomeOf, severityTone } from "./packages";

const finding = { package: "a", version: "1", id: "X-1", url: "https://x" };

test("what could not be checked is not said to be well", () => {
  expect(outcomeOf({ outcome: "clean", findings: [], packages: 2 })).toEqual({ word: "nothing is known against 2 packages", tone: "ok" });
  expect(outcomeOf({ outcome: "unknown", findings: [], packages: 2 }).tone).toBe("warn");
  const found = [finding, { ...finding, ignored: "not reached" }];
  expect(outcomeOf({ outcome: "vulnerable", findings: found, packages: 2 })).toEqual({ word: "1 finding", tone: "bad" });
});

test("it is said from where it is known", () => {
  const view = { pipeline: "p", packages: [{ name: "a" }], outdated: false };
  expect(originOf({ ...view, origin: "environment", environment: "Python 3.12 with 1 package" })).toBe("Python 3.12 with 1 package");
  expect(originOf({ ...view, origin: "files" })).toContain("1 package that its files name");
  expect(originOf(view)).toBe("");
});

test("severities have tones", () => {
  expect(["critical", "high", "medium", "low", undefined].map(severityTone)).toEqual(["bad", "bad", "warn", "warn", "idle"]);
});
