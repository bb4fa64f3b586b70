/** Queues of Kueue: a Job waits, is admitted, is moved out of the way. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Run } from "../../support/api";
import { publishedRole } from "../cluster";
import { installKueue, Queue, removeKueue } from "../kueue";
import { range, said, says, type Scenario, type Stage } from "../scenario";

const only: Scenario["only"] = ["kubernetes"];

async function queue({ tenant, bed }: Stage, cpu: number): Promise<Queue> {
  const queue = await Queue.make(tenant, cpu);
  bed.atEnd(() => queue.remove());
  return queue;
}

function quota(cpu: number): (stage: Stage) => Promise<void> {
  return async (stage) => void (await queue(stage, cpu));
}

function queued(priority?: string): object {
  return { kubernetes: { queue: "team", ...(priority ? { queue_priority: priority } : {}) }, limits: { cpu: 0.6 } };
}

/** Whether a run waits, and says so: before Kueue has looked at it, in other words. */
function waits(words: RegExp): (run: Run) => boolean {
  return (run) => run.reason === "waiting-for-quota" && words.test(run.message ?? "");
}

const SHORT = /^200m of cpu short, next in `team`\. Kueue: couldn't assign flavors .*insufficient unused quota for cpu in flavor default, 200m more needed \(/;

/** Says why it waits, and is cancelled then. */
function never(name: string, spec: object, words: RegExp): Scenario {
  return {
    name,
    only,
    server: "own",
    shell: "echo never",
    spec,
    before: quota(1000),
    act: async (stage) => {
      const seen = await stage.api.until(stage.run.id, waits(words));
      stage.facts.waits = seen.reason === "waiting-for-quota" && says(seen.message, words);
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
    },
    expect: { state: "cancelled", attempts: [{ state: "cancelled" }], facts: { waits: true } },
  };
}

