import { expect, test } from "vitest";

import { mailState } from "./mail";

test("a mail says what became of it, and when it is tried next", () => {
  const at = "2026-11-29T12:00:00Z";
  expect(mailState({ state: "waiting", tries: 0, next_at: at })).toEqual({ text: "waits", at: null });
  expect(mailState({ state: "waiting", tries: 2, next_at: at })).toEqual({ text: "waits, next try", at, tone: "tone-warn" });
  expect(mailState({ state: "sent", tries: 1, ended_at: at })).toEqual({ text: "sent", at });
  expect(mailState({ state: "failed", tries: 5, ended_at: at })).toEqual({ text: "given up", at, tone: "tone-bad" });
});
