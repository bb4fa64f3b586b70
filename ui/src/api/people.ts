/** Members of this page's project, and everybody, as administrators see them. */
import { infiniteQueryOptions, keepPreviousData, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, done, ok } from "./client";
import { keys } from "./keys";
import type { CreateInvitation, CreateToken } from "./types";

export const membersQuery = queryOptions({
  queryKey: keys.members,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/members", { signal }))).items,
});

export const invitationsQuery = queryOptions({
  queryKey: keys.invitations,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/invitations", { signal }))).items,
});

export const activityQuery = infiniteQueryOptions({
  queryKey: keys.activity,
  queryFn: ({ signal, pageParam }) =>
    ok(api.GET("/api/v1/activity", { params: { query: { limit: 50, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
  initialPageParam: "",
  getNextPageParam: (last) => last.next_cursor ?? undefined,
});

export function peopleQuery(q: string, limit = 100) {
  return infiniteQueryOptions({
    queryKey: [...keys.people, q, limit] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/people", {
          params: { query: { limit, ...(q ? { q } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}

export function personQuery(id: string) {
  return queryOptions({
    queryKey: keys.person(id),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/people/{id}", { params: { path: { id } }, signal })),
  });
}

export function tokensOfQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.person(id), "tokens"] as const,
    queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/people/{id}/tokens", { params: { path: { id } }, signal }))).items,
  });
}

export const groupsQuery = queryOptions({
  queryKey: keys.groups,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/groups", { signal }))).items,
});

export function groupQuery(id: string) {
  return queryOptions({
    queryKey: keys.group(id),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/groups/{id}", { params: { path: { id } }, signal })),
  });
}

export interface AuditFilter {
  actor?: string | undefined;
  action?: string | undefined;
  project?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

export function auditQuery(filter: AuditFilter) {
  const query = Object.fromEntries(Object.entries(filter).filter(([, value]) => value)) as Record<string, string>;
  return infiniteQueryOptions({
    queryKey: [...keys.audit, query] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET("/api/v1/audit", { params: { query: { ...query, limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
    // Nothing tells of new lines: whoever looks again wants them.
    staleTime: 0,
  });
}

export const mailsQuery = infiniteQueryOptions({
  queryKey: keys.mails,
  queryFn: ({ signal, pageParam }) =>
    ok(api.GET("/api/v1/mails", { params: { query: { limit: 100, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
  initialPageParam: "",
  getNextPageParam: (last) => last.next_cursor ?? undefined,
  // Nothing tells of what becomes of them: whoever looks again wants it.
  staleTime: 0,
});

export const testMail = (to: string) => ok(api.POST("/api/v1/mails/test", { body: { to } }));
export const retryMail = (id: string) => done(api.POST("/api/v1/mails/{id}/retry", { params: { path: { id } } }));

/** Looks at the whole audit log: whether anybody has changed it. */
export const verifyAudit = () => ok(api.POST("/api/v1/audit/verify", { body: {} }));

/** A change of who is what; everything that may show it is read again. */
export function usePeopleChange<T, R>(change: (value: T) => Promise<R>) {
  const cache = useQueryClient();
  const shown = ["members", "invitations", "requests", "activity", "people", "person", "groups", "audit", "mails", "account", "projects"];
  return useMutation({
    mutationFn: change,
    onSuccess: () => cache.invalidateQueries({ predicate: ({ queryKey }) => shown.includes(String(queryKey[0])) }),
  });
}

const at = (id: string) => ({ params: { path: { id } } });

export const setMember = ({ who, role }: { who: string; role: string }) =>
  ok(api.PUT("/api/v1/members/{who}", { params: { path: { who } }, body: { role } }));
export const removeMember = (who: string) => done(api.DELETE("/api/v1/members/{who}", { params: { path: { who } } }));
export const invite = (body: CreateInvitation) => ok(api.POST("/api/v1/invitations", { body }));
export const takeInvitationBack = (id: string) => done(api.DELETE("/api/v1/invitations/{id}", at(id)));

export interface PersonChange {
  name?: string;
  mail?: string;
  state?: "active" | "blocked";
  administrator?: boolean;
}

export const makePerson = (body: { name: string; mail?: string; kind: "person" | "service" }) => ok(api.POST("/api/v1/people", { body }));
export const changePerson = ({ id, ...body }: PersonChange & { id: string }) => ok(api.PATCH("/api/v1/people/{id}", { ...at(id), body }));
export const deletePerson = (id: string) => done(api.DELETE("/api/v1/people/{id}", at(id)));
export const endSessionsOf = (id: string) => done(api.DELETE("/api/v1/people/{id}/sessions", at(id)));
export const makeLinkFor = ({ id, kind, mail = false }: { id: string; kind: "reset" | "sign-in"; mail?: boolean }) =>
  ok(api.POST("/api/v1/people/{id}/link", { ...at(id), body: { kind, ...(mail ? { mail } : {}) } }));
export const makeTokenOf = ({ id, ...body }: CreateToken & { id: string }) =>
  ok(api.POST("/api/v1/people/{id}/tokens", { ...at(id), body }));
export const removeTokenOf = ({ id, token }: { id: string; token: string }) =>
  done(api.DELETE("/api/v1/people/{id}/tokens/{token}", { params: { path: { id, token } } }));

export const makeGroup = (name: string) => ok(api.POST("/api/v1/groups", { body: { name } }));
export const renameGroup = ({ id, name }: { id: string; name: string }) =>
  ok(api.PATCH("/api/v1/groups/{id}", { ...at(id), body: { name } }));
export const deleteGroup = (id: string) => done(api.DELETE("/api/v1/groups/{id}", at(id)));
export const joinGroup = ({ id, person }: { id: string; person: string }) =>
  ok(api.PUT("/api/v1/groups/{id}/people/{person}", { params: { path: { id, person } } }));
export const leaveGroup = ({ id, person }: { id: string; person: string }) =>
  done(api.DELETE("/api/v1/groups/{id}/people/{person}", { params: { path: { id, person } } }));
