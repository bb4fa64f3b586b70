/** Notices: channels, rules, trouble that goes on and what became of each word, and what can be done with them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { againRule } from "../lib/telling";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { RuleView, SetChannel, SetRule } from "./types";

export const channelsQuery = queryOptions({
  queryKey: [...keys.notices, "channels"] as const,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/channels", { signal }))).items,
});

export const rulesQuery = queryOptions({
  queryKey: [...keys.notices, "rules"] as const,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/rules", { signal }))).items,
});

export const noticeKeysQuery = queryOptions({
  queryKey: [...keys.notices, "keys"] as const,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/notice-keys", { signal }))).items,
});

/** Which words: of one channel, in one state. */
export interface ToldFilter {
  channel?: string | undefined;
  state?: string | undefined;
}

/** What was told, the newest first. */
export function toldQuery({ channel, state }: ToldFilter) {
  const query = { limit: 50, ...(channel ? { channel } : {}), ...(state ? { state } : {}) };
  return infiniteQueryOptions({
    queryKey: [...keys.notices, "told", query] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET("/api/v1/notices", { params: { query: { ...query, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** Trouble that goes on: of one kind and pipeline there is one. */
export const openIncidentsQuery = queryOptions({
  queryKey: [...keys.notices, "incidents", "open"] as const,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/incidents", { params: { query: { open: true, limit: 500 } }, signal }))).items,
});

/** Trouble that goes on or went on, the newest first. */
export const incidentsQuery = infiniteQueryOptions({
  queryKey: [...keys.notices, "incidents", "all"] as const,
  queryFn: ({ signal, pageParam }) =>
    ok(api.GET("/api/v1/incidents", { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
  initialPageParam: "",
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

/** Something that is done with a channel, a rule or a key; what is shown of them is asked for again. */
export function useNoticesChange<A, R>(call: (argument: A) => Promise<R>) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: call,
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.notices }),
    // An answer may have a secret in it.
    gcTime: 0,
  });
}

export const setChannel = ({ name, body }: { name: string; body: SetChannel }) =>
  ok(api.PUT("/api/v1/channels/{channel}", { params: { path: { channel: name } }, body }));

export const removeChannel = (name: string) => done(api.DELETE("/api/v1/channels/{channel}", { params: { path: { channel: name } } }));

/** Sends something to it now. */
export const testChannel = (name: string) => done(api.POST("/api/v1/channels/{channel}/test", { params: { path: { channel: name } } }));

export const setRule = ({ name, body }: { name: string; body: SetRule }) =>
  ok(api.PUT("/api/v1/rules/{rule}", { params: { path: { rule: name } }, body }));

export const removeRule = (name: string) => done(api.DELETE("/api/v1/rules/{rule}", { params: { path: { rule: name } } }));

export const makeNoticeKey = (name: string) => ok(api.PUT("/api/v1/notice-keys/{key}", { params: { path: { key: name } } }));

export const removeNoticeKey = (name: string) => done(api.DELETE("/api/v1/notice-keys/{key}", { params: { path: { key: name } } }));

const retryNotice = (notice: string) => done(api.POST("/api/v1/notices/{notice}/retry", { params: { path: { notice } } }));

/** Has one that was given up tried again. */
export function useRetryNotice() {
  const retry = useNoticesChange(retryNotice);
  return {
    pending: retry.isPending ? retry.variables : null,
    retry: (id: string) =>
      retry.mutate(id, {
        onSuccess: () => notify("It is tried again."),
        onError: (error) => notify(`It is not tried: ${asProblem(error).message}`, "bad", asProblem(error).cure),
      }),
  };
}

/** Has a rule tell nothing for now, or go on. */
export function usePauseRule(rule: RuleView) {
  const set = useNoticesChange(setRule);
  const { name, paused = false } = rule;
  return {
    pending: set.isPending,
    pause: () =>
      set.mutate(
        { name, body: { ...againRule(rule), paused: !paused } },
        {
          onSuccess: () => notify(paused ? `${name} tells again.` : `${name} is paused: what happens meanwhile is not told.`),
          onError: (error) =>
            notify(`${name} is ${paused ? "still" : "not"} paused: ${asProblem(error).message}`, "bad", asProblem(error).cure),
        },
      ),
  };
}
