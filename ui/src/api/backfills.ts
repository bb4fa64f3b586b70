/** Backfills and what starts what: what the page asks for of them, and what can be done with them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { writeJson } from "../lib/json";
import { api, idempotencyKey, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { BackfillView, MakeBackfill } from "./types";

const at = (backfill: string) => ({ path: { backfill } });

/** All of the project, the newest first. */
export const backfillsQuery = infiniteQueryOptions({
  queryKey: [...keys.backfills, "all"] as const,
  queryFn: ({ signal, pageParam }) =>
    ok(api.GET("/api/v1/backfills", { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
  initialPageParam: "",
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export function backfillQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.backfills, id] as const,
    queryFn: ({ signal }) => ok(api.GET("/api/v1/backfills/{backfill}", { params: at(id), signal })),
  });
}

/** Its due times in their order, or those that went wrong. */
export function backfillTimesQuery(id: string, failed: boolean) {
  const only = failed ? { failed: true } : {};
  return infiniteQueryOptions({
    queryKey: [...keys.backfills, id, "times", only] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/backfills/{backfill}/times", {
          params: { ...at(id), query: { limit: 100, ...only, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** What one would do. Nothing is started. */
export function previewQuery(body: MakeBackfill | null) {
  return queryOptions({
    queryKey: ["backfill preview", body && writeJson(body)] as const,
    queryFn: ({ signal }) => ok(api.POST("/api/v1/backfills/preview", { body: body as MakeBackfill, signal })),
    enabled: body !== null,
    placeholderData: keepPreviousData,
    gcTime: 10_000,
    retry: false,
  });
}

/** What is wrong with it is told beside its fields. */
export function useMakeBackfill() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: MakeBackfill) => ok(api.POST("/api/v1/backfills", { body, headers: { "Idempotency-Key": idempotencyKey() } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.backfills }),
  });
}

export type BackfillDeed = "pause" | "resume" | "cancel" | "retry";

const TOLD: Record<BackfillDeed, string> = {
  pause: "Paused: nothing more of it starts. Runs that have started go on.",
  resume: "It goes on.",
  cancel: "Cancelled: its runs are asked to stop.",
  retry: "The failed ones are wanted once more.",
};

export function useBackfillDeed({ id }: Pick<BackfillView, "id">) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (deed: BackfillDeed) => {
      const call = { params: at(id) };
      if (deed === "pause") return ok(api.POST("/api/v1/backfills/{backfill}/pause", call));
      if (deed === "resume") return ok(api.POST("/api/v1/backfills/{backfill}/resume", call));
      if (deed === "cancel") return ok(api.POST("/api/v1/backfills/{backfill}/cancel", call));
      return ok(api.POST("/api/v1/backfills/{backfill}/retry", call));
    },
    onSuccess: (_, deed) => notify(TOLD[deed]),
    onError: (error) => notify(asProblem(error).message, "bad", asProblem(error).cure),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.backfills }),
  });
}

/** What starts which pipelines by itself. */
export const startsQuery = queryOptions({
  queryKey: keys.starts,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/starts", { signal })),
});
