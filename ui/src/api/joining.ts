/** Projects that one may ask to be in; who asks, and what owners answer. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { api, done, ok } from "./client";
import { keys } from "./keys";
import { usePeopleChange } from "./people";
import { useRights } from "./rights";

/** Nothing tells of what other projects let one do: whoever comes back wants it anew. */
export const joinableQuery = queryOptions({
  queryKey: keys.joinable,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/joinable", { signal }))).items,
  refetchOnMount: "always",
  refetchOnWindowFocus: "always",
});

export const requestsQuery = queryOptions({
  queryKey: keys.requests,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/requests", { signal }))).items,
});

/** Who asks to be in this page's project, for whoever may answer. */
export function useRequests() {
  const { manage, people } = useRights();
  return useQuery({ ...requestsQuery, enabled: manage && people });
}

export function useAsk() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ project, note }: { project: string; note: string }) =>
      done(api.POST("/api/v1/join-requests", { body: { project, ...(note ? { note } : {}) } })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.joinable }),
  });
}

const accept = ({ who, role }: { who: string; role: string }) =>
  done(api.PUT("/api/v1/requests/{who}", { params: { path: { who } }, body: { role } }));
const decline = (who: string) => done(api.DELETE("/api/v1/requests/{who}", { params: { path: { who } } }));

export const useAccept = () => usePeopleChange(accept);
export const useDecline = () => usePeopleChange(decline);
