/** Git repositories: what the page asks for of them, and what can be done with them. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { SetRepository } from "./types";

const at = (name: string) => ({ path: { name } });

/** All of the project, by name. */
export const repositoriesQuery = queryOptions({
  queryKey: keys.repositories,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/repositories", { signal }))).items,
});

export function repositoryQuery(name: string) {
  return queryOptions({
    queryKey: keys.repository(name),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/repositories/{name}", { params: at(name), signal })),
  });
}

/** What became of syncs, the newest first. */
export function syncsQuery(name: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.repository(name), "syncs"] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/repositories/{name}/syncs", {
          params: { ...at(name), query: { limit: 20, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** What is wrong with a field is told beside it. */
export function useSetRepository(name: string | null) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: (body: SetRepository) =>
      name === null
        ? ok(api.POST("/api/v1/repositories", { body }))
        : ok(api.PUT("/api/v1/repositories/{name}", { params: at(name), body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.repositories }),
  });
}

/** Syncs, or says what that would change. */
export function useSync(name: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ plan }: { plan: boolean }) =>
      ok(api.POST("/api/v1/repositories/{name}/sync", { params: { ...at(name), query: { plan } } })),
    onSuccess: (report) => {
      if (report.outcome === "unchanged") notify(`${name} has nothing new.`);
      return cache.invalidateQueries({ queryKey: keys.repositories });
    },
    // What went wrong stands on the page, as long as it is so.
    onError: () => cache.invalidateQueries({ queryKey: keys.repositories }),
  });
}

/** Makes the key by which it is opened by SSH. */
export function useMakeKey(name: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/api/v1/repositories/{name}/key", { params: at(name), body: {} })),
    onSuccess: () => {
      notify(`A key is made for ${name}. Its host is to be given the public half.`);
      return cache.invalidateQueries({ queryKey: keys.repositories });
    },
    onError: (error) => notify(`No key was made: ${asProblem(error).message}`, "bad", asProblem(error).cure),
  });
}

/** Makes what its host calls with when something was pushed; it is told once. */
export function useMakeHook(name: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/api/v1/repositories/{name}/hook-secret", { params: at(name) })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.repositories }),
    onError: (error) => notify(`No webhook was made: ${asProblem(error).message}`, "bad", asProblem(error).cure),
  });
}

export const resetHostKey = (name: string) => ok(api.POST("/api/v1/repositories/{name}/host-key/reset", { params: at(name) }));

export const removeRepository = (name: string) => done(api.DELETE("/api/v1/repositories/{name}", { params: at(name) }));
