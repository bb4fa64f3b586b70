/** Who one is: signing in and out, and what is one's own. */
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";

import { api, done, ok } from "./client";
import { keys } from "./keys";
import { asProblem } from "./problem";
import { forget } from "./session";
import type { AccountView, CreateToken, SignedOut, TakeLink } from "./types";

export const accountQuery = queryOptions({
  queryKey: keys.account,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/account", { signal })),
});

export const waysInQuery = queryOptions({
  queryKey: keys.waysIn,
  queryFn: ({ signal }) => ok(api.GET("/api/v1/sign-in", { signal })),
});

export const sessionsQuery = queryOptions({
  queryKey: keys.sessions,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/account/sessions", { signal }))).items,
});

export const tokensQuery = queryOptions({
  queryKey: keys.tokens,
  queryFn: async ({ signal }) => (await ok(api.GET("/api/v1/account/tokens", { signal }))).items,
});

export function signIn(body: { mail: string; password: string; code?: string }): Promise<AccountView> {
  return ok(api.POST("/api/v1/session", { body }));
}

/** Goes to a provider, which sends the browser back to this page, or to where an invitation leads that is taken by it. */
export async function goToProvider(provider: string, returnTo: string, key?: string): Promise<void> {
  const body = { provider, return_to: returnTo, ...(key ? { key } : {}) };
  const { location: address } = await ok(api.POST("/api/v1/sign-in/provider", { body }));
  location.assign(address);
}

/** The terminal that shows a code and waits to be let in. */
export function deviceQuery(code: string) {
  return queryOptions({
    queryKey: ["device", code] as const,
    queryFn: ({ signal }) => ok(api.GET("/api/v1/device/codes/{code}", { params: { path: { code } }, signal })),
  });
}

export const answerDevice = ({ code, allow }: { code: string; allow: boolean }) =>
  done(api.POST("/api/v1/device/codes/{code}", { params: { path: { code } }, body: { allow } }));

/** Asks for a link that sets a new password, by mail. */
export const askReset = (mail: string) => done(api.POST("/api/v1/sign-in/reset", { body: { mail: mail.trim() } }));

/** Mails a link to one's own address, which confirms it. */
export const askConfirmation = () => ok(api.POST("/api/v1/account/mail/confirm"));

export function lookAtLink(key: string) {
  return ok(api.POST("/api/v1/sign-in/look", { body: { key } }));
}

/** Takes a link; null where one has to sign in after it. */
export async function takeLink(body: TakeLink): Promise<AccountView | null> {
  let account: AccountView | undefined;
  await done(
    api.POST("/api/v1/sign-in/link", { body }).then((answer) => {
      account = answer.data;
      return answer;
    }),
  );
  return account ?? null;
}

const LEFT_NOTE = "rigi.left";

/** What was to be said to whoever has just signed out, once. */
export function takeLeftNote(): string | null {
  const note = sessionStorage.getItem(LEFT_NOTE);
  sessionStorage.removeItem(LEFT_NOTE);
  return note;
}

/** Nothing of whoever was signed in stays on the page: it is loaded anew. */
export async function signOut(): Promise<void> {
  let left: SignedOut | undefined;
  const ended = api.DELETE("/api/v1/session").then((answer) => {
    left = answer.data;
    return answer;
  });
  await done(ended).catch((error: unknown) => {
    if (asProblem(error).status !== 401) throw error;
  });
  forget();
  if (left?.note) sessionStorage.setItem(LEFT_NOTE, left.note);
  // A provider ends its own session there, and leads back.
  location.assign(left?.location ?? "/");
}

/** A change of what is one's own; what it changes is read again. */
export function useAccountChange<T, R>(change: (value: T) => Promise<R>) {
  const cache = useQueryClient();
  return useMutation({ mutationFn: change, onSuccess: () => cache.invalidateQueries({ queryKey: keys.account }) });
}

export const changeName = (name: string) => ok(api.PATCH("/api/v1/account", { body: { name } }));
export const changePassword = (body: { present?: string; new: string }) => done(api.PUT("/api/v1/account/password", { body }));
export const beginFactor = () => ok(api.POST("/api/v1/account/factor"));
export const confirmFactor = (code: string) => ok(api.PUT("/api/v1/account/factor", { body: { code } }));
export const removeFactor = (code: string) => done(api.POST("/api/v1/account/factor/off", { body: { code } }));
export const endSession = (id: string) => done(api.DELETE("/api/v1/account/sessions/{id}", { params: { path: { id } } }));
export const endOtherSessions = () => done(api.DELETE("/api/v1/account/sessions"));
export const makeToken = (body: CreateToken) => ok(api.POST("/api/v1/account/tokens", { body }));
export const removeToken = (id: string) => done(api.DELETE("/api/v1/account/tokens/{id}", { params: { path: { id } } }));
