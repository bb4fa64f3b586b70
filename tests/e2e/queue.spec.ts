/** Waiting: limits, order, reasons, retries, cancel. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Run } from "../support/api";
import type { Bed } from "../support/bed";
import { expect, onBoth, test } from "../support/test";

/** A pipeline whose runs end when their gate file is there. */
function gated(bed: Bed, name: string, spec: object = {}): (run?: string) => void {
  const gates = bed.folder(`gates-${name}`);
  bed.shell(name, `while [ ! -e ${gates}/\${gate:-none} ] && [ ! -e ${gates}/all ]; do sleep 0.05; done`, spec);
  return (gate = "all") => writeFileSync(join(gates, gate), "");
}

test("over a pipeline's limit runs wait, say for what and in which place, and none is lost", onBoth, async ({ bed }) => {
  const open = gated(bed, "one", { max_instances: 1 });
  const { api } = await bed.up();
  const runs: Run[] = [];
  for (const gate of ["a", "b", "c", "d"]) runs.push(await api.submit("one", { parameters: { gate } }));
  await api.until(runs[0]!.id, ["running"]);
  const third = await api.until(runs[2]!.id, (run) => run.queue?.position === 2);
  expect(third).toMatchObject({ state: "queued", reason: "pipeline-limit", message: "2nd of 3, limit of 1 at a time" });
  expect(third.queue).toEqual({ position: 2, waiting: 3, limit: 1 });
  const said = await bed.rigi(["runs", "list"]);
  expect(said.out).toContain("2nd of 3, limit of 1 at a time");
  open("a");
  await api.until(runs[1]!.id, ["running"]);
  const moved = await api.until(runs[2]!.id, (run) => run.queue?.position === 1);
  expect(moved.message).toBe("1st of 2, limit of 1 at a time");
  open();
  await api.allEnded();
  const all = await Promise.all(runs.map((run) => api.run(run.id)));
  expect(all.map((run) => run.state)).toEqual(["succeeded", "succeeded", "succeeded", "succeeded"]);
  const starts = all.map((run) => run.started_at!);
  expect([...starts].sort()).toEqual(starts);
  for (let index = 1; index < all.length; index += 1) expect(starts[index]! >= all[index - 1]!.ended_at!).toBe(true);
});

test("a limit that changes in the folder is heard by what waits already", async ({ bed }) => {
  const open = gated(bed, "one", { max_instances: 1 });
  const { api } = await bed.up();
  const runs: Run[] = [];
  for (const gate of ["a", "b", "c"]) runs.push(await api.submit("one", { parameters: { gate } }));
  await api.until(runs[0]!.id, ["running"]);
  await api.until(runs[2]!.id, (run) => run.queue?.position === 2);
  const file = join(bed.pipelines, "one/pipeline.json");
  const spec = JSON.parse(readFileSync(file, "utf8")) as object;
  writeFileSync(file, JSON.stringify({ ...spec, max_instances: 3 }));
  for (const run of runs) await api.until(run.id, ["running"]);
  open();
  await api.allEnded();
});

test("over the server's limit: the reason is its limit; no more than that run at a time", async ({ bed }) => {
  const open = gated(bed, "many");
  const { api } = await bed.up({ args: ["--runs", "2"] });
  const runs = await Promise.all([1, 2, 3, 4].map(() => api.submit("many")));
  const states = async (): Promise<string[]> => (await Promise.all(runs.map((run) => api.run(run.id)))).map((run) => run.state).sort();
  await api.watch(async () => ((await states()).filter((state) => state === "running").length === 2 ? true : undefined), "two run", 10_000);
  const waiting = (await api.runs("&state=queued"))[0]!;
  expect(waiting).toMatchObject({ reason: "global-limit" });
  expect(waiting.message).toMatch(/^\d\w\w of 2, all 2 places are taken$/);
  open();
  await api.allEnded();
  expect(await states()).toEqual(Array(4).fill("succeeded"));
});

test("higher priority starts first, pipelines take turns, then the oldest is next", onBoth, async ({ bed }) => {
  const open = gated(bed, "first");
  for (const name of ["a", "b"]) bed.shell(name, "true");
  const { api } = await bed.up({ args: ["--runs", "1"] });
  const first = await api.submit("first");
  await api.until(first.id, ["running"]);
  const order: [string, string, number][] = [
    ["a1", "a", 0],
    ["a2", "a", 0],
    ["b1", "b", 0],
    ["urgent", "a", 50],
    ["later", "b", -50],
  ];
  const ids = new Map<string, string>();
  for (const [name, pipeline, priority] of order) ids.set((await api.submit(pipeline, { priority })).id, name);
  open();
  await api.allEnded();
  // `a` has just had its turn with the urgent one.
  const ran = (await api.runs()).filter((run) => ids.has(run.id)).sort((x, y) => (x.started_at! < y.started_at! ? -1 : 1));
  expect(ran.map((run) => ids.get(run.id))).toEqual(["urgent", "b1", "a1", "a2", "later"]);
});

test("cancel of a queued, a running and a retrying run", onBoth, async ({ bed }) => {
  const open = gated(bed, "one", { max_instances: 1 });
  bed.shell("fails", "exit 7", { retries: { attempts: 5, strategy: "fixed", delay: "1h" } });
  const { api } = await bed.up();
  const [running, queued, retrying] = [await api.submit("one"), await api.submit("one"), await api.submit("fails")];
  await api.until(running.id, ["running"]);
  await api.until(retrying.id, ["retrying"]);
  expect(await api.run(retrying.id)).toMatchObject({ reason: "exit-code", attempt: 1, next_attempt_at: expect.any(String) as unknown });
  for (const run of [queued, retrying, running]) {
    await api.post(`/runs/${run.id}/cancel`);
    expect(await api.ended(run.id, 15_000)).toMatchObject({ state: "cancelled", can: { cancel: false, retry: true } });
  }
  expect((await api.run(queued.id)).attempt).toBe(0);
  // A second time is no mistake; of a run that ended otherwise it is.
  await api.post(`/runs/${queued.id}/cancel`);
  open();
  const done = await api.ended((await api.submit("one")).id);
  expect(await api.refused("POST", `/api/v1/runs/${done.id}/cancel`)).toMatchObject({ code: "state-conflict", status: 409 });
  const said = await bed.rigi(["runs", "cancel", done.id]);
  expect(said.code).toBe(75);
});

