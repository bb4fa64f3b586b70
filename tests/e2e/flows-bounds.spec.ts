/** Flows at their bounds: failures, time, kills, secrets, wrong input, two servers. */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { flow, items, leaves, marks, sh, states, step, stepsOf, untilAsked, untilStep, type FlowRun } from "../support/flows";
import { processesOf } from "../support/processes";
import { expect, onBoth, onPostgres, test, type Server } from "../support/test";

test("bounds: of failures among items, of time, of what is within what", onBoth, async ({ bed }) => {
  const { mark, made } = marks(bed);
  const many = { for_each: [0, 1, 2, 3, 4, 5], parallel: 1, parameters: { i: "${item}" } };
  const failing = (step: string, bad: string): string[] => sh(`${mark(`${step} $i`)}; case $i in [${bad}]) exit 1;; esac`);
  flow(bed, "items", {
    stop: { ...many, optional: true, on_failure: "stop", command: failing("stop", "1") },
    few: { ...many, on_failure: { max: 2 }, command: failing("few", "02") },
    most: { ...many, optional: true, on_failure: { max: 1 }, command: failing("most", "02") },
    bound: { optional: true, timeout: "500ms", command: sh("sleep 620") },
    alone: { command: sh('echo "attempt $RIGI_ATTEMPT of alone"') },
  });
  flow(bed, "late", { holds: { command: sh("setsid sleep 621 & sleep 621") }, next: { needs: ["holds"], run_if: "done", command: sh("true") } }, { timeout: "2s" });
  flow(bed, "itself", { again: { pipeline: "itself" } });
  const server = await bed.up();
  const { api } = server;
  const [run, late] = [await api.submit("items"), await api.submit("late")];
  expect(await api.ended(run.id)).toMatchObject({ state: "succeeded" });
  expect(await states(api, run.id)).toEqual({ stop: "failed", few: "succeeded", most: "failed", bound: "failed", alone: "succeeded" });
  const of = (name: string): string[] => made().filter((line) => line.startsWith(name));
  expect(of("stop")).toEqual(["stop 0", "stop 1"]);
  expect(of("few")).toEqual([0, 1, 2, 3, 4, 5].map((i) => `few ${i}`));
  expect(of("most")).toEqual(["most 0", "most 1", "most 2"]);
  expect((await bed.rigi(["runs", "steps", run.id, "few", "--state", "failed", "-q"])).out.trim().split("\n")).toHaveLength(2);
  const repeated = await bed.rigi(["runs", "rerun", (await step(api, run.id, "alone")).run!, "-q"]);
  expect(repeated.code, repeated.err).toBe(0);
  expect(await api.output((await api.ended(repeated.out.trim())).id)).toEqual(["attempt 1 of alone"]);
  expect(await api.ended(late.id)).toMatchObject({ state: "timed_out" });
  await expect.poll(() => processesOf(bed.root).filter((pid) => pid !== server.pid && pid !== server.supervisor)).toEqual([]);
  const deepest = await api.submit("itself");
  expect(await api.ended(deepest.id)).toMatchObject({ state: "failed", reason: "step-failed" });
});

