import { describe, expect, test } from "vitest";

import { depthsOf, layoutSteps, NODE, pathOf, type Drawn } from "./layout";

const step = (name: string, ...needs: string[]): Drawn => ({ name, needs });

function crossings(steps: Drawn[]): number {
  const { edges } = layoutSteps(steps);
  let found = 0;
  const parts = edges.flatMap(({ points }) => points.slice(1).map((end, index) => ({ a: points[index] ?? ([0, 0] as const), b: end })));
  for (const [index, one] of parts.entries()) {
    for (const other of parts.slice(index + 1)) {
      if (one.a[0] !== other.a[0] || one.b[0] !== other.b[0]) continue;
      if ((one.a[1] - other.a[1]) * (one.b[1] - other.b[1]) < 0) found += 1;
    }
  }
  return found;
}

describe("the drawing of a flow", () => {
  test("a step stands behind all that it needs", () => {
    const depths = depthsOf([step("a"), step("d", "a", "c"), step("b", "a"), step("c", "b")]);
    expect(Object.fromEntries(depths)).toEqual({ a: 0, b: 1, c: 2, d: 3 });
  });

  test("what is not there, and what goes round, is no need", () => {
    expect(Object.fromEntries(depthsOf([step("a", "gone"), step("b", "c"), step("c", "b")]))).toEqual({ a: 0, b: 1, c: 0 });
    expect(layoutSteps([step("b", "c"), step("c", "b")]).edges).toHaveLength(1);
  });

  test("nothing lies on anything else, and all of it is within the drawing", () => {
    const steps = [step("a"), ...Array.from({ length: 9 }, (_, n) => step(`b${n}`, "a")), step("c", "a", "b1", "b8"), step("d", "a")];
    const { places, width, height } = layoutSteps(steps);
    for (const [index, one] of places.entries()) {
      expect(one.y).toBeGreaterThanOrEqual(0);
      expect(one.y + NODE.height).toBeLessThanOrEqual(height + 0.001);
      expect(one.x + NODE.width).toBeLessThanOrEqual(width);
      for (const other of places.slice(index + 1)) {
        expect(one.x !== other.x || Math.abs(one.y - other.y) >= NODE.height).toBe(true);
      }
    }
  });

  test("an edge that passes a layer goes between its steps", () => {
    const steps = [step("a"), step("b1", "a"), step("b2", "a"), step("c", "a", "b1", "b2")];
    const { places, edges } = layoutSteps(steps);
    const far = edges.find(({ from, to }) => from === "a" && to === "c");
    expect(far?.points).toHaveLength(4);
    const y = far?.points[1]?.[1] ?? 0;
    for (const { depth, y: top } of places) expect(depth !== 1 || y < top || y > top + NODE.height).toBe(true);
  });

  test("lines that need not cross do not", () => {
    expect(crossings([step("a"), step("b"), step("for-b", "b"), step("for-a", "a")])).toBe(0);
    expect(crossings([step("a"), step("x", "a"), step("y", "a"), step("y2", "y"), step("x2", "x"), step("end", "x2", "y2")])).toBe(0);
  });

  test("a step alone is a line of its own; none is nothing", () => {
    const { places } = layoutSteps([step("a"), step("b", "a"), step("c", "b")]);
    expect(new Set(places.map(({ y }) => y)).size).toBe(1);
    expect(layoutSteps([])).toEqual({ places: [], edges: [], width: NODE.width, height: 0 });
  });

  test("an edge ends straight where something stands on it", () => {
    const edge = {
      from: "a",
      to: "b",
      points: [
        [0, 0],
        [100, 50],
      ] as const,
    };
    expect(pathOf(edge)).toBe("M0 0C50 0 50 50 100 50");
    expect(pathOf(edge, 40)).toBe("M0 0C30 0 30 50 60 50H100");
    expect(
      pathOf({
        ...edge,
        points: [
          [0, 5],
          [100, 5],
        ],
      }),
    ).toBe("M0 5H100");
  });

  test("five hundred steps are drawn in no time", () => {
    const steps = Array.from({ length: 500 }, (_, n) => step(`s${n}`, ...(n > 10 ? [`s${n - 10}`, `s${n - 7}`] : [])));
    const begin = performance.now();
    layoutSteps(steps);
    expect(performance.now() - begin).toBeLessThan(1500);
  });
});
