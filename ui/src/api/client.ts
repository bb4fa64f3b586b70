/** The client of the API, typed by the generated schema. */
import createClient from "openapi-fetch";

import { readAnswer, writeJson } from "../lib/json";
import { apiPath } from "../lib/project";
import { Problem } from "./problem";
import type { paths } from "./schema.gen";
import { noteAnswer, type Of } from "./session";

/** A request to this page's project where it is for what a project has of its own. */
class ProjectRequest extends Request {
  constructor(url: string, init?: RequestInit) {
    super(location.origin + apiPath(url.slice(location.origin.length)), init);
  }
}

/** Paths are those without a project; each goes to this page's. */
export const api = createClient<paths>({
  baseUrl: location.origin,
  Request: ProjectRequest as typeof Request,
  credentials: "same-origin",
  fetch: fetchExact,
  bodySerializer: writeJson,
});

/** Numbers that people wrote pass unchanged, in answers as in what is sent. */
async function fetchExact(request: Request): Promise<Response> {
  const response = await fetch(request);
  // An answer that has no content cannot be given any.
  if (!response.ok || !response.body || response.status === 204) return response;
  const headers = new Headers(response.headers);
  // Where an answer has a length, the client reads it by `json`, else by a reader of its own.
  headers.set("Content-Length", headers.get("Content-Length") ?? "1");
  const exact = new Response(response.body, { status: response.status, statusText: response.statusText, headers });
  exact.json = async () => readAnswer(await exact.text());
  return exact;
}

/** What nobody needs to be signed in for, or what asks for a code: an answer says nothing of whether this browser is known. */
const ASKS_NOBODY = /^\/api\/v1\/(?:sign-in(?:\/|$)|session$|account\/factor\/off$)/;

/** What visitors may see of a public project. */
const OPEN =
  /^\/api\/v1\/(?:projects(?:\/\{project\})?$|(?:projects\/\{project\}\/)?(?:pipelines|runs|datasets|schedules|fires|events|backfills|starts)(?:\/|$))/;

function ofPath(path: string): Of {
  if (path === "/api/v1/account") return "account";
  return OPEN.test(path) ? "open" : "else";
}

api.use({
  onResponse({ response, schemaPath }) {
    if (!ASKS_NOBODY.test(schemaPath)) noteAnswer(response.status, ofPath(schemaPath));
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The data of an answer, or a thrown `Problem`. */
export async function ok<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer.catch(() => {
    throw Problem.unreachable();
  });
  if (!response.ok || data === undefined) throw new Problem(response.status, error, response.headers.get("Retry-After"));
  return data;
}

/** An answer without data, or a thrown `Problem`. */
export async function done(answer: Promise<Answer<unknown>>): Promise<void> {
  const { error, response } = await answer.catch(() => {
    throw Problem.unreachable();
  });
  if (!response.ok) throw new Problem(response.status, error, response.headers.get("Retry-After"));
}

/** Text of an address of the API, at most `limit` bytes of it. */
export async function fetchText(url: string, limit?: number): Promise<{ text: string; cut: boolean }> {
  const headers: HeadersInit = limit === undefined ? {} : { Range: `bytes=0-${limit - 1}` };
  const response = await fetch(url, { headers }).catch(() => {
    throw Problem.unreachable();
  });
  noteAnswer(response.status, "open");
  if (!response.ok) throw new Problem(response.status, await response.json().catch(() => null));
  if (limit === undefined) return { text: await response.text(), cut: false };
  return readSome(response, limit);
}

/** Reads up to `limit` bytes and lets the rest be: servers may ignore `Range`. */
async function readSome(response: Response, limit: number): Promise<{ text: string; cut: boolean }> {
  const total = Number(/\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] ?? Number.NaN);
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let read = 0;
  while (reader) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value.subarray(0, limit - read), { stream: true });
    read += value.length;
    if (read >= limit) {
      await reader.cancel();
      break;
    }
  }
  return { text, cut: read > limit || (Number.isFinite(total) && total > read) };
}

/** A key under which a repeated request has one effect. */
export function idempotencyKey(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Parts of a path, each escaped, slashes kept. */
export function escapePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
