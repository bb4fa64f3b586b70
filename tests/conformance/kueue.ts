/**
 * Kueue's objects, and a small stand-in for its controller: it does with Jobs and Workloads of one namespace what Kueue was
 * seen to do, by the same fields, conditions and words. It admits by cpu alone, in the order of priority and age.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import { parseAllDocuments } from "yaml";

import { Kube, pathOf, type Thing } from "../support/kubernetes";
import { repository } from "../support/places";
import type { Tenant } from "./cluster";

const GROUP = "kueue.x-k8s.io/v1beta2";
const QUEUE = "kueue.x-k8s.io/queue-name";
const CLASS = "kueue.x-k8s.io/priority-class";
const UID = "kueue.x-k8s.io/job-uid";

/** Makes a cluster know Kueue's objects. */
export async function installKueue(kube: Kube): Promise<void> {
  const file = readFileSync(join(repository, "tests/cluster/kueue/crds.yaml"), "utf8");
  const all = parseAllDocuments(file, { merge: true }).map((document) => document.toJS() as Thing);
  for (const definition of all) await kube.make(definition);
  for (const { metadata } of all) {
    const path = pathOf("apiextensions.k8s.io/v1", "customresourcedefinitions", undefined, metadata.name);
    for (let tries = 0; ; tries += 1) {
      const conditions = ((await kube.get(path)).status?.conditions ?? []) as Condition[];
      if (conditions.some((one) => one.type === "Established" && one.status === "True")) break;
      if (tries > 100) throw new Error(`${metadata.name} is not served`);
      await pause(100);
    }
  }
}

interface Condition {
  type: string;
  status: string;
  reason: string;
  message: string;
}

/** Cpu in thousandths. */
function milli(quantity: unknown): number {
  const text = String(quantity ?? 0);
  return text.endsWith("m") ? Number(text.slice(0, -1)) : Number(text) * 1000;
}

function is(workload: Thing, type: string, status = "True"): boolean {
  return ((workload.status?.conditions ?? []) as Condition[]).some((one) => one.type === type && one.status === status);
}

export class Kueue {
  private running: Promise<void> | undefined;
  private ended = false;
  private readonly kube: Kube;

  private constructor(private readonly tenant: Tenant) {
    this.kube = tenant.cluster.kube;
  }

  /** Watches over a namespace, which gets a queue `team` of so many thousandths of a cpu. */
  static async start(tenant: Tenant, cpu: number): Promise<Kueue> {
    const kueue = new Kueue(tenant);
    const resources = [{ name: "cpu", nominalQuota: `${cpu}m` }];
    const groups = [{ coveredResources: ["cpu"], flavors: [{ name: "default", resources }] }];
    const preemption = { withinClusterQueue: "LowerPriority" };
    const spec = { namespaceSelector: {}, preemption, resourceGroups: groups };
    await kueue.kube.make({ apiVersion: GROUP, kind: "ClusterQueue", metadata: { name: tenant.name }, spec });
    await kueue.kube.make({ apiVersion: GROUP, kind: "LocalQueue", metadata: { name: "team" }, spec: { clusterQueue: tenant.name } }, tenant.name);
    for (const [name, value] of [["low", 10], ["high", 100]] as const) {
      await kueue.kube.make({ apiVersion: GROUP, kind: "WorkloadPriorityClass", metadata: { name }, value });
    }
    kueue.running = kueue.run();
    return kueue;
  }

  async stop(): Promise<void> {
    this.ended = true;
    await this.running;
    await this.kube.remove(pathOf(GROUP, "clusterqueues", undefined, this.tenant.name));
  }

  private async run(): Promise<void> {
    while (!this.ended) {
      // Whatever changes meanwhile is met in the next round.
      await this.round().catch(() => undefined);
      await pause(100);
    }
  }

  private path(what: string): string {
    return pathOf(GROUP, what, this.tenant.name);
  }

  private async round(): Promise<void> {
    const jobs = (await this.tenant.list("jobs")).filter((job) => job.metadata.labels?.[QUEUE]);
    const workloads = await this.kube.list(this.path("workloads"));
    const of = (job: Thing): Thing | undefined => workloads.find((one) => one.metadata.labels?.[UID] === job.metadata.uid);
    for (const job of jobs) if (!of(job)) workloads.push(await this.makeWorkload(job));
    const own = jobs.map((job) => ({ job, workload: of(job)! })).filter(({ job }) => !job.metadata.deletionTimestamp);
    own.sort((a, b) => (b.workload.spec.priority ?? 0) - (a.workload.spec.priority ?? 0) || (a.job.metadata.name < b.job.metadata.name ? -1 : 1));
    for (const one of own) await this.consider(one, own);
  }

