/** What the page asks for, under which key it is kept. Nothing here refetches by time: `live` keeps it fresh. */
import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query";

import { apiPath, project } from "../lib/project";
import { api, escapePath, fetchText, ok } from "./client";
import { keys, type RunFilter } from "./keys";
import { useVisitor } from "./session";
import type { CodeFile, Page, ProjectView } from "./types";

export const systemQuery = queryOptions({
  queryKey: keys.system,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/system", { signal })),
});

/** The server, for those who have signed in: nothing of it is for visitors. */
export function useSystem() {
  return useQuery({ ...systemQuery, enabled: !useVisitor() });
}

/** Every project, by name; to whoever can bring them back, those that are deleted too. */
export const allProjectsQuery = queryOptions({
  queryKey: keys.projects,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/projects", { signal }))).items,
});

const there = (all: ProjectView[]) => all.filter(({ state }) => state !== "deleted");

/** Every project that can be gone to, by name. */
export const projectsQuery = queryOptions({ ...allProjectsQuery, select: there });

/** The secrets of this page's project, by name. */
export const secretsQuery = queryOptions({
  queryKey: keys.secrets,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/secrets", { signal }))).items,
});

/** Reads a list to its end, page by page; from where an earlier page has led, if that is given. */
export async function walk<T>(read: (after: { cursor?: string }) => Promise<Page<T>>, from?: string): Promise<T[]> {
  const items: T[] = [];
  for (let cursor: string | null | undefined = from; ;) {
    const page = await read(cursor ? { cursor } : {});
    items.push(...page.items);
    // A cursor that leads to itself would never end.
    if (!page.next_cursor || page.next_cursor === cursor) return items;
    cursor = page.next_cursor;
  }
}

/** Every pipeline of the folder: folders are few, so the list is whole and searched here. */
export const pipelinesQuery = queryOptions({
  queryKey: keys.pipelines,
  queryFn: ({ signal }) => walk((after) => ok(api.GET("/api/v1/pipelines", { params: { query: { limit: 200, ...after } }, signal }))),
});

export function pipelineQuery(name: string) {
  return queryOptions({
    queryKey: keys.pipeline(name),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/pipelines/{name}", { params: { path: { name } }, signal })),
  });
}

export function runsQuery(filter: RunFilter, limit = 100) {
  const query = Object.fromEntries(
    Object.entries(filter as Record<string, string | string[] | undefined>).filter(([, value]) => value && value.length > 0),
  );
  return infiniteQueryOptions({
    queryKey: [...keys.runLists, query as RunFilter, limit] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET("/api/v1/runs", { params: { query: { ...query, limit, ...(pageParam ? { cursor: pageParam } : {}) } }, signal })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function runQuery(id: string) {
  return queryOptions({
    queryKey: keys.run(id),
    // A path without a project leads to a run of any.
    queryFn: ({ signal }) => ok(api.GET("/api/v1/projects/{project}/runs/{id}", { params: { path: { project, id } }, signal })),
  });
}

/** The other project that has a run, or null. */
export function homeOfRunQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.projects, "of run", id],
    queryFn: async ({ signal, client }) => {
      for (const { name } of await client.query(projectsQuery)) {
        const path = { project: name, id };
        const { response } = await api.GET("/api/v1/projects/{project}/runs/{id}", { params: { path }, signal });
        if (response.ok) return name;
      }
      return null;
    },
  });
}

export function attemptsQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.run(id), "attempts"],
    queryFn: ({ signal }) => ok(api.GET("/api/v1/runs/{id}/attempts", { params: { path: { id } }, signal })),
  });
}

export function eventsQuery(id: string) {
  return queryOptions({
    queryKey: [...keys.run(id), "events"],
    queryFn: ({ signal }) => walk((after) => ok(api.GET("/api/v1/runs/{id}/events", { params: { path: { id }, query: after }, signal }))),
  });
}

export function usageQuery(id: string, attempt: number) {
  return queryOptions({
    queryKey: keys.usage(id, attempt),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/runs/{id}/usage", { params: { path: { id }, query: { attempt } }, signal })),
  });
}

/** Artifacts by path; there may be very many, so that they are read as far as they are looked at. */
export function artifactsQuery(id: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.run(id), "artifacts"] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(api.GET("/api/v1/runs/{id}/artifacts", { params: { path: { id }, query: pageParam ? { cursor: pageParam } : {} }, signal })),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** Whose code: a run's captured code, or what a pipeline's folder holds now. */
export type CodeOwner = { run: string } | { pipeline: string };

function codeBase(owner: CodeOwner): string {
  return "run" in owner
    ? apiPath(`/api/v1/runs/${encodeURIComponent(owner.run)}/code`)
    : apiPath(`/api/v1/pipelines/${encodeURIComponent(owner.pipeline)}/code`);
}

function codeKey(owner: CodeOwner): readonly unknown[] {
  return "run" in owner ? ["code", "run", owner.run] : ["code", "pipeline", owner.pipeline];
}

export function codeQuery(owner: CodeOwner) {
  return queryOptions<Page<CodeFile>>({
    queryKey: codeKey(owner),
    queryFn: ({ signal }) =>
      "run" in owner
        ? ok(api.GET("/api/v1/runs/{id}/code", { params: { path: { id: owner.run } }, signal }))
        : ok(api.GET("/api/v1/pipelines/{name}/code", { params: { path: { name: owner.pipeline } }, signal })),
  });
}

export function codeFileQuery(owner: CodeOwner, path: string) {
  return queryOptions({
    queryKey: [...codeKey(owner), path],
    queryFn: () => fetchText(`${codeBase(owner)}/${escapePath(path)}`, 512 * 1024),
  });
}

/** Address of all files that a run left, as a zip. */
export function artifactsZipUrl(run: string): string {
  return apiPath(`/api/v1/runs/${encodeURIComponent(run)}/artifacts-zip`);
}

/** Address of a file that a run left. */
export function artifactUrl(run: string, path: string, download?: "download"): string {
  const query = download ? "?download=1" : "";
  return apiPath(`/api/v1/runs/${encodeURIComponent(run)}/artifacts/${escapePath(path)}${query}`);
}
