/** Schedules: what the page asks for of them, and what can be done with them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { FireView, ScheduleView, SetSchedule } from "./types";

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

/** Fires of a stretch of time that are read at most; a page has `FIRES_PAGE`. */
const FIRES_MOST = 10_000;
const FIRES_PAGE = 500;

export interface FiresSince {
  fires: FireView[];
  /** Those due before this moment were not read: there are too many. */
  before: string | null;
}

const fireKey = ({ pipeline, schedule, due, outcome }: FireView) => `${pipeline}/${schedule} ${due} ${outcome}`;

/** What became of all due times of the project from a moment on, the newest first. What is known already is not read again. */
export function firesSinceQuery(since: number) {
  const queryKey = [...keys.schedules, { firesSince: since }] as const;
  return queryOptions({
    queryKey,
    queryFn: async ({ client }): Promise<FiresSince> => {
      const known = client.getQueryData<FiresSince>(queryKey);
      const old = new Set(known?.fires.map(fireKey));
      const fires: FireView[] = [];
      for (let cursor: string | null | undefined; ;) {
        const query = { limit: FIRES_PAGE, ...(cursor ? { cursor } : {}) };
        const page = await ok(api.GET("/api/v1/fires", { params: { query } }));
        const within = page.items.filter(({ due }) => Date.parse(due) >= since);
        fires.push(...within);
        if (!page.next_cursor || within.length < page.items.length) return { fires, before: null };
        if (known && within.every((fire) => old.has(fireKey(fire)))) return joined(fires, known);
        if (fires.length >= FIRES_MOST) return { fires, before: fires.at(-1)?.due ?? null };
        cursor = page.next_cursor;
      }
    },
  });
}

/** What was just read, and what is known of the time before. */
function joined(fires: FireView[], known: FiresSince): FiresSince {
  const read = new Set(fires.map(fireKey));
  const from = fires.at(-1)?.due ?? "";
  const rest = known.fires.filter((fire) => Date.parse(fire.due) <= Date.parse(from) && !read.has(fireKey(fire)));
  return { ...known, fires: [...fires, ...rest] };
}

/** Times of one schedule, as many as are told at once. */
export function timesQuery(pipeline: string, id: string) {
  const params = { ...at({ pipeline, id }), query: { count: 100 } };
  return queryOptions({
    queryKey: [...keys.schedule(pipeline, id), "times"] as const,
    queryFn: async ({ signal }) => {
      const { next } = await ok(api.GET("/api/v1/schedules/{pipeline}/{schedule}/explain", { params, signal }));
      return next.map((due) => due.at);
    },
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
