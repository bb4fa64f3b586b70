/** Keys to the files of the project, for S3's tools. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, done, ok } from "./client";
import type { components } from "./schema.gen";

export type StorageKeyView = components["schemas"]["StorageKeyView"];
export type MakeStorageKey = components["schemas"]["MakeStorageKey"];

const key = ["storage-keys"] as const;

/** One's own; fails where the server does not answer S3's tools. */
export const storageKeysQuery = queryOptions({
  queryKey: key,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/storage-keys", { signal }))).items,
  retry: false,
});

/** Makes a key; its secret is in the answer, and nowhere else. */
export const makeStorageKey = (body: MakeStorageKey) => ok(api.POST("/api/v1/storage-keys", { body }));

/** Takes a key back. */
export const removeStorageKey = (name: string) => done(api.DELETE("/api/v1/storage-keys/{key}", { params: { path: { key: name } } }));

/** Something that is done with a key; the list is asked for again. */
export function useStorageKeysChange<A, R>(call: (argument: A) => Promise<R>) {
  const client = useQueryClient();
  return useMutation({ mutationFn: call, onSettled: () => client.invalidateQueries({ queryKey: key }) });
}
