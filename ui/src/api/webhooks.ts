/** Webhooks: what the page asks for of them and of what came to them, and what can be done with both. */
import { infiniteQueryOptions, queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { notify } from "../lib/notices";
import { again } from "../lib/webhook";
import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import type { SetWebhook, WebhookView } from "./types";

/** Deliveries that are read at a time. */
const DELIVERIES = 50;

const at = (webhook: string) => ({ path: { webhook } });

/** All of the project, by name. */
export const webhooksQuery = queryOptions({
  queryKey: keys.webhooks,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/webhooks", { signal }))).items as WebhookView[],
});

export function webhookQuery(name: string) {
  return queryOptions({
    queryKey: keys.webhook(name),
    queryFn: ({ signal }) => ok(api.GET("/api/v1/webhooks/{webhook}", { params: at(name), signal })),
  });
}

/** What came to it, the newest first. */
export function deliveriesQuery(webhook: string) {
  return infiniteQueryOptions({
    queryKey: [...keys.webhook(webhook), "deliveries"] as const,
    queryFn: ({ signal, pageParam }) =>
      ok(
        api.GET("/api/v1/webhooks/{webhook}/deliveries", {
          params: { ...at(webhook), query: { limit: DELIVERIES, ...(pageParam ? { cursor: pageParam } : {}) } },
          signal,
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
}

/** One delivery, with what it came with. */
export function deliveryQuery(webhook: string, delivery: string) {
  return queryOptions({
    queryKey: [...keys.webhook(webhook), "deliveries", delivery] as const,
    queryFn: ({ signal }) =>
      ok(api.GET("/api/v1/webhooks/{webhook}/deliveries/{delivery}", { params: { path: { webhook, delivery } }, signal })),
  });
}

/** Makes one or changes it. What is wrong with a field is told beside it; a secret in the answer is shown, and kept nowhere. */
export function useSetWebhook() {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: ({ name, body }: { name: string; body: SetWebhook }) =>
      ok(api.PUT("/api/v1/webhooks/{webhook}", { params: at(name), body })),
    onSuccess: () => cache.invalidateQueries({ queryKey: keys.webhooks }),
    gcTime: 0,
  });
}

/** Has it take nothing for now, or go on. */
export function usePauseWebhook(hook: WebhookView) {
  const cache = useQueryClient();
  const paused = hook.paused_at != null;
  return useMutation({
    mutationFn: () => ok(api.PUT("/api/v1/webhooks/{webhook}", { params: at(hook.name), body: { ...again(hook), paused: !paused } })),
    onSuccess: () => {
      notify(paused ? `${hook.name} goes on.` : `${hook.name} is paused: what is sent to it is refused. Runs that have started go on.`);
      return cache.invalidateQueries({ queryKey: keys.webhooks });
    },
    onError: (error) => {
      const problem = asProblem(error);
      notify(`${hook.name} is ${paused ? "still paused" : "not paused"}: ${problem.message}`, "bad", problem.cure);
    },
  });
}

export const removeWebhook = (name: string) => done(api.DELETE("/api/v1/webhooks/{webhook}", { params: at(name) }));

/** Another secret; the answer has it, once. */
export const replaceSecret = (name: string) => ok(api.POST("/api/v1/webhooks/{webhook}/secret", { params: at(name) }));

/** What became of a delivery that was done again. */
interface Again {
  delivery: string;
  outcome: string;
  run?: string | null;
}

/** Has a delivery done again, by what the webhook says now: it is a new one, with the same body. Why it is refused is told beside it. */
export function useRedeliver(webhook: string) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: async (delivery: string) => {
      const sent = api.POST("/api/v1/webhooks/{webhook}/deliveries/{delivery}/redeliver", { params: { path: { webhook, delivery } } });
      return (await ok(sent)) as unknown as Again;
    },
    onSuccess: ({ outcome, run }) => notify(run ? `Done again: run ${run.slice(-4)}.` : `Done again: it is ${outcome}, and starts no run.`),
    onSettled: () => cache.invalidateQueries({ queryKey: keys.webhooks }),
  });
}
