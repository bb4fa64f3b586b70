/** What dies, and what goes on. */
import { rmSync } from "node:fs";
import { join } from "node:path";

import type { Page, Run } from "../../support/api";
import { commandOf, processesInGroup, processesOf } from "../../support/processes";
import { docker } from "../house";
import { file, files, OK, range, said, type Scenario, type Stage } from "../scenario";

/** Prints numbered lines, ten a second, a few of them as mistakes. */
const TALK = 'i=1; while [ $i -le $lines ]; do echo "line $i"; [ $((i % 4)) = 0 ] && echo "even $i" >&2; i=$((i+1)); sleep 0.1; done';
const ONCE = 'echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 600; fi';

function talked(lines: number): { out: string[]; err: string[] } {
  return { out: range(lines).map((n) => `line ${n}`), err: range(lines).filter((n) => n % 4 === 0).map((n) => `even ${n}`) };
}

const LOST_THEN_DONE = {
  state: "succeeded",
  attempts: [{ state: "lost", reason: "lost" }, { state: "succeeded", exit_code: 0 }],
};

async function container(stage: Stage, attempt = 1): Promise<string> {
  const [found] = await stage.engine.labelled(`rigi.attempt=${stage.run.id}.${attempt}`);
  if (!found) throw new Error("there is no container");
  return found.Id;
}

/** At once, without a farewell. */
export async function removePod({ tenant, run }: Stage): Promise<void> {
  const pod = await tenant.pod(run.id);
  await tenant.cluster.kube.remove(tenant.path(`pods/${pod!.metadata.name}`), { gracePeriodSeconds: 0 });
}

/** The processes of a pod on a node of this machine, by their pids here. */
async function processesInPod({ tenant, run }: Stage): Promise<{ pid: number; command: string }[]> {
  const { uid } = (await tenant.pod(run.id))!.metadata;
  return processesInGroup(`pod${uid}`).map((pid) => ({ pid, command: commandOf(pid).join(" ") }));
}

