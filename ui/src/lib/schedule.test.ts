import { describe, expect, test } from "vitest";

import type { ScheduleView } from "../api/types";
import { dueClock, localClock, localDay, rhythmOf, standingOf, zoneOf, type Said } from "./schedule";
import { bodyOf, placeOf, writtenOf, wrongIn, type Written } from "./scheduleForm";
import { plainWords, withRuns } from "./told";

const view = (said: Said, more: Partial<ScheduleView> = {}): ScheduleView => ({
  pipeline: "co2",
  id: "nightly",
  source: "made",
  schedule: said as Record<string, never>,
  rhythm: "every 15 min",
  next: ["2026-12-01T02:00:00Z"],
  ...more,
});

describe("words", () => {
  test("when it is due", () => {
    expect(rhythmOf(view({ cron: "0 3 * * *", timezone: "Europe/Zurich" }))).toEqual({
      words: "every day at 03:00",
      zone: "Europe/Zurich",
    });
    expect(rhythmOf(view({ cron: "0 3 1,15 * *" }))).toEqual({ words: "", zone: "UTC", code: "0 3 1,15 * *" });
    expect(rhythmOf(view({ interval: "15m" }))).toEqual({ words: "every 15 min" });
    expect(zoneOf(view({ interval: "15m" }))).toBeUndefined();
  });

  test("how it stands, and why", () => {
    const cron = { cron: "0 3 * * *" };
    expect(standingOf(view(cron))).toEqual({ word: "On", tone: "ok", why: "" });
    expect(standingOf(view(cron, { next: [] })).word).toBe("Over");
    const paused = { at: "2026-11-30T02:00:00Z", by: "rigi", why: "the last 3 runs failed (`stop_after`)" };
    expect(standingOf(view(cron, { paused }))).toMatchObject({ word: "Paused", why: "by Rigi: the last 3 runs failed (`stop_after`)" });
    // What is off would not start by going on.
    expect(standingOf(view(cron, { paused, off: "its pipeline is switched off" }))).toMatchObject({
      word: "Off",
      why: "Its pipeline is switched off.",
    });
    expect(standingOf(view({ parameters: {} }, { off: "it has no time" })).word).toBe("Preset");
  });

  test("a time by the clock of its zone", () => {
    const now = Date.parse("2026-11-30T22:30:00Z");
    const at = (text: string, zone: string) => dueClock(Date.parse(text), now, zone);
    expect(at("2026-11-30T23:30:00Z", "UTC")).toBe("23:30");
    expect(at("2026-11-30T23:30:00Z", "Europe/Zurich")).toBe("tomorrow 00:30");
    expect(at("2026-11-30T22:30:05Z", "UTC")).toBe("22:30:05");
    expect(at("2026-12-03T06:00:00Z", "UTC")).toBe("Thu 06:00");
    expect(at("2026-12-24T06:00:00Z", "UTC")).toBe("24 Dec 06:00");
    expect(at("2026-11-29T06:00:00Z", "UTC")).toBe("yesterday 06:00");
    expect(localDay("2027-03-28T03:00:00+02:00")).toBe("Sun 28 Mar 2027");
    expect(localClock("2027-03-28T03:00:00+02:00")).toEqual({ time: "03:00", offset: "+02:00" });
    expect(localClock("2027-03-28T03:00:15+00:00")).toEqual({ time: "03:00:15", offset: "UTC" });
  });

  test("runs within a reason", () => {
    const id = "run_01M8N9B8BTEE9AJPNXEDJ74TR2";
    expect(withRuns(`the run ${id} before it had not ended`)).toEqual([
      { text: "run 4TR2", run: id },
      { text: " before it had not ended" },
    ]);
    expect(withRuns("paused")).toEqual([{ text: "paused" }]);
    expect(plainWords(`the run ${id} of the key \`a\` had not ended`)).toBe(`run ${id.slice(-4)} of the key a had not ended`);
  });
});

describe("the form", () => {
  const said: Said = {
    cron: "0 3 * * *",
    timezone: "Europe/Zurich",
    catch_up: "all(7)",
    overlap: "skip",
    stop_after: 3,
    jitter: "5m",
    labels: { by: "night" },
    end: "2027-01-01T00:00:00Z",
  };

  test("says again what it was filled with, and keeps what it does not show", () => {
    const body = bodyOf(writtenOf(view(said), "co2"), { start: 1990 }, said);
    expect(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))).toEqual({
      ...said,
      parameters: { start: 1990 },
    });
    const once = { once_at: "2026-12-24T05:00:00Z", timezone: "Europe/Zurich" };
    const written = writtenOf(view(once), "co2");
    expect(written).toMatchObject({ kind: "once", once: "2026-12-24T06:00" });
    expect(bodyOf(written, {})).toMatchObject({ ...once, cron: null, interval: null });
    expect(bodyOf({ ...written, kind: "interval", interval: " 1s " }, {})).toMatchObject({ interval: "1s", once_at: null, timezone: null });
  });

  test("what cannot be is told before it is sent", () => {
    const now = Date.parse("2026-11-30T00:00:00Z");
    const good: Written = writtenOf(view(said), "co2");
    const wrong = (change: Partial<Written>) => wrongIn({ ...good, ...change }, ["taken"], now);
    expect(wrong({})).toEqual({});
    expect(wrong({ id: "" })).toEqual({ id: "is required" });
    expect(Object.keys(wrong({ id: "a b" }))).toEqual(["id"]);
    expect(wrong({ id: "taken" }).id).toContain("is taken");
    expect(wrong({ cron: " " })).toEqual({ cron: "is required" });
    expect(wrong({ kind: "once", once: "2020-01-01T00:00" })).toEqual({ once: "has passed" });
    expect(wrong({ kind: "interval" })).toEqual({ interval: "is required" });
    expect(Object.keys(wrong({ stopAfter: "0" }))).toEqual(["stopAfter"]);
    expect(Object.keys(wrong({ catchUpMost: "many" }))).toEqual(["catchUp"]);
  });

  test("what the server says is told at its field", () => {
    expect(placeOf("`cron` has 4 fields and must have 5")).toEqual({ field: "cron", text: "has 4 fields and must have 5" });
    expect(placeOf("`timezone`: there is no time zone `X`")).toEqual({ field: "timezone", text: "there is no time zone `X`" });
    expect(placeOf("an id has up to 64 letters", "/id")).toEqual({ field: "id", text: "an id has up to 64 letters" });
    expect(placeOf("the schedule `x` never comes: there is no such day")).toEqual({
      field: "cron",
      text: "never comes: there is no such day",
    });
    expect(placeOf("this server has no target `moon`", "/target")).toBeNull();
  });
});
