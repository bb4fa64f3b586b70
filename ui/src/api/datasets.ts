/** Datasets: what the page asks for of them, and what can be done with them. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { apiPath } from "../lib/project";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import type { AddDatasetVersion, ChangeDataset, ContentRef, DatasetVersionView, DatasetView, Page } from "./types";

/** Rows that are read at a time. */
const ROWS = 100;
/** Contents that are asked for together. */
const TOGETHER = 20_000;

const at = (dataset: string) => ({ path: { dataset } });
const atVersion = (dataset: string, version: string | number) => ({ path: { dataset, version: String(version) } });
const after = (cursor: string) => (cursor ? { cursor } : {});

/** Those whose names begin so, by name. */
export function datasetsQuery(prefix = "", limit = ROWS) {
  return infiniteQueryOptions({
    queryKey: [...keys.datasets, "list", prefix, limit] as const,
    queryFn: async ({ signal, pageParam }) =>
      (await ok(
        api.GET("/api/v1/datasets", { params: { query: { limit, ...(prefix ? { prefix } : {}), ...after(pageParam) } }, signal }),
      )) as Page<DatasetView>,
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

export function datasetQuery(name: string) {
  return queryOptions({
    queryKey: keys.dataset(name),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/datasets/{dataset}", { params: at(name), signal })),
  });
}

/** Its versions, the newest first. */
export function versionsQuery(name: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.dataset(name), "versions"] as const,
    queryFn: async ({ signal, pageParam }) =>
      (await ok(
        api.GET("/api/v1/datasets/{dataset}/versions", { params: { ...at(name), query: { limit: ROWS, ...after(pageParam) } }, signal }),
      )) as Page<DatasetVersionView>,
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** What lies in a folder of a version, as far as it is looked at. */
export function entriesQuery(name: string, version: number, path: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.dataset(name), "files", version, path] as const,
    queryFn: async ({ signal, pageParam }) => {
      const query = { limit: 200, ...(path ? { path } : {}), ...after(pageParam) };
      const answer = api.GET("/api/v1/datasets/{dataset}/versions/{version}/files", {
        params: { ...atVersion(name, version), query },
        signal,
      });
      return await ok(answer);
    },
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    staleTime: Infinity,
  });
}

/** What a version has changed since another; since the one before it unless told. */
export function diffQuery(name: string, to: number, from?: number) {
  return queryOptions({
    queryKey: [...keys.dataset(name), "diff", to, from ?? null] as const,
    queryFn: ({ signal }) => {
      const query = { to: String(to), ...(from === undefined ? {} : { from: String(from) }) };
      return ok(api.GET("/api/v1/datasets/{dataset}/diff", { params: { ...at(name), query }, signal }));
    },
  });
}

export function lineageQuery(name: string, version: number) {
  return queryOptions({
    queryKey: [...keys.dataset(name), "lineage", version] as const,
    queryFn: ({ signal }) =>
      ok(api.GET("/api/v1/datasets/{dataset}/versions/{version}/lineage", { params: atVersion(name, version), signal })),
  });
}

const base = (name: string, version: number) => apiPath(`/api/v1/datasets/${encodeURIComponent(name)}/versions/${version}`);

/** Address of a file's bytes. */
export function fileUrl(name: string, version: number, path: string, download?: "download"): string {
  return `${base(name, version)}/file?path=${encodeURIComponent(path)}${download ? "&download=1" : ""}`;
}

/** Address of a version or a folder of it, as a zip. */
export function zipUrl(name: string, version: number, path: string): string {
  return `${base(name, version)}/zip${path ? `?path=${encodeURIComponent(path)}` : ""}`;
}

export const changeDataset = (name: string, body: ChangeDataset) => ok(api.PATCH("/api/v1/datasets/{dataset}", { params: at(name), body }));

export const removeDataset = (name: string) => done(api.DELETE("/api/v1/datasets/{dataset}", { params: at(name) }));

export const removeVersion = (name: string, version: number) =>
  done(api.DELETE("/api/v1/datasets/{dataset}/versions/{version}", { params: atVersion(name, version) }));

export const tagVersion = (name: string, tag: string, version: number) =>
  ok(api.PUT("/api/v1/datasets/{dataset}/tags/{tag}", { params: { path: { dataset: name, tag } }, body: { version } }));

export const untag = (name: string, tag: string) =>
  done(api.DELETE("/api/v1/datasets/{dataset}/tags/{tag}", { params: { path: { dataset: name, tag } } }));

export const addVersion = (name: string, body: AddDatasetVersion) =>
  ok(api.POST("/api/v1/datasets/{dataset}/versions", { params: at(name), body }));

/** Those that are not stored yet. */
export async function missingContents(wanted: readonly ContentRef[], signal: AbortSignal): Promise<ContentRef[]> {
  const all: ContentRef[] = [];
  for (let begin = 0; begin < wanted.length; begin += TOGETHER) {
    const contents = wanted.slice(begin, begin + TOGETHER);
    all.push(...(await ok(api.POST("/api/v1/contents/missing", { body: { contents }, signal }))).contents);
  }
  return all;
}
