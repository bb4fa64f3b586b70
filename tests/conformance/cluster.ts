/**
 * The cluster of the target `kubernetes`, and a namespace in it for each server.
 * One that is there already is told by variables; else `tests/cluster/up` starts one:
 *   RIGI_TEST_KUBECONFIG   who we are there: allowed to make namespaces
 *   RIGI_TEST_ADDRESS      this machine, as the cluster's pods see it
 *   RIGI_TEST_IMAGE        an image on its nodes with the binary under test, Python and uv
 */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { parseAllDocuments } from "yaml";

import type { Bed } from "../support/bed";
import { Kube, pathOf, type Thing } from "../support/kubernetes";
import { repository } from "../support/places";

/** The image of attempts on clusters of our own; the small one has a shell and no Python. */
export const IMAGES = { worker: "rigi-test/rigi:1", small: "rigi-test/rigi-small:1" };
const MANAGED = "labelSelector=app.kubernetes.io/managed-by%3Drigi";
const folder = join(repository, "tests/cluster");

/** Nothing of this machine's own variables changes what a cluster is. */
function program(name: string, args: string[], number?: string): string {
  const env = { ...process.env, CLUSTER_HOME: undefined, CLUSTER_NUMBER: number };
  return execFileSync(join(folder, name), args, { encoding: "utf8", env, stdio: ["ignore", "pipe", "inherit"] });
}

export class Cluster {
  readonly kube: Kube;
  private readonly images: string[] = [];
  /** No node has lost what it had. */
  private whole = true;

  constructor(
    readonly kubeconfig: string,
    readonly address: string,
    readonly image: string,
    /** Of one that `tests/cluster/up` has started. */
    readonly number?: string,
    private readonly nodes = 1,
  ) {
    this.kube = new Kube(kubeconfig);
  }

  /** The one of all scenarios. */
  static shared(): Cluster {
    const told = (name: string): string => {
      const value = process.env[name];
      if (!value) throw new Error(`${name} is not set (tests/conformance/cluster.ts)`);
      return value;
    };
    return new Cluster(told("RIGI_TEST_KUBECONFIG"), told("RIGI_TEST_ADDRESS"), told("RIGI_TEST_IMAGE"), process.env.RIGI_TEST_CLUSTER);
  }

  /** Starts one. */
  static up(nodes: number, image: string): Cluster {
    const said = Object.fromEntries(program("up", [String(nodes)]).trim().split("\n").map((line) => line.split("=") as [string, string]));
    return new Cluster(said.KUBECONFIG!, said.CLUSTER_ADDRESS!, image, said.CLUSTER_NUMBER!, nodes);
  }

  private own(): string {
    if (!this.number) throw new Error("this cluster was not started by the tests: its parts are not theirs to end");
    return this.number;
  }

  load(...images: string[]): void {
    program("load", images, this.own());
    this.images.push(...images);
  }

  /** Starts something beside it: a program of `tests/cluster`. */
  start(name: string): void {
    program(name, [], this.own());
  }

  /** Takes the power of one part away: `node2`, `apiserver`. */
  end(part: string): void {
    program("down", [part], this.own());
    this.whole &&= !part.startsWith("node");
  }

  /** Starts again whatever has ended. */
  heal(): void {
    program("up", [String(this.nodes)], this.own());
    // A new node has no images.
    if (!this.whole) program("load", this.images, this.own());
    this.whole = true;
  }

  down(): void {
    this.kube.close();
    program("down", [], this.own());
  }

  /** What accounts of a namespace have written, as the API server has noted it down. */
  writesOf(tenant: Tenant): { verb: string; resource: string; name: string; code: number }[] {
    const log = readFileSync(`/var/lib/rigi-test/cluster${this.own()}/log/audit`, "utf8");
    type Line = { verb: string; user: { username: string }; objectRef?: { resource: string; name?: string }; responseStatus?: { code: number } };
    const lines = log.trim().split("\n").filter((line) => line.includes(`:${tenant.name}:`));
    const own = lines.map((line) => JSON.parse(line) as Line).filter((line) => line.user.username === `system:serviceaccount:${tenant.name}:rigi`);
    return own.map(({ verb, objectRef, responseStatus }) => ({ verb, resource: objectRef?.resource ?? "", name: objectRef?.name ?? "", code: responseStatus?.code ?? 0 }));
  }
}

