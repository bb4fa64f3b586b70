import { expect, test } from "vitest";

import type { RuleView } from "../api/types";
import { againRule, noticeState, ruleBody, ruleCommand, rulePlace, tellsOf, tellsWhen, wrongRule, writtenRule } from "./telling";

const RULE: RuleView = {
  name: "nights",
  on: ["failed", "waiting"],
  pipelines: ["etl-*"],
  channels: ["team"],
  digest: "60s",
  quiet: { from: "22:00", to: "07:00", zone: "Europe/Zurich" },
  waiting_after: "1h",
  paused: true,
  made_at: "2026-11-30T08:00:00Z",
  made_by: "you",
};

test("a rule in words", () => {
  expect(tellsOf(RULE)).toBe("failed, waiting of etl-*");
  expect(tellsOf({ on: ["soft-limit"] })).toBe("soft limit");
  expect(tellsWhen(RULE)).toBe("what comes within 60s together, not from 22:00 to 07:00, Europe/Zurich");
  expect(tellsWhen({})).toBe("at once");
});

test("a rule is written, and sent as it was", () => {
  const written = writtenRule(RULE, "UTC", []);
  expect({ ...ruleBody(written, true), template: undefined }).toEqual({ ...againRule(RULE), template: undefined });
  expect(ruleCommand(written)).toBe(
    "rigi notices rule nights --on failed,waiting --channel team --pipeline 'etl-*' --digest 60s --quiet-hours 22:00-07:00 --zone Europe/Zurich --waiting-after 1h",
  );
  // How long a run may wait is of no use where nothing waits.
  expect(ruleBody({ ...written, on: ["failed"] }, false).waiting_after).toBeNull();
  expect(writtenRule(null, "Europe/Zurich", ["team"])).toMatchObject({
    on: ["failed", "recovered"],
    channels: ["team"],
    zone: "Europe/Zurich",
  });
});

test("what cannot be is told by field", () => {
  const written = writtenRule(null, "UTC", []);
  expect(Object.keys(wrongRule(written, []))).toEqual(["name", "channels"]);
  expect(wrongRule({ ...written, name: "x", channels: ["a"], quietFrom: "22:00" }, []).quietFrom).toMatch(/begin and an end/);
  expect(wrongRule({ ...written, name: "x", channels: ["a"] }, ["x"]).name).toMatch(/taken/);
  expect(rulePlace("/quiet")).toBe("quietFrom");
  expect(rulePlace("/paused")).toBeUndefined();
});

test("how a word stands", () => {
  expect(noticeState({ state: "waiting" })).toEqual({ word: "Waiting", shape: "queued" });
  expect(noticeState({ state: "waiting", error: "503" })).toEqual({ word: "Tried again", shape: "retrying" });
  expect(noticeState({ state: "dead", error: "404" }).word).toBe("Given up");
});