  private async makeWorkload(job: Thing): Promise<Thing> {
    const { name, uid, labels } = job.metadata;
    const of = labels?.[CLASS];
    const found = of ? await this.kube.get(pathOf(GROUP, "workloadpriorityclasses", undefined, of)) : undefined;
    const owner = { apiVersion: "batch/v1", kind: "Job", name, uid, controller: true, blockOwnerDeletion: true };
    return this.kube.make(
      {
        apiVersion: GROUP,
        kind: "Workload",
        metadata: { name: `job-${name}-${uid!.slice(0, 5)}`, labels: { [UID]: uid }, ownerReferences: [owner] },
        spec: {
          active: true,
          queueName: labels![QUEUE],
          priority: (found?.value as number | undefined) ?? 0,
          podSets: [{ name: "main", count: 1, template: job.spec.template }],
        },
      },
      this.tenant.name,
    );
  }

  private cpuOf({ job }: Pair): number {
    return milli(job.spec.template.spec.containers[0].resources?.requests?.cpu);
  }

  private async consider(one: Pair, all: Pair[]): Promise<void> {
    const { job, workload } = one;
    const ended = ((job.status?.conditions ?? []) as Condition[]).some((condition) => /^(Complete|Failed)$/.test(condition.type) && condition.status === "True");
    if (ended) {
      if (!is(workload, "Finished")) await this.say(workload, { Finished: ["True", "Succeeded", "Reached expected number of succeeded pods"] });
      return;
    }
    if (is(workload, "Admitted")) return job.spec.suspend && !is(workload, "Evicted") ? this.release(job) : undefined;
    const queue = await this.kube.ask("GET", `${this.path("localqueues")}/${workload.spec.queueName}`);
    if (queue.status === 404) return this.waits(workload, "Misconfigured", `LocalQueue ${workload.spec.queueName} doesn't exist`);
    const { clusterQueue } = (JSON.parse(queue.text) as Thing).spec as { clusterQueue: string };
    const { spec } = await this.kube.get(pathOf(GROUP, "clusterqueues", undefined, clusterQueue));
    const quota = milli(spec.resourceGroups[0].flavors[0].resources[0].nominalQuota);
    const wanted = this.cpuOf(one);
    const cannot = "couldn't assign flavors to pod set main: insufficient";
    if (wanted > quota) {
      const words = `${cannot} quota for cpu in flavor default, previously considered podsets requests (0) + current podset request (${wanted}m) > maximum capacity (${quota}m)`;
      return this.waits(workload, "ExceedsMaxQuota", words);
    }
    const holders = all.filter((other) => is(other.workload, "Admitted") && !is(other.workload, "Finished"));
    const used = holders.reduce((sum, other) => sum + this.cpuOf(other), 0);
    if (used + wanted <= quota) return this.admit(one);
    await this.waits(workload, "WaitingForQuota", `${cannot} unused quota for cpu in flavor default, ${used + wanted - quota}m more needed`);
    const victim = holders.reverse().find((other) => (other.workload.spec.priority ?? 0) < (workload.spec.priority ?? 0));
    if (victim) await this.preempt(victim, one);
  }

  private async admit({ job, workload }: Pair): Promise<void> {
    await this.say(workload, {
      QuotaReserved: ["True", "QuotaReserved", `Quota reserved in ClusterQueue ${this.tenant.name}`],
      Admitted: ["True", "Admitted", "The workload is admitted"],
      ...(is(workload, "Evicted") ? { Evicted: ["False", "QuotaReserved", "Previously: Preempted"] } : {}),
    });
    await this.release(job);
  }

  private async release(job: Thing): Promise<void> {
    await this.kube.merge(this.tenant.path(`jobs/${job.metadata.name}`), { spec: { suspend: false } });
  }

  private async preempt({ job, workload }: Pair, by: Pair): Promise<void> {
    const words = `Preempted to accommodate a workload (UID: ${by.workload.metadata.uid}, JobUID: ${by.job.metadata.uid}) due to prioritization in the ClusterQueue`;
    await this.say(workload, { Evicted: ["True", "Preempted", words], Preempted: ["True", "InClusterQueue", words] });
    await this.kube.merge(this.tenant.path(`jobs/${job.metadata.name}`), { spec: { suspend: true } });
    await this.say(workload, { QuotaReserved: ["False", "Pending", words], Admitted: ["False", "NoReservation", "The workload has no reservation"] });
  }

  private async waits(workload: Thing, reason: string, message: string): Promise<void> {
    const said = ((workload.status?.conditions ?? []) as Condition[]).find((one) => one.type === "QuotaReserved");
    if (said?.reason === reason && said.message === message) return;
    await this.say(workload, { QuotaReserved: ["False", reason, message], Admitted: ["False", "NoReservation", "The workload has no reservation"] });
  }

  private async say(workload: Thing, news: Record<string, [string, string, string] | string[]>): Promise<void> {
    const old = ((workload.status?.conditions ?? []) as Condition[]).filter((one) => !news[one.type]);
    const lastTransitionTime = `${new Date().toISOString().slice(0, 19)}Z`;
    const fresh = Object.entries(news).map(([type, [status, reason, message]]) => ({ type, status, reason, message, lastTransitionTime }));
    const conditions = [...old, ...fresh];
    await this.kube.merge(`${this.path("workloads")}/${workload.metadata.name}/status`, { status: { conditions } });
    workload.status = { ...(workload.status as object), conditions };
  }
}

interface Pair {
  job: Thing;
  workload: Thing;
}