export const crashes: Scenario[] = [
  {
    name: "server-killed-while-running",
    server: "own",
    shell: TALK,
    submit: { parameters: { lines: 50 } },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 5);
      await stage.server.kill9();
      await stage.restart();
      stage.facts.after = (await stage.api.run(stage.run.id)).state;
    },
    expect: { ...OK, logs: [talked(50)], facts: { after: "running" } },
  },
  {
    // What a server of another machine does not have: all that runners have sent and the engine has not stored.
    name: "another-machine-takes-over",
    only: ["kubernetes"],
    server: "own",
    shell: `echo first > $RIGI_OUTPUTS/first.txt; ${TALK}; echo kept > $RIGI_OUTPUTS/kept.txt`,
    submit: { parameters: { lines: 50 } },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 5);
      await stage.server.kill9();
      rmSync(join(stage.bed.data, "remote"), { recursive: true });
      await stage.restart();
      stage.facts.after = (await stage.api.run(stage.run.id)).state;
    },
    expect: {
      ...OK,
      attempts: [{ state: "succeeded", exit_code: 0 }],
      logs: [talked(50)],
      files: files([file("first.txt", "first\n"), file("kept.txt", "kept\n")]),
      facts: { after: "running" },
    },
  },
  {
    name: "server-away-at-the-end",
    server: "own",
    shell: `${TALK}; echo kept > $RIGI_OUTPUTS/kept.txt; exit 3`,
    submit: { parameters: { lines: 20 } },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 5);
      await stage.server.kill9();
      // All of it is said, and it ends, while there is no server.
      await stage.poll(async () => (processesOf(`RIGI_RUN_ID=${stage.run.id}`).length === 0 ? true : undefined), "it ends");
      await stage.restart();
    },
    expect: { state: "failed", reason: "exit-code", exit_code: 3, attempts: [{ state: "failed", reason: "exit-code", exit_code: 3 }], logs: [talked(20)] },
  },
  {
    name: "server-stopped-in-peace",
    server: "own",
    shell: TALK,
    submit: { parameters: { lines: 40 } },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 5);
      await stage.server.stop();
      await stage.restart();
    },
    expect: { ...OK, logs: [talked(40)] },
  },
  {
    name: "server-killed-while-starting",
    server: "own",
    shell: 'echo "attempt $RIGI_ATTEMPT"',
    ms: 120_000,
    act: async (stage) => {
      for (let count = 0; count < 7; count += 1) await stage.submit();
      await stage.server.kill9();
      await stage.restart();
      await stage.api.allEnded();
      const { items } = await stage.api.get<Page<Run>>("/runs?limit=100");
      stage.facts.states = items.map((run) => run.state);
    },
    // Whether the first attempt had begun is not certain.
    apart: ["attempts", "logs"],
    expect: { state: "succeeded", facts: { states: Array<string>(8).fill("succeeded") } },
  },
  {
    name: "server-killed-between-attempts",
    server: "own",
    shell: "[ $RIGI_ATTEMPT -ge 2 ]",
    spec: { retries: { attempts: 1, strategy: "fixed", delay: "2s" } },
    act: async (stage) => {
      await stage.api.until(stage.run.id, ["retrying"]);
      await stage.server.kill9();
      await stage.restart();
    },
    expect: { state: "succeeded", attempts: [{ state: "failed", reason: "exit-code", exit_code: 1 }, { state: "succeeded", exit_code: 0 }] },
  },
  {
    name: "cancel-after-a-crash",
    server: "own",
    shell: "exec 2>/dev/null; trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.1; done",
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      await stage.server.kill9();
      await stage.restart();
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
    },
    expect: { state: "cancelled", attempts: [{ state: "cancelled" }], logs: [{ out: ["ready", "goodbye"] }] },
  },
  {
    name: "executor-vanishes",
    // The supervisor is killed; the container or the pod is removed by hand.
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      if (stage.place.target === "process") process.kill(stage.server.supervisor, "SIGKILL");
      else if (stage.place.target === "kubernetes") await removePod(stage);
      else await stage.engine.remove(await container(stage));
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "container-killed",
    only: ["container"],
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      await stage.engine.kill(await container(stage), "KILL");
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "container-stopped",
    only: ["container"],
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      await stage.engine.stop(await container(stage), 30);
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "supervisor-within-killed",
    only: ["container", "kubernetes"],
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const inside = stage.place.target === "kubernetes" ? await processesInPod(stage) : await stage.engine.processes(await container(stage));
      const supervisor = inside.find((one) => /rigi\S* .*supervisor/.test(one.command));
      if (!supervisor) throw new Error(`no supervisor in ${JSON.stringify(inside)}`);
      process.kill(supervisor.pid, "SIGKILL");
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "container-removed-while-no-server",
    only: ["container"],
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const name = await container(stage);
      await stage.server.kill9();
      await stage.engine.remove(name);
      await stage.restart();
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "engine-restarted",
    only: ["container"],
    server: "engine",
    shell: ONCE,
    ms: 180_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      docker("halt", stage.engineFolder!);
      docker("resume", stage.engineFolder!);
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "engine-killed",
    only: ["container"],
    server: "engine",
    shell: ONCE,
    ms: 180_000,
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      docker("halt", stage.engineFolder!, "KILL");
      docker("resume", stage.engineFolder!);
    },
    expect: { ...LOST_THEN_DONE, logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }] },
  },
  {
    name: "engine-away-at-first",
    only: ["container"],
    server: "engine",
    shell: 'echo "attempt $RIGI_ATTEMPT"',
    ms: 180_000,
    act: async (stage) => {
      // The first run has ended when the engine goes.
      await stage.api.ended(stage.run.id);
      docker("halt", stage.engineFolder!);
      const second = await stage.submit();
      await stage.api.until(second.id, (run) => (run.message ?? "").includes("does not answer"));
      docker("resume", stage.engineFolder!);
      const done = await stage.api.ended(second.id);
      stage.facts.second = { state: done.state, attempt: done.attempt };
    },
    expect: { ...said("attempt 1"), facts: { second: { state: "succeeded", attempt: 1 } } },
  },
];
