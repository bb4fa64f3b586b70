/** Flows: their steps, the runs of these, and what people do with them. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";

import { notify } from "../lib/notices";
import { settledBefore } from "../lib/flow/items";
import { api, idempotencyKey, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import { walk } from "./queries";
import type { RunView, StepRunView, StepView } from "./types";

/** The steps of a flow's run, in the order in which they are written. */
export function stepsQuery(id: string) {
  return queryOptions({
    queryKey: keys.steps(id),
    queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/runs/{id}/steps", { params: { path: { id } }, signal }))).steps,
  });
}

function readStepRuns(id: string, step: string, signal?: AbortSignal, after?: string): Promise<StepRunView[]> {
  const path = { id, step };
  const read = (query: { cursor?: string }) =>
    ok(api.GET("/api/v1/runs/{id}/steps/{step}", { params: { path, query }, ...(signal ? { signal } : {}) }));
  return walk(read, after);
}

function stepRunsQuery(id: string, step: string) {
  return queryOptions({
    queryKey: keys.stepRuns(id, step),
    queryFn: ({ signal }) => readStepRuns(id, step, signal),
  });
}

/** The runs of a step by item: those that have begun. Which begin meanwhile are read behind them, what becomes of them is told. */
export function useStepRuns(flow: string, { name, counts }: Pick<StepView, "name" | "counts">) {
  const cache = useQueryClient();
  const query = useQuery(stepRunsQuery(flow, name));
  const known = query.data?.length ?? 0;
  const begun = counts.waiting + counts.active + counts.succeeded + counts.failed + counts.cancelled;
  const grows = query.isSuccess && begun > known;
  useEffect(() => {
    if (!grows) return;
    const stopped = new AbortController();
    const last = settledBefore(cache.getQueryData<StepRunView[]>(keys.stepRuns(flow, name)) ?? []);
    readStepRuns(flow, name, stopped.signal, last)
      .then((more) => {
        const behind = (old: StepRunView[] = []) => [...old.filter(({ id }) => last !== undefined && id <= last), ...more];
        if (more.length > 0) cache.setQueryData<StepRunView[]>(keys.stepRuns(flow, name), behind);
      })
      // It is read again with the next change.
      .catch(() => undefined);
    return () => stopped.abort();
  }, [grows, begun, flow, name, cache]);
  const over = begun > 0 && counts.active + counts.waiting === 0;
  useEffect(() => {
    // What was told while it was being read is made good once nothing changes any more.
    if (over) void cache.invalidateQueries({ queryKey: keys.stepRuns(flow, name) });
  }, [over, flow, name, cache]);
  return query;
}

export function whyNotCachedQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.run(id), "why not cached"],
    queryFn: ({ signal }) => ok(api.GET("/api/v1/runs/{id}/why-not-cached", { params: { path: { id } }, signal })),
  });
}

export type Answer = "approve" | "reject";

/** Answers a run that waits for a person. What is wrong with it is told in its window. */
export function useAnswer(run: Pick<RunView, "id">) {
  const cache = useQueryClient();
  return async (answer: Answer, note: string): Promise<RunView> => {
    const call = { params: { path: { id: run.id } }, body: note.trim() ? { note: note.trim() } : {} };
    try {
      const sent = answer === "approve" ? api.POST("/api/v1/runs/{id}/approve", call) : api.POST("/api/v1/runs/{id}/reject", call);
      const view = await ok(sent);
      notify(answer === "approve" ? "Approved. The flow goes on." : "Rejected. The step has failed by it.");
      return view;
    } finally {
      void cache.invalidateQueries({ queryKey: keys.run(run.id) });
    }
  };
}

/** Starts the flow anew; what has succeeded in it counts. */
export function useRunFromFailed(run: Pick<RunView, "id" | "short">) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () =>
      ok(
        api.POST("/api/v1/runs/{id}/rerun", {
          params: { path: { id: run.id } },
          body: { from_failed: true },
          headers: { "Idempotency-Key": idempotencyKey() },
        }),
      ),
    onSuccess: (view) => {
      cache.setQueryData<RunView>(keys.run(view.id), view);
      notify(`Run ${view.short} goes on from what failed in ${run.short}.`);
      void navigate({ to: "/runs/$id", params: { id: view.id } });
    },
    onError: (error) => {
      const problem = asProblem(error);
      notify(`Run ${run.short} was not started again: ${problem.message}`, "bad", problem.cure);
    },
  });
}
