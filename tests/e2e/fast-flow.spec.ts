/** Folders as Fast-Flow's documentation has them, one for each thing that it can do, and what each field of `pipeline.json` does here. */
import type { Page, Run } from "../support/api";
import { expect, test, type Bed, type Server } from "../support/test";

/** A folder with a `main.py` and a `pipeline.json`. */
function folder(bed: Bed, name: string, main: string, spec?: object, file = "pipeline.json"): void {
  bed.pipeline(name, { "main.py": main, ...(spec ? { [file]: spec } : {}) });
}

const PRINT = (...names: string[]): string => `import os\nfor name in ${JSON.stringify(names)}:\n    print(name, os.environ.get(name))\n`;

async function ends(server: Server, name: string, request: Record<string, unknown> = {}): Promise<Run> {
  return server.api.ended((await server.api.submit(name, request)).id);
}

/** Waits until so many runs of a pipeline have ended. */
async function runsOf(server: Server, name: string, count: number): Promise<Run[]> {
  return server.api.watch(async () => {
    const runs = (await server.api.runs(`&pipeline=${name}`)).filter((run) => run.ended_at);
    return runs.length >= count ? runs.reverse() : undefined;
  }, `${count} runs of ${name}`);
}

test("what a pipeline is and is given: type, enabled, description, tags, default_env, parameters, the code's surroundings", async ({ bed }) => {
  folder(bed, "simple", PRINT("GREETING", "WHO"), { description: "Greets", tags: ["demo", "first"], default_env: { GREETING: "hello", WHO: "nobody" } });
  folder(bed, "off", "print(1)", { enabled: false });
  folder(bed, "own-name", "print(open('data.txt').read())", { description: "By its own name" }, "own-name.json");
  bed.pipeline("own-name", { "data.txt": "beside it", "other.json": { tags: ["of nobody"] } });
  folder(bed, "bare", "import os, sys\nprint(__name__, sys.argv, os.path.basename(__file__))\nopen('made.txt', 'w').write('x')\nprint(os.path.exists('made.txt'), sorted(os.listdir('.'))[:2])");
  folder(bed, "talks", "import sys\nprint('one')\nprint()\nprint('two  ', file=sys.stderr)\nsys.stdout.buffer.write(b'\\xff\\n')\nprint('ünïcödé')");
  bed.pipeline("book", { "main.ipynb": { cells: [], metadata: {}, nbformat: 4, nbformat_minor: 5 }, "pipeline.json": { type: "notebook", cells: [{ retries: 1, delay_seconds: 2 }] } });
  const server = await bed.up();
  expect(await server.api.output((await ends(server, "simple")).id)).toEqual(["GREETING hello", "WHO nobody"]);
  const given = await ends(server, "simple", { env: { GREETING: "salve" }, parameters: { WHO: "ada" } });
  expect(await server.api.output(given.id)).toEqual(["GREETING salve", "WHO ada"]);
  expect(await server.api.get("/pipelines/simple")).toMatchObject({ description: "Greets", tags: ["demo", "first"] });
  expect(await server.api.refused("POST", "/api/v1/pipelines/off/runs", {})).toMatchObject({ code: "pipeline-disabled" });
  expect(await server.api.output((await ends(server, "own-name")).id)).toEqual(["beside it"]);
  expect(await server.api.get("/pipelines/own-name")).toMatchObject({ description: "By its own name" });
  const bare = await server.api.output((await ends(server, "bare")).id);
  expect(bare[0]).toBe("__main__ ['main.py'] main.py");
  // What a run writes beside its code is its own.
  expect(bare[1]).toContain("True");
  expect((await server.api.output((await ends(server, "bare")).id))[1]).toBe(bare[1]);
  const lines = await server.api.lines((await ends(server, "talks")).id);
  expect(lines.map(({ stream, text }) => `${stream} ${text}`).sort()).toEqual(["stderr two  ", "stdout ", "stdout one", "stdout ünïcödé", "stdout �"].sort());
  expect(await server.api.get("/pipelines/book")).toMatchObject({ spec: { entry: { kind: "notebook" } } });
});

