/** Queues of Kueue: a Job waits, is admitted, is moved out of the way. */
import { Kueue } from "../kueue";
import { said, says, type Scenario, type Stage } from "../scenario";

const only: Scenario["only"] = ["kubernetes"];

function quota(cpu: number): (stage: Stage) => Promise<void> {
  return async ({ tenant, bed }) => {
    const kueue = await Kueue.start(tenant, cpu);
    bed.atEnd(() => kueue.stop());
  };
}

function queued(priority?: string): object {
  return { kubernetes: { queue: "team", ...(priority ? { queue_priority: priority } : {}) }, limits: { cpu: 0.6 } };
}

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
      const seen = await stage.api.until(stage.run.id, (run) => run.reason === "waiting-for-quota");
      stage.facts.waits = says(seen.message, words);
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
      const seen = await api.until(second.id, (one) => one.reason === "waiting-for-quota");
      stage.facts.waits = { state: seen.state, says: says(seen.message, /^Kueue: couldn't assign flavors .*insufficient unused quota for cpu in flavor default, 200m more needed \(WaitingForQuota\)/) };
      const job = (await tenant.job(second.id))!;
      stage.facts.suspended = job.spec.suspend;
      await api.post(`/runs/${run.id}/cancel`);
      const done = await api.ended(second.id);
      stage.facts.second = { state: done.state, attempt: done.attempt };
    },
    expect: { state: "cancelled", facts: { waits: { state: "starting", says: true }, suspended: true, second: { state: "succeeded", attempt: 1 } } },
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
      await api.until(low.id, (one) => /it is the next in the queue `team`/.test(one.message ?? ""));
      const high = await stage.submit();
      const behind = await api.until(low.id, (one) => /1 before it in the queue/.test(one.message ?? ""));
      stage.facts.behind = says(behind.message, /\(WaitingForQuota\); 1 before it in the queue `team`/);
      await api.post(`/runs/${high.id}/cancel`);
      await api.ended(high.id);
      await api.until(low.id, (one) => /it is the next in the queue `team`/.test(one.message ?? ""));
      await api.post(`/runs/${run.id}/cancel`);
      stage.facts.low = (await api.ended(low.id)).state;
    },
    expect: { state: "cancelled", facts: { behind: true, low: "succeeded" } },
  },
  never("kueue-asks-for-too-much", { ...queued(), limits: { cpu: 4 } }, /insufficient quota for cpu.*maximum capacity \(1000m\) \(ExceedsMaxQuota\)/),
  never("kueue-no-such-queue", { kubernetes: { queue: "nothere" } }, /LocalQueue nothere doesn't exist \(Misconfigured\)/),
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
    look: async ({ api, run, facts }) => {
      const lines = await api.lines(run.id, "&attempt=1&stream=system");
      facts.says = says(lines.map((line) => line.text).join("\n"), /Kueue.*Preempted to accommodate a workload|moved it out of the way .*Preempted/);
    },
    expect: {
      state: "succeeded",
      attempts: [{ state: "lost", reason: "evicted" }, { state: "succeeded", exit_code: 0 }],
      logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }],
      facts: { label: "low", urgent: "succeeded", says: true },
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
      await stage.api.until(second.id, (one) => one.reason === "waiting-for-quota");
      await stage.server.kill9();
      await stage.restart();
      const seen = await stage.api.until(second.id, (one) => one.reason === "waiting-for-quota");
      stage.facts.waits = says(seen.message, /WaitingForQuota/);
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
      const done = await stage.api.ended(second.id);
      stage.facts.second = { state: done.state, attempt: done.attempt };
    },
    expect: { state: "cancelled", facts: { waits: true, second: { state: "succeeded", attempt: 1 } } },
  },
  {
    name: "kueue-not-installed",
    only,
    server: "cluster",
    shell: "echo at once",
    spec: queued("low"),
    act: async ({ tenant, run, facts }) => {
      const job = await tenant.job(run.id);
      facts.suspended = job?.spec.suspend ?? false;
    },
    expect: { ...said("at once"), facts: { suspended: false } },
  },
];
