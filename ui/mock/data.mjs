// What the mock server knows: pipelines, runs, logs.
import { createHash } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
let seed = 7;
export function random() {
  seed = (seed * 1103515245 + 12345) % 2147483648;
  return seed / 2147483648;
}
export function id(prefix, at) {
  let time = "";
  let t = at;
  for (let i = 0; i < 10; i++) {
    time = ALPHABET[t % 32] + time;
    t = Math.floor(t / 32);
  }
  let rest = "";
  for (let i = 0; i < 16; i++) rest += ALPHABET[Math.floor(random() * 32)];
  return `${prefix}_${time}${rest}`;
}
export const sha = (text) => createHash("sha256").update(text).digest("hex");
const iso = (ms) => new Date(ms).toISOString();

const co2Schema = {
  type: "object",
  required: ["station"],
  additionalProperties: false,
  properties: {
    station: { type: "string", title: "Station", description: "Where it was measured.", enum: ["mauna-loa", "south-pole", "barrow"], default: "mauna-loa" },
    start: { type: "integer", description: "First year that is used. The data begin in `1958`.", minimum: 1958, maximum: 2001, default: 1990 },
    smoothing: { type: "number", description: "Share of the points that each local fit sees.", exclusiveMinimum: 0, maximum: 1, default: 0.3 },
    title: { type: "string", description: "Stands above the plot.", minLength: 1, maxLength: 80, default: "CO2 at Mauna Loa" },
    until: { type: "string", format: "date", description: "Nothing after this day is used." },
    seasonal: { type: "boolean", description: "Take the seasons out before the trend is fitted.", default: true },
    gases: { type: "array", items: { type: "string" }, minItems: 1, maxItems: 4, default: ["co2"], description: "Also compare with these." },
    model: { type: "string", enum: ["linear", "quadratic", "loess", "spline", "arima"], default: "loess", description: "How the trend is fitted." },
    options: { type: "object", description: "Handed to the model as they are.", additionalProperties: true },
    token: { type: "string", writeOnly: true, description: "For the download, where one is needed." },
  },
};

export const pipelines = [
  { name: "co2-trend", summary: "Seasonal trend of atmospheric CO2", description: "Seasonal trend of atmospheric CO2\n\nReads the weekly measurements of Mauna Loa, fills gaps, fits a seasonal trend, and writes a plot, a table and a summary.", kind: "script", tags: ["climate", "demo"], ms: 2400, parameters: co2Schema, outputs: { plot: "The trend as a picture", table: "Weekly values", summary: null }, presets: { "since 1990": { description: "The default view", parameters: { start: 1990, model: "loess" } }, everything: { parameters: { start: 1958, smoothing: 0.5, title: "CO2 since 1958" } } } },
  { name: "nightly", summary: "Collects yesterday's readings and mails a report", kind: "script", tags: ["ops"], ms: 95000 },
  { name: "fetch", summary: "Fetches station files, with retries", kind: "command", tags: ["ops", "network"], ms: 12000 },
  { name: "parse", summary: "Parses raw station files to Parquet", kind: "script", tags: [], ms: 41000, inputs: { files: { description: "Raw station files, one for each day.", required: true, multiple: true, accept: [".csv", ".txt"] }, mask: { description: "Days to leave out.", required: false, multiple: false, accept: [".json"] } } },
  { name: "iris-notebook", summary: "Classifies irises, cell by cell", kind: "notebook", tags: ["demo"], ms: 18000, parameters: { type: "object", properties: { test_share: { type: "number", minimum: 0.1, maximum: 0.5, default: 0.2 } } } },
  { name: "word-count", summary: "Counts words in the files it is given", kind: "command", tags: ["demo"], ms: 300 },
  { name: "free-form", kind: "script", tags: [], ms: 500, parameters: null },
  { name: "switched-off", summary: "Kept for later", kind: "script", tags: [], ms: 500, enabled: false },
  { name: "broken", tags: [], mistakes: [{ file: "examples/broken/pipeline.yaml", line: 4, column: 1, message: "`timout`: there is no such field; the nearest is `timeout`", cure: "Write `timeout`." }, { file: "examples/broken/pipeline.yaml", line: 9, column: 11, message: "`1.5g`: memory is written as `1.5GiB` or `1536MiB`" }] },
].map((p) => ({ tags: [], mistakes: [], warnings: [], enabled: true, inputs: {}, outputs: {}, presets: {}, ...p, version: sha(p.name) }));
if (process.env.MOCK_EMPTY) pipelines.length = 0;

