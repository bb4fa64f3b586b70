/** Queues of a real Kueue (`tests/cluster/kueue`): one that admits by cpu, in the order of priority and age. */
import { pathOf, type Thing } from "../support/kubernetes";
import type { Cluster, Tenant } from "./cluster";

const GROUP = "kueue.x-k8s.io/v1beta2";

/** Makes Kueue known to a cluster, and starts its controller. What is there is left. */
export async function installKueue(cluster: Cluster): Promise<void> {
  cluster.start("kueue/start");
  await cluster.kube.make({ apiVersion: GROUP, kind: "ResourceFlavor", metadata: { name: "default" } });
  for (const [name, value] of [["low", 10], ["high", 100]] as const) {
    await cluster.kube.make({ apiVersion: GROUP, kind: "WorkloadPriorityClass", metadata: { name }, value });
  }
}

/** Takes it away again, so that a cluster knows nothing of it. */
export async function removeKueue(cluster: Cluster): Promise<void> {
  cluster.end("kueue");
  const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  for (const { metadata, spec } of await cluster.kube.list(crds)) {
    if (spec.group !== "kueue.x-k8s.io") continue;
    // Nobody is there who would see to what its objects hold on to.
    for (const one of await cluster.kube.list(`/apis/${GROUP}/${spec.names.plural}`).catch(() => [])) {
      const path = pathOf(GROUP, spec.names.plural as string, one.metadata.namespace, one.metadata.name);
      await cluster.kube.merge(path, { metadata: { finalizers: null } }).catch(() => undefined);
    }
    await cluster.kube.remove(`${crds}/${metadata.name}`);
  }
}

/** The queue `team` of a namespace. */
export class Queue {
  private constructor(private readonly tenant: Tenant) {}

  /** Of so many thousandths of a cpu. */
  static async make(tenant: Tenant, cpu: number): Promise<Queue> {
    const resources = [{ name: "cpu", nominalQuota: `${cpu}m` }, { name: "memory", nominalQuota: "1Ti" }];
    const groups = [{ coveredResources: ["cpu", "memory"], flavors: [{ name: "default", resources }] }];
    const preemption = { withinClusterQueue: "LowerPriority" };
    const spec = { namespaceSelector: {}, queueingStrategy: "BestEffortFIFO", preemption, resourceGroups: groups };
    const { kube } = tenant.cluster;
    await kube.make({ apiVersion: GROUP, kind: "ClusterQueue", metadata: { name: tenant.name }, spec });
    await kube.make({ apiVersion: GROUP, kind: "LocalQueue", metadata: { name: "team" }, spec: { clusterQueue: tenant.name } }, tenant.name);
    return new Queue(tenant);
  }

  private path(): string {
    return pathOf(GROUP, "clusterqueues", undefined, this.tenant.name);
  }

  /** `Hold` admits nothing more, `HoldAndDrain` takes back what it has admitted, `None` goes on. */
  async stop(policy: "None" | "Hold" | "HoldAndDrain"): Promise<void> {
    await this.tenant.cluster.kube.merge(this.path(), { spec: { stopPolicy: policy } });
  }

  /** Those that wait or run, as Kueue has them. */
  async workloads(): Promise<Thing[]> {
    return this.tenant.cluster.kube.list(pathOf(GROUP, "workloads", this.tenant.name));
  }

  async remove(): Promise<void> {
    await this.tenant.cluster.kube.remove(this.path());
  }
}
