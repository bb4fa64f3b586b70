import { describe, expect, test } from "vitest";

import type { PipelineTriggerView, SetTrigger } from "../api/types";
import { eventWords, outcomeOf, reasonOf, standingOf, triggerOf, waitingOf, waitsFor } from "./triggers";

const view = (trigger: SetTrigger, more: Partial<PipelineTriggerView> = {}): PipelineTriggerView => ({
  pipeline: "load",
  id: "inbox",
  kind: "files",
  source: "spec",
  waits_for: "",
  trigger,
  ...more,
});
const RUN = "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A";
const OTHER = "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2B";

test("what is waited for is a sentence", () => {
  expect(waitsFor({ files: "/in/*.csv" })).toBe("files that come: /in/*.csv");
  expect(waitsFor({ sensor: "check" })).toBe("lines of check");
  expect(waitsFor({ after: ["a"] })).toBe("a has succeeded");
  expect(waitsFor({ after: ["a", "b", "c"], on: "failure" })).toBe("a, b and c have failed");
  expect(waitsFor({ after: ["a", "b"], on: "end" })).toBe("a and b have ended");
});

test("a trigger is off before it is paused, and paused before it has a problem", () => {
  const problem = view({}, { problem: "the folder cannot be read" });
  const paused = { ...problem, paused: { at: "2026-01-01T00:00:00Z", by: "ada", why: null } };
  expect(standingOf(view({})).word).toBe("On");
  expect(standingOf(problem)).toMatchObject({ word: "Problem", tone: "bad", why: "the folder cannot be read" });
  expect(standingOf(paused)).toMatchObject({ word: "Paused", why: "by ada" });
  expect(standingOf({ ...paused, off: "its pipeline is switched off" }).word).toBe("Off");
});

test("an event is told by what it is", () => {
  expect(eventWords("files", "/in/a@b.csv@1748772000000000-2048")).toEqual({ text: "/in/a@b.csv", detail: "2 KiB" });
  expect(eventWords("files", "sha256:00")).toEqual({ text: "sha256:00", detail: "" });
  expect(eventWords("sensor", "order 7@1-2")).toEqual({ text: "order 7@1-2", detail: "" });
  expect(eventWords("after", `mon day ${RUN} ${OTHER}`)).toEqual({ text: "mon day", detail: "7Q2A, 7Q2B" });
  expect(eventWords("after", `${RUN} ${OTHER}`)).toEqual({ text: "7Q2A, 7Q2B", detail: "" });
});

test("why there is no run is said by the server, or by what was to hold", () => {
  const event = (outcome: string, reason: string | null = null) => ({ event: "x", at: "", outcome, reason, run: null });
  expect(reasonOf(event("refused", "`n` is a text"), null)).toBe("`n` is a text");
  expect(reasonOf(event("ignored"), "file.size > 0")).toBe("`file.size > 0` does not hold");
  expect(reasonOf(event("seen"), "file.size > 0")).toBeNull();
  expect(reasonOf(event("taken", "sha256:00"), null)).toBeNull();
  expect(["run", "ignored", "refused", "taken", "seen", "new"].map((outcome) => outcomeOf({ outcome }).state)).not.toContain(undefined);
});

test("of several pipelines it is told by key which are there and which are missing", () => {
  const end = (key: string, pipeline: string, at: string) => ({ key, pipeline, run: RUN, at });
  const waiting = [end("mon", "a", "2026-01-01T00:00:00Z"), end("tue", "b", "2026-01-02T00:00:00Z")];
  expect(waitingOf(view({ after: ["a", "b"] }, { waiting }))).toEqual([
    {
      key: "tue",
      at: "2026-01-02T00:00:00Z",
      ends: [
        { pipeline: "a", run: null, at: null },
        { pipeline: "b", run: RUN, at: "2026-01-02T00:00:00Z" },
      ],
    },
    {
      key: "mon",
      at: "2026-01-01T00:00:00Z",
      ends: [
        { pipeline: "a", run: RUN, at: "2026-01-01T00:00:00Z" },
        { pipeline: "b", run: null, at: null },
      ],
    },
  ]);
});

describe("what a run says started it", () => {
  test("leads to the trigger", () => {
    expect(triggerOf({ kind: "event", by: "load/inbox" })).toEqual({ pipeline: "load", id: "inbox" });
    expect(triggerOf({ kind: "downstream", by: "report/both" })).toEqual({ pipeline: "report", id: "both" });
  });
  test("or to something else", () => {
    expect(triggerOf({ kind: "downstream", by: RUN })).toBeNull();
    expect(triggerOf({ kind: "manual", by: "a/b" })).toBeNull();
  });
});