const messages = {
  failed: [["exit-code", "exit 1"], ["out-of-memory", "killed: over 512 MiB of memory"], ["exit-code", "exit 127"]],
  timed_out: [["timed-out", "over its time limit of 10 min"]],
  cancelled: [["cancelled", "cancelled by you"]],
};

export const runs = [];
export function makeRun(pipeline, at, over = {}) {
  const p = pipelines.find((one) => one.name === pipeline);
  const runId = id("run", at);
  const run = {
    id: runId, short: runId.slice(-4), pipeline, state: "queued", trigger: { kind: "manual", by: "you" }, labels: {}, priority: 0, attempt: 0, max_attempts: 1, created_at: iso(at),
    full: { version: p.version, git: { commit: sha(`${p.name}git`), branch: "main", dirty: false }, parameters: p.parameters ? Object.fromEntries(Object.entries(p.parameters.properties).filter(([, s]) => s.default !== undefined).map(([k, s]) => [k, s.default])) : {}, inputs: [], env: {}, target: "process", environment: { id: "env1", label: "Python 3.12 with 14 packages", took_ms: 1800 }, usage: { cpu_ms: 0, max_memory: 0 }, limits: { memory: 512 * 1048576, timeout_ms: 600000 }, phases: { queued_ms: 110 }, log: { lines: 0, cut_bytes: 0 }, artifacts: { count: 0, bytes: 0 }, expected_ms: p.ms },
    lines: [], usage: [], artifacts: [], events: [], attempts: [], ...over,
  };
  runs.push(run);
  return run;
}
export function line(run, stream, text, at = Date.now()) {
  const n = (run.big ?? 0) + run.lines.length + 1;
  const made = { n, at: iso(at), stream, text };
  run.lines.push(made);
  run.full.log.lines = n;
  return made;
}
export function finish(run, state, at, ms) {
  run.state = state;
  run.attempt ||= 1;
  run.started_at ??= iso(at - ms);
  run.ended_at = iso(at);
  run.duration_ms = ms;
  const choices = messages[state];
  if (choices) [run.reason, run.message] = choices[Math.floor(random() * choices.length)];
  if (run.message === "exit 127") run.full.exit_code = 127;
  run.full.phases = { queued_ms: 110, preparing_ms: Math.round(200 + random() * 1800), running_ms: ms };
  run.full.usage = { cpu_ms: Math.round(ms * 0.8), max_memory: 312 * 1048576 };
  run.attempts = Array.from({ length: run.attempt }, (_, i) => ({ number: i + 1, state: i + 1 === run.attempt ? state : "failed", message: i + 1 === run.attempt ? run.message : "exit 1", created_at: run.created_at, started_at: run.started_at, ended_at: run.ended_at, usage: run.full.usage, log: run.full.log }));
  run.events = [["queued", 0], ["starting", 1], ["running", 1], [state, 1]].map(([kind, attempt], i) => ({ id: i + 1, at: iso(at - ms + i * 100), kind, attempt, message: kind === state ? run.message : undefined }));
}
export function sample(run, at, i) {
  return { at: iso(at), cpu: 0.6 + 0.4 * Math.abs(Math.sin(i / 5)) + random() * 0.1, memory: Math.min(500, 80 + i * 9) * 1048576, processes: 2 };
}
function history() {
  const now = Date.now();
  const states = ["succeeded", "succeeded", "succeeded", "succeeded", "succeeded", "failed", "succeeded", "succeeded", "cancelled", "timed_out", "succeeded", "skipped"];
  for (const p of pipelines) {
    if (p.mistakes.length > 0 || ["free-form", "switched-off"].includes(p.name)) continue;
    const n = p.name === "co2-trend" ? 400 : 40;
    for (let i = 0; i < n; i++) {
      const at = now - (n - i) * 3_400_000 * (n === 400 ? 0.2 : 1) - random() * 900_000;
      const run = makeRun(p.name, Math.round(at), i % 4 === 0 ? { trigger: { kind: "schedule", by: "nightly" } } : i % 9 === 0 ? { labels: { team: "ops", region: "eu" } } : {});
      const state = states[Math.floor(random() * states.length)];
      const ms = Math.round(p.ms * (0.6 + random()));
      if (state === "skipped") { run.state = "skipped"; run.ended_at = run.created_at; run.message = "its input did not change"; continue; }
      if (state === "failed") { run.attempt = 2; run.max_attempts = 3; }
      finish(run, state, Math.round(at + ms), ms);
      fill(run, at, ms);
    }
  }
  runs.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
}
export function fill(run, at, ms) {
  line(run, "system", "Python 3.12 with 14 packages, 1.8 s", at);
  line(run, "stdout", "\u001b[32m2,225 weeks read\u001b[0m, 59 missing", at + 100);
  for (let i = 0; i < 180; i++) line(run, "stdout", `week ${1958 + Math.floor(i / 52)}-${String((i % 52) + 1).padStart(2, "0")}  ${(315 + i * 0.3).toFixed(2)} ppm  residual ${(Math.sin(i) * 2).toFixed(3)}`, at + 100 + i * (ms / 200));
  line(run, "stderr", "RuntimeWarning: Mean of empty slice", at + ms * 0.5);
  line(run, "stdout", "fitting …", at + ms * 0.6);
  if (run.state === "failed") {
    for (const text of ["Traceback (most recent call last):", '  File "main.py", line 41, in <module>', "    table.to_parquet(outputs / name)", '  File "pandas/core/frame.py", line 2889, in to_parquet', "    raise ValueError(\"columns must be text\")", "\u001b[1;31mValueError\u001b[0m: columns must be text: got int64 in position 3"]) line(run, "stderr", text, at + ms);
    for (let i = 0; i < 4; i++) line(run, "stdout", "cleaning up", at + ms);
    line(run, "system", "exit 1", at + ms);
  }
  for (let i = 0; i < 24; i++) run.usage.push(sample(run, at + (i * ms) / 24, i));
  if (run.state === "succeeded" && run.pipeline === "co2-trend") {
    run.artifacts = ["trend.svg", "table.csv", "summary.json", "report.md", "page.html", "table.parquet"].map((path) => ({ path, output: path.startsWith("table") ? "table" : path === "trend.svg" ? "plot" : undefined, attempt: 1, size: Buffer.byteLength(artifact(path)), sha256: sha(path), media_type: { svg: "image/svg+xml", csv: "text/csv", json: "application/json", md: "text/markdown", html: "text/html", parquet: "application/vnd.apache.parquet" }[path.split(".")[1]] }));
    run.full.artifacts = { count: run.artifacts.length, bytes: run.artifacts.reduce((s, a) => s + a.size, 0) };
  }
}
export function artifact(path) {
  if (path === "trend.svg") {
    const points = Array.from({ length: 200 }, (_, i) => `${40 + i * 3.6},${300 - i * 1.1 - Math.sin(i / 3) * 14}`).join(" ");
    return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 800 340" width="800" height="340"><rect width="800" height="340" fill="#fff"/><g stroke="#ddd"><path d="M40 60H780M40 140H780M40 220H780M40 300H780"/></g><polyline fill="none" stroke="#0b6274" stroke-width="2" points="${points}"/><path d="M40 300 760 80" stroke="#c0272d" stroke-dasharray="6 4"/><text x="40" y="32" font-family="sans-serif" font-size="16">CO2 at Mauna Loa</text></svg>`;
  }
  if (path === "table.csv") return `week,ppm,trend,note\n${Array.from({ length: 400 }, (_, i) => `${1990 + Math.floor(i / 52)}-W${(i % 52) + 1},${(354 + i * 0.03).toFixed(2)},${(353.8 + i * 0.031).toFixed(3)},"a, ""quoted"" cell"`).join("\n")}\n`;
  if (path === "summary.json") return JSON.stringify({ slope_ppm_per_year: 1.62, r2: 0.987, weeks: 2225, missing: 59, model: { kind: "loess", smoothing: 0.3 } });
  if (path === "report.md") return "# Trend\n\nThe slope is **1.62 ppm** a year.\n\n| model | r2 |\n|---|---|\n| loess | 0.987 |\n| linear | 0.953 |\n\n- weeks: 2,225\n- missing: 59\n\n```\nloess(span=0.3)\n```\n";
  if (path === "page.html") return "<h1>A page</h1><p>Made by the run.</p><script>document.body.innerHTML='scripts ran'</script>";
  return "PAR1\0\0\0".repeat(400);
}
history();

// One log of a million lines, made as it is asked for.
const bigRun = pipelines.length > 0 ? makeRun("nightly", Date.now() - 600_000, { big: 1_000_000 }) : null;
if (bigRun) {
  finish(bigRun, "succeeded", Date.now() - 400_000, 200_000);
  bigRun.full.log.lines = 1_000_000;
  export_big(bigRun);
}
function export_big(run) {
  run.lines = [];
}
export const bigId = bigRun?.id;
export function linesOf(run) {
  if (run.big) return { total: run.big, at: (n) => ({ n, at: iso(Date.parse(run.started_at) + n / 5), stream: n % 997 === 0 ? "stderr" : "stdout", text: `record ${n} ${n % 997 === 0 ? "warning: value out of range" : "ok"} ${"x".repeat(n % 60)}` }) };
  return { total: run.lines.length, at: (n) => run.lines[n - 1] };
}
