/**
 * The cluster of the target `kubernetes`: one that is there already, told by variables.
 *   RIGI_TEST_KUBECONFIG   who we are there: allowed to make namespaces
 *   RIGI_TEST_ADDRESS      this machine, as the cluster's pods see it
 *   RIGI_TEST_IMAGE        an image on its nodes with the binary under test, Python and uv
 */
import { execFileSync } from "node:child_process";
import { createServer } from "node:net";

import type { Bed } from "../support/bed";

function told(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: the target \`kubernetes\` needs a cluster (tests/conformance/cluster.ts)`);
  return value;
}

export function kubectl(...args: string[]): string {
  return execFileSync("kubectl", ["--kubeconfig", told("RIGI_TEST_KUBECONFIG"), ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
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

const namespaces = new WeakMap<Bed, { name: string; port: number }>();

/** A namespace of a bed's own, as strict as a cluster can be; what a server is told of it. */
export async function clusterOf(bed: Bed): Promise<NodeJS.ProcessEnv> {
  const address = told("RIGI_TEST_ADDRESS");
  let own = namespaces.get(bed);
  if (!own) {
    own = { name: `conf-${Math.random().toString(36).slice(2, 10)}`, port: await freePort(address) };
    namespaces.set(bed, own);
    const { name } = own;
    kubectl("create", "namespace", name);
    kubectl("label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted");
    bed.atEnd(() => kubectl("delete", "namespace", name, "--wait=false"));
  }
  return {
    RIGI_TARGETS__DEFAULT: "kubernetes",
    RIGI_TARGETS__KUBERNETES__KUBECONFIG: told("RIGI_TEST_KUBECONFIG"),
    RIGI_TARGETS__KUBERNETES__NAMESPACE: own.name,
    RIGI_TARGETS__KUBERNETES__IMAGE: told("RIGI_TEST_IMAGE"),
    RIGI_RUNNERS__BIND: `${address}:${own.port}`,
  };
}

/** A command in a bed's namespace. */
export function inCluster(bed: Bed, ...args: string[]): string {
  const own = namespaces.get(bed);
  if (!own) throw new Error("it has no namespace");
  return kubectl("-n", own.name, ...args);
}

/** Jobs, pods and secrets of Rigi's in a bed's namespace. */
export function leftInCluster(bed: Bed): string[] {
  const own = namespaces.get(bed);
  if (!own) return [];
  return inCluster(bed, "get", "jobs,pods,secrets", "-l", "rigi.run/attempt", "-o", "name").trim().split("\n").filter(Boolean);
}
