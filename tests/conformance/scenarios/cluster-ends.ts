/** What a cluster does to an attempt while it runs. */
import { setTimeout as pause } from "node:timers/promises";

import { said, says, type Scenario, type Stage } from "../scenario";

const only: Scenario["only"] = ["kubernetes"];
const ONCE = 'echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 600; fi';
const TALK = 'i=1; while [ $i -le $lines ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done';

function then(reason: string): Scenario["expect"] {
  return {
    state: "succeeded",
    attempts: [{ state: "lost", reason }, { state: "succeeded", exit_code: 0 }],
    logs: [{ out: ["attempt 1"] }, { out: ["attempt 2"] }],
    facts: { says: true },
  };
}

/** Whether the first attempt's log says why it ended. */
function logged(words: RegExp): NonNullable<Scenario["look"]> {
  return async ({ api, run, facts }) => {
    const lines = await api.lines(run.id, "&attempt=1&stream=system");
    facts.says = says(lines.map((line) => line.text).join("\n"), words);
  };
}

async function evict({ api, tenant, run }: Stage): Promise<void> {
  await api.said(run.id, 1);
  const pod = (await tenant.pod(run.id))!.metadata.name;
  await tenant.cluster.kube.call("POST", tenant.path(`pods/${pod}/eviction`), { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: pod, namespace: tenant.name } });
}

/** How each attempt of a run ended. */
async function attemptsOf({ api }: Stage, id: string): Promise<string[]> {
  const { items } = await api.get<{ items: { number: number; state: string; message?: string }[] }>(`/runs/${id}/attempts`);
  return items.sort((a, b) => a.number - b.number).map(({ state, message }) => (message ? `${state}: ${message}` : state));
}

function lines(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `line ${index + 1}`);
}