/** The Role as the documentation has it. */
export function publishedRole(namespace: string): Thing {
  const page = readFileSync(join(repository, "docs/operate/kubernetes-target.md"), "utf8");
  for (const [, block] of page.matchAll(/```yaml\n([\s\S]*?)```/g)) {
    for (const document of parseAllDocuments(block!)) {
      const object = document.toJS() as Thing | null;
      if (object?.kind === "Role") return { ...object, metadata: { name: object.metadata.name, namespace } };
    }
  }
  throw new Error("docs/operate/kubernetes-target.md has no Role");
}

/** A namespace of a server's own, as strict as a cluster can be, and an account there that has the published Role alone. */
export class Tenant {
  private constructor(
    readonly cluster: Cluster,
    readonly name: string,
    /** Who the server is. */
    readonly kubeconfig: string,
    readonly port: number,
  ) {}

  static async make(cluster: Cluster, bed: Bed): Promise<Tenant> {
    const name = `conf-${Math.random().toString(36).slice(2, 10)}`;
    const labels = { "pod-security.kubernetes.io/enforce": "restricted" };
    await cluster.kube.make({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    const tenant = new Tenant(cluster, name, join(bed.root, "kubeconfig"), await freePort(cluster.address));
    bed.atEnd(() => cluster.kube.remove(`/api/v1/namespaces/${name}`));
    writeFileSync(tenant.kubeconfig, await tenant.account("rigi", publishedRole(name)));
    return tenant;
  }

  /** The kubeconfig of a new account that has this role. */
  async account(name: string, role: Thing): Promise<string> {
    const { kube } = this.cluster;
    await kube.make({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name } }, this.name);
    const own = { ...role, metadata: { name, namespace: this.name } };
    await kube.make(own, this.name);
    const to = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name };
    const who = [{ kind: "ServiceAccount", name, namespace: this.name }];
    await kube.make({ apiVersion: "rbac.authorization.k8s.io/v1", kind: "RoleBinding", metadata: { name }, roleRef: to, subjects: who }, this.name);
    const request = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: { expirationSeconds: 7200 } };
    const made = await kube.call<{ status: { token: string } }>("POST", `/api/v1/namespaces/${this.name}/serviceaccounts/${name}/token`, request);
    return this.kubeconfigOf(made.status.token);
  }

  kubeconfigOf(token: string, server = this.cluster.kube.server): string {
    const cluster = { server, "certificate-authority-data": this.cluster.kube.authority?.toString("base64") };
    return JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "test", cluster }],
      users: [{ name: "rigi", user: { token } }],
      contexts: [{ name: "test", context: { cluster: "test", user: "rigi", namespace: this.name } }],
      "current-context": "test",
    });
  }

  /** What a server is told of it. */
  env(kubeconfig = this.kubeconfig): NodeJS.ProcessEnv {
    return {
      RIGI_TARGETS__DEFAULT: "kubernetes",
      RIGI_TARGETS__KUBERNETES__KUBECONFIG: kubeconfig,
      RIGI_TARGETS__KUBERNETES__NAMESPACE: this.name,
      RIGI_TARGETS__KUBERNETES__IMAGE: this.cluster.image,
      RIGI_RUNNERS__BIND: `${this.cluster.address}:${this.port}`,
    };
  }

  /** A path below the namespace: `pods`, `jobs/x`, `resourcequotas`. */
  path(what: string, apiVersion = /^jobs\b/.test(what) ? "batch/v1" : "v1"): string {
    return pathOf(apiVersion, what, this.name);
  }

  list(what: string, selector?: string): Promise<Thing[]> {
    return this.cluster.kube.list(`${this.path(what)}${selector ? `?labelSelector=${encodeURIComponent(selector)}` : ""}`);
  }

  make(object: object): Promise<Thing> {
    return this.cluster.kube.make(object, this.name);
  }

  /** The pod of an attempt. */
  async pod(run: string, attempt = 1): Promise<Thing | undefined> {
    return (await this.list("pods", `rigi.run/attempt=${run}.${attempt}`))[0];
  }

  async job(run: string, attempt = 1): Promise<Thing | undefined> {
    return (await this.list("jobs", `rigi.run/attempt=${run}.${attempt}`))[0];
  }

  /** Jobs, pods, secrets and config maps of Rigi's. */
  async left(): Promise<string[]> {
    const kinds = ["jobs", "pods", "secrets", "configmaps"];
    const found = kinds.map(async (kind) => (await this.cluster.kube.list(`${this.path(kind)}?${MANAGED}`)).map((one) => `${kind}/${one.metadata.name}`));
    return (await Promise.all(found)).flat();
  }
}

function freePort(address: string): Promise<number> {
  return new Promise((found, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, address, () => {
      const place = server.address();
      server.close(() => found(typeof place === "object" && place ? place.port : 0));
    });
  });
}
