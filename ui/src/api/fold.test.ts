import { QueryClient } from "@tanstack/react-query";
import { describe, expect, test } from "vitest";

import { fits, foldPages, foldRun, foldSample, foldStrip } from "./fold";
import { keys } from "./keys";
import type { PipelineSummary, RunSummary, RunView, UsageSample } from "./types";

const run = (id: string, change: Partial<RunSummary> = {}): RunSummary => ({
  id,
  short: id.slice(-4),
  pipeline: "co2",
  state: "queued",
  trigger: { kind: "manual", by: "you" },
  labels: {},
  priority: 0,
  attempt: 0,
  max_attempts: 1,
  created_at: `2024-11-20T12:00:0${id.slice(-1)}Z`,
  ...change,
});
const pages = (...items: RunSummary[]) => ({ pages: [{ items }], pageParams: [""] });

describe("lists of runs", () => {
  test("a known run changes where it stands, even when it no longer fits", () => {
    const folded = foldPages(pages(run("run2"), run("run1")), [run("run1", { state: "running" })], { state: "queued" });
    expect(folded.pages[0]?.items.map(({ id, state }) => [id, state])).toEqual([
      ["run2", "queued"],
      ["run1", "running"],
    ]);
  });
  test("new runs come first, the newest on top", () => {
    const folded = foldPages(pages(run("run1")), [run("run2"), run("run3")], {});
    expect(folded.pages[0]?.items.map(({ id }) => id)).toEqual(["run3", "run2", "run1"]);
  });
  test("what does not fit or is older than the top stays out", () => {
    const list = pages(run("run5"));
    expect(foldPages(list, [run("run6", { pipeline: "other" }), run("run2")], { pipeline: "co2" })).toBe(list);
  });
  test("filters are those of the API", () => {
    const one = run("run_7Q2A", { labels: { team: "a=b" }, state: "failed" });
    expect(fits(one, { q: "7q2a", state: "failed,timed_out", label: ["team=a=b"], pipeline: "co2" })).toBe(true);
    expect(fits(one, { label: ["team=ops"] })).toBe(false);
    expect(fits(one, { q: "co" })).toBe(true);
  });
});

describe("strips", () => {
  const pipeline: PipelineSummary = {
    name: "co2",
    tags: [],
    runnable: true,
    enabled: true,
    mistakes: [],
    warnings: [],
    queued: 1,
    active: 0,
    recent: [{ id: "run1", state: "queued", created_at: "2024-11-20T12:00:01Z" }],
  };
  test("counters follow the states", () => {
    const started = foldStrip(pipeline, run("run1", { state: "running" }));
    expect(started).toMatchObject({ queued: 0, active: 1 });
    expect(started && foldStrip(started, run("run1", { state: "succeeded", duration_ms: 5 }))).toMatchObject({
      queued: 0,
      active: 0,
      recent: [{ duration_ms: 5 }],
    });
  });
  test("a new run is added at the end, thirty at most", () => {
    let strip = pipeline;
    for (let i = 0; i < 40; i++) strip = foldStrip(strip, { ...run("x"), id: `r${i}`, created_at: `2024-11-20T13:00:${10 + i}Z` }) ?? strip;
    expect(strip.recent).toHaveLength(30);
    expect(strip.recent.at(-1)?.id).toBe("r39");
    expect(strip.queued).toBe(41);
  });
  test("an older run that is not in the strip cannot be counted here", () => expect(foldStrip(pipeline, run("run0"))).toBeNull());
});

describe("an open run", () => {
  const sample = (at: string): UsageSample => ({ at, cpu: 1, memory: 1, processes: 1 });
  const opened = (change: Partial<RunSummary>) => {
    const cache = new QueryClient();
    cache.setQueryData(keys.run("run1"), run("run1", change));
    return cache;
  };
  test("keeps the measurements of each attempt apart", () => {
    const cache = opened({ state: "running", attempt: 2, started_at: "2024-11-20T12:00:10Z" });
    for (const attempt of [1, 2]) cache.setQueryData(keys.usage("run1", attempt), { items: [] });
    for (const at of ["2024-11-20T12:00:09.900Z", "2024-11-20T12:00:10.500Z", "2024-11-20T12:00:10.500Z", "2024-11-20T12:00:11Z"])
      foldSample(cache, "run1", sample(at));
    expect(cache.getQueryData(keys.usage("run1", 1))).toEqual({ items: [] });
    expect(cache.getQueryData(keys.usage("run1", 2))).toEqual({
      items: [sample("2024-11-20T12:00:10.500Z"), sample("2024-11-20T12:00:11Z")],
    });
  });
  test("does not go back to an attempt that is over", () => {
    const cache = opened({ state: "starting", attempt: 3 });
    foldRun(cache, run("run1", { state: "retrying", attempt: 2 }));
    expect(cache.getQueryData<RunView>(keys.run("run1"))).toMatchObject({ state: "starting", attempt: 3 });
    foldRun(cache, run("run1", { state: "running", attempt: 3 }));
    foldRun(cache, run("run1", { state: "failed", attempt: 3 }));
    foldRun(cache, run("run1", { state: "running", attempt: 3 }));
    expect(cache.getQueryData<RunView>(keys.run("run1"))?.state).toBe("failed");
  });
});
