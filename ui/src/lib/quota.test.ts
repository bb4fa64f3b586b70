import { expect, test } from "vitest";

import { labelLine, readLabels, writeLabels } from "./labels";
import { barsOf, EACH, keptLine, quotaLine, readAmounts, TOGETHER, writeAmounts } from "./quota";

const GIB = 1024 ** 3;
const usage = { active: 0, queued: 0, storage: 0, people: [], pipelines: [], quota: {} };

test("a bar says how much is used, and what happens at the most", () => {
  const bars = barsOf({ ...usage, active: 3, queued: 5, storage: 2 * GIB, cpu: 8, quota: { runs: 4, queued: 5, cpu: 16 } });
  expect(bars.map(({ key, used, most, fraction, full }) => [key, used, most, fraction, full])).toEqual([
    ["runs", "3", "4", 0.75, null],
    ["queued", "5", "5", 1, "Further ones are refused."],
    ["cpu", "8 cores", "16 cores", 0.5, null],
    ["storage", "2 GiB", null, null, null],
  ]);
});

test("more than the most fills a bar, and so does anything of nothing", () => {
  const [runs, waiting, storage] = barsOf({ ...usage, storage: 3 * GIB, quota: { runs: 0, queued: 10, storage: GIB } });
  expect([runs?.fraction, waiting?.fraction, storage?.fraction]).toEqual([1, 0, 1]);
  expect(storage?.full).toBe("At more, runs and uploads are refused.");
});

test("what a server that does not lead cannot count is said to be so", () => {
  const memory = barsOf({ ...usage, memory: null, quota: { memory: GIB } }).find(({ key }) => key === "memory");
  expect(memory).toMatchObject({ used: "not counted on this server", most: "1 GiB", fraction: null, full: null });
});

test("a quota is a line", () => {
  expect(quotaLine({})).toBe("");
  expect(quotaLine({ runs: 20, cpu: 16, weight: 1 })).toBe("20 active, 16 cores");
  expect(quotaLine({ runs: 20, cpu: 16, memory: GIB, storage: GIB, max_cpu: 2 })).toBe("20 active, 16 cores, 1 GiB memory and 2 others");
  expect(keptLine({})).toBe("as the server says");
  expect(keptLine({ runs: 10, age_ms: 86_400_000 })).toBe("the newest 10, those younger than 1 d of each pipeline that says nothing");
});

test("a form gives back what it was given, clears by none, and names each mistake", () => {
  const fields = [...TOGETHER, ...EACH];
  const quota = { runs: 20, cpu: 1.5, memory: 64 * GIB, max_timeout_ms: 5_400_000 };
  const written = writeAmounts(fields, quota);
  expect(written).toMatchObject({ runs: "20", cpu: "1.5 cores", memory: "64 GiB", max_timeout_ms: "1 h 30 min", storage: "" });
  expect(readAmounts(fields, written)).toMatchObject({ amounts: { ...quota, storage: null, weight: null }, mistakes: {} });
  expect(readAmounts(fields, { ...written, runs: "none" }).amounts.runs).toBeNull();
  const said = readAmounts(fields, { ...written, memory: "much", weight: "0" });
  expect(Object.keys(said.mistakes)).toEqual(["memory", "weight"]);
});

test("labels are read as they are written", () => {
  expect(readLabels(["team=lab", "area/sub=air = good"])).toEqual({ labels: { team: "lab", "area/sub": "air = good" } });
  for (const wrong of ["team", "=lab", "a b=c", `a=${"x".repeat(257)}`]) expect(readLabels([wrong]), wrong).toHaveProperty("wrong");
  expect(writeLabels({ team: "lab", area: "air" })).toEqual(["area=air", "team=lab"]);
  expect(labelLine({ team: "lab", area: "air" })).toBe("area=air, team=lab");
});