test("how a run ends and is tried again: timeout, retry_attempts, retry_strategy, exit statuses", async ({ bed }) => {
  const counts = "import os, sys\nprint('try', os.environ.get('_fastflow_retry_count', '0'))\nsys.exit(3)\n";
  folder(bed, "fails", "raise ValueError('no apples')", { retry_attempts: 0 });
  folder(bed, "fixed", counts, { retry_attempts: 2, retry_strategy: { type: "fixed_delay", delay: 0.2 } });
  folder(bed, "grows", counts, { retry_attempts: 2, retry_strategy: { type: "exponential_backoff", initial_delay: 0.3, max_delay: 60, multiplier: 4 } });
  folder(bed, "listed", counts, { retry_attempts: 2, retry_strategy: { type: "custom_schedule", delays: [0.1, 0.9] } });
  folder(bed, "slow", "import time\nprint('begins', flush=True)\ntime.sleep(60)", { timeout: 1, retry_attempts: 0 });
  const server = await bed.up();
  expect(await ends(server, "fails")).toMatchObject({ state: "failed", exit_code: 1, attempt: 1, message: "ValueError: no apples" });
  const pauses = async (name: string): Promise<number[]> => {
    const run = await ends(server, name);
    expect(run).toMatchObject({ state: "failed", exit_code: 3, attempt: 3 });
    expect((await server.api.output(run.id)).at(-1)).toBe("try 2");
    const { items } = await server.api.get<Page<{ created_at: string; ended_at: string }>>(`/runs/${run.id}/attempts`);
    return items.slice(1).map((one, index) => (Date.parse(one.created_at) - Date.parse(items[index]!.ended_at)) / 1000);
  };
  const [fixed, grows, listed] = [await pauses("fixed"), await pauses("grows"), await pauses("listed")];
  fixed.forEach((pause) => expect(pause).toBeGreaterThanOrEqual(0.2));
  expect(grows[0]).toBeGreaterThanOrEqual(0.3);
  expect(grows[1]).toBeGreaterThanOrEqual(1.2);
  expect(listed[0]).toBeGreaterThanOrEqual(0.1);
  expect(listed[1]).toBeGreaterThanOrEqual(0.9);
  expect(await ends(server, "slow")).toMatchObject({ state: "timed_out", attempt: 1 });
});

test("limits: mem_hard_limit, cpu_hard_limit, soft limits, max_instances", async ({ bed }) => {
  const takes = "data = bytearray(200 << 20)\ndata[::4096] = b'x' * len(data[::4096])\nprint(len(data))";
  folder(bed, "tight", takes, { mem_hard_limit: "60m", retry_attempts: 0 });
  folder(bed, "wide", takes, { mem_hard_limit: "1g", cpu_hard_limit: 0.5, cpu_soft_limit: 0.2, mem_soft_limit: "100m" });
  folder(bed, "alone", "import time\ntime.sleep(60)", { max_instances: 1 });
  const server = await bed.up();
  const tight = await ends(server, "tight");
  expect(tight).toMatchObject({ state: "failed" });
  expect(`${tight.reason} ${tight.message}`).toMatch(/memory|Memory/);
  expect(await ends(server, "wide")).toMatchObject({ state: "succeeded" });
  const spec = await server.api.get<{ limits: object; warnings: { message: string }[] }>("/pipelines/wide");
  expect(JSON.stringify(spec)).toMatch(/"cpu":0\.5/);
  expect(JSON.stringify(spec)).toContain("soft_limit");
  const [first, second] = [await server.api.submit("alone"), await server.api.submit("alone")];
  await server.api.until(first.id, ["running"]);
  expect(await server.api.run(second.id)).toMatchObject({ state: "queued", reason: "pipeline-limit" });
});

test("run configurations and webhooks: an entry of schedules overrides, its webhook_key chooses it", async ({ bed }) => {
  folder(bed, "stages", `${PRINT("STAGE", "KEEPS")}import time\ntime.sleep(float(os.environ.get("WAIT", "0")))`, {
    default_env: { STAGE: "dev", KEEPS: "yes" },
    webhook_key: "top-key",
    timeout: 60,
    schedules: [
      { id: "prod", schedule_cron: "0 6 * * *", default_env: { STAGE: "prod" }, webhook_key: "prod-key", timeout: 1, retry_attempts: 1, retry_strategy: { type: "fixed_delay", delay: 0 }, mem_hard_limit: "1g", cpu_hard_limit: 2 },
      { id: "idle", schedule_interval_seconds: 3600, enabled: false, webhook_key: "idle-key" },
    ],
  });
  const server = await bed.up();
  expect(await server.api.output((await ends(server, "stages")).id)).toEqual(["STAGE dev", "KEEPS yes"]);
  expect(await server.api.output((await ends(server, "stages", { schedule: "prod" })).id)).toEqual(["STAGE prod", "KEEPS yes"]);
  expect(await ends(server, "stages", { schedule: "prod", env: { WAIT: "30" } })).toMatchObject({ state: "timed_out", attempt: 2 });
  const call = async (key: string, body?: object): Promise<Response> => fetch(`${server.api.url}/api/webhooks/stages/${key}`, {
    method: "POST", ...(body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {}),
  });
  const hooked = async (key: string, body?: object): Promise<string[]> => {
    const answer = await call(key, body);
    expect(answer.status).toBe(202);
    const run = await server.api.ended(((await answer.json()) as { id: string }).id);
    expect(run).toMatchObject({ trigger: { kind: "webhook" } });
    return server.api.output(run.id);
  };
  expect(await hooked("top-key")).toEqual(["STAGE dev", "KEEPS yes"]);
  expect(await hooked("prod-key", { env_vars: { KEEPS: "no" } })).toEqual(["STAGE prod", "KEEPS no"]);
  expect(await hooked("idle-key", { parameters: { STAGE: "asked" } })).toEqual(["STAGE asked", "KEEPS yes"]);
  expect((await call("wrong-key")).status).toBe(404);
});

