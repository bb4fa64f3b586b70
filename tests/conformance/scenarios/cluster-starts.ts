/** Why a cluster does not start an attempt, or not yet. */
import { createServer } from "node:https";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { failed, OK, said, says, type Scenario, type Stage } from "../scenario";

const only: Scenario["only"] = ["kubernetes"];
const REFUSED = failed("start-failed");
const FOUR = Array(4).fill({}) as object[];

/** Waits for a reason, and notes whether the words with it are as they should be. */
async function waits(stage: Stage, reason: string, words: RegExp): Promise<void> {
  const found = await stage.api.until(stage.run.id, (run) => run.reason === reason && words.test(run.message ?? ""));
  stage.facts.waits = { state: found.state, reason: found.reason, says: says(found.message, words) };
}

function waited(reason: string): object {
  return { state: "starting", reason, says: true };
}

/** Waits as it should, and is cancelled then. */
function cancelled(name: string, spec: object, reason: string, words: RegExp): Scenario {
  return {
    name,
    only,
    shell: "echo never",
    spec,
    act: async (stage) => {
      await waits(stage, reason, words);
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
    },
    expect: { state: "cancelled", attempts: [{ state: "cancelled" }], facts: { waits: waited(reason) } },
  };
}

/** Fails at once, in words that say why. */
function refused(name: string, spec: object, words: RegExp, more: Partial<Scenario> = {}): Scenario {
  return {
    name,
    only,
    shell: "echo never",
    spec: { retries: 0, ...spec },
    look: async ({ api, run, facts }) => {
      facts.says = says((await api.run(run.id)).message, words);
      facts.logged = says((await api.lines(run.id, "&stream=system")).map((line) => line.text).join("\n"), words);
    },
    expect: { ...REFUSED, facts: { says: true, logged: true } },
    ...more,
  };
}

function quota(name: string, hard: object, words: RegExp): Scenario {
  return {
    name,
    only,
    server: "own",
    shell: 'echo "attempt $RIGI_ATTEMPT"',
    ms: 120_000,
    spec: { limits: { memory: "64MiB" } },
    before: async ({ tenant }) => {
      await tenant.make({ apiVersion: "v1", kind: "ResourceQuota", metadata: { name: "small" }, spec: { hard } });
      // It holds when its controller has counted.
      const counted = async (): Promise<true | undefined> => ((await tenant.list("resourcequotas"))[0]?.status?.hard ? true : undefined);
      await poll(counted);
    },
    act: async (stage) => {
      await waits(stage, "waiting-for-quota", words);
      await stage.tenant.cluster.kube.remove(stage.tenant.path("resourcequotas/small"));
    },
    expect: { ...said("attempt 1"), facts: { waits: waited("waiting-for-quota") } },
  };
}

async function poll(look: () => Promise<true | undefined>): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    if (await look()) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error("not within 10 s");
}

/** A policy of the cluster that takes no object of this resource in this namespace. */
function policy(group: string, resource: string): (stage: Stage) => Promise<void> {
  return async (stage) => {
    const { tenant, bed } = stage;
    const { kube } = tenant.cluster;
    const of = { apiVersion: "admissionregistration.k8s.io/v1", metadata: { name: tenant.name } };
    const rules = [{ apiGroups: [group], apiVersions: ["v1"], operations: ["CREATE"], resources: [resource] }];
    const here = { matchLabels: { "kubernetes.io/metadata.name": tenant.name } };
    const validations = [{ expression: "false", message: "nothing runs here on Fridays" }];
    await kube.make({ ...of, kind: "ValidatingAdmissionPolicy", spec: { matchConstraints: { resourceRules: rules, namespaceSelector: here }, validations } });
    const binding = { policyName: tenant.name, validationActions: ["Deny"], matchResources: { namespaceSelector: here } };
    await kube.make({ ...of, kind: "ValidatingAdmissionPolicyBinding", spec: binding });
    const at = "/apis/admissionregistration.k8s.io/v1";
    bed.atEnd(async () => {
      await kube.remove(`${at}/validatingadmissionpolicybindings/${tenant.name}`);
      await kube.remove(`${at}/validatingadmissionpolicies/${tenant.name}`);
    });
    // It holds a moment after it was made.
    const probe = resource === "jobs" ? tenant.path("jobs") : tenant.path("pods");
    const object = resource === "jobs" ? { apiVersion: "batch/v1", kind: "Job", metadata: { name: "probe" }, spec: { template: PROBE } } : { ...PROBE, apiVersion: "v1", kind: "Pod", metadata: { name: "probe" } };
    await poll(async () => ((await kube.ask("POST", `${probe}?dryRun=All`, object)).text.includes("Fridays") ? true : undefined));
  };
}

