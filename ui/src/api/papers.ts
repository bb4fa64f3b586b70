/** Runs as papers tell them. */
import { queryOptions } from "@tanstack/react-query";

import { api, ok } from "./client";
import { keys } from "./keys";

/** What a paper says of a run, in words and as data. */
export function citationQuery(run: string) {
  return queryOptions({
    queryKey: [...keys.run(run), "citation"] as const,
    queryFn: ({ signal }) => ok(api.GET("/api/v1/runs/{id}/citation", { params: { path: { id: run } }, signal })),
  });
}
