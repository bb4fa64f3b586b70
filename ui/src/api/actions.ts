/** What can be done with runs, with what happens on the page meanwhile and when it cannot be done. */
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { notify } from "../lib/notices";
import { isEnd } from "../lib/states";
import { api, done, idempotencyKey, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { RunSummary, RunView } from "./types";

type Named = Pick<RunSummary, "id" | "short" | "pipeline">;

function tellFailure(what: string): (error: unknown) => void {
  return (error) => {
    const problem = asProblem(error);
    notify(`${what}: ${problem.message}`, "bad", problem.cure);
  };
}

export function useCancel(run: Named) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/api/v1/runs/{id}/cancel", { params: { path: { id: run.id } } })),
    // Its end may have been told before this answer was here.
    onSuccess: (view) => cache.setQueryData<RunView>(keys.run(view.id), (known) => (known && isEnd(known.state) ? known : view)),
    onError: tellFailure(`Run ${run.short} was not cancelled`),
  });
}

/** Starts a new run with the same code and parameters, and goes there. */
export function useRetry(run: Named) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  return useMutation({
    mutationFn: () =>
      ok(api.POST("/api/v1/runs/{id}/retry", { params: { path: { id: run.id } }, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: (view) => {
      cache.setQueryData<RunView>(keys.run(view.id), view);
      notify(`Run ${view.short} repeats ${run.short}.`);
      void navigate({ to: "/runs/$id", params: { id: view.id } });
    },
    onError: tellFailure(`Run ${run.short} was not started again`),
  });
}

/** Cancels or retries many; says how many could be. */
export function useMany(action: "cancel" | "retry") {
  return useMutation({
    mutationFn: async (runs: Named[]) => ({ done: await (action === "cancel" ? cancelAll(runs) : retryEach(runs)), all: runs.length }),
    onSuccess: ({ done, all }) => {
      const word = action === "cancel" ? "asked to stop" : "started again";
      notify(`${done} of ${all} ${word}.`, done === all ? "plain" : "bad");
    },
    onError: tellFailure(action === "cancel" ? "Not cancelled" : "Not started again"),
  });
}

/** One call, however many: the server cancels them in few commits. */
async function cancelAll(runs: Named[]): Promise<number> {
  const answer = await ok(api.POST("/api/v1/runs/cancel", { body: { ids: runs.map((run) => run.id) } }));
  return answer.cancelled;
}

async function retryEach(runs: Named[]): Promise<number> {
  const retry = (run: Named) =>
    ok(api.POST("/api/v1/runs/{id}/retry", { params: { path: { id: run.id } }, headers: { "Idempotency-Key": idempotencyKey() } }));
  const results = await Promise.allSettled(runs.map(retry));
  return results.filter((result) => result.status === "fulfilled").length;
}

/** What is wrong with a value is told beside it. */
export function useSetSecret() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ name, value }: { name: string; value: string }) =>
      ok(api.PUT("/api/v1/secrets/{name}", { params: { path: { name } }, body: { value } })),
    onSuccess: (secret) => {
      notify(`${secret.name} is set. Attempts that start from now on have it.`);
      void cache.invalidateQueries({ queryKey: keys.secrets });
    },
    // Nothing of it stays behind.
    gcTime: 0,
  });
}

export function useRemoveSecret() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (name: string) => done(api.DELETE("/api/v1/secrets/{name}", { params: { path: { name } } })),
    onSuccess: (_, name) => {
      notify(`${name} is removed.`);
      void cache.invalidateQueries({ queryKey: keys.secrets });
    },
    onError: tellFailure("Not removed"),
  });
}

/** Sets all secrets of a `.env` file, or none. */
export function useImportSecrets() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (text: string) => ok(api.POST("/api/v1/secrets/import", { body: { text } })),
    onSuccess: ({ items }) => {
      notify(`Set: ${items.map(({ name }) => name).join(", ")}.`);
      void cache.invalidateQueries({ queryKey: keys.secrets });
    },
    onError: (error) => {
      const problem = asProblem(error);
      const lines = problem.items.flatMap(({ message }) => message ?? []).slice(0, 5);
      notify(problem.message, "bad", lines.length > 0 ? lines.join("; ") : problem.cure);
    },
    gcTime: 0,
  });
}