const CLOSED = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] }, runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } };
const PROBE = { spec: { restartPolicy: "Never", containers: [{ name: "a", image: "rigi-test/plain:1", securityContext: CLOSED }] } };

/** A webhook that says no, served by this process with the cluster's own certificate. */
async function webhook({ tenant, bed }: Stage): Promise<void> {
  const { cluster } = tenant;
  const keys = join(dirname(cluster.kubeconfig), "pki");
  const server = createServer({ cert: readFileSync(join(keys, "apiserver.crt")), key: readFileSync(join(keys, "apiserver.key")) }, (request, answer) => {
    let text = "";
    request.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    request.on("end", () => {
      const { uid } = (JSON.parse(text) as { request: { uid: string } }).request;
      const response = { uid, allowed: false, status: { message: "this team has no budget left" } };
      answer.setHeader("content-type", "application/json").end(JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response }));
    });
  });
  await new Promise<void>((done) => server.listen(0, cluster.address, done));
  const at = server.address();
  const port = typeof at === "object" && at ? at.port : 0;
  const url = `https://${cluster.address}:${port}/`;
  await cluster.kube.make({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: tenant.name },
    webhooks: [
      {
        name: "budget.rigi.test",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        clientConfig: { url, caBundle: cluster.kube.authority!.toString("base64") },
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": tenant.name } },
        rules: [{ apiGroups: ["batch"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["jobs"] }],
      },
    ],
  });
  bed.atEnd(async () => {
    await cluster.kube.remove(`/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${tenant.name}`);
    server.closeAllConnections();
    server.close();
  });
  const job = { apiVersion: "batch/v1", kind: "Job", metadata: { name: "probe" }, spec: { template: PROBE } };
  await poll(async () => ((await cluster.kube.ask("POST", `${tenant.path("jobs")}?dryRun=All`, job)).text.includes("budget") ? true : undefined));
}

/** An image of the registry that the cluster's nodes have beside them. */
function fromRegistry(image: string): Partial<Scenario> {
  return {
    server: "own",
    prepare: (_, address) => Promise.resolve(address),
    files: (address) => ({ "pipeline.json": { image: `${String(address)}:5000/${image}`, command: ["true"], retries: 0 } }),
  };
}

/** Variables of the attempt's container, as a template adds them. */
function envFrom(from: object): object {
  return { kubernetes: { pod_template: { spec: { containers: [{ name: "attempt", envFrom: [from] }] } } } };
}

