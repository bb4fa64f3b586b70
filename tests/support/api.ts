/** Talks to a server as programs do. Waits end with an event of the server or with their bound. */
import { Events } from "./events";

export interface Run {
  id: string;
  short: string;
  pipeline: string;
  state: string;
  reason?: string;
  message?: string;
  attempt: number;
  priority: number;
  labels: Record<string, string>;
  parameters: Record<string, unknown>;
  exit_code?: number;
  version: string;
  queue?: { position: number; waiting: number; limit?: number };
  started_at?: string;
  ended_at?: string;
  log: { lines: number; cut_bytes: number };
  artifacts: { count: number; bytes: number };
  can: { cancel: boolean; retry: boolean };
}

export interface Line {
  n: number;
  at: string;
  stream: string;
  text: string;
}

export interface Problem {
  code: string;
  status: number;
  title: string;
  detail: string;
  request_id: string;
  cure?: string;
  errors?: { pointer?: string; rule?: string; limit?: unknown; source?: string; message?: string }[];
}

export interface Artifact {
  path: string;
  size: number;
  sha256: string;
  media_type: string;
}

export interface Page<T> {
  items: T[];
  next_cursor?: string;
}

export const ENDS = ["succeeded", "failed", "cancelled", "timed_out", "skipped"];

export class Api {
  constructor(
    readonly url: string,
    readonly token: string,
  ) {}

  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.token}` };
  }

  async fetch(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const raw = typeof body === "string" || body instanceof Uint8Array;
    const all = { ...this.headers, ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers };
    const init: RequestInit = { method, headers: all, signal: AbortSignal.timeout(60_000) };
    if (body !== undefined) init.body = raw ? (body as string) : JSON.stringify(body);
    return fetch(`${this.url}${path}`, init);
  }

  async call<T>(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    const response = await this.fetch(method, path, body, headers);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.call<T>("GET", `/api/v1${path}`);
  }

  post<T>(path: string, body?: unknown, headers?: Record<string, string>): Promise<T> {
    return this.call<T>("POST", `/api/v1${path}`, body, headers);
  }

  /** A call that must be refused. */
  async refused(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Problem> {
    const response = await this.fetch(method, path, body, headers);
    const text = await response.text();
    if (response.ok) throw new Error(`${method} ${path} was not refused: ${text.slice(0, 500)}`);
    const kind = response.headers.get("content-type") ?? "";
    if (!kind.startsWith("application/problem+json")) throw new Error(`${method} ${path}: ${response.status} is no problem but ${kind}: ${text.slice(0, 300)}`);
    const problem = JSON.parse(text) as Problem;
    if (problem.status !== response.status) throw new Error(`the problem says ${problem.status}, the answer ${response.status}`);
    return problem;
  }

  submit(pipeline: string, request: Record<string, unknown> = {}, headers?: Record<string, string>): Promise<Run> {
    return this.post<Run>(`/pipelines/${encodeURIComponent(pipeline)}/runs`, request, headers);
  }

  run(id: string): Promise<Run> {
    return this.get<Run>(`/runs/${id}`);
  }

  async runs(query = ""): Promise<Run[]> {
    const all: Run[] = [];
    let cursor = "";
    do {
      const page: Page<Run> = await this.get(`/runs?limit=500${query}${cursor && `&cursor=${cursor}`}`);
      all.push(...page.items);
      cursor = page.next_cursor ?? "";
    } while (cursor);
    return all;
  }

  events(query = "", headers: Record<string, string> = {}): Promise<Events> {
    return Events.open(`${this.url}/api/v1/events${query}`, { ...this.headers, ...headers });
  }

  /** Looks again whenever something happens, until `look` finds what it wants. */
  async watch<T>(look: () => Promise<T | undefined>, what: string, ms = 60_000, query = ""): Promise<T> {
    const deadline = Date.now() + ms;
    const events = await this.events(query);
    try {
      for (;;) {
        const found = await look();
        if (found !== undefined) return found;
        const rest = deadline - Date.now();
        const event = rest > 0 ? await events.next(rest).catch(() => undefined) : undefined;
        if (!event) {
          const last = await look();
          if (last !== undefined) return last;
          throw new Error(`${what}: not within ${ms} ms`);
        }
      }
    } finally {
      events.close();
    }
  }

  /** Waits until a run is as wanted. */
  async until(id: string, wanted: string[] | ((run: Run) => boolean), ms = 60_000): Promise<Run> {
    const fits = Array.isArray(wanted) ? (run: Run): boolean => wanted.includes(run.state) : wanted;
    let last: Run | undefined;
    const look = async (): Promise<Run | undefined> => {
      last = await this.run(id);
      return fits(last) ? last : undefined;
    };
    try {
      return await this.watch(look, `run ${id}`, ms);
    } catch (error) {
      throw new Error(`${String(error)}; it is ${JSON.stringify(last)}`, { cause: error });
    }
  }

  ended(id: string, ms?: number): Promise<Run> {
    return this.until(id, ENDS, ms);
  }

  /** Waits until every run of a pipeline (or all) has ended. */
  async allEnded(query = "", ms = 120_000): Promise<void> {
    let open: Run[] = [];
    const look = async (): Promise<true | undefined> => {
      open = (await this.get<Page<Run>>(`/runs?limit=3&state=queued,starting,running,retrying${query}`)).items;
      return open.length === 0 ? true : undefined;
    };
    await this.watch(look, "all runs ended", ms).catch((error: unknown) => {
      throw new Error(`${String(error)}; among those that have not: ${JSON.stringify(open)}`, { cause: error });
    });
  }

  async lines(id: string, query = ""): Promise<Line[]> {
    const lines: Line[] = [];
    for (;;) {
      const from = (lines.at(-1)?.n ?? 0) + 1;
      const page = await this.get<{ lines: Line[]; total: number }>(`/runs/${id}/log?limit=5000&from=${from}${query}`);
      lines.push(...page.lines);
      if (page.lines.length < 5000) return lines;
    }
  }

  /** What the program said on its standard output. */
  async output(id: string, query = ""): Promise<string[]> {
    const lines = await this.lines(id, query);
    return lines.filter((line) => line.stream === "stdout").map((line) => line.text);
  }

  follow(id: string, query = "", headers: Record<string, string> = {}): Promise<Events> {
    return Events.open(`${this.url}/api/v1/runs/${id}/log/stream${query}`, { ...this.headers, ...headers });
  }

  /** Waits until a run has said so many lines (of its last attempt). */
  async said(id: string, count: number, ms = 30_000): Promise<void> {
    const events = await this.follow(id);
    const deadline = Date.now() + ms;
    try {
      for (let seen = 0; seen < count; ) {
        const event = await events.next(deadline - Date.now());
        if (!event || event.event === "end") throw new Error(`run ${id} ended after ${seen} lines`);
        if (event.event === "lines") seen = (event.data as Line[]).at(-1)?.n ?? seen;
      }
    } finally {
      events.close();
    }
  }

  async artifacts(id: string): Promise<Artifact[]> {
    return (await this.get<Page<Artifact>>(`/runs/${id}/artifacts`)).items;
  }

  async artifact(id: string, path: string): Promise<Buffer> {
    const response = await this.fetch("GET", `/api/v1/runs/${id}/artifacts/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async upload(name: string, content: string | Uint8Array): Promise<string> {
    const path = `/api/v1/uploads?name=${encodeURIComponent(name)}`;
    const upload = await this.call<{ id: string }>("POST", path, content, { "content-type": "application/octet-stream" });
    return upload.id;
  }

  /** How many runs were ever accepted and are kept. */
  async count(): Promise<number> {
    return (await this.runs()).length;
  }
}
