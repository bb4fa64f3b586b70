/** Projects: which one this page is of, what each may have and uses, and what can be changed of it. */
import { queryOptions, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";

import { findOwn, project } from "../lib/project";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { allProjectsQuery } from "./queries";
import type { ChangeProject, CreateProject, ProjectView, QuotaView } from "./types";

/** The project that this page's address leads to, by a name that it has or had. */
export const ownQuery = queryOptions({
  queryKey: keys.own,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/projects/{project}", { params: { path: { project } }, signal })),
});

export const projectUsageQuery = queryOptions({
  queryKey: keys.projectUsage,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/projects/{project}/usage", { params: { path: { project } }, signal })),
});

export const targetsQuery = queryOptions({
  queryKey: keys.targets,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/targets", { signal }))).items,
});

/** This page's project as it is now, whatever it is called; null: it is none of those that may be seen. */
export function useOwn(): ProjectView | null | undefined {
  const { data } = useQuery({ ...allProjectsQuery, select: findOwn });
  return data;
}

const standing = (all: ProjectView[]) => {
  const own = findOwn(all);
  return { name: own?.name ?? project, role: own?.role, archived: own?.state === "archived", several: all.length > 1 };
};

/** What rights follow from: told again when it changes, not whenever a run does. */
export function useOwnStanding(): ReturnType<typeof standing> | undefined {
  const { data } = useQuery({ ...allProjectsQuery, select: standing });
  return data;
}

/** A change of projects; everything that may show it is read again. */
export function useProjectChange<T, R>(change: (value: T) => Promise<R>) {
  const cache = useQueryClient();
  const shown = ["projects", "account", "system", "activity", "audit", "members", "sign-in"];
  return useMutation({
    mutationFn: change,
    onSuccess: () => cache.invalidateQueries({ predicate: ({ queryKey }) => shown.includes(String(queryKey[0])) }),
  });
}

const at = (name: string) => ({ params: { path: { project: name } } });

export const makeProject = (body: CreateProject) => ok(api.POST("/api/v1/projects", { body }));
/** What is absent stays. */
export type ProjectChange = Partial<ChangeProject> & { of: string };
export const changeProject = ({ of, ...body }: ProjectChange) =>
  ok(api.PATCH("/api/v1/projects/{project}", { ...at(of), body: body as ChangeProject }));
export const setQuota = ({ of, quota }: { of: string; quota: QuotaView }) =>
  ok(api.PUT("/api/v1/projects/{project}/quota", { ...at(of), body: quota }));
export const restoreProject = (name: string) => ok(api.POST("/api/v1/projects/{project}/restore", at(name)));
export const deleteProject = (name: string) => done(api.DELETE("/api/v1/projects/{project}", at(name)));
/** All of it goes now, and cannot be brought back. */
export const deleteProjectNow = (name: string) =>
  done(api.DELETE("/api/v1/projects/{project}", { params: { path: { project: name }, query: { at_once: true } } }));
