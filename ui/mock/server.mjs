// A server that plays Rigi's API for work on the page: `npm run mock`, then http://127.0.0.1:7444/.
// It serves `dist` with the content policy that the real server sends. It keeps nothing.
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";

import { artifact, bigId, fill, finish, linesOf, line, makeRun, pipelines, random, runs, sample } from "./data.mjs";

const PORT = Number(process.env.PORT ?? 7444);
const DIST = new URL("../dist", import.meta.url).pathname;
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
const ENDS = new Set(["succeeded", "failed", "timed_out", "cancelled", "skipped"]);
const listeners = new Set();
const logListeners = new Map();
let eventId = 0;
const log = [];

const summary = ({ full, lines, usage, artifacts, events, attempts, big, timer, ...rest }) => rest;
const view = (run) => ({ ...summary(run), ...run.full, can: { cancel: !ENDS.has(run.state), retry: ENDS.has(run.state) } });
function emit(event, data) {
  const id = ++eventId;
  log.push({ id, event, data });
  for (const listener of listeners) listener(id, event, data);
}
const changed = (run) => emit("run", summary(run));
function toLog(run, event, data) {
  for (const send of logListeners.get(run.id) ?? []) send(event, data);
}
function pipelineView(p, full) {
  const own = runs.filter((run) => run.pipeline === p.name).sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  const { ms, parameters, description, inputs, outputs, presets, ...rest } = p;
  const list = { ...rest, runnable: p.enabled && p.mistakes.length === 0, expected_ms: ms, recent: own.slice(-30).map(({ id, state, created_at, duration_ms }) => ({ id, state, created_at, duration_ms })), queued: own.filter((r) => r.state === "queued").length, active: own.filter((r) => ["starting", "running", "retrying"].includes(r.state)).length };
  if (!full) return list;
  return { ...list, description: description ?? p.summary, parameters: parameters === null ? undefined : (parameters ?? { type: "object", properties: {}, additionalProperties: false }), inputs, outputs, presets, git: { commit: p.version, branch: "main", dirty: true }, spec_file: "pipeline.yaml", spec: { name: p.name, kind: p.kind, timeout: "10min", memory: "512MiB", retries: { attempts: 3, delay: "30s" } } };
}