export const kueue: Scenario[] = [
  {
    name: "kueue-waits",
    only,
    server: "own",
    shell: "echo here; if [ $RIGI_TRIGGER = manual ] && [ $hold = yes ]; then sleep 600; fi",
    spec: { ...queued(), parameters: { hold: { type: "string", default: "no" } } },
    submit: { parameters: { hold: "yes" } },
    before: quota(1000),
    act: async (stage) => {
      const { api, run, tenant } = stage;
      await api.said(run.id, 1);
      const second = await stage.submit();
      const seen = await api.until(second.id, waits(SHORT));
      stage.facts.waits = seen.state;
      const job = (await tenant.job(second.id))!;
      stage.facts.suspended = job.spec.suspend;
      await api.post(`/runs/${run.id}/cancel`);
      const done = await api.ended(second.id);
      stage.facts.second = { state: done.state, attempt: done.attempt };
    },
    expect: { state: "cancelled", facts: { waits: "starting", suspended: true, second: { state: "succeeded", attempt: 1 } } },
  },
  {
    name: "kueue-places",
    only,
    server: "own",
    ms: 120_000,
    shell: "echo here; sleep 600",
    spec: { ...queued("high") },
    beside: { later: { "pipeline.json": { command: ["sh", "-c", "echo later"], ...queued("low") } } },
    before: quota(1000),
    act: async (stage) => {
      const { api, run } = stage;
      await api.said(run.id, 1);
      // By priority, not by age alone.
      const low = await api.submit("later");
      await api.until(low.id, (one) => /next in `team`/.test(one.message ?? ""));
      const high = await stage.submit();
      const behind = await api.until(low.id, (one) => /2nd in `team`/.test(one.message ?? ""));
      stage.facts.behind = says(behind.message, /^200m of cpu short, 2nd in `team`\. Kueue: /);
      await api.post(`/runs/${high.id}/cancel`);
      await api.ended(high.id);
      await api.until(low.id, (one) => /next in `team`/.test(one.message ?? ""));
      await api.post(`/runs/${run.id}/cancel`);
      stage.facts.low = (await api.ended(low.id)).state;
    },
    expect: { state: "cancelled", facts: { behind: true, low: "succeeded" } },
  },
  never("kueue-asks-for-too-much", { ...queued(), limits: { cpu: 4 } }, /^asks for 4 of cpu, and `team` never has more than 1\. Kueue: .*maximum capacity/),
  never("kueue-no-such-queue", { kubernetes: { queue: "nothere" } }, /^there is no queue `nothere`\. Kueue: LocalQueue nothere doesn't exist \(/),
  never("kueue-no-such-priority", queued("nothere"), /^in `team`, and Kueue has made no Workload for its Job\. .*is the priority class `nothere` there\?/),
  {
    ...never("kueue-on-hold", queued(), /^`team` is (on hold|not active: on hold, or not whole)\. Kueue: ClusterQueue .* is (stopped|inactive) \(/),
    before: async (stage) => (await queue(stage, 1000)).stop("Hold"),
  },
  {
    ...never("kueue-out-of-sight", queued(), /^in `team`; for what is not known: Rigi may not watch Kueue's Workloads \(`rigi targets check`\)/),
    before: async (stage) => {
      await queue(stage, 100);
      const role = publishedRole(stage.tenant.name);
      const rules = (role.rules as { resources: string[] }[]).filter((rule) => !rule.resources.includes("workloads"));
      const file = join(stage.bed.root, "blind.kubeconfig");
      writeFileSync(file, await stage.tenant.account("blind", { ...role, rules }));
      await stage.server.stop();
      await stage.restart({ RIGI_TARGETS__KUBERNETES__KUBECONFIG: file });
      // The server that runs is asked: it alone has this kubeconfig.
      const { out } = await stage.bed.rigi(["targets", "check", "kubernetes", "-o", "json"]);
      const lines = JSON.parse(out) as { what: string; ok: boolean; message: string }[];
      stage.facts.missing = lines.filter((line) => !line.ok).map((line) => line.message);
    },
    look: async ({ server, facts }) => {
      const lines = server.complaints.join("\n").split("\n").filter((line) => /workloads/i.test(line));
      facts.told = { times: lines.length, says: says(lines[0], /Rigi may not follow Kueue's Workloads in the cluster; `rigi targets check kubernetes`/) };
    },
    expect: {
      state: "cancelled",
      attempts: [{ state: "cancelled" }],
      facts: { waits: true, missing: ["we may not list workloads", "we may not watch workloads"], told: { times: 1, says: true } },
    },
  },
  {
    name: "kueue-line",
    only,
    server: "own",
    ms: 120_000,
    shell: "echo here; sleep 600",
    spec: queued(),
    act: async (stage) => {
      const { api, run, tenant } = stage;
      await api.said(run.id, 1);
      const runs = await Promise.all(range(9).map(() => stage.submit()));
      const waits = (one: { message?: string | undefined }): boolean => /(next|\d(st|nd|rd|th)) in `team`/.test(one.message ?? "");
      const workloads = await stage.poll(async () => {
        const found = await (stage.facts.queue as Queue).workloads();
        return found.length === 10 ? found : undefined;
      }, "the Workloads of ten Jobs");
      // By age and then by uid, as Kueue itself puts those of one second in order.
      const order = ({ metadata }: { metadata: { uid?: string; creationTimestamp?: string } }): string => `${metadata.creationTimestamp} ${metadata.uid}`;
      const sorted = workloads.sort((a, b) => (order(a) < order(b) ? -1 : 1));
      const jobs = await tenant.list("jobs");
      const runOf = (name: string): string => jobs.find((job) => job.metadata.name === name)!.metadata.labels!["rigi.run/attempt"]!.split(".")[0]!;
      const expected = sorted.map((one) => runOf(one.metadata.ownerReferences![0]!.name)).filter((id) => id !== run.id);
      const place = (words = ""): number => (/next in/.test(words) ? 1 : Number(/(\d+)(st|nd|rd|th) in `team`/.exec(words)?.[1] ?? 0));
      stage.facts.order = await stage.poll(async () => {
        const seen = await Promise.all(runs.map(({ id }) => api.run(id)));
        if (!seen.every(waits)) return undefined;
        const line = [...seen].sort((a, b) => place(a.message) - place(b.message)).map((one) => one.id);
        return line.join() === expected.join() ? "as Kueue has it" : undefined;
      }, "the order of the line");
      delete stage.facts.queue;
      for (const { id } of runs) await api.post(`/runs/${id}/cancel`);
      await api.post(`/runs/${run.id}/cancel`);
    },
    before: async (stage) => void (stage.facts.queue = await queue(stage, 1000)),
    expect: { state: "cancelled", facts: { order: "as Kueue has it" } },
  },
  {
    name: "kueue-preempts",
    only,
    server: "own",
    ms: 180_000,
    shell: 'echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 600; fi',
    spec: queued("low"),
    beside: { urgent: { "pipeline.json": { command: ["sh", "-c", "echo urgent; sleep 2"], ...queued("high") } } },
    before: quota(1000),
    act: async (stage) => {
      const { api, run, tenant } = stage;
      await api.said(run.id, 1);
      stage.facts.label = (await tenant.job(run.id))!.metadata.labels!["kueue.x-k8s.io/priority-class"];
      const urgent = await api.submit("urgent");
      stage.facts.urgent = (await api.ended(urgent.id, 120_000)).state;
    },
    look: async ({ api, run, facts, bed }) => {
      const lines = await api.lines(run.id, "&attempt=1&stream=system");
      const words = lines.map((line) => line.text).join("\n");
      facts.says = says(words, /moved it out of the way \(Preempted\): Preempted to accommodate a workload due to/);
      facts.blames = /on request|UID/.test(words);
      const { out, err } = await bed.rigi(["runs", "logs", run.id]);
      facts.logs = says(err, /attempt 1 lost after .* · .*Preempted to accommodate[^]*--attempt N/) && says(out, /attempt 2/);
      facts.get = says((await bed.rigi(["runs", "get", run.id])).out, /attempt +2 of 2\nbefore it +attempt 1 lost after .*Preempted/);
    },
    expect: {
      state: "succeeded",
      attempts: [{ state: "lost", reason: "evicted" }, { state: "succeeded", exit_code: 0 }],
      logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }],
      facts: { label: "low", urgent: "succeeded", says: true, blames: false, logs: true, get: true },
    },
  },
  {
    name: "kueue-server-killed-while-it-waits",
    only,
    server: "own",
    ms: 120_000,
    shell: "echo here; if [ $hold = yes ]; then sleep 600; fi",
    spec: { ...queued(), parameters: { hold: { type: "string", default: "no" } } },
    submit: { parameters: { hold: "yes" } },
    before: quota(1000),
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const second = await stage.submit();
      await stage.api.until(second.id, waits(SHORT));
      await stage.server.kill9();
      await stage.restart();
      await stage.api.until(second.id, waits(SHORT));
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
      const done = await stage.api.ended(second.id);
      stage.facts.second = { state: done.state, attempt: done.attempt };
    },
    expect: { state: "cancelled", facts: { second: { state: "succeeded", attempt: 1 } } },
  },
  ...([["kueue-takes-back-while-no-server-runs", 0], ["kueue-takes-back-and-the-server-comes-in-time", 8]] as const).map(
    ([name, seconds]): Scenario => ({
      name,
      only,
      server: "own",
      ms: 180_000,
      // Where it takes its time to end, its runner has its say when the server is back.
      shell: `trap 'sleep ${seconds}; exit 0' TERM; echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 600 & wait; fi`,
      spec: { ...queued(), grace_period: "20s" },
      before: async (stage) => void (stage.facts.queue = await queue(stage, 1000)),
      act: async (stage) => {
        const { api, run, tenant } = stage;
        const team = stage.facts.queue as Queue;
        delete stage.facts.queue;
        await api.said(run.id, 1);
        await stage.server.kill9();
        await team.stop("HoldAndDrain");
        const leaves = async (): Promise<true | undefined> => {
          const pod = await tenant.pod(run.id);
          return (seconds > 0 ? Boolean(pod?.metadata.deletionTimestamp) : !pod) || undefined;
        };
        await stage.poll(leaves, "the end of the pod", 90_000);
        await team.stop("None");
        await stage.restart();
      },
      look: async ({ api, run, facts }) => {
        const lines = await api.lines(run.id, "&attempt=1&stream=system");
        facts.says = says(lines.map((line) => line.text).join("\n"), /moved it out of the way \((ClusterQueueStopped|Evicted|Suspended)\): (The ClusterQueue is stopped|Kueue has taken its admission)/);
      },
      expect: {
        state: "succeeded",
        attempts: [{ state: "lost", reason: "evicted" }, { state: "succeeded", exit_code: 0 }],
        facts: { says: true },
      },
    }),
  ),
  {
    name: "kueue-comes-later",
    only,
    server: "cluster",
    ms: 120_000,
    shell: "echo at once",
    spec: queued("low"),
    before: async (stage) => {
      await removeKueue(stage.tenant.cluster);
    },
    act: async (stage) => {
      const { api, tenant, run, bed, facts } = stage;
      const { cluster } = tenant;
      facts.suspended = (await tenant.job(run.id))?.spec.suspend ?? false;
      await api.ended(run.id);
      bed.atEnd(() => removeKueue(cluster));
      await installKueue(cluster);
      const team = await Queue.make(tenant, 100);
      bed.atEnd(() => team.remove());
      const second = await stage.submit();
      const seen = await api.until(second.id, waits(/^asks for 600m of cpu, and `team` never has more than 100m\. /));
      facts.waits = seen.state;
      await api.post(`/runs/${second.id}/cancel`);
    },
    expect: {
      ...said("at once"),
      logs: [{ out: ["at once"], system: ["Kueue is not installed in the cluster: it does not wait in the queue `team`."] }],
      facts: { suspended: false, waits: "starting" },
    },
  },
];
