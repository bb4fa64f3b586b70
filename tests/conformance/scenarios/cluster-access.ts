/** Who a server is in its cluster: by what it is told, and by what it may there. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Thing } from "../../support/kubernetes";
import { publishedRole } from "../cluster";
import { OK, range, says, type Scenario, type Stage } from "../scenario";

const only: Scenario["only"] = ["kubernetes"];
const KUBECONFIG = "RIGI_TARGETS__KUBERNETES__KUBECONFIG";
const FOUR = range(4).map(() => ({ state: "failed", reason: "target-unavailable" }));

interface Line {
  what: string;
  ok: boolean;
  message: string;
  cure?: string;
}

async function check(stage: Stage, kubeconfig: string, other: NodeJS.ProcessEnv = {}): Promise<Line[]> {
  const env = { ...stage.tenant.env(kubeconfig), ...other };
  const { out, err } = await stage.bed.rigi(["targets", "check", "kubernetes", "--offline", "-o", "json"], { env });
  try {
    const read = JSON.parse(out) as Line[] | { items: Line[] };
    return Array.isArray(read) ? read : read.items;
  } catch {
    throw new Error(`targets check said: ${out}${err}`);
  }
}

/** A server whose kubeconfig is no good: runs say so, and so does the check. */
function badKubeconfig(name: string, content: (stage: Stage) => Promise<string | undefined>, words: RegExp, checked: RegExp): Scenario {
  return {
    name,
    only,
    server: "own",
    shell: "echo never",
    ms: 120_000,
    before: async (stage) => {
      const file = join(stage.bed.root, "other.kubeconfig");
      const text = await content(stage);
      if (text !== undefined) writeFileSync(file, text);
      await stage.server.stop();
      await stage.restart({ [KUBECONFIG]: file });
      const lines = await check(stage, file);
      const bad = lines.filter((line) => !line.ok);
      stage.facts.checked = says(bad.map((line) => `${line.what}: ${line.message}`).join("\n"), checked);
      stage.facts.cured = bad.every((line) => Boolean(line.cure));
    },
    look: async ({ api, run, facts }) => {
      facts.says = says((await api.run(run.id)).message, words);
    },
    expect: { state: "failed", reason: "target-unavailable", attempts: FOUR, facts: { says: true, checked: true, cured: true } },
  };
}

function without(role: Thing, resource: string): Thing {
  const rules = role.rules as { resources: string[] }[];
  return { ...role, rules: rules.filter((rule) => !rule.resources.includes(resource)) };
}