function start(p, body, over = {}) {
  const run = makeRun(p.name, Date.now(), { labels: body.labels ?? {}, priority: body.priority ?? 0, ...over });
  run.full.parameters = { ...run.full.parameters, ...body.parameters };
  run.full.expected_ms = 20_000;
  run.events.push({ id: ++eventId, at: run.created_at, kind: "queued", attempt: 0 });
  setTimeout(() => { if (run.state !== "queued") return; run.state = "starting"; run.attempt = 1; run.message = "preparing the environment"; changed(run); }, 300);
  setTimeout(() => begin(run), 1500);
  changed(run);
  return run;
}
function begin(run) {
  if (ENDS.has(run.state)) return;
  run.state = "running";
  delete run.message;
  run.started_at = new Date().toISOString();
  run.full.phases = { queued_ms: 300, preparing_ms: 1200 };
  line(run, "system", "Python 3.12 with 14 packages, 1.2 s");
  changed(run);
  let i = 0;
  run.timer = setInterval(() => {
    i++;
    const made = [line(run, "stdout", `\u001b[36mweek ${i}\u001b[0m  ${(315 + i * 0.3).toFixed(2)} ppm`)];
    if (i % 13 === 0) made.push(line(run, "stderr", "RuntimeWarning: Mean of empty slice"));
    toLog(run, "lines", made);
    if (i % 5 === 0) {
      const one = sample(run, Date.now(), i / 5);
      run.usage.push(one);
      for (const listener of listeners) listener(0, "usage", { run: run.id, sample: one });
      run.progress = { fraction: i / 100, message: `week ${i} of 100` };
      changed(run);
    }
    if (i >= 100) end(run, "succeeded");
  }, 200);
}
function end(run, state) {
  clearInterval(run.timer);
  finish(run, state, Date.now(), Date.now() - Date.parse(run.started_at ?? run.created_at));
  if (state === "succeeded") { const lines = run.lines; run.lines = []; fill(run, Date.now(), 100); run.lines = lines; run.full.log.lines = lines.length; }
  changed(run);
  toLog(run, "end", { state });
}
function problem(res, status, code, detail, more = {}) {
  res.writeHead(status, { "content-type": "application/problem+json" });
  res.end(JSON.stringify({ type: `/errors#${code}`, code, title: code, status, detail, request_id: "req_01JDBX4Q3N8ZK5V2M7WYTR7Q2A", ...more }));
}
function json(res, data, status = 200) {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(JSON.stringify(data));
}
function sse(req, res) {
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
  res.write(": hello\n\n");
  return (id, event, data) => res.write(`${id ? `id: ${id}\n` : ""}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}
async function bodyOf(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}
function page(items, q, limit = 100) {
  const from = Number(q.get("cursor") || 0);
  const size = Number(q.get("limit") || limit);
  return { items: items.slice(from, from + size), ...(from + size < items.length ? { next_cursor: String(from + size) } : {}) };
}
function findRuns(q) {
  const states = q.get("state")?.split(",");
  const labels = q.getAll("label").map((l) => l.split("="));
  const text = q.get("q")?.toLowerCase();
  return runs.filter((r) => (!q.get("pipeline") || r.pipeline === q.get("pipeline")) && (!states || states.includes(r.state)) && labels.every(([k, v]) => r.labels[k] === v) && (!text || r.pipeline.includes(text) || r.id.toLowerCase().endsWith(text) || r.id.toLowerCase().startsWith(text))).sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
}

async function api(req, res, url) {
  const q = url.searchParams;
  const parts = url.pathname.split("/").slice(3).map(decodeURIComponent);
  if (process.env.MOCK_401) return problem(res, 401, "unauthenticated", "Open the link.");
  const [kind, name, sub, ...rest] = parts;
  if (kind === "system") {
    const n = (...s) => runs.filter((r) => s.includes(r.state)).length;
    return json(res, { version: "0.1.0", pipelines_folder: "examples", database: "sqlite", started_at: new Date(Date.now() - 8e6).toISOString(), now: new Date().toISOString(), runs: { queued: n("queued"), active: n("starting", "running"), retrying: n("retrying") }, pipelines: pipelines.length, pipelines_with_mistakes: pipelines.filter((p) => p.mistakes.length > 0).length, max_active_runs: 8, warnings: process.env.MOCK_WARN ? ["The disk of examples/.rigi has 1.2 GiB left; below 1 GiB no run is started."] : [] });
  }
  if (kind === "events") {
    const send = sse(req, res);
    const from = Number(req.headers["last-event-id"] || 0);
    if (from) for (const e of log.filter((one) => one.id > from)) send(e.id, e.event, e.data);
    const listener = (id, event, data) => (event !== "usage" || data.run === q.get("run")) && send(id, event, data);
    listeners.add(listener);
    return req.on("close", () => listeners.delete(listener));
  }
  if (kind === "uploads") {
    const body = await bodyOf(req);
    await new Promise((r) => setTimeout(r, 600));
    return json(res, { id: "upl_01JDBX4Q3N8ZK5V2M7WYTR7Q2A", name: q.get("name"), size: body.length, sha256: "ab".repeat(32) }, 201);
  }
  if (kind === "pipelines") {
    if (!name) return json(res, page(pipelines.map((p) => pipelineView(p, false)), q));
    const p = pipelines.find((one) => one.name === name);
    if (!p) return problem(res, 404, "pipeline-unknown", `There is no pipeline \`${name}\`.`, { title: "No such pipeline", cure: "See `rigi pipelines list`." });
    if (!sub) return json(res, pipelineView(p, true));
    if (sub === "code") return code(res, rest);
    const body = JSON.parse(await bodyOf(req));
    if (body.parameters?.title === "server") return problem(res, 422, "parameter-invalid", "`title` is \"server\" and may not be", { errors: [{ pointer: "/parameters/title", rule: "not", message: "`title` may not be \"server\"" }] });
    return json(res, view(start(p, body)), 202);
  }
  if (kind === "runs") {
    if (!name) return json(res, page(findRuns(q).map(summary), q));
    const run = runs.find((r) => r.id === name || r.id.toLowerCase().endsWith(name.toLowerCase()));
    if (!run) return problem(res, 404, "run-unknown", `There is no run \`${name}\`.`, { title: "No such run", cure: "It may have been removed by retention. See `rigi runs list`." });
    return runApi(req, res, q, run, sub, rest);
  }
  problem(res, 404, "not-found", "There is nothing here.");
}
function code(res, rest) {
  const files = { "main.py": 'import pandas as pd\n\n# Weekly values\ndef main(start: int = 1990) -> None:\n    """Fit the trend."""\n    data = pd.read_csv("co2.csv")\n    for week in data[data.year >= start]:\n        print(f"week {week}", 3.14)\n\n\nif __name__ == "__main__":\n    main()\n', "pipeline.yaml": "# What it is\nname: co2-trend\ntimeout: 10min\nmemory: 512MiB\nparameters:\n  start: {type: integer, maximum: 2001}\n", "requirements.txt": "pandas==2.2.3\nstatsmodels\n", "lib/fit.py": "def fit(): ...\n" };
  if (rest.length === 0) return json(res, { items: Object.entries(files).map(([path, text]) => ({ path, size: text.length })) });
  res.writeHead(200, { "content-type": "text/plain" });
  res.end(files[rest.join("/")] ?? "");
}
async function runApi(req, res, q, run, sub, rest) {
  const source = linesOf(run);
  const linesFrom = (from, n) => Array.from({ length: Math.max(0, Math.min(n, source.total - from + 1)) }, (_, i) => source.at(from + i));
  switch (sub) {
    case undefined: return json(res, view(run));
    case "cancel":
      run.cancel_requested_at = new Date().toISOString();
      changed(run);
      setTimeout(() => end(run, "cancelled"), 1500);
      return json(res, view(run), 202);
    case "retry": case "rerun": {
      const body = sub === "rerun" ? JSON.parse(await bodyOf(req)) : {};
      return json(res, view(start(pipelines.find((p) => p.name === run.pipeline), { parameters: { ...run.full.parameters, ...body.parameters }, labels: { ...run.labels, ...body.labels } }, {})), 202);
    }
    case "attempts": return json(res, { items: run.attempts });
    case "events": return json(res, { items: run.events });
    case "usage": return json(res, { items: run.usage });
    case "code": return code(res, rest);
    case "artifacts":
      if (rest.length === 0) return json(res, { items: run.artifacts });
      res.writeHead(200, { "content-type": run.artifacts.find((a) => a.path === rest.join("/"))?.media_type, "content-security-policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:" });
      return res.end(artifact(rest.join("/")));
    case "log": break;
    default: return problem(res, 404, "not-found", "There is nothing here.");
  }
  if (rest[0] === "stream") {
    const send = sse(req, res);
    const from = Number(req.headers["last-event-id"] || Number(q.get("from") || 1) - 1) + 1;
    const toLine = (event, data) => send(event === "lines" ? data.at(-1).n : 0, event, data);
    const missed = linesFrom(from, 5000);
    if (missed.length > 0) toLine("lines", missed);
    if (ENDS.has(run.state)) { toLine("end", { state: run.state }); return res.end(); }
    if (!logListeners.has(run.id)) logListeners.set(run.id, new Set());
    logListeners.get(run.id).add(toLine);
    return req.on("close", () => logListeners.get(run.id).delete(toLine));
  }
  if (rest[0] === "search") {
    const found = [];
    let next;
    for (let n = Number(q.get("from") || 1); n <= source.total; n++) {
      if (!source.at(n).text.toLowerCase().includes(q.get("q").toLowerCase())) continue;
      found.push(source.at(n));
      if (found.length >= Number(q.get("limit") || 100)) { next = n + 1; break; }
    }
    return json(res, { lines: found, next });
  }
  if (rest[0] === "raw") { res.writeHead(200, { "content-type": "text/plain" }); return res.end(run.lines.map((l) => l.text).join("\n")); }
  const limit = Number(q.get("limit") || 1000);
  let lines;
  if (q.get("stream")) { lines = []; for (let n = 1; n <= source.total && lines.length < limit; n++) if (source.at(n).stream === q.get("stream")) lines.push(source.at(n)); }
  else if (q.get("tail")) lines = linesFrom(Math.max(1, source.total - Number(q.get("tail")) + 1), Number(q.get("tail")));
  else lines = linesFrom(Number(q.get("from") || 1), limit);
  json(res, { lines, total: source.total, complete: ENDS.has(run.state), attempt: run.attempt, cut_bytes: 0 });
}

