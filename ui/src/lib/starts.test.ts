import { expect, test } from "vitest";

import { NODE } from "./flow/layout";
import { around, connected, drawStarts, startsOf, type Start, type Starter, type Starts } from "./starts";

const node = (id: string, kind: Starter["kind"] = "pipeline"): Starter => ({ id, kind, name: id, words: "" });
const edge = (from: string, to: string, words = "", bad = false): Start => ({ from, to, words, bad });

const ALL: Starts = {
  nodes: [
    node("nightly", "schedule"),
    node("pushes", "webhook"),
    node("fetch"),
    node("my report"),
    node("alarm"),
    node("alone"),
    node("other"),
  ],
  edges: [
    edge("nightly", "fetch"),
    edge("pushes", "my report"),
    edge("fetch", "my report"),
    edge("fetch", "alarm", "failure", true),
    edge("alarm", "fetch"),
    edge("other", "other"),
  ],
};

test("what starts nothing and is not started is left out", () => {
  expect(connected(ALL).nodes.map(({ id }) => id)).not.toContain("alone");
});

test("around one stands what leads to it and what follows", () => {
  const ids = (starts: Starts) => starts.nodes.map(({ id }) => id);
  expect(ids(around(ALL, "pushes"))).toEqual(["pushes", "my report"]);
  expect(ids(around(ALL, "my report"))).toEqual(["nightly", "pushes", "fetch", "my report", "alarm"]);
  expect(around(ALL, "pushes").edges).toHaveLength(1);
  expect(ids(around(ALL, "alone"))).toEqual(["alone"]);
});

test("every start is a line, those that lead back below", () => {
  const drawn = drawStarts(connected(ALL));
  expect(drawn.lines).toHaveLength(6);
  const place = (id: string) => drawn.places.find((one) => one.node.id === id) ?? { x: 0, y: 0 };
  const line = (from: string, to: string) => drawn.lines.find(({ start }) => start.from === from && start.to === to);
  expect(place("nightly").x).toBeLessThan(place("fetch").x);
  expect(place("fetch").x).toBeLessThan(place("my report").x);
  const back = line("alarm", "fetch") ?? line("fetch", "alarm");
  expect(back?.path).toMatch(/^M/);
  expect(line("other", "other")?.end[1]).toBe(place("other").y + NODE.height / 2 + 8);
  for (const { at } of drawn.lines) expect(at[1]).toBeLessThanOrEqual(drawn.height);
});

test("of two with the same ends there is one line that says both", () => {
  const both = drawStarts({ nodes: [node("a"), node("b")], edges: [edge("a", "b"), edge("a", "b", "route large")] });
  expect(both.lines.map(({ start }) => start.words)).toEqual(["success, route large"]);
});

test("what the server tells becomes nodes and lines", () => {
  const { nodes, edges } = startsOf({
    pipelines: ["fetch", "report", "alone"],
    starts: [
      { kind: "schedule", by: "nightly", pipeline: "fetch", when: "0 3 * * *, UTC", off: true, missing: false },
      { kind: "webhook", by: "pushes", pipeline: "fetch", when: "event == 'push'", off: false, missing: false },
      { kind: "webhook", by: "webhook_key", pipeline: "report", off: false, missing: false },
      { kind: "downstream", by: "fetch", pipeline: "report", when: "success", off: false, missing: false },
      { kind: "downstream", by: "fetch", pipeline: "alarm", when: "failure", off: false, missing: true },
      { kind: "restart", by: "report", pipeline: "report", when: "crash", off: false, missing: false },
      { kind: "step", by: "report", pipeline: "fetch", when: "load", off: false, missing: false },
      { kind: "files", by: "inbox", pipeline: "fetch", when: "/in/*.csv", off: true, missing: false },
      { kind: "sensor", by: "alone", pipeline: "fetch", when: "a line", off: false, missing: false },
      { kind: "after", by: "fetch", pipeline: "report", when: "all: success", off: false, missing: false },
      { kind: "after", by: "alone", pipeline: "report", when: "all: failure", off: false, missing: false },
      { kind: "after", by: "alone", pipeline: "alarm", when: "success", off: false, missing: true },
    ],
  });
  const of = (name: string) => nodes.find((one) => one.name === name);
  expect(of("nightly")).toMatchObject({ kind: "schedule", of: "fetch", words: "every day at 03:00, UTC", still: "off" });
  expect(of("key in the address")).toMatchObject({ kind: "key", of: "report" });
  expect(of("inbox")).toMatchObject({ kind: "files", of: "fetch", words: "/in/*.csv", still: "off" });
  expect(of("alarm")).toMatchObject({ still: "there is none" });
  expect(edges.map(({ words, bad }) => [words, bad])).toEqual([
    ["", false],
    ["", false],
    ["", false],
    ["", false],
    ["failure", true],
    ["crash", true],
    ["step load", false],
    ["", false],
    ["a line", false],
    ["success of all", false],
    ["failure of all", true],
    ["", false],
  ]);
});
