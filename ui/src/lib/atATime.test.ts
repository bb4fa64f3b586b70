import { expect, test } from "vitest";

import { atATime } from "./atATime";

test("what a spec says of how many at a time", () => {
  expect(atATime(null)).toEqual([]);
  expect(atATime({ max_instances: null })).toEqual([]);
  expect(atATime({ max_instances: 3 })).toEqual(["3 at a time"]);
  const by = (more: object) => atATime({ concurrency: { key: "${params.customer}", limit: 1, overlap: "queue", shared: false, ...more } });
  expect(by({})).toEqual(["1 at a time with the same {customer}, others wait"]);
  expect(by({ overlap: "replace", shared: true })).toEqual([
    "1 at a time with the same {customer} over all pipelines that share it, the next one stops the oldest",
  ]);
  expect(by({ key: "", limit: 2, overlap: "skip" })).toEqual(["2 at a time, others are skipped"]);
});
