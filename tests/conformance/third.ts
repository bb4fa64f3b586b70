/** A third of the scenarios, for where there is little time: at least one of everything that may go differently on a target. */
import { type Place, type Scenario, storages } from "./scenario";

const third = new Set([
  // How it ends.
  "success", "exit-status", "signal", "fails-twice", "missing-command", "leaves-processes",
  // What stops it.
  "cancel-kind", "cancel-stubborn-tree", "cancel-retrying", "cancel-at-once", "timeout", "timeout-retried",
  "memory", "processes", "output-size", "log-size",
  // What goes in and comes out.
  "log-of-5-megabytes", "log-streams", "log-while-it-runs", "parameters", "variables-of-rigi", "secret-parameter",
  "inputs", "outputs", "outputs-of-a-failure", "outputs-a-thousand", "working-directory",
  "script", "requirements",
  "flow",
  // Why it does not start.
  "image-missing", "image-that-holds-nothing", "cluster-image-not-in-its-registry", "cluster-unschedulable", "cluster-quota-of-pods",
  "cluster-missing-secret", "cluster-template-refused", "cluster-kubeconfig-revoked", "cluster-rights",
  // What dies, and what goes on.
  "server-killed-while-running", "another-machine-takes-over", "server-away-at-the-end", "executor-vanishes", "cluster-evicted", "cluster-writes", "cluster-api-server-away",
  "kueue-waits", "kueue-preempts", "kueue-line", "kueue-out-of-sight", "kueue-takes-back-and-the-server-comes-in-time", "kueue-comes-later", "storage-down-for-30-s",
  // Which way its files go.
  "credentials-in-a-file", "credentials-renewed", "long-files-past-the-door",
]);

/** Those of them that are not about files: on the first storage that is asked for. */
const onceOnly = new Set([
  "image-missing", "image-that-holds-nothing", "cluster-image-not-in-its-registry", "cluster-unschedulable", "cluster-quota-of-pods",
  "cluster-template-refused", "cluster-kubeconfig-revoked", "cluster-api-server-away",
  "kueue-waits", "kueue-preempts", "kueue-line", "kueue-out-of-sight", "kueue-takes-back-and-the-server-comes-in-time", "kueue-comes-later",
]);

export function isInThird(scenario: Scenario, place: Place): boolean {
  return third.has(scenario.name) && (!onceOnly.has(scenario.name) || place.storage === storages[0]);
}

/** Names in the list that no scenario has. */
export function unknownInThird(scenarios: Scenario[]): string[] {
  const all = new Set(scenarios.map((scenario) => scenario.name));
  return [...[...third].filter((name) => !all.has(name)), ...[...onceOnly].filter((name) => !third.has(name))];
}
