/** Schedules: what the page asks for of them, and what can be done with them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { ScheduleView, SetSchedule } from "./types";

/** Fires that are read at a time. */
const FIRES = 50;

const at = ({ pipeline, id }: Pick<ScheduleView, "pipeline" | "id">) => ({ path: { pipeline, schedule: id } });

/** All of the project, by pipeline and id. */
export const schedulesQuery = queryOptions({
  queryKey: keys.schedules,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/schedules", { signal }))).items as ScheduleView[],
});

/** Those of one pipeline, out of all. */
export function schedulesOfQuery(pipeline: string) {
  return queryOptions({ ...schedulesQuery, select: (all: ScheduleView[]) => all.filter((one) => one.pipeline === pipeline) });
}

export function scheduleQuery(pipeline: string, id: string) {
  return queryOptions({
    queryKey: keys.schedule(pipeline, id),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/schedules/{pipeline}/{schedule}", { params: at({ pipeline, id }), signal })),
  });
}

export function explainQuery(pipeline: string, id: string) {
  return queryOptions({
    queryKey: [...keys.schedule(pipeline, id), "explain"] as const,
    queryFn: ({ signal }) => ok(api.GET("/api/v1/schedules/{pipeline}/{schedule}/explain", { params: at({ pipeline, id }), signal })),
  });
}

/** What became of its due times, the newest first. */
export function firesQuery(pipeline: string, schedule: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.schedule(pipeline, schedule), "fires"] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/fires", {
          params: { query: { pipeline, schedule, limit: FIRES, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** What is wrong with a field is told beside it. */
export function useSetSchedule() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ pipeline, id, body }: { pipeline: string; id: string; body: SetSchedule }) =>
      ok(api.PUT("/api/v1/schedules/{pipeline}/{schedule}", { params: at({ pipeline, id }), body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.schedules }),
  });
}

/** Has it start nothing for now, or go on. */
export function usePause(schedule: Pick<ScheduleView, "pipeline" | "id" | "paused">) {
  const cache = useQueryClient();
  const name = `${schedule.pipeline}/${schedule.id}`;
  const paused = schedule.paused != null;
  return useMutation({
    mutationFn: () =>
      paused
        ? ok(api.POST("/api/v1/schedules/{pipeline}/{schedule}/resume", { params: at(schedule) }))
        : ok(api.POST("/api/v1/schedules/{pipeline}/{schedule}/pause", { params: at(schedule) })),
    onSuccess: () => {
      notify(paused ? `${name} goes on.` : `${name} is paused. Runs that have started go on.`);
      return cache.invalidateQueries({ queryKey: keys.schedules });
    },
    onError: (error) => {
      const problem = asProblem(error);
      notify(`${name} is ${paused ? "still paused" : "not paused"}: ${problem.message}`, "bad", problem.cure);
    },
  });
}

export const removeSchedule = (schedule: Pick<ScheduleView, "pipeline" | "id">) =>
  done(api.DELETE("/api/v1/schedules/{pipeline}/{schedule}", { params: at(schedule) }));
