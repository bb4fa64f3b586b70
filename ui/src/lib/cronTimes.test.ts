import { describe, expect, it } from "vitest";

import { clockOf, eachQuarter, readCron } from "./cronTimes";

const at = (text: string) => Date.parse(text);

/** Times of a cron text in a zone, as the server would tell them. */
function times(cron: string, zone: string, start: string, end: string): string[] {
  const plan = readCron(cron);
  const found: string[] = [];
  if (!plan) return ["none"];
  eachQuarter(plan, clockOf(zone, at(start), at(end)), (quarter, minutes) => {
    const base = quarter - Math.floor((minutes[0] ?? 0) / 15) * 900_000;
    for (const minute of minutes) {
      for (const second of plan.seconds) {
        const time = base + minute * 60_000 + second * 1000;
        if (time >= at(start) && time < at(end)) found.push(new Date(time).toISOString().replace(".000Z", "Z"));
      }
    }
    return true;
  });
  return found;
}

describe("looking ahead by cron", () => {
  it("knows lists, ranges, steps, names and nicknames", () => {
    expect(times("30 6,18 * * *", "UTC", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toEqual([
      "2026-11-30T06:30:00Z",
      "2026-11-30T18:30:00Z",
    ]);
    expect(times("0 8 * * MON-FRI", "UTC", "2026-11-28T00:00Z", "2026-12-02T00:00Z")).toEqual([
      "2026-11-30T08:00:00Z",
      "2026-12-01T08:00:00Z",
    ]);
    expect(times("*/20 5 * * *", "UTC", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toHaveLength(3);
    expect(times("5/25 5 * * *", "UTC", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toEqual([
      "2026-11-30T05:05:00Z",
      "2026-11-30T05:30:00Z",
      "2026-11-30T05:55:00Z",
    ]);
    expect(times("@hourly", "UTC", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toHaveLength(24);
    expect(times("*/15 * * * * *", "UTC", "2026-11-30T00:00Z", "2026-11-30T00:02Z")).toHaveLength(8);
    expect(times("0 0 L * *", "UTC", "2026-02-01T00:00Z", "2026-03-02T00:00Z")).toEqual(["2026-02-28T00:00:00Z"]);
    // Of a date and a weekday, either counts.
    expect(times("0 0 1 * 7", "UTC", "2026-11-28T00:00Z", "2026-12-03T00:00Z")).toEqual(["2026-11-29T00:00:00Z", "2026-12-01T00:00:00Z"]);
  });

  it("says what it does not know", () => {
    for (const text of ["0 0 * * MON#2", "0 0 15W * *", "0 0 * * 5L", "0 0 * *", "60 * * * *", "x * * * *", ""])
      expect(readCron(text), text).toBeNull();
  });

  it("goes by the clock of the zone", () => {
    expect(times("0 3 * * *", "Europe/Zurich", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toEqual(["2026-11-30T02:00:00Z"]);
    expect(times("0 9 * * *", "Asia/Kathmandu", "2026-11-30T00:00Z", "2026-12-01T00:00Z")).toEqual(["2026-11-30T03:15:00Z"]);
  });

  it("has a fixed time once on days on which the clock is changed, and follows the wall otherwise", () => {
    // 02:00 becomes 03:00.
    expect(times("30 2 * * *", "Europe/Zurich", "2027-03-28T00:00Z", "2027-03-29T00:00Z")).toEqual(["2027-03-28T01:00:00Z"]);
    expect(times("0 * * * *", "Europe/Zurich", "2027-03-28T00:00Z", "2027-03-28T03:00Z")).toHaveLength(3);
    // 03:00 becomes 02:00.
    expect(times("30 2 * * *", "Europe/Zurich", "2026-10-24T12:00Z", "2026-10-25T12:00Z")).toEqual(["2026-10-25T00:30:00Z"]);
    expect(times("*/30 2 * * *", "Europe/Zurich", "2026-10-24T12:00Z", "2026-10-25T12:00Z")).toHaveLength(4);
  });
});
