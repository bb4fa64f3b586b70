import { describe, expect, test } from "vitest";

import { attemptWord, exitWord, remaining, shortId, startedBy, stateDetail, stateHeading, stateShort, type RunWords } from "./runText";

const NOW = Date.parse("2024-11-20T12:00:42Z");
const running: RunWords = {
  state: "running",
  attempt: 1,
  max_attempts: 1,
  created_at: "2024-11-20T11:59:59Z",
  started_at: "2024-11-20T12:00:00Z",
};

describe("how long still", () => {
  test("comes from what such runs take", () => expect(remaining(running, NOW, 100_000)).toBe("about 1 min left"));
  test("comes from the run's own progress first", () =>
    expect(remaining({ ...running, progress: { fraction: 0.5 } }, NOW, 100_000)).toBe("about 40 s left"));
  test("is not made up", () => expect(remaining(running, NOW)).toBeNull());
  test("says when it takes longer", () => expect(remaining(running, NOW, 10_000)).toBe("longer than the usual 10 s"));
  test("is not said of a run that ended", () => expect(remaining({ ...running, state: "failed" }, NOW, 100_000)).toBeNull());
});

describe("headings", () => {
  test("of a running run have its clock", () => expect(stateHeading(running, NOW)).toBe("Running 0:42"));
  test("of an ended run say after what time", () => {
    expect(stateHeading({ ...running, state: "failed", duration_ms: 41_000 }, NOW)).toBe("Failed after 41 s");
    expect(stateHeading({ ...running, state: "succeeded", duration_ms: 2400 }, NOW)).toBe("Succeeded in 2.4 s");
  });
  test("of a run between attempts say until when", () =>
    expect(stateShort({ ...running, state: "retrying", next_attempt_at: "2024-11-20T12:01:10Z" }, NOW)).toBe("Retrying in 28 s"));
  test("say that it was asked to stop", () =>
    expect(stateHeading({ ...running, cancel_requested_at: "2024-11-20T12:00:40Z" }, NOW)).toBe("Stopping"));
});

test("a waiting run says for what", () => {
  const queued: RunWords = { ...running, state: "queued", started_at: undefined, queue: { position: 2, waiting: 3 } };
  expect(stateDetail({ ...queued, message: "2nd of 3, limit of 1 at a time" }, NOW)).toBe("2nd of 3, limit of 1 at a time");
  expect(stateDetail(queued, NOW)).toBe("2nd of 3");
});

test("attempts are counted once", () => {
  const retrying: RunWords = { ...running, state: "retrying", attempt: 2, max_attempts: 5 };
  expect(stateDetail({ ...retrying, message: "exit 1" }, NOW)).toBe("exit 1, attempt 2 of 5");
  expect(stateDetail({ ...retrying, message: "exit 1, attempt 2 of 5" }, NOW)).toBe("exit 1, attempt 2 of 5");
});

test("no attempt is beyond its number", () => {
  expect(stateDetail({ ...running, state: "failed", attempt: 4, message: "lost" }, NOW)).toBe("lost, attempt 4");
  expect(attemptWord({ attempt: 2, max_attempts: 2 })).toBe("attempt 2 of 2");
});

test("ids are said by their last four", () => {
  expect(shortId("run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A")).toBe("7Q2A");
  expect(shortId("parse")).toBe("parse");
  expect(startedBy({ kind: "downstream", by: "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A" })).toBe("after 7Q2A");
  expect(startedBy({ kind: "restart", by: "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A" })).toBe("restart after 7Q2A");
  expect(startedBy({ kind: "restart", by: "the server's start" })).toBe("the server's start");
  expect(startedBy({ kind: "manual", by: "you" })).toBe("you");
  expect(startedBy({ kind: "event", by: "load/inbox" })).toBe("event of load/inbox");
  expect(startedBy({ kind: "downstream", by: "report/both" })).toBe("ends for report/both");
});

test("the exit status is said where the message is the program's own", () => {
  expect(exitWord({ exit_code: 3, message: "ValueError: no rows" })).toBe("exit 3");
  expect(exitWord({ exit_code: 3, message: "exit 3" })).toBeNull();
  expect(exitWord({ exit_code: 127, message: "exit 127 (the command was not found)" })).toBeNull();
  expect(exitWord({ exit_code: 1, message: "exit 12 of 13 is closed" })).toBe("exit 1");
  expect(exitWord({ exit_code: 0, message: null })).toBeNull();
  expect(exitWord({ message: "cancelled" })).toBeNull();
});
