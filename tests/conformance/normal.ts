/** What was seen, without what is different each time. */
import type { Api, Line, Run } from "../support/api";
import { files, text, type Seen, type SeenAttempt, type SeenFile, type SeenLog } from "./scenario";

interface Attempt {
  number: number;
  state: string;
  reason?: string | null;
  exit_code?: number | null;
  message?: string | null;
}

/** Takes paths, ids and times out of a text for people. */
export function plain(words: string, run: { id: string; short: string }): string {
  return words
    .replaceAll(run.id, "<run>")
    .replaceAll(run.short, "<run>")
    .replace(/\/[^\s:`'"]*\/runs\/<run>\.\d+\/work(?=[/\s:`'".]|$)|\/app(?=[/\s:`'".]|$)/g, "<work>")
    .replace(/\/[^\s:`'"]*\/runs\/<run>\.\d+/g, "<attempt>")
    .replace(/\/tmp\/rigi-test-\w+|\/rigi\/work/g, "<data>")
    .replace(/<data>\/data/g, "<data>")
    .replace(/ on PATH \([^)]*\)/g, " on PATH (<path>)")
    .replace(/\bpid \d+/g, "pid <pid>")
    .replace(/\b\d+(\.\d+)?( ?ms| s)\b/g, "<time>");
}

async function log(api: Api, run: Run, number: number): Promise<SeenLog> {
  const lines: Line[] = await api.lines(run.id, `&attempt=${number}`);
  const order = lines.findIndex((line, index) => line.n !== index + 1);
  if (order >= 0) throw new Error(`attempt ${number}: line ${order + 1} of the log has the number ${lines[order]!.n}`);
  const of = (stream: string): string[] => lines.filter((line) => line.stream === stream).map((line) => line.text);
  const [out, err, system] = [of("stdout"), of("stderr").map((line) => plain(line, run)), of("system").map((line) => plain(line, run))];
  return { ...(out.length ? { out: text(out) } : {}), ...(err.length ? { err: text(err) } : {}), ...(system.length ? { system: text(system) } : {}) };
}

async function artifacts(api: Api, id: string): Promise<SeenFile[]> {
  const all: SeenFile[] = [];
  let cursor = "";
  do {
    const page = await api.get<{ items: SeenFile[]; next_cursor?: string }>(`/runs/${id}/artifacts?limit=500${cursor && `&cursor=${encodeURIComponent(cursor)}`}`);
    all.push(...page.items.map(({ path, size, sha256 }) => ({ path, size, sha256 })));
    cursor = page.next_cursor ?? "";
  } while (cursor);
  return all;
}

/** All of a run that has ended. */
export async function seenOf(api: Api, id: string, apart: (keyof Seen)[] = []): Promise<Seen> {
  const run = await api.run(id);
  const { items } = await api.get<{ items: Attempt[] }>(`/runs/${id}/attempts`);
  items.sort((a, b) => a.number - b.number);
  const attempts = items.map(({ state, reason, exit_code }): SeenAttempt => ({
    state,
    ...(reason ? { reason } : {}),
    ...(typeof exit_code === "number" ? { exit_code } : {}),
  }));
  const logs: SeenLog[] = [];
  if (!apart.includes("logs")) for (const { number } of items) logs.push(await log(api, run, number));
  const seen: Seen = {
    state: run.state,
    ...(run.reason ? { reason: run.reason } : {}),
    ...(typeof run.exit_code === "number" ? { exit_code: run.exit_code } : {}),
    ...(run.message ? { message: plain(run.message, run) } : {}),
    attempts,
    logs,
    files: files(await artifacts(api, id)),
  };
  for (const key of apart) delete seen[key];
  return seen;
}

/** An expectation as JSON has it: what is `undefined` is not there. */
export function checkable(expected: Seen): Record<string, unknown> {
  return JSON.parse(JSON.stringify(expected)) as Record<string, unknown>;
}