const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".woff2": "font/woff2" };
createServer((req, res) => {
  const url = new URL(req.url, "http://mock");
  if (url.pathname.startsWith("/api/v1/")) return void api(req, res, url).catch((error) => problem(res, 500, "internal", String(error.stack)));
  let file = join(DIST, url.pathname);
  if (url.pathname === "/" || !existsSync(file)) file = extname(url.pathname) ? "" : join(DIST, "index.html");
  if (!file) return problem(res, 404, "not-found", "There is nothing here.");
  res.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "content-security-policy": CSP });
  createReadStream(file).pipe(res);
}).listen(PORT, "127.0.0.1", () => console.log(`http://127.0.0.1:${PORT}/  big log: /runs/${bigId}`));

// Some life.
if (pipelines.length > 0 && !process.env.MOCK_STILL) {
  const p = (name) => pipelines.find((one) => one.name === name);
  const first = start(p("nightly"), {}, { trigger: { kind: "schedule", by: "nightly" } });
  const waiting = makeRun("nightly", Date.now() - 5000, { reason: "pipeline-limit", message: "2nd of 3, limit of 1 at a time", queue: { position: 2, waiting: 3, limit: 1 } });
  const again = makeRun("fetch", Date.now() - 60_000, { state: "retrying", reason: "retry-delay", message: "exit 1", attempt: 2, max_attempts: 5, started_at: new Date(Date.now() - 50_000).toISOString(), next_attempt_at: new Date(Date.now() + 3_600_000).toISOString(), trigger: { kind: "downstream", by: runs[0].id } });
  void [first, waiting, again];
  setInterval(() => { if (random() < 0.5) start(p(["co2-trend", "word-count", "iris-notebook"][Math.floor(random() * 3)]), {}); }, 15_000);
}
