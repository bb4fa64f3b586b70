/** Flows: their steps, people who answer, what dies meanwhile, what counts again, pipelines that follow. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Api } from "../support/api";
import { flow, items, leaves, marks, sh, states, step, untilAsked, untilStep, type FlowRun, type StepRun } from "../support/flows";
import { isAlive, processesOf } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

test("a flow of twelve steps: values, files, items, a retry, conditions, a cache, a flow within it", onBoth, async ({ bed }) => {
  const { mark, made } = marks(bed);
  flow(
    bed,
    "inner",
    { twice: { command: sh(`echo "inner has $n"; ${leaves('{"n": $((n * 2))}')}`) }, tell: { needs: ["twice"], command: sh('echo "doubled $doubled"'), parameters: { doubled: "${steps.twice.outputs.n}" } } },
    { parameters: { n: { type: "integer" } } },
  );
  const days = Array.from({ length: 20 }, (_, index) => index + 1);
  const spec = { parameters: { days: { type: "array", default: days }, full: { type: "boolean", default: false } } };
  flow(
    bed,
    "whole",
    {
      list: { command: sh(`${leaves('{"rows": 40, "word": "table of"}')}; mkdir "$RIGI_OUTPUTS/table"; echo 100 > "$RIGI_OUTPUTS/table/base.txt"`) },
      each: {
        needs: ["list"],
        for_each: "${params.days}",
        parallel: 4,
        command: sh(`sleep 0.1; mkdir "$RIGI_OUTPUTS/part"; echo $(($(cat "$RIGI_INPUTS/base/base.txt") + day)) > "$RIGI_OUTPUTS/part/n.txt"; ${leaves('{"day": $day, "at": $at}')}`),
        parameters: { day: "${item}", at: "${index}" },
        inputs: { base: "list/table" },
      },
      gather: {
        needs: ["each", "list"],
        inputs: { parts: "each/part", all: "each" },
        parameters: { said: "${steps.list.outputs.word} ${steps.each.succeeded} of ${steps.each.total}", last: "${steps.each.outputs[19].day}", all: "${steps.each.outputs}" },
        command: sh(`echo "$said, last $last"; ls "$RIGI_INPUTS/parts"; head -n 1 "$RIGI_INPUTS/all/items.jsonl"; sum=$(cat "$RIGI_INPUTS"/parts/0000*/n.txt | paste -sd+ | sed 's/.*/echo $((&))/' | sh); echo "sum $sum"; ${leaves('{"sum": $sum}')}`),
      },
      flaky: { needs: ["list"], command: sh('echo "try $RIGI_ATTEMPT"; [ "$RIGI_ATTEMPT" -ge 2 ]'), retries: { attempts: 2, strategy: "fixed", delay: "300ms" } },
      full: { needs: ["list"], when: "params.full and steps.list.outputs.rows > 3", command: sh("true") },
      "after-full": { needs: ["full"], command: sh("true") },
      breaks: { optional: true, command: sh("exit 7") },
      mend: { needs: ["breaks"], run_if: "failed", command: sh('echo "mended"') },
      kept: { needs: ["gather"], cache: true, command: sh(`${mark("kept $sum")}; ${leaves('{"kept": $sum}')}`), parameters: { sum: "${steps.gather.outputs.sum}" } },
      within: { needs: ["kept"], pipeline: "inner", parameters: { n: "${steps.kept.outputs.kept}" } },
      nothing: { for_each: [], command: sh("exit 1") },
      last: {
        needs: ["within", "after-full", "mend", "nothing", "flaky"],
        run_if: "done",
        command: sh('echo "$mend $full $within"'),
        parameters: { mend: "${steps.mend.state}", full: "${steps.full.state}", within: "${steps.within.state}" },
      },
    },
    spec,
  );
  const { api } = await bed.up();
  const first = await bed.rigi(["run", "whole", "--wait"]);
  expect(first.code, first.err).toBe(0);
  const run = (await api.runs("&pipeline=whole"))[0]! as FlowRun;
  expect(await api.run(run.id)).toMatchObject({ state: "succeeded", flow: true, target: "flow" });
  const wanted = {
    list: "succeeded",
    each: "succeeded",
    gather: "succeeded",
    flaky: "succeeded",
    full: "skipped",
    "after-full": "skipped",
    breaks: "failed",
    mend: "succeeded",
    kept: "succeeded",
    within: "succeeded",
    nothing: "succeeded",
    last: "succeeded",
  };
  expect(await states(api, run.id)).toEqual(wanted);
  expect((await step(api, run.id, "full")).message).toContain("does not hold");
  expect((await step(api, run.id, "after-full")).message).toBe("`full` was skipped");
  const output = async (name: string): Promise<string[]> => api.output((await step(api, run.id, name)).run!);
  const gathered = await output("gather");
  expect(gathered[0]).toBe("table of 20 of 20, last 20");
  expect(gathered.slice(1, -2)).toEqual(days.map((_, index) => String(index).padStart(6, "0")));
  expect(JSON.parse(gathered.at(-2)!)).toEqual({ index: 0, outputs: { day: 1, at: 0 } });
  expect(gathered.at(-1)).toBe("sum 2210");
  expect(await output("last")).toEqual(["succeeded skipped succeeded"]);
  expect(await output("mend")).toEqual(["mended"]);
  const flaky = await step(api, run.id, "flaky");
  expect(await api.run(flaky.run!)).toMatchObject({ attempt: 2, step: { flow: run.id, step: "flaky" } });
  expect(await api.output(flaky.run!, "&attempt=1")).toEqual(["try 1"]);
  const inner = (await step(api, run.id, "within")).run!;
  expect(await api.run(inner)).toMatchObject({ pipeline: "inner", flow: true, parameters: { n: 2210 } });
  expect(await states(api, inner)).toEqual({ twice: "succeeded", tell: "succeeded" });
  expect(await api.output((await step(api, inner, "tell")).run!)).toEqual(["doubled 4420"]);

  // Never more of them at a time than may be.
  const each = await items(api, run.id, "each");
  expect(each.map((one) => [one.item, one.state])).toEqual(days.map((_, index) => [index, "succeeded"]));
  for (const one of each) expect(each.filter((other) => other.started_at <= one.started_at && other.ended_at > one.started_at).length).toBeLessThanOrEqual(4);

  // The same by the command line, and lists show the flow alone.
  const shown = await bed.rigi(["runs", "steps", run.id]);
  expect(shown.out).toMatch(/^each\s+succeeded\s+20 of 20/m);
  expect(shown.out).toMatch(/^after-full\s+skipped: `full` was skipped/m);
  const listed = JSON.parse((await bed.rigi(["runs", "steps", run.id, "each", "-o", "json"])).out) as StepRun[];
  expect(listed.map((one) => one.id)).toEqual(each.map((one) => one.id));
  const none = await bed.rigi(["runs", "steps", run.id, "each", "--state", "failed", "-q"]);
  expect([none.code, none.out.trim()]).toEqual([0, ""]);
  const drawn = await bed.rigi(["pipelines", "graph", "whole"]);
  for (const name of Object.keys(wanted)) expect(drawn.out).toMatch(new RegExp(`^ *${name} `, "m"));
  expect(drawn.out).toMatch(/pipeline inner {2}\(after kept\)/);
  expect((await bed.rigi(["pipelines", "graph", "whole", "--form", "mermaid"])).out).toMatch(/^flowchart LR/);
  expect((await bed.rigi(["pipelines", "graph", "whole", "--form", "dot"])).out).toMatch(/^digraph/);
  expect(await api.count()).toBe(1);

  // What is the same is not done again, and what differs says in what.
  const again = (await api.submit("whole")).id;
  expect((await api.ended(again)).state).toBe("succeeded");
  expect(made()).toEqual(["kept 2210"]);
  const kept = (await step(api, run.id, "kept")).run!;
  expect((await items(api, again, "kept"))[0]).toMatchObject({ state: "succeeded", result_of: kept });
  expect(await api.run((await step(api, again, "within")).run!)).toMatchObject({ parameters: { n: 2210 } });
  const other = (await api.submit("whole", { parameters: { days: [1, 2], full: true } })).id;
  // An index that is not there is null.
  expect((await api.ended(other)).state).toBe("succeeded");
  expect(await states(api, other)).toMatchObject({ full: "succeeded", "after-full": "succeeded", kept: "succeeded" });
  expect(made()).toEqual(["kept 203", "kept 2210"]);
  const why = await bed.rigi(["runs", "why-not-cached", (await step(api, other, "kept")).run!]);
  expect([why.code, why.out]).toEqual([0, expect.stringContaining("parameters")]);
  const forced = await bed.rigi(["run", "whole", "--no-cache", "--wait"]);
  expect(forced.code, forced.err).toBe(0);
  expect(made()).toEqual(["kept 203", "kept 2210", "kept 2210"]);
});

test("the server is killed while steps run, and while one waits for a person: nothing is lost or done twice", onBoth, async ({ bed }) => {
  const { mark, made } = marks(bed);
  const gate = join(bed.root, "gate");
  flow(bed, "deep", { inside: { command: sh(`${mark("inside")}; while [ ! -e ${gate} ]; do sleep 0.05; done`) } });
  flow(bed, "asks", {
    one: { command: sh(`${mark("one")}; ${leaves('{"n": 3}')}`) },
    many: { needs: ["one"], for_each: [1, 2, 3, 4, 5, 6], parallel: 3, parameters: { i: "${item}" }, command: sh(`${mark("many $i")}; while [ ! -e ${gate} ]; do sleep 0.05; done`) },
    deep: { needs: ["one"], pipeline: "deep" },
    ask: { needs: ["many", "deep"], approval: { role: "editor", message: "Publish?" } },
    publish: { needs: ["ask"], command: sh(mark("publish $n")), parameters: { n: "${steps.one.outputs.n}" } },
  });
  const first = await bed.up();
  const run = await first.api.submit("asks");
  await untilStep(first.api, run.id, "many", (many) => many.counts.active === 3);
  await first.kill9();
  // They end while nobody looks.
  writeFileSync(gate, "");
  const second = await bed.up();
  const ask = await untilAsked(second.api, run.id, "ask");
  const waits = async (api: Api): Promise<void> => {
    expect((await step(api, run.id, "ask")).message).toMatch(/^waits for the answer of an editor: Publish\?$/);
    const asked = (await api.run(ask)) as FlowRun;
    expect(asked).toMatchObject({ reason: "waiting-for-approval", approval: { role: "editor" } });
    expect(asked.approval!.answer).toBeUndefined();
    expect(await states(api, run.id)).toEqual({ one: "succeeded", many: "succeeded", deep: "succeeded", ask: "running", publish: "waiting" });
  };
  await waits(second.api);
  await second.kill9();
  const third = await bed.up();
  await untilAsked(third.api, run.id, "ask");
  await waits(third.api);
  expect((await third.api.run(run.id)).state).toBe("running");
  const said = await bed.rigi(["runs", "steps", run.id]);
  expect(said.out).toMatch(/^ask\s+running: waits for the answer of an editor/m);
  const yes = await bed.rigi(["runs", "approve", ask, "--note", "looked at it"]);
  expect(yes.code, yes.err).toBe(0);
  expect((await third.api.ended(run.id)).state).toBe("succeeded");
  expect(((await third.api.run(ask)) as FlowRun).approval!.answer).toMatchObject({ approved: true, note: "looked at it" });
  expect(made()).toEqual(["inside", "many 1", "many 2", "many 3", "many 4", "many 5", "many 6", "one", "publish 3"]);
  const twice = await bed.rigi(["runs", "reject", ask]);
  expect([twice.code, twice.err]).toEqual([75, expect.stringContaining("has ended as succeeded")]);
});

test("a person says no: the step has failed, with the note", onBoth, async ({ bed }) => {
  flow(bed, "asks", {
    ask: { approval: { role: "editor" } },
    go: { needs: ["ask"], command: sh("true") },
    instead: { needs: ["ask"], run_if: "failed", command: sh('echo "no"') },
    late: { approval: { role: "editor" }, timeout: "1s", optional: true },
  });
  const { api } = await bed.up();
  const run = await api.submit("asks");
  const no = await bed.rigi(["runs", "reject", await untilAsked(api, run.id, "ask"), "--note", "not yet"]);
  expect(no.code, no.err).toBe(0);
  expect(await api.ended(run.id)).toMatchObject({ state: "failed", reason: "step-failed" });
  expect(await states(api, run.id)).toEqual({ ask: "failed", go: "skipped", instead: "succeeded", late: "failed" });
  expect((await step(api, run.id, "ask")).message).toMatch(/^rejected by .*: not yet$/);
});

test("a flow that is stopped ends every process of its steps", onBoth, async ({ bed }) => {
  flow(bed, "deep", { inside: { command: sh("setsid sleep 611 & sleep 611") } });
  flow(bed, "holds", {
    many: { for_each: [1, 2, 3, 4], command: sh("setsid sleep 612 & echo begun; sleep 612") },
    within: { pipeline: "deep" },
    retries: { command: sh("exit 1"), retries: { attempts: 3, strategy: "fixed", delay: "1h" } },
    asks: { approval: { role: "editor" } },
    after: { needs: ["many"], run_if: "done", command: sh("sleep 613") },
  });
  const server = await bed.up();
  const { api } = server;
  const run = await api.submit("holds");
  for (const one of await untilStep(api, run.id, "many", (many) => many.counts.active === 4).then(() => items(api, run.id, "many"))) await api.said(one.id, 1);
  const inner = (await untilStep(api, run.id, "within", (one) => one.run !== undefined)).run!;
  await untilStep(api, inner, "inside", (one) => one.counts.active === 1);
  await untilStep(api, run.id, "retries", (one) => one.counts.waiting === 1);
  const ask = await untilAsked(api, run.id, "asks");
  const own = (): number[] => processesOf(bed.root).filter((pid) => pid !== server.pid && pid !== server.supervisor);
  await expect.poll(() => own().length).toBeGreaterThanOrEqual(10);
  const before = own();
  const said = await bed.rigi(["runs", "cancel", run.id]);
  expect(said.code, said.err).toBe(0);
  expect((await api.ended(run.id, 30_000)).state).toBe("cancelled");
  await expect.poll(() => [...before.filter(isAlive), ...own()]).toEqual([]);
  for (const one of [...(await items(api, run.id, "many")), { id: inner }, { id: ask }]) expect((await api.run(one.id)).state).toBe("cancelled");
  expect((await step(api, run.id, "after")).counts.items).toBe(0);
  expect((await api.refused("POST", `/api/v1/runs/${ask}/approve`, {})).code).toBe("state-conflict");
});

test("what has not succeeded is done again, and the rest counts", onBoth, async ({ bed }) => {
  const { mark, made } = marks(bed);
  const spec = { parameters: { bad: { type: "integer", default: 2 } } };
  flow(
    bed,
    "again",
    {
      one: { command: sh(`${mark("one")}; ${leaves('{"n": 7}')}; mkdir "$RIGI_OUTPUTS/text"; echo text > "$RIGI_OUTPUTS/text/text.txt"`) },
      many: { needs: ["one"], for_each: [1, 2, 3], on_failure: "continue", parameters: { i: "${item}" }, command: sh(`${mark("many $i")}; [ "$i" != "$bad" ]`) },
      last: { needs: ["many", "one"], inputs: { text: "one/text" }, parameters: { n: "${steps.one.outputs.n}" }, command: sh(`${mark('last $n $(cat "$RIGI_INPUTS"/text/*)')}`) },
    },
    spec,
  );
  const { api } = await bed.up();
  const failed = await bed.rigi(["run", "again", "--wait"]);
  expect(failed.code).not.toBe(0);
  const run = (await api.runs("&pipeline=again"))[0]!;
  expect(await api.run(run.id)).toMatchObject({ state: "failed", reason: "step-failed", message: expect.stringContaining("`many`") as unknown });
  expect(await states(api, run.id)).toEqual({ one: "succeeded", many: "failed", last: "skipped" });
  expect(made()).toEqual(["many 1", "many 2", "many 3", "one"]);
  const said = await bed.rigi(["runs", "rerun", run.id, "--from-failed", "-p", "bad=0", "-q"]);
  expect(said.code, said.err).toBe(0);
  const again = said.out.trim();
  expect(await api.ended(again)).toMatchObject({ state: "succeeded", rerun_of: run.id });
  expect(made()).toEqual(["last 7 text", "many 1", "many 2", "many 2", "many 3", "one"]);
  const results = (await items(api, again, "many")).map((one) => one.result_of !== undefined);
  expect(results).toEqual([true, false, true]);
  expect(await states(api, again)).toEqual({ one: "succeeded", many: "succeeded", last: "succeeded" });
});

test("pipelines follow another one, with parameters and files; what was stopped is followed by nothing", onBoth, async ({ bed }) => {
  const triggers = [
    { pipeline: "report", parameters: { rows: "${outputs.rows}", of: "${run.pipeline} ${params.word}" }, inputs: { table: "table/rows.csv" } },
    { pipeline: "alarm", on_success: false, on_failure: true },
  ];
  const script = `${leaves('{"rows": 7}')}; mkdir "$RIGI_OUTPUTS/table"; echo cells > "$RIGI_OUTPUTS/table/rows.csv"; [ "$word" != hold ] || sleep 600; [ "$word" != bad ]`;
  bed.shell("first", script, { parameters: { word: { type: "string", default: "good" } }, downstream_triggers: triggers });
  bed.shell("report", 'echo "$rows $of"; find "$RIGI_INPUTS" -type f -exec cat {} +', {
    parameters: { rows: { type: "integer" }, of: { type: "string" } },
    inputs: { table: { multiple: true } },
  });
  bed.shell("alarm", "true");
  const { api } = await bed.up();
  const followed = async (id: string): Promise<FlowRun> => {
    const found = await api.watch(async () => ((await api.run(id)) as FlowRun).started?.[0], "it is followed");
    return (await api.ended(found)) as FlowRun;
  };
  const good = await api.ended((await api.submit("first")).id);
  const report = await followed(good.id);
  expect(report).toMatchObject({ pipeline: "report", state: "succeeded", started_by: good.id, trigger: { kind: "downstream" }, parameters: { rows: 7, of: "first good" } });
  expect(await api.output(report.id)).toEqual(["7 first good", "cells"]);
  const bad = await api.ended((await api.submit("first", { parameters: { word: "bad" } })).id);
  expect(await followed(bad.id)).toMatchObject({ pipeline: "alarm", state: "succeeded", started_by: bad.id });
  const held = await api.submit("first", { parameters: { word: "hold" } });
  await api.until(held.id, ["running"]);
  await api.post(`/runs/${held.id}/cancel`);
  await api.ended(held.id);
  // Whatever would follow it follows this one later.
  await followed((await api.submit("first")).id);
  expect(((await api.run(held.id)) as FlowRun).started ?? []).toEqual([]);
  expect((await api.runs()).map((run) => run.pipeline).sort()).toEqual(["alarm", "first", "first", "first", "first", "report", "report"]);
});
