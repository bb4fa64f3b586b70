/** Triggers: what the page asks for of them, of what has happened, and of where sensors go on; and what can be done with them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { nameOf } from "../lib/triggers";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { PipelineTriggerView, SetTrigger } from "./types";

/** Events that are read at a time. */
const EVENTS = 50;

const at = (pipeline: string, trigger: string) => ({ path: { pipeline, trigger } });

/** All of the project, by pipeline and id. */
export const triggersQuery = queryOptions({
  queryKey: keys.triggers,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/triggers", { signal }))).items as PipelineTriggerView[],
});

export function triggerQuery(pipeline: string, id: string) {
  return queryOptions({
    queryKey: keys.trigger(pipeline, id),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/triggers/{pipeline}/{trigger}", { params: at(pipeline, id), signal })),
  });
}

/** What has happened, the newest first. */
export function triggerEventsQuery(pipeline: string, id: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.trigger(pipeline, id), "events"] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/triggers/{pipeline}/{trigger}/events", {
          params: { ...at(pipeline, id), query: { limit: EVENTS, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** Where a sensor goes on. */
export function cursorQuery(pipeline: string) {
  return queryOptions({
    queryKey: keys.cursor(pipeline),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/pipelines/{name}/cursor", { params: { path: { name: pipeline } }, signal })),
  });
}

/** Says where it goes on; null: it begins anew. */
export const setCursor = (pipeline: string, cursor: string | null) =>
  ok(api.PUT("/api/v1/pipelines/{name}/cursor", { params: { path: { name: pipeline } }, body: { cursor } }));

/** Makes one or changes it. What is wrong with a field is told beside it. */
export function useSetTrigger() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ pipeline, id, body }: { pipeline: string; id: string; body: SetTrigger }) =>
      ok(api.PUT("/api/v1/triggers/{pipeline}/{trigger}", { params: at(pipeline, id), body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.triggers }),
  });
}

/** What is missed by a pause depends on what is waited for. */
const MISSED: Readonly<Record<string, string>> = {
  files: "files that come meanwhile start runs when it goes on",
  sensor: "what is said meanwhile does not count",
  after: "what ends meanwhile does not count",
};

/** Has it start nothing for now, or go on. */
export function usePauseTrigger(trigger: PipelineTriggerView) {
  const cache = useQueryClient();
  const { pipeline, id, kind } = trigger;
  const name = nameOf(trigger);
  const paused = trigger.paused != null;
  return useMutation({
    mutationFn: async () => {
      const params = at(pipeline, id);
      return paused
        ? ok(api.POST("/api/v1/triggers/{pipeline}/{trigger}/resume", { params }))
        : ok(api.POST("/api/v1/triggers/{pipeline}/{trigger}/pause", { params }));
    },
    onSuccess: () => {
      notify(paused ? `${name} goes on.` : `${name} is paused: ${MISSED[kind] ?? "it starts nothing"}.`);
      return cache.invalidateQueries({ queryKey: keys.triggers });
    },
    onError: (error) => {
      const problem = asProblem(error);
      notify(`${name} is ${paused ? "still paused" : "not paused"}: ${problem.message}`, "bad", problem.cure);
    },
  });
}

export const removeTrigger = (pipeline: string, id: string) =>
  done(api.DELETE("/api/v1/triggers/{pipeline}/{trigger}", { params: at(pipeline, id) }));
