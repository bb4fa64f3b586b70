/** What can be run, with the schemas of what it takes and gives. */
import { infiniteQueryOptions, keepPreviousData } from "@tanstack/react-query";

import { api, ok } from "./client";
import { keys } from "./keys";

/** In pages, as schemas of tools may be long. */
const PAGE = 30;

export function processTypesQuery(q: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.processTypes, q] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/process-types", {
          params: { query: { limit: PAGE, ...(q ? { q } : {}), ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
}