export const clusterAccess: Scenario[] = [
  badKubeconfig("cluster-kubeconfig-not-there", () => Promise.resolve(undefined), /kubeconfig .*other\.kubeconfig cannot be used: .*(No such file|not found|read)/i, /cluster: .*kubeconfig .* cannot be used/),
  badKubeconfig("cluster-kubeconfig-garbage", () => Promise.resolve("{ this is: [no kubeconfig\n"), /kubeconfig .*other\.kubeconfig cannot be used/, /cluster: .*kubeconfig .* cannot be used/),
  badKubeconfig(
    "cluster-kubeconfig-bad-token",
    ({ tenant }) => Promise.resolve(tenant.kubeconfigOf("no-token-at-all")),
    /cluster does not know us .*Renew the target's kubeconfig/,
    /Unauthorized|does not know us/,
  ),
  badKubeconfig(
    "cluster-kubeconfig-revoked",
    async ({ tenant }) => {
      // A token that was good: its account is gone, as after its time.
      const text = await tenant.account("leaver", publishedRole(tenant.name));
      await tenant.cluster.kube.remove(tenant.path("serviceaccounts/leaver"));
      return text;
    },
    /cluster does not know us .*Renew the target's kubeconfig/,
    /Unauthorized|does not know us/,
  ),
  {
    name: "cluster-kubeconfig-wrong-address",
    only,
    server: "own",
    shell: "echo never",
    before: async (stage) => {
      const file = join(stage.bed.root, "other.kubeconfig");
      writeFileSync(file, stage.tenant.kubeconfigOf("any", `https://${stage.tenant.cluster.address}:1`));
      await stage.server.stop();
      await stage.restart({ [KUBECONFIG]: file });
      const lines = await check(stage, file);
      stage.facts.checked = says(lines.filter((line) => !line.ok).map((line) => `${line.what}: ${line.message}`).join("\n"), /cluster: it does not answer/);
    },
    act: async (stage) => {
      const seen = await stage.api.until(stage.run.id, (run) => /does not answer/.test(run.message ?? ""));
      stage.facts.waits = says(seen.message, /cluster does not answer \(.+\).* tried again/);
      await stage.api.post(`/runs/${stage.run.id}/cancel`);
    },
    expect: { state: "cancelled", facts: { checked: true, waits: true } },
  },
  {
    name: "cluster-rights",
    only,
    server: "own",
    shell: "echo fine",
    before: async (stage) => {
      const { tenant, bed } = stage;
      const file = join(bed.root, "other.kubeconfig");
      const wrong = async (name: string, role: Thing): Promise<string[]> => {
        writeFileSync(file, await tenant.account(name, role));
        return (await check(stage, file)).filter((line) => !line.ok).map((line) => line.message).sort();
      };
      const role = publishedRole(tenant.name);
      const lines = await check(stage, tenant.kubeconfig);
      stage.facts.published = lines.filter((line) => !line.ok);
      stage.facts.looked = lines.map((line) => line.what);
      const broken = async (name: string, value: string): Promise<string[]> => {
        const bad = (await check(stage, tenant.kubeconfig, { [`RIGI_TARGETS__KUBERNETES__${name}`]: value })).filter((line) => !line.ok);
        return bad.map((line) => `${line.what}: ${line.message}`);
      };
      stage.facts.nobody = says((await broken("URL", `http://${tenant.cluster.address}:9`)).join("\n"), /^server: a pod does not reach http:.*Connection refused[^\n]*$/);
      stage.facts.noImage = says((await broken("IMAGE", `${tenant.cluster.address}:5000/none:1`)).join("\n"), /^image: .*none:1 does not run in a pod: [^\n]+$/);
      stage.facts.withoutSecrets = await wrong("no-secrets", without(role, "secrets"));
      stage.facts.withoutLogs = await wrong("no-logs", without(role, "pods/log"));
      stage.facts.withoutAll = (await wrong("nothing", { ...role, rules: [] })).length;
    },
    expect: {
      ...OK,
      facts: { published: [], looked: ["cluster", "rights", "kueue", "image", "disk", "server"], nobody: true, noImage: true, withoutSecrets: ["we may not create secrets", "we may not patch secrets"], withoutLogs: ["we may not get pods/log"], withoutAll: 15 },
    },
  },
  {
    name: "cluster-no-right-to-make-jobs",
    only,
    server: "own",
    shell: "echo never",
    ms: 120_000,
    before: async (stage) => {
      const { tenant, bed } = stage;
      const file = join(bed.root, "other.kubeconfig");
      const role = publishedRole(tenant.name);
      const reading = (role.rules as { verbs: string[] }[]).map((rule) => ({ ...rule, verbs: rule.verbs.filter((verb) => /get|list|watch/.test(verb)) }));
      writeFileSync(file, await tenant.account("reader", { ...role, rules: reading.filter((rule) => rule.verbs.length > 0) }));
      await stage.server.stop();
      await stage.restart({ [KUBECONFIG]: file });
    },
    look: async ({ api, run, facts }) => {
      facts.says = says((await api.run(run.id)).message, /We may not make a Job: .*cannot patch resource "jobs".*`rigi targets check` says which rights are missing/);
    },
    expect: { state: "failed", reason: "target-unavailable", attempts: FOUR, facts: { says: true } },
  },
  {
    name: "cluster-writes",
    only,
    server: "own",
    shell: 'echo "attempt $RIGI_ATTEMPT"; [ $RIGI_ATTEMPT = 2 ]',
    spec: { retries: { attempts: 1, strategy: "fixed", delay: "50ms" } },
    look: async ({ tenant, poll, facts }) => {
      await poll(async () => ((await tenant.left()).length === 0 ? true : undefined), "all of it is gone");
      const writes = tenant.cluster.writesOf(tenant);
      // Of two attempts.
      facts.four = writes.length <= 8 || writes;
      facts.refused = writes.filter((write) => write.code >= 300);
    },
    expect: { state: "succeeded", facts: { four: true, refused: [] } },
  },
  {
    name: "cluster-specs-say-nothing",
    only,
    server: "own",
    // No parameter, no variable, no secret: neither a value nor its sum is to be found in the cluster.
    shell: 'echo "$shown $FROM_SPEC $password" | sha256sum; sleep 600',
    spec: { parameters: { password: { type: "string", secret: true }, shown: { type: "string" } }, env: { FROM_SPEC: "variable-of-the-spec" } },
    submit: { parameters: { password: "hush-0815-nobody", shown: "parameter-for-all" } },
    act: async ({ api, tenant, run, facts }) => {
      await api.said(run.id, 1);
      const found: string[] = [];
      for (const kind of ["jobs", "pods", "secrets", "configmaps", "events"]) {
        const text = JSON.stringify(await tenant.list(kind));
        for (const value of ["hush-0815-nobody", "parameter-for-all", "variable-of-the-spec"]) {
          if ([value, Buffer.from(value).toString("base64").slice(0, 12)].some((one) => text.includes(one))) found.push(`${kind}: ${value}`);
        }
      }
      facts.found = found;
      facts.tokens = JSON.stringify((await tenant.pod(run.id))!.spec).includes("serviceAccountToken");
      await api.post(`/runs/${run.id}/cancel`);
    },
    expect: {
      state: "cancelled",
      logs: [{ out: [`${createHash("sha256").update("parameter-for-all variable-of-the-spec hush-0815-nobody\n").digest("hex")}  -`] }],
      facts: { found: [], tokens: false },
    },
  },
];