export const clusterStarts: Scenario[] = [
  quota("cluster-quota-of-pods", { pods: "0" }, /quota of the namespace is used up: .*exceeded quota: small/),
  quota("cluster-quota-of-jobs", { "count/jobs.batch": "0" }, /quota of the namespace is used up: .*exceeded quota: small/),
  quota("cluster-quota-of-memory", { "limits.memory": "32Mi" }, /exceeded quota: small, requested: limits.memory=/),
  refused("cluster-image-not-in-its-registry", {}, /image \S+:5000\/none:1 cannot be pulled: .*not found/, {
    ...fromRegistry("none:1"),
    expect: { ...failed("image-unavailable"), facts: { says: true, logged: true } },
  }),
  { ...cancelled("cluster-image-whose-registry-is-broken", {}, "preparing-container", /image \S+:5000\/broken\/app:1 cannot be pulled: .*503/), ...fromRegistry("broken/app:1") },
  refused("cluster-image-of-no-name", { image: "registry.example/UPPER:1", command: ["true"] }, /cannot be pulled|does not take|not a name|invalid/, {
    expect: { state: "failed", facts: { says: true, logged: true } },
  }),
  cancelled("cluster-unschedulable", { kubernetes: { node_selector: { disk: "none-has-it" } } }, "unschedulable", /0\/1 nodes are available: .*node affinity\/selector/),
  cancelled("cluster-too-much-memory", { limits: { memory: "4TiB" } }, "unschedulable", /Insufficient memory/),
  cancelled("cluster-no-such-gpu", { limits: { gpus: 8 } }, "unschedulable", /Insufficient nvidia\.com\/gpu/),
  refused("cluster-missing-secret", envFrom({ secretRef: { name: "nowhere" } }), /container cannot be made: secret "nowhere" not found/),
  refused("cluster-missing-config-map", envFrom({ configMapRef: { name: "nowhere" } }), /container cannot be made: configmap "nowhere" not found/),
  cancelled(
    "cluster-missing-volume",
    {
      kubernetes: {
        pod_template: {
          spec: { volumes: [{ name: "own", secret: { secretName: "nowhere" } }], containers: [{ name: "attempt", volumeMounts: [{ name: "own", mountPath: "/own" }] }] },
        },
      },
    },
    "preparing-container",
    /MountVolume\.SetUp failed .*"own".*secret "nowhere" not found/,
  ),
  refused("cluster-missing-service-account", { kubernetes: { service_account: "nobody" } }, /does not take the pod: .*serviceaccount "nobody" not found/),
  refused("cluster-missing-priority-class", { kubernetes: { priority_class: "nothing" } }, /does not take the pod: .*no PriorityClass with name nothing/),
  refused(
    "cluster-template-refused",
    { kubernetes: { pod_template: { spec: { containers: [{ name: "Not A Name", image: "x" }] } } } },
    /cluster does not take the Job: .*Invalid value: "Not A Name"/,
  ),
  refused("cluster-template-unknown-field", { kubernetes: { pod_template: { spec: { hostAliases: "no list" } } } }, /does not take the Job: .*hostAliases/),
  refused("cluster-template-too-free", { kubernetes: { pod_template: { spec: { hostNetwork: true } } } }, /does not take the pod: .*violates PodSecurity "restricted:latest": host namespaces/),
  refused("cluster-policy-on-jobs", {}, /nothing runs here on Fridays/, { server: "own", before: policy("batch", "jobs") }),
  refused("cluster-policy-on-pods", {}, /nothing runs here on Fridays/, { server: "own", before: policy("", "pods") }),
  refused("cluster-webhook", {}, /webhook of the cluster rejects it: .*budget\.rigi\.test.*this team has no budget left/, { server: "own", before: webhook }),
  {
    name: "cluster-init-fails",
    only,
    server: "own",
    ms: 120_000,
    spec: { image: "rigi-test/plain:1", command: ["true"] },
    before: async (stage) => {
      await stage.server.stop();
      await stage.restart({ RIGI_TARGETS__KUBERNETES__PROGRAM: "/bin/false" });
    },
    look: async ({ api, run, facts }) => {
      facts.says = says((await api.run(run.id)).message, /init container `program` failed with status 1/);
    },
    // What is not the pipeline's fault is tried three times more.
    expect: { state: "failed", reason: "start-failed", attempts: FOUR.map(() => ({ state: "failed", reason: "start-failed" })), facts: { says: true } },
  },
  {
    name: "cluster-template-merged",
    only,
    shell: 'echo "$ADDED $(grep -c db.test /etc/hosts)"',
    spec: { kubernetes: { pod_template: { spec: { hostAliases: [{ ip: "10.0.0.9", hostnames: ["db.test"] }], containers: [{ name: "attempt", env: [{ name: "ADDED", value: "by a template" }] }] } } } },
    expect: { ...OK, logs: [{ out: ["by a template 1"] }] },
  },
];
