/** Large files that continue where they broke off, by tus 1.0. What is on its way knows the server: also after the page was read anew. */
import { continued, metadataOf } from "../lib/data/resume";
import { apiPath } from "../lib/project";
import { api, ok } from "./client";
import { Problem } from "./problem";
import type { UploadView } from "./types";
import { sendFile } from "./upload";

/** A file of so many bytes is worth continuing. */
export const LARGE = 8 << 20;
/** Times that it continues without having come further, and how long before that, in milliseconds. */
const TRIES = 5;
const PATIENCE_MS = 1000;
const VERSION = { "Tus-Resumable": "1.0.0" };

const at = (id: string) => apiPath(`/api/v1/uploads/tus/${encodeURIComponent(id)}`);

export interface Large {
  file: File;
  /** What it is known by: another content has another. */
  mark: string;
  /** Hears how many bytes are there, and from where it continued. */
  tell: (sent: number, from: number) => void;
  signal: AbortSignal;
}

/** Sends a file, or what is missing of it. */
export async function sendLarge({ file, mark, tell, signal }: Large): Promise<UploadView> {
  const open = await ok(api.GET("/api/v1/uploads/tus", { signal }));
  const id = continued(open.items, file.size, mark)?.id ?? (await begin(file, mark, signal));
  const from = numberOf(await call("HEAD", at(id), {}, signal), "Upload-Offset");
  tell(from, from);
  if (from < file.size) await sendRest(id, file, from, tell, signal);
  const { name, size, sha256 } = await ok(api.GET("/api/v1/uploads/tus/{upload}", { params: { path: { upload: id } }, signal }));
  return { id, name, size, sha256: sha256 ?? "" };
}

/** The same, begun again by itself for as long as it comes further. */
export async function sendPatiently(large: Large): Promise<UploadView> {
  let furthest = 0;
  for (let tries = 1; ; tries++) {
    const before = furthest;
    const tell = (sent: number, from: number) => {
      furthest = Math.max(furthest, from);
      large.tell(sent, from);
    };
    try {
      return await sendLarge({ ...large, tell });
    } catch (error) {
      if (furthest > before) tries = 1;
      const mayPass = error instanceof Problem && (error.status === 0 || error.status === 409 || error.status >= 500);
      if (large.signal.aborted || !mayPass || tries >= TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS * tries));
    }
  }
}

async function begin(file: File, mark: string, signal: AbortSignal): Promise<string> {
  const said = { "Upload-Length": String(file.size), "Upload-Metadata": metadataOf({ filename: file.name, mark }) };
  const answer = await call("POST", apiPath("/api/v1/uploads/tus"), said, signal);
  const id = answer.headers.get("Location")?.split("/").at(-1);
  if (!id) throw new Problem(0, { title: "The answer is not what was expected", detail: "It does not say where the upload is." });
  return id;
}

async function sendRest(id: string, file: File, from: number, tell: Large["tell"], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const headers = { ...VERSION, "Upload-Offset": String(from), "Content-Type": "application/offset+octet-stream" };
  const rest = file.slice(from);
  const sending = sendFile(
    at(id),
    rest,
    (fraction) => tell(from + Math.min(1, fraction) * rest.size, from),
    () => undefined,
    {
      method: "PATCH",
      headers,
    },
  );
  signal.addEventListener("abort", sending.abort, { once: true });
  await sending.done.finally(() => signal.removeEventListener("abort", sending.abort));
}

async function call(method: string, path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  const answer = await fetch(path, { method, headers: { ...VERSION, ...headers }, credentials: "same-origin", signal }).catch(() => {
    throw Problem.unreachable();
  });
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => null), answer.headers.get("Retry-After"));
  return answer;
}

function numberOf(answer: Response, header: string): number {
  return Number(answer.headers.get(header) ?? 0);
}
