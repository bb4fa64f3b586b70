import { expect, test } from "vitest";

import {
  backfillBody,
  backfillCommand,
  canRetry,
  dueWords,
  lastDays,
  onTop,
  previewWords,
  progressOf,
  progressWords,
  rangeWords,
  wrongBackfill,
} from "./backfill";

const WRITTEN = { from: "2026-03-01", to: "2026-03-31", order: "newest", parallel: "4", onlyMissing: true };

test("how far one is", () => {
  const progress = progressOf({
    times: 30,
    counts: { succeeded: 14, failed: 1, refused: 1, running: 2, starting: 1, queued: 1, waiting: 10 },
  });
  expect(progress).toEqual({ times: 30, succeeded: 14, failed: 2, active: 3, stopped: 0, left: 11 });
  expect(progressWords(progress)).toBe("16 of 30, 2 failed, 3 running");
  expect(canRetry({ counts: { succeeded: 3, cancelled: 1 } })).toBe(true);
  expect(canRetry({ counts: { succeeded: 3, skipped: 1 } })).toBe(false);
});

test("days are those of the schedule's zone, the last one too", () => {
  const body = backfillBody("co2", "nightly", WRITTEN, "Europe/Zurich", { full: true });
  expect([body.from, body.to]).toEqual(["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"]);
  expect(backfillCommand(body)).toBe(
    "rigi backfills start co2/nightly --from 2026-02-28T23:00:00Z --to 2026-03-31T22:00:00Z -p full=true --newest-first --parallel 4 --only-missing",
  );
  const utc = backfillBody("co2", "nightly", { ...WRITTEN, order: "oldest", parallel: "1", onlyMissing: false }, "UTC", {});
  expect(backfillCommand(utc)).toBe("rigi backfills start co2/nightly --from 2026-03-01 --to 2026-04-01");
  expect(lastDays(7, Date.parse("2026-03-08T23:30:00Z"), "Europe/Zurich")).toEqual({ from: "2026-03-02", to: "2026-03-08" });
});

test("what cannot be, and what is on top of the schedule", () => {
  expect(wrongBackfill(WRITTEN)).toEqual({});
  expect(Object.keys(wrongBackfill({ ...WRITTEN, from: "", parallel: "0" }))).toEqual(["from", "parallel"]);
  expect(wrongBackfill({ ...WRITTEN, to: "2026-02-01" }).to).toMatch(/before/);
  expect(onTop({ a: 1, b: 2 }, { a: 1 })).toEqual({ b: 2 });
  expect(previewWords({ count: 1, already: 4 }, true)).toBe("1 run, 4 due times have one already and are left out");
});

test("times are told as a whole", () => {
  expect(dueWords(Date.parse("2026-01-01T02:00:00Z"), "Europe/Zurich")).toBe("Thu 1 Jan 2026 03:00");
  expect(dueWords(Date.parse("2026-01-01T02:00:05Z"), "UTC")).toBe("Thu 1 Jan 2026 02:00:05");
  expect(rangeWords(Date.parse("2025-12-31T23:00:00Z"), Date.parse("2026-01-10T23:00:00Z"), "Europe/Zurich")).toBe(
    "1 Jan 2026 to 10 Jan 2026",
  );
  expect(rangeWords(Date.parse("2026-01-01T00:00:00Z"), Date.parse("2026-01-02T00:00:00Z"), "UTC")).toBe("1 Jan 2026");
});
