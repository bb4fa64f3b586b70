/** Packages of pipelines: what the page asks for of them, and an audit now. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { api, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";

const at = (name: string) => ({ path: { name } });

/** The packages that a pipeline has, with what the last audit found. */
export function packagesQuery(name: string) {
  return queryOptions({
    queryKey: keys.packages(name),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/pipelines/{name}/packages", { params: at(name), signal })),
  });
}

/** The last audit of each pipeline of the project. */
export const packageAuditsQuery = queryOptions({
  queryKey: keys.packageAudits,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/package-audits", { signal }))).items,
});

/** Has the packages of a pipeline audited now. */
export function useAuditPackages(name: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: () => ok(api.POST("/api/v1/pipelines/{name}/audits", { params: at(name) })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.packageAudits }),
    onError: (error) => notify(`${name} was not audited: ${asProblem(error).message}`, "bad", asProblem(error).cure),
  });
}
