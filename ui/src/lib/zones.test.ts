import { expect, test } from "vitest";

import { allZones, isZone, momentOf, wallTime } from "./zones";

test("a moment and what the clock of a zone says lead to each other", () => {
  expect(wallTime("2026-11-30T02:00:00Z", "Europe/Zurich")).toBe("2026-11-30T03:00");
  expect(momentOf("2026-11-30T03:00", "Europe/Zurich")).toBe("2026-11-30T02:00:00Z");
  expect(momentOf("2026-07-01T03:00:30", "Europe/Zurich")).toBe("2026-07-01T01:00:30Z");
  expect(wallTime("2026-07-01T01:00:30Z", "Europe/Zurich")).toBe("2026-07-01T03:00:30");
  expect(momentOf("2026-11-30T03:00", "Asia/Kathmandu")).toBe("2026-11-29T21:15:00Z");
  expect(momentOf("2026-03-29T03:30", "Europe/Zurich")).toBe("2026-03-29T01:30:00Z");
});

test("what is no time gives none", () => {
  expect(wallTime(undefined, "UTC")).toBe("");
  expect(wallTime("tomorrow", "UTC")).toBe("");
  expect(momentOf("", "UTC")).toBe("");
});

test("zones are listed once, UTC first", () => {
  const all = allZones(["Europe/Zurich", "Made/Up"]);
  expect(all[0]).toBe("UTC");
  expect(all).toContain("Made/Up");
  expect(all.filter((name) => name === "Europe/Zurich")).toHaveLength(1);
  expect(isZone("Europe/Zurich")).toBe(true);
  expect(isZone("Europe/Zurch")).toBe(false);
});