export const clusterEnds: Scenario[] = [
  { name: "cluster-evicted", only, shell: ONCE, ms: 120_000, act: evict, look: logged(/moved it out of the way \(EvictionByEvictionAPI\)/), expect: then("evicted") },
  {
    name: "cluster-job-removed",
    only,
    shell: ONCE,
    ms: 120_000,
    act: async ({ api, tenant, run }) => {
      await api.said(run.id, 1);
      const job = (await tenant.job(run.id))!.metadata.name;
      await tenant.cluster.kube.remove(tenant.path(`jobs/${job}`), { propagationPolicy: "Background" });
    },
    look: logged(/somebody removed it|told to end, and not by Rigi/),
    expect: then("lost"),
  },
  {
    name: "cluster-job-removed-while-no-server",
    only,
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async (stage) => {
      const { api, tenant, run } = stage;
      await api.said(run.id, 1);
      const job = (await tenant.job(run.id))!.metadata.name;
      await stage.server.kill9();
      await tenant.cluster.kube.remove(tenant.path(`jobs/${job}`), { propagationPolicy: "Background", gracePeriodSeconds: 0 });
      await stage.poll(async () => ((await tenant.list("pods")).length === 0 ? true : undefined), "its pod is gone", 60_000);
      await stage.restart();
    },
    look: logged(/somebody removed it|told to end, and not by Rigi/),
    expect: then("lost"),
  },
  {
    name: "cluster-out-of-memory-as-a-whole",
    only,
    // A tree that is killed with its runner: the cluster's word is all there is.
    shell: "echo begun; exec tail /dev/zero",
    spec: { limits: { memory: "64MiB" } },
    look: async ({ api, run, facts }) => {
      facts.says = says((await api.run(run.id)).message, /memory/);
    },
    expect: { state: "failed", reason: "out-of-memory", logs: [{ out: ["begun"] }], facts: { says: true } },
  },
  {
    name: "cluster-disk-used-up",
    only,
    // The node looks every ten seconds.
    ms: 180_000,
    shell: "echo begun; head -c 60000000 /dev/zero > big; sleep 600",
    spec: { kubernetes: { ephemeral_storage: "20MiB" } },
    act: async (stage) => {
      await stage.api.until(stage.run.id, (run) => run.attempt >= 2, 120_000);
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
    },
    look: logged(/moved it out of the way .*(ephemeral|storage|disk)/i),
    apart: ["attempts", "logs", "message"],
    expect: { state: "cancelled", facts: { says: true } },
  },
  {
    name: "cluster-namespace-removed",
    only,
    server: "own",
    shell: ONCE,
    ms: 120_000,
    act: async ({ api, tenant, run }) => {
      await api.said(run.id, 1);
      await tenant.cluster.kube.remove(`/api/v1/namespaces/${tenant.name}`);
    },
    look: async ({ api, run, facts }) => {
      // The account goes with its namespace.
      facts.says = says((await api.run(run.id)).message, /namespace is being deleted|namespace is not there|We may not|does not know us/);
    },
    apart: ["attempts", "logs"],
    expect: { state: "failed", reason: "target-unavailable", facts: { says: true } },
  },
  {
    name: "cluster-preempted",
    only,
    server: "cluster",
    ms: 180_000,
    shell: ONCE,
    spec: { kubernetes: { node_selector: { "kubernetes.io/hostname": "node2" }, request_cpu: 0.9, priority_class: "rigi-test-low" } },
    beside: {
      urgent: {
        "pipeline.json": {
          command: ["sh", "-c", "echo urgent"],
          kubernetes: { node_selector: { "kubernetes.io/hostname": "node2" }, request_cpu: 0.9, priority_class: "rigi-test-high" },
        },
      },
    },
    before: async ({ tenant }) => {
      const { kube } = tenant.cluster;
      const of = { apiVersion: "scheduling.k8s.io/v1", kind: "PriorityClass" };
      await kube.make({ ...of, metadata: { name: "rigi-test-low" }, value: 10 });
      await kube.make({ ...of, metadata: { name: "rigi-test-high" }, value: 1000 });
      // A node with room for one of them.
      const node = await kube.get("/api/v1/nodes/node2");
      const blocker = Number(node.status.allocatable.cpu) - 1.2;
      if (blocker <= 0) return;
      const box = { name: "a", image: "rigi-test/plain:1", command: ["sleep", "600"], resources: { requests: { cpu: String(blocker) } } };
      const closed = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, runAsNonRoot: true, runAsUser: 1001, seccompProfile: { type: "RuntimeDefault" } };
      const spec = { nodeName: "node2", priorityClassName: "rigi-test-high", terminationGracePeriodSeconds: 0, containers: [{ ...box, securityContext: closed }] };
      await tenant.make({ apiVersion: "v1", kind: "Pod", metadata: { name: "blocker" }, spec });
    },
    act: async (stage) => {
      await stage.api.said(stage.run.id, 1);
      const urgent = await stage.api.submit("urgent");
      stage.facts.urgent = (await stage.api.ended(urgent.id, 120_000)).state;
    },
    look: logged(/moved it out of the way \(PreemptionByScheduler\)/),
    expect: { ...then("evicted"), facts: { says: true, urgent: "succeeded" } },
  },
  {
    name: "cluster-node-gone",
    only,
    server: "cluster",
    ms: 240_000,
    shell: ONCE,
    act: async (stage) => {
      const { api, tenant, run } = stage;
      await api.said(run.id, 1);
      const node = (await tenant.pod(run.id))!.spec.nodeName as string;
      tenant.cluster.end(node);
      await api.ended(run.id, 200_000);
      // What the node held is only given up when it is back.
      tenant.cluster.heal();
    },
    look: logged(/its node node\d is gone/i),
    expect: then("lost"),
  },
  {
    name: "cluster-api-server-restarted",
    only,
    server: "cluster",
    ms: 180_000,
    shell: TALK,
    submit: { parameters: { lines: 60 } },
    act: async (stage) => {
      const { api, tenant, run } = stage;
      await api.said(run.id, 3);
      // One is on its way while it goes.
      const second = await stage.submit({ parameters: { lines: 3 } });
      tenant.cluster.end("apiserver");
      tenant.cluster.heal();
      await api.ended(second.id, 120_000);
      stage.facts.second = await attemptsOf(stage, second.id);
    },
    expect: { ...said(...lines(60)), facts: { second: ["succeeded"] } },
  },
  {
    name: "cluster-api-server-away",
    only,
    server: "cluster",
    ms: 180_000,
    shell: TALK,
    submit: { parameters: { lines: 50 } },
    act: async (stage) => {
      const { api, tenant, run } = stage;
      await api.said(run.id, 3);
      tenant.cluster.end("apiserver");
      const second = await stage.submit({ parameters: { lines: 3 } });
      const seen = await api.until(second.id, (one) => /does not answer/.test(one.message ?? ""), 30_000);
      stage.facts.waits = { state: seen.state, says: says(seen.message, /cluster does not answer \(.+\); it was asked to make a Job\. It is tried again/) };
      // The first ends meanwhile.
      await api.ended(run.id);
      await pause(15_000);
      tenant.cluster.heal();
      await api.ended(second.id, 120_000);
      stage.facts.second = await attemptsOf(stage, second.id);
    },
    expect: { ...said(...lines(50)), facts: { waits: { state: "starting", says: true }, second: ["succeeded"] } },
  },
];