test("whatever is killed: attempts that are lost run again, and a flow that is stopped stays so", onBoth, async ({ bed }) => {
  const { mark, made } = marks(bed);
  flow(bed, "deep", { inside: { command: sh("sleep 631") }, asks: { approval: { role: "editor" } } });
  flow(bed, "lost", {
    many: { for_each: [1, 2, 3], parameters: { i: "${item}" }, command: sh(`${mark("$i $RIGI_ATTEMPT")}; [ "$RIGI_ATTEMPT" -ge 2 ] || sleep 630`) },
    ask: { approval: { role: "editor" } },
    last: { needs: ["many"], command: sh(mark("last")) },
  });
  flow(bed, "stopped", {
    many: { for_each: [1, 2, 3], command: sh("sleep 632") },
    within: { pipeline: "deep" },
  });
  const first = await bed.up();
  const [lost, stopped] = [await first.api.submit("lost"), await first.api.submit("stopped")];
  await untilAsked(first.api, lost.id, "ask");
  const own = (server: Server): number[] => processesOf(bed.root).filter((pid) => pid !== server.pid && pid !== server.supervisor);
  await expect.poll(() => own(first).length).toBeGreaterThanOrEqual(7);
  await expect.poll(made).toEqual(["1 1", "2 1", "3 1"]);
  // Asked for, and not done yet.
  await first.api.post(`/runs/${stopped.id}/cancel`);
  const { supervisor } = first;
  await first.kill9();
  process.kill(supervisor, "SIGKILL");
  const second = await bed.up();
  await untilStep(second.api, lost.id, "last", (last) => last.state === "succeeded");
  expect(made()).toEqual(["1 1", "1 2", "2 1", "2 2", "3 1", "3 2", "last"]);
  // People who answer at once: one of them counts.
  const ask = await untilAsked(second.api, lost.id, "ask");
  const answers = await Promise.all(Array.from({ length: 8 }, (_, n) => second.api.fetch("POST", `/api/v1/runs/${ask}/${n % 2 ? "approve" : "reject"}`, {})));
  expect(answers.map((answer) => answer.status).sort()).toEqual([202, ...Array<number>(7).fill(409)]);
  const word = ((await answers.find((answer) => answer.status === 202)!.json()) as FlowRun).approval!.answer!;
  expect((await second.api.ended(lost.id)).state).toBe(word.approved ? "succeeded" : "failed");
  expect((await second.api.ended(stopped.id)).state).toBe("cancelled");
  await expect.poll(() => own(second)).toEqual([]);
});

test("a flow that was asked to stop before the server died begins nothing more", onBoth, async ({ bed }) => {
  flow(bed, "stopped", {
    many: { for_each: [1, 2, 3], command: sh("sleep 633") },
    after: { needs: ["many"], run_if: "done", command: sh("sleep 634") },
  });
  const first = await bed.up();
  const run = await first.api.submit("stopped");
  await untilStep(first.api, run.id, "many", (many) => many.counts.active === 3);
  const { supervisor } = first;
  await first.api.post(`/runs/${run.id}/cancel`);
  await first.kill9();
  process.kill(supervisor, "SIGKILL");
  const { api } = await bed.up();
  expect((await api.ended(run.id)).state).toBe("cancelled");
  expect((await step(api, run.id, "after")).counts.items).toBe(0);
});

test("a secret is handed on to what keeps it as one, and to nothing else", async ({ bed }) => {
  const secret = "hush-4711-nobody-may-read-this";
  flow(
    bed,
    "hands-on",
    {
      own: { command: sh('echo "own $key"') },
      keeps: { needs: ["own"], pipeline: "keeps", parameters: { key: "${params.key}" } },
      tells: { needs: ["own"], pipeline: "tells", parameters: { key: "${params.key}" }, optional: true },
    },
    { parameters: { key: { type: "string", secret: true } } },
  );
  bed.shell("keeps", 'echo "keeps $key"; printf %s "$key" | wc -c', { parameters: { key: { type: "string", secret: true } } });
  bed.shell("tells", 'echo "tells $key"', { parameters: { key: { type: "string" } } });
  const { api } = await bed.up();
  const run = await api.submit("hands-on", { parameters: { key: secret } });
  expect((await api.ended(run.id)).state).toBe("succeeded");
  const all = await stepsOf(api, run.id);
  expect(all.map((one) => one.state)).toEqual(["succeeded", "succeeded", "failed"]);
  expect(all[2]!.message).toContain("is given a secret, and is none");
  expect(await api.output(all[0]!.run!)).toEqual(["own ***"]);
  expect(await api.output(all[1]!.run!)).toEqual(["keeps ***", String(secret.length)]);
  const shown = await Promise.all([run.id, all[0]!.run!, all[1]!.run!].map((id) => api.run(id)));
  expect(JSON.stringify([all, shown])).not.toContain(secret);
});