test("schedules: schedule_interval_seconds, schedule_cron, schedule_start, schedule_end, run_once_at, enabled", async ({ bed }) => {
  const at = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
  folder(bed, "often", "print(1)", { schedule_interval_seconds: 1 });
  folder(bed, "once", "print(1)", { run_once_at: at(4) });
  folder(bed, "was-once", "print(1)", { run_once_at: at(-3600) });
  folder(bed, "later", "print(1)", { schedule_interval_seconds: 1, schedule_start: at(3600) });
  folder(bed, "over", "print(1)", { schedule_interval_seconds: 1, schedule_start: "2020-01-01", schedule_end: "2020-12-31" });
  folder(bed, "off", "print(1)", { schedules: [{ id: "a", schedule_interval_seconds: 1, enabled: false }] });
  folder(bed, "switched-off", "print(1)", { enabled: false, schedule_interval_seconds: 1 });
  folder(bed, "tuesdays", "print(1)", { schedule_cron: "30 9 * * 1" });
  const server = await bed.up();
  const often = await runsOf(server, "often", 3);
  expect(often[0]).toMatchObject({ trigger: { kind: "schedule", by: "default" } });
  expect(await runsOf(server, "once", 1)).toHaveLength(1);
  for (const silent of ["was-once", "later", "over", "off", "switched-off", "tuesdays"]) expect(await server.api.runs(`&pipeline=${silent}`)).toEqual([]);
  expect(await server.api.runs("&pipeline=once")).toHaveLength(1);
  // Days of the week count from Monday = 0, as they did there.
  const { next } = await server.api.get<{ next: (string | { at: string })[] }>("/schedules/tuesdays/default/explain");
  const first = next[0]!;
  const due = new Date(typeof first === "string" ? first : first.at);
  expect([due.getUTCDay(), due.getUTCHours(), due.getUTCMinutes()]).toEqual([2, 9, 30]);
});

test("chains: downstream_triggers with on_success, on_failure, on_route and run_config_id", async ({ bed }) => {
  folder(bed, "first", "import os, sys\nopen(os.environ['FASTFLOW_ROUTE_FILE'], 'w').write(os.environ.get('ROUTE', 'small'))\nsys.exit(int(os.environ.get('STATUS', '0')))", {
    downstream_triggers: [
      { pipeline: "then", run_config_id: "prod" },
      { pipeline: "alarm", on_success: false, on_failure: true },
      { pipeline: "large", on_route: "large" },
    ],
  });
  folder(bed, "then", PRINT("STAGE"), { default_env: { STAGE: "dev" }, schedules: [{ id: "prod", schedule_cron: "0 6 * * *", default_env: { STAGE: "prod" } }], downstream_triggers: [{ pipeline: "last" }] });
  for (const name of ["alarm", "large", "last"]) folder(bed, name, "print(1)");
  const server = await bed.up();
  await ends(server, "first", { env: { ROUTE: "large" } });
  const [then] = await runsOf(server, "then", 1);
  expect(await server.api.output(then!.id)).toEqual(["STAGE prod"]);
  await runsOf(server, "large", 1);
  await runsOf(server, "last", 1);
  expect(await server.api.runs("&pipeline=alarm")).toEqual([]);
  await ends(server, "first", { env: { STATUS: "1" } });
  await runsOf(server, "alarm", 1);
  await ends(server, "first");
  await runsOf(server, "then", 2);
  expect(await server.api.runs("&pipeline=large")).toHaveLength(1);
});

test("what runs for ever: restart_on_crash, restart_cooldown, restart_interval, timeout 0", async ({ bed }) => {
  folder(bed, "crashes", "import sys\nsys.exit(1)", { timeout: 0, restart_on_crash: true, restart_cooldown: 1, max_instances: 1, retry_attempts: 0 });
  folder(bed, "watch", "import time\nwhile True:\n    print('beat', flush=True)\n    time.sleep(0.2)", { timeout: 0, restart_interval: "2", max_instances: 1 });
  const server = await bed.up();
  await server.api.submit("crashes");
  const [one, two] = await runsOf(server, "crashes", 2);
  expect(two).toMatchObject({ trigger: { kind: "restart" } });
  expect(Date.parse(two!.started_at!) - Date.parse(one!.ended_at!)).toBeGreaterThanOrEqual(1000);
  await server.api.submit("watch");
  const [stopped] = await runsOf(server, "watch", 1);
  expect(stopped).toMatchObject({ state: "cancelled" });
  await server.api.watch(async () => (await server.api.runs("&pipeline=watch&state=running"))[0], "it runs again");
  expect((await server.api.runs("&pipeline=watch&state=running")).length).toBe(1);
});
