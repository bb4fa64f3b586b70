import { describe, expect, it } from "vitest";

import type { FireView, ScheduleView } from "../api/types";
import { aheadOf, bounds, dayOf, daysOf, frameOf, shifted, spanTitle, sum, tallies, type Ahead } from "./calendar";

const of = (schedule: object, ...next: string[]) =>
  ({ pipeline: "co2", id: "one", source: "made", rhythm: "", schedule, next }) as unknown as ScheduleView;
const fire = (due: string, outcome: string): FireView => ({ pipeline: "co2", schedule: "one", due, outcome, at: due });
const ahead = (view: ScheduleView): Ahead => {
  const found = aheadOf(view);
  if (!found) throw new Error("nothing comes");
  return found;
};

describe("calendar", () => {
  it("has weeks from Monday on, and months of whole weeks", () => {
    expect(daysOf("2026-12-03", "week")).toEqual([
      "2026-11-30",
      "2026-12-01",
      "2026-12-02",
      "2026-12-03",
      "2026-12-04",
      "2026-12-05",
      "2026-12-06",
    ]);
    const month = daysOf("2026-11-30", "month");
    expect([month[0], month.at(-1), month.length]).toEqual(["2026-10-26", "2026-12-06", 42]);
    expect(daysOf("2027-02-10", "month")).toHaveLength(28);
    expect(shifted("2026-11-30", "week", 1)).toBe("2026-12-07");
    expect(shifted("2026-12-31", "month", -1)).toBe("2026-11-30");
    expect(shifted("2026-12-31", "month", 1)).toBe("2027-01-31");
    expect(spanTitle("2026-12-03", "week")).toBe("30 Nov – 6 Dec 2026");
    expect(spanTitle("2026-12-10", "week")).toBe("7 – 13 Dec 2026");
    expect(spanTitle("2026-12-10", "month")).toBe("December 2026");
    expect(dayOf(Date.parse("2026-11-30T23:30:00Z"), "Europe/Zurich")).toBe("2026-12-01");
  });

  it("knows where days and hours begin and end, also where the clock is changed", () => {
    const hours = (text: string) => {
      const { start, end } = bounds(text, "Europe/Zurich");
      return (end - start) / 3_600_000;
    };
    expect(hours("2026-11-30")).toBe(24);
    expect(hours("2026-10-25")).toBe(25);
    expect(hours("2027-03-28")).toBe(23);
    expect(hours("2026-11-30T14")).toBe(1);
    expect(hours("2026-10-25T02")).toBe(2);
    expect(hours("2026-11-30T23")).toBe(1);
  });

  it("counts what comes by day and hour of the zone that is looked at", () => {
    const frame = frameOf("2026-11-30", "week", "Europe/Zurich");
    const daily = ahead(of({ cron: "0 3 * * *" }, "2026-12-01T03:00:00Z", "2026-12-02T03:00:00Z", "2026-12-03T03:00:00Z"));
    const often = ahead(of({ interval: "10m" }, "2026-12-06T21:55:00Z", "2026-12-06T22:05:00Z", "2026-12-06T22:15:00Z"));
    expect([daily.exact, often.exact]).toEqual([true, true]);
    const cells = tallies(frame, [daily, often], [fire("2026-11-30T03:00:00Z", "run"), fire("2026-11-30T02:59:59Z", "missed")]);
    expect(cells[4]).toEqual({ coming: 0, run: 1, skipped: 0, missed: 0 });
    expect(cells[3]?.missed).toBe(1);
    expect(cells[24 + 4]?.coming).toBe(1);
    expect(cells[6 * 24 + 22]?.coming).toBe(1);
    expect(cells[6 * 24 + 23]?.coming).toBe(6);
    expect(sum(cells)).toEqual({ coming: 6 + 7, run: 1, skipped: 0, missed: 1 });
  });

  it("lists times between two moments, not before the next and not after the end", () => {
    const one = ahead(
      of({ cron: "*/20 * * * *", end: "2026-11-30T11:00:00Z" }, "2026-11-30T10:20:00Z", "2026-11-30T10:40:00Z", "2026-11-30T11:00:00Z"),
    );
    const from = Date.parse("2026-11-30T00:00:00Z");
    expect(one.list(from, from + 86_400_000, 10).map((at) => new Date(at).toISOString().slice(11, 16))).toEqual([
      "10:20",
      "10:40",
      "11:00",
    ]);
    expect(one.list(from, from + 86_400_000, 2)).toHaveLength(2);
  });

  it("goes by what the server says where it knows better, and says so", () => {
    const other = ahead(of({ cron: "0 3 * * *" }, "2026-12-01T05:00:00Z", "2026-12-02T05:00:00Z"));
    expect(other.exact).toBe(false);
    expect(sum(tallies(frameOf("2026-11-30", "week", "UTC"), [other], [])).coming).toBe(2);
    expect(ahead(of({ cron: "0 0 * * MON#2" }, "2026-12-14T00:00:00Z")).exact).toBe(false);
    expect(ahead(of({ once_at: "2026-12-14T00:00:00Z" }, "2026-12-14T00:00:00Z")).exact).toBe(true);
    expect(aheadOf(of({ cron: "0 3 * * *" }))).toBeNull();
  });

  it("is quick with a thousand schedules", () => {
    const frame = frameOf("2026-11-30", "month", "Europe/Zurich");
    const all = Array.from({ length: 1000 }, (_, i) =>
      ahead(of({ cron: `${i % 60} * * * *`, timezone: "Europe/Zurich" }, `2026-12-01T00:${String(i % 60).padStart(2, "0")}:00Z`)),
    );
    const before = performance.now();
    expect(sum(tallies(frame, all, [])).coming).toBeGreaterThan(100_000);
    expect(performance.now() - before).toBeLessThan(2000);
  });
});