test("a step that is stopped has failed, and the flow goes on", onBoth, async ({ bed }) => {
  flow(bed, "goes-on", {
    holds: { optional: true, command: sh("sleep 640") },
    ask: { optional: true, approval: { role: "editor" } },
    mend: { needs: ["holds", "ask"], run_if: "failed", command: sh('echo "$how"'), parameters: { how: "${steps.holds.state}" } },
  });
  const { api } = await bed.up();
  const run = await api.submit("goes-on");
  const held = await untilStep(api, run.id, "holds", (one) => one.counts.active === 1);
  for (const id of [held.run!, await untilAsked(api, run.id, "ask")]) await api.post(`/runs/${id}/cancel`);
  expect((await api.ended(run.id)).state).toBe("succeeded");
  expect(await states(api, run.id)).toEqual({ holds: "failed", ask: "failed", mend: "succeeded" });
  expect(await api.output((await step(api, run.id, "mend")).run!)).toEqual(["failed"]);
});

test("a pipeline that follows gets the files of a folder", async ({ bed }) => {
  bed.shell("first", 'mkdir "$RIGI_OUTPUTS/table"; echo cells > "$RIGI_OUTPUTS/table/rows.csv"', { downstream_triggers: [{ pipeline: "report", inputs: { table: "table" } }] });
  bed.shell("report", 'cat "$RIGI_INPUTS/table/rows.csv"', { inputs: { table: { multiple: true } } });
  const { api } = await bed.up();
  const first = await api.ended((await api.submit("first")).id);
  const report = await api.watch(async () => ((await api.run(first.id)) as FlowRun).started?.[0], "it is followed", 20_000);
  expect(await api.output((await api.ended(report)).id)).toEqual(["cells"]);
});

test("the output of a step may be one file", async ({ bed }) => {
  flow(bed, "files", {
    one: { command: sh('echo text > "$RIGI_OUTPUTS/text.txt"') },
    two: { needs: ["one"], inputs: { text: "one/text.txt" }, command: sh('cat "$RIGI_INPUTS/text/text.txt"') },
  });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("files")).id);
  expect(run.state).toBe("succeeded");
  expect(await api.output((await step(api, run.id, "two")).run!)).toEqual(["text"]);
});

test("the log of a step has what its program says alone", async ({ bed }) => {
  flow(bed, "quiet", { one: { command: sh("echo said") } });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("quiet")).id);
  const { run: one } = await step(api, run.id, "one");
  expect((await api.lines(one!)).map((line) => [line.stream, line.text])).toEqual([["stdout", "said"]]);
});

test("a run knows the entry of its schedule", async ({ bed }) => {
  bed.shell("plain", 'echo "as $RIGI_SCHEDULE"', { schedules: [{ id: "nightly", cron: "0 3 * * *" }] });
  const { api } = await bed.up();
  const said = await bed.rigi(["run", "plain", "--schedule", "nightly", "--wait", "-q"]);
  expect(said.code, said.err).toBe(0);
  const [run] = await api.runs();
  expect((await api.lines(run!.id)).map((line) => line.text)).toEqual(["as nightly"]);
});

