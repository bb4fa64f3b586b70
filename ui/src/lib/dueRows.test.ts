import { describe, expect, it } from "vitest";

import type { FireView } from "../api/types";
import type { Ahead } from "./calendar";
import { dueRows } from "./dueRows";

const START = Date.parse("2026-11-30T14:00:00Z");
const MINUTE = 60_000;

const fire = (minute: number, outcome: string): FireView => {
  const due = new Date(START + minute * MINUTE).toISOString();
  return { pipeline: "co2", schedule: "often", due, outcome, at: due };
};

function every(minutes: number): Ahead {
  const times = (start: number, end: number) =>
    Array.from({ length: Math.ceil((end - start) / (minutes * MINUTE)) }, (_, i) => start + i * minutes * MINUTE);
  return {
    exact: true,
    each: (start, end, visit) => times(start, end).forEach((at) => visit(at, 1)),
    list: (start, end, most) => times(start, end).slice(0, most),
  };
}

describe("lines of what is due", () => {
  it("has one for each time, and one for many of a schedule within an hour", () => {
    const coming = [
      { schedule: { pipeline: "co2", id: "half" }, ahead: every(30) },
      { schedule: { pipeline: "co2", id: "often" }, ahead: every(5) },
    ];
    const rows = dueRows(START, START + 2 * 3_600_000, coming, []);
    expect(rows.map(({ id, count }) => `${id} ${count}`)).toEqual(["half 1", "often 12", "half 1", "half 1", "often 12", "half 1"]);
    expect(new Set(rows.map(({ key }) => key)).size).toBe(rows.length);
  });

  it("tells what became of each by time, and of many the first and the last", () => {
    const fires = [9, 8, 7, 6, 5].map((minute) => fire(minute, "skipped"));
    const rows = dueRows(START, START + 3_600_000, [], [fire(70, "run"), fire(20, "missed"), ...fires, fire(1, "run")]);
    expect(rows.map(({ kind, count, at }) => `${kind} ${count} ${(at - START) / MINUTE}`)).toEqual([
      "run 1 1",
      "skipped 5 5",
      "missed 1 20",
    ]);
    expect(rows[1]?.fire?.due).toBe(fire(9, "").due);
  });
});
