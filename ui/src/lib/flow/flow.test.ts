import { describe, expect, test } from "vitest";

import { settledBefore } from "./items";
import { asks, conditionOf, isOver, itemsOf, orderOf, stepsOfSpec, stepWord, timeOf, type Step } from "./steps";
import { ticksOf, timelineOf } from "./times";

const NONE = { items: 0, waiting: 0, active: 0, succeeded: 0, failed: 0, cancelled: 0 };
const at = (s: number) => new Date(s * 1000).toISOString();

function step(name: string, more: Partial<Step> = {}): Step {
  return {
    name,
    kind: "command",
    does: "true",
    needs: [],
    run_if: "success",
    optional: false,
    fans_out: false,
    state: "waiting",
    counts: NONE,
    ...more,
  };
}

describe("a step in words", () => {
  test("its items", () => {
    const counts = { ...NONE, items: 300, active: 5, waiting: 2, succeeded: 91, failed: 2 };
    expect(itemsOf(step("a", { fans_out: true, counts }))).toBe("93 of 300, 2 failed");
    expect(itemsOf(step("a", { fans_out: true, counts: { ...NONE, items: 1, succeeded: 1 } }))).toBe("1 item");
    expect(itemsOf(step("a", { counts: { ...NONE, items: 1 } }))).toBe("");
  });

  test("an approval asks while it is open", () => {
    const open = { kind: "approval", state: "running" };
    expect([asks(open), stepWord(open), stepWord({ ...open, state: "failed" })]).toEqual([true, "Asks for an answer", "Failed"]);
  });

  test("when it is done", () => {
    expect(orderOf(step("a"))).toBe("at the start");
    expect(orderOf(step("a", { needs: ["b"], run_if: "failed" }))).toBe("after b, if it failed");
    expect(orderOf(step("a", { needs: ["b", "c", "d"], run_if: "any_success", when: "params.full" }))).toBe(
      "after b, c and d, if one succeeded, when params.full",
    );
    expect(orderOf(step("a", { needs: ["b", "c"], run_if: "done" }))).toBe("after b and c, however they ended");
    expect(conditionOf(step("a", { run_if: "done" }))).toBeNull();
  });

  test("how long it took", () => {
    expect(timeOf(step("a"), 5000)).toBe("");
    expect(timeOf(step("a", { state: "running", started_at: at(0) }), 65_000)).toBe("1:05");
    expect(timeOf(step("a", { state: "succeeded", started_at: at(0), ended_at: at(2) }), 65_000)).toBe("2.0 s");
  });

  test("one that ended is over when its last item is", () => {
    expect(isOver(step("a", { state: "failed", counts: { ...NONE, items: 3, active: 1, failed: 1 } }))).toBe(false);
    expect(isOver(step("a", { state: "failed", counts: { ...NONE, items: 3, failed: 1 } }))).toBe(true);
  });
});

test("the steps of a spec", () => {
  const spec = {
    steps: [
      { name: "a", action: { kind: "run", entry: { kind: "command", argv: ["sh", "-c", "echo a\n"] } }, needs: [], run_if: "success" },
      { name: "b", action: { kind: "approval", role: "editor" }, needs: ["a"], run_if: "done", optional: true, when: "params.x" },
      { name: "c", action: { kind: "pipeline", pipeline: "report" }, needs: ["b"], for_each: ["x"] },
      { name: "d", action: { kind: "run", entry: { kind: "script", file: "d.py" } } },
      "nonsense",
    ],
  };
  const steps = stepsOfSpec(spec);
  expect(steps.map(({ does }) => does)).toEqual(["echo a", "approval by editor", "pipeline report", "d.py", ""]);
  expect(steps[1]).toMatchObject({ kind: "approval", run_if: "done", when: "params.x", optional: true, fans_out: false });
  expect(steps[2]?.fans_out).toBe(true);
  expect([stepsOfSpec(null), stepsOfSpec({})]).toEqual([[], []]);
});

describe("the times of a flow", () => {
  test("waiting begins when what is needed has ended", () => {
    const steps = [
      step("a", { state: "succeeded", started_at: at(12), ended_at: at(20) }),
      step("b", { needs: ["a"], state: "running", started_at: at(25) }),
      step("c", { needs: ["a"], state: "waiting" }),
      step("d", { needs: ["b"], state: "waiting" }),
      step("e", { needs: ["a"], state: "skipped" }),
    ];
    const { bars, end } = timelineOf(steps, 10_000, null, 30_000);
    expect(end).toBe(30_000);
    expect(bars).toEqual([
      { name: "a", waited: [10_000, 12_000], ran: [12_000, 20_000] },
      { name: "b", waited: [20_000, 25_000], ran: [25_000, 30_000] },
      { name: "c", waited: [20_000, 30_000], ran: null },
      { name: "d", waited: null, ran: null },
      { name: "e", waited: null, ran: null },
    ]);
  });

  test("after its end nothing waits, and it ends with its last step", () => {
    const steps = [step("a", { state: "failed", started_at: at(11), ended_at: at(21) }), step("b", { state: "waiting" })];
    const { bars, end } = timelineOf(steps, 10_000, 20_000, 99_000);
    expect(end).toBe(21_000);
    expect(bars[1]).toEqual({ name: "b", waited: null, ran: null });
  });

  test("marks are round", () => {
    const texts = (span: number) => ticksOf(span).map(({ text }) => text);
    expect(texts(9000)).toEqual(["0", "2 s", "4 s", "6 s", "8 s"]);
    expect(texts(100_000)).toEqual(["0", "30 s", "1:00", "1:30"]);
    expect(texts(1200)).toEqual(["0", "200 ms", "400 ms", "600 ms", "800 ms", "1 s", "1.2 s"]);
    expect(texts(40 * 60_000)).toEqual(["0", "10 min", "20 min", "30 min", "40 min"]);
    expect(texts(9 * 3_600_000)).toEqual(["0", "2 h", "4 h", "6 h", "8 h"]);
    expect(texts(12 * 86_400_000)).toEqual(["0", "2 d", "4 d", "6 d", "8 d", "10 d", "12 d"]);
  });
});

test("of the runs of a step those are read again that had not ended", () => {
  const of = (...states: string[]) => settledBefore(states.map((state, n) => ({ id: `r${n}`, state })));
  expect(of("succeeded", "failed")).toBe("r1");
  expect(of("succeeded", "running", "succeeded")).toBe("r0");
  expect(of("running", "succeeded")).toBeUndefined();
  expect(of()).toBeUndefined();
  expect(of("running", ...Array<string>(1500).fill("succeeded"))).toBe("r1500");
});