test("what makes no sense is refused, with its place", async ({ bed }) => {
  bed.shell("plain", "sleep 600");
  const server = await bed.up();
  const { api } = server;
  const run = await api.submit("plain");
  const nobody = await bed.rigi(["runs", "approve", run.id]);
  expect([nobody.code, nobody.err]).toEqual([75, expect.stringContaining("waits for nobody's answer")]);
  expect(await api.refused("POST", `/api/v1/runs/${run.id}/reject`, {})).toMatchObject({ code: "state-conflict", status: 409 });
  expect(await stepsOf(api, run.id)).toEqual([]);
  const unknown = "run_01ARZ3NDEKTSV4RRFFQ69G5FAV";
  for (const path of ["steps", "steps/a", "why-not-cached"]) expect((await api.refused("GET", `/api/v1/runs/${unknown}/${path}`)).code).toBe("not-found");
  expect((await api.refused("POST", `/api/v1/runs/${unknown}/approve`, {})).code).toBe("not-found");
  const steps = await bed.rigi(["runs", "steps", unknown]);
  expect([steps.code, steps.err]).toEqual([66, expect.stringContaining("there is no run")]);
  expect((await api.refused("GET", "/api/v1/pipelines/plain/graph?form=jpeg")).code).toBe("request-invalid");
  expect((await api.refused("GET", `/api/v1/runs/${run.id}/steps/a?state=green`)).code).toBe("request-invalid");
  expect((await api.refused("GET", `/api/v1/runs/${run.id}/steps/a`)).code).toBe("not-found");
  expect((await api.refused("GET", `/api/v1/runs/${run.id}/steps/a?cursor=green`)).code).toBe("request-invalid");

  const mistakes: [string, string][] = [
    ["steps:\n  a: {needs: [b], command: [\"true\"]}\n  b: {needs: [a], command: [\"true\"]}\n", "pipeline.yaml:2:3  a circle: `a` needs `b` needs `a`"],
    ["steps:\n  a: {command: [\"true\"]}\n  b:\n    needs: [c]\n    command: [\"true\"]\n", "pipeline.yaml:4:"],
    ["steps:\n  a: {command: [\"true\"]}\n  b:\n    command: [\"true\"]\n    when: steps.a.outputs.x > 1\n", "pipeline.yaml:5:"],
    ["steps:\n  a: {command: [\"true\"], script: x.py}\n", "pipeline.yaml:2:"],
    ["steps:\n  a:\n    command: [\"true\"]\n    when: \"params.x >\"\n", "pipeline.yaml:4:"],
  ];
  for (const [spec, place] of mistakes) {
    const folder = bed.folder("wrong");
    writeFileSync(join(folder, "pipeline.yaml"), spec);
    const said = await bed.rigi(["validate", folder]);
    expect(said.code, spec).toBe(65);
    expect(said.out + said.err, spec).toContain(place);
  }
});

test("two servers: a flow is accepted and answered at the one that follows", onPostgres, async ({ bed }) => {
  const { mark, made } = marks(bed);
  flow(bed, "asks", {
    many: { for_each: [1, 2, 3], parameters: { i: "${item}" }, command: sh(`${mark("many $i")}; ${leaves('{"i": $i}')}`) },
    ask: { needs: ["many"], approval: { role: "editor", message: "Go on?" } },
    last: { needs: ["ask", "many"], parameters: { n: "${size(steps.many.outputs)}" }, command: sh(mark("last $n")) },
  });
  const env = { RIGI_STORAGE__URL: bed.folder("files") };
  const lead = (): Promise<Server> => bed.up({ env });
  const leader = await lead();
  const data = bed.folder("beside");
  copyFileSync(join(bed.data, "secret.key"), join(data, "secret.key"));
  const follower = await bed.up({ data, env: { ...env, RIGI_SERVER__SEAT: "follower" } });
  const run = await follower.api.submit("asks");
  const ask = await untilAsked(follower.api, run.id, "ask");
  expect((await bed.rigi(["pipelines", "graph", "asks"], { env: { RIGI_DATA: data } })).out).toContain("approval by editor");
  const yes = await bed.rigi(["runs", "approve", ask, "--note", "from beside"], { env: { RIGI_DATA: data } });
  expect(yes.code, yes.err).toBe(0);
  expect((await follower.api.ended(run.id)).state).toBe("succeeded");
  expect(await states(leader.api, run.id)).toEqual({ many: "succeeded", ask: "succeeded", last: "succeeded" });
  expect(made()).toEqual(["last 3", "many 1", "many 2", "many 3"]);

  // Answered while nobody leads: the next one that does goes on.
  const other = await follower.api.submit("asks");
  const open = await untilAsked(follower.api, other.id, "ask");
  await leader.kill9();
  await follower.api.post(`/runs/${open}/approve`, { note: "meanwhile" });
  expect((await follower.api.refused("POST", `/api/v1/runs/${open}/approve`, {})).code).toBe("state-conflict");
  await lead();
  expect((await follower.api.ended(other.id)).state).toBe("succeeded");
});