test("many at once: a filter, all that wait of a long queue, and a restart in between", onBoth, async ({ bed }) => {
  gated(bed, "holds", { max_instances: 1 });
  bed.shell("waits", "true", { max_instances: 1 });
  const server = await bed.up({ args: ["--runs", "1"] });
  const { api } = server;
  const running = await api.submit("holds");
  await api.until(running.id, ["running"]);
  await api.post("/runs", { runs: [{ pipeline: "waits", count: 7000, labels: { team: "a" } }, { pipeline: "holds", count: 20, labels: { team: "b" } }] });
  expect(await api.refused("POST", "/api/v1/runs/cancel", {})).toMatchObject({ code: "request-invalid" });
  const some = await bed.rigi(["runs", "cancel", "--pipeline", "holds", "-l", "team=b", "--state", "queued"]);
  expect(some.out).toContain("20 runs asked to stop");
  // More than the server reads before it is ready: the rest comes while it answers.
  await server.kill9();
  const again = await bed.up({ args: ["--runs", "1"] });
  expect(await again.api.post("/runs/cancel", { filter: { labels: { team: "a" } } })).toEqual({ cancelled: 7000 });
  expect(await again.api.runs("&state=queued")).toEqual([]);
  expect(await again.api.run(running.id)).toMatchObject({ state: "running" });
  expect((await bed.rigi(["runs", "cancel", "--all"])).out).toContain("1 run asked to stop");
  expect((await again.api.ended(running.id)).state).toBe("cancelled");
});

test("retries: delays as the strategy says, exit codes kept, timeout retried, success ends them", async ({ bed }) => {
  bed.shell("grows", 'echo "try $RIGI_ATTEMPT"; [ "$RIGI_ATTEMPT" -ge 3 ]', {
    retries: { attempts: 4, strategy: "exponential", delay: "200ms", multiplier: 4, max_delay: "10s" },
  });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("grows")).id);
  expect(run).toMatchObject({ state: "succeeded", attempt: 3 });
  const attempts = (await api.get<{ items: { number: number; created_at: string; ended_at: string }[] }>(`/runs/${run.id}/attempts`)).items;
  const [one, two, three] = attempts.sort((a, b) => a.number - b.number);
  const between = (a: string, b: string): number => Date.parse(b) - Date.parse(a);
  expect(between(one!.ended_at, two!.created_at)).toBeGreaterThanOrEqual(180);
  expect(between(two!.ended_at, three!.created_at)).toBeGreaterThanOrEqual(750);
  for (const number of [1, 2, 3]) expect(await api.output(run.id, `&attempt=${number}`)).toEqual([`try ${number}`]);
});

test("a thousand no-ops in one call all succeed, in order", onBoth, async ({ bed }) => {
  bed.pipeline("noop", { "pipeline.json": { command: ["/bin/true"] } });
  const { api } = await bed.up();
  const { ids } = await api.post<{ ids: string[] }>("/runs", { runs: [{ pipeline: "noop", count: 1000 }] });
  expect(new Set(ids).size).toBe(1000);
  await api.allEnded("", 100_000);
  const runs = await api.runs("&pipeline=noop");
  expect(runs).toHaveLength(1000);
  expect(runs.filter((run) => run.state !== "succeeded")).toEqual([]);
  // Newest first, every page joined to the next.
  expect(runs.map((run) => run.id)).toEqual([...ids].sort().reverse());
});

test("a switched-off pipeline takes no runs", async ({ bed }) => {
  bed.shell("off", "true", { enabled: false });
  const { api } = await bed.up();
  expect(await api.refused("POST", "/api/v1/pipelines/off/runs", {})).toMatchObject({ code: "pipeline-disabled", status: 409 });
  expect(await api.count()).toBe(0);
});

test("a run shows and repeats exactly the code that it ran", async ({ bed }) => {
  const folder = bed.shell("code", "cat words.txt");
  writeFileSync(join(folder, "words.txt"), "first\n");
  const { api } = await bed.up();
  const old = await api.ended((await api.submit("code")).id);
  writeFileSync(join(folder, "words.txt"), "second\n");
  await api.watch(async () => ((await api.get<{ version: string }>("/pipelines/code")).version !== old.version ? true : undefined), "the change is seen", 5000);
  const code = await api.fetch("GET", `/api/v1/runs/${old.id}/code/words.txt`);
  expect(await code.text()).toBe("first\n");
  const output = async (id: string): Promise<string[]> => api.output((await api.ended(id)).id);
  expect(await output((await api.post<Run>(`/runs/${old.id}/retry`)).id)).toEqual(["first"]);
  expect(await output((await api.post<Run>(`/runs/${old.id}/rerun`, { code: "same" })).id)).toEqual(["first"]);
  const current = await api.post<Run & { rerun_of: string }>(`/runs/${old.id}/rerun`, { code: "current", labels: { why: "new" } });
  expect(await output(current.id)).toEqual(["second"]);
  expect(current).toMatchObject({ rerun_of: old.id, labels: { why: "new" } });
});
