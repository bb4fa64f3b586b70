import { QueryClient } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { foldPipelines, foldRunLists } from "./fold";
import { keys } from "./keys";
import { LiveFlows } from "./liveFlows";
import type { PipelineSummary, RunSummary, StepRunView } from "./types";

const run = (id: string, more: Partial<RunSummary> = {}): RunSummary => ({
  id,
  short: id,
  pipeline: "p",
  state: "running",
  trigger: { kind: "manual", by: "you" },
  labels: {},
  priority: 0,
  attempt: 1,
  max_attempts: 1,
  created_at: `2026-01-01T00:00:0${id}Z`,
  ...more,
});

const pipeline = (kind: string) => ({ name: "p", kind, recent: [], queued: 0, active: 0 }) as unknown as PipelineSummary;
const list = [...keys.runLists, {}, 100] as const;

function cacheWith(kind: string): QueryClient {
  const cache = new QueryClient();
  cache.setQueryData(keys.pipelines, [pipeline(kind)]);
  cache.setQueryData(list, { pages: [{ items: [run("1")] }], pageParams: [""] });
  return cache;
}

const listed = (cache: QueryClient) => cache.getQueryData<{ pages: { items: RunSummary[] }[] }>(list)?.pages[0]?.items.map(({ id }) => id);

describe("what is told of runs, where there are flows", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("a new run is put into lists where there are none", () => {
    const cache = cacheWith("script");
    const { doubtful } = new LiveFlows(cache).sort([run("2")]);
    expect(foldRunLists(cache, [run("2")], doubtful)).toEqual([]);
    expect(listed(cache)).toEqual(["2", "1"]);
    expect(foldPipelines(cache, [run("2")], doubtful)).toBe(true);
  });

  test("a new run may be that of a step: lists are asked for, once for each", () => {
    const cache = cacheWith("flow");
    const flows = new LiveFlows(cache);
    const asked = vi.spyOn(cache, "invalidateQueries");
    const tell = (one: RunSummary) => {
      const { doubtful } = flows.sort([one]);
      flows.ask(foldRunLists(cache, [one], doubtful));
      return foldPipelines(cache, [one], doubtful);
    };
    expect(tell(run("2"))).toBe(false);
    expect(listed(cache)).toEqual(["1"]);
    vi.runAllTimers();
    expect(asked).toHaveBeenCalledTimes(1);
    tell(run("2", { state: "succeeded" }));
    vi.runAllTimers();
    expect(asked).toHaveBeenCalledTimes(1);
    // One that is in the list is changed in place.
    tell(run("1", { state: "failed" }));
    expect(cache.getQueryData<{ pages: { items: RunSummary[] }[] }>(list)?.pages[0]?.items[0]?.state).toBe("failed");
  });

  test("the runs of a step change in place, and the steps are asked for", () => {
    const cache = cacheWith("flow");
    const item = { id: "3", short: "3", item: 0, pipeline: "p", state: "running", attempt: 1, created_at: "x" };
    cache.setQueryData<StepRunView[]>(keys.stepRuns("f", "s"), [item]);
    const asked = vi.spyOn(cache, "invalidateQueries");
    new LiveFlows(cache).hear([run("3", { state: "failed", message: "exit 4" })]);
    expect(cache.getQueryData<StepRunView[]>(keys.stepRuns("f", "s"))?.[0]).toMatchObject({ state: "failed", message: "exit 4", item: 0 });
    vi.runAllTimers();
    expect(asked).toHaveBeenCalledTimes(1);
  });
});
