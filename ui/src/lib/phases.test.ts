import { describe, expect, test } from "vitest";

import { partsOf, sumsOf, totalOf, type PhasedRun, type Span } from "./phases";

const at = (s: number) => new Date(Date.UTC(2024, 10, 20, 12, 0, 0) + s * 1000).toISOString();
const NOW = Date.parse(at(100));
const spans: Span[] = [
  { created_at: at(1), started_at: at(2), ended_at: at(5) },
  { created_at: at(15), started_at: at(16), ended_at: at(20) },
];
const run = (change: Partial<PhasedRun>): PhasedRun => ({
  state: "failed",
  attempt: 2,
  max_attempts: 3,
  created_at: at(0),
  started_at: at(16),
  ended_at: at(20),
  duration_ms: 4000,
  phases: { queued_ms: 11_000 },
  ...change,
});
const told = (parts: { kind: string; ms: number }[]) => parts.map(({ kind, ms }) => `${kind} ${ms / 1000}`).join(", ");

describe("parts of a run", () => {
  test("the wait between attempts is no queue", () =>
    expect(told(partsOf(run({}), spans, NOW))).toBe("queued 1, preparing 1, running 3, waited 10, preparing 1, running 4"));
  test("while it waits for its next attempt, that is counted", () =>
    expect(
      told(partsOf(run({ state: "retrying", attempt: 1, ended_at: null, duration_ms: null }), spans.slice(0, 1), Date.parse(at(9)))),
    ).toBe("queued 1, preparing 1, running 3, waited 4"));
  test("the attempt that goes on has no end yet", () =>
    expect(
      told(
        partsOf(
          run({ state: "running", ended_at: null, duration_ms: null }),
          [...spans.slice(0, 1), { created_at: at(15), started_at: at(16) }],
          Date.parse(at(30)),
        ),
      ),
    ).toBe("queued 1, preparing 1, running 3, waited 10, preparing 1, running 14"));
  test("very many attempts are put together", () => {
    const many = Array.from({ length: 20 }, (_, index) => ({
      created_at: at(index * 4 + 1),
      started_at: at(index * 4 + 2),
      ended_at: at(index * 4 + 4),
    }));
    expect(told(partsOf(run({ attempt: 20, ended_at: at(80) }), many, NOW))).toBe("queued 1, preparing 20, running 40, waited 19");
  });
  test("one attempt is as the run says", () =>
    expect(told(partsOf(run({ attempt: 1, phases: { queued_ms: 500, preparing_ms: 250, running_ms: 4000 } }), [], NOW))).toBe(
      "queued 0.5, preparing 0.25, running 4",
    ));
  test("sums are of kinds", () => expect(told(sumsOf(partsOf(run({}), spans, NOW)))).toBe("queued 1, preparing 2, running 7, waited 10"));
});

describe("the whole time", () => {
  test("is that of all attempts", () => expect(totalOf(run({}), spans, NOW)).toBe(18_000));
  test("goes on between attempts", () =>
    expect(totalOf(run({ state: "retrying", ended_at: null }), spans, Date.parse(at(22)))).toBe(20_000));
  test("is not told before it is known", () => expect(totalOf(run({}), [], NOW)).toBeNull());
  test("of one attempt is the run's own", () => expect(totalOf(run({ attempt: 1 }), [], NOW)).toBe(4000));
});
