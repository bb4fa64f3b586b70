/** Pipelines from git repositories: planned, synced in one piece or not at all, and known without the network. */
import { createHmac } from "node:crypto";
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { hasSshd, hostByHttp, LOCAL, Repository, SshHost, TOKEN } from "../support/git";
import type { Bed } from "../support/test";
import { expect, onBoth, onPostgres, test } from "../support/test";

interface Report {
  outcome: string;
  done: boolean;
  plan: {
    commit: string;
    added: number;
    removed: number;
    changed: number;
    invalid: number;
    same: number;
    pipelines: { name: string; change: string; files_changed?: string[]; mistakes?: string[]; warnings?: string[] }[];
    told?: string[];
  };
}

interface View {
  name: string;
  synced?: { commit: string; page?: string };
  pipelines: { name: string; version?: string; mistakes: string[] }[];
  host_keys: string[];
  failure?: { message: string };
  public_key?: string;
}

async function rigi(bed: Bed, ...args: string[]): Promise<string> {
  const said = await bed.rigi(args);
  expect(said.code, said.err).toBe(0);
  return said.out;
}

async function json<T>(bed: Bed, ...args: string[]): Promise<T> {
  return JSON.parse(await rigi(bed, ...args, "-o", "json")) as T;
}

const names = (view: View): string[] => view.pipelines.map(({ name }) => name);

const SAYS = 'import os; print("commit", os.environ["RIGI_COMMIT"])\n';

test("a repository is added, planned and synced; runs say their commit; a push changes what is synced next", onBoth, async ({ bed }) => {
  const repository = new Repository(bed, "tools");
  const first = repository.push({ "etl/nightly/main.py": SAYS, "etl/old/main.py": "print(1)\n", "README.md": "x" }, "Begin");
  const host = await hostByHttp(bed);
  bed.shell("own", "true");
  const server = await bed.up({ env: LOCAL });
  expect(await rigi(bed, "repositories", "list")).toBe("");
  await rigi(bed, "repositories", "add", `${host}/tools.git`, "--folder", "etl", "--branch", "main");

  const plan = await json<Report>(bed, "sync", "tools", "--plan");
  expect([plan.outcome, plan.done, plan.plan.added, plan.plan.commit]).toEqual(["changed", false, 2, first]);
  expect(await rigi(bed, "pipelines", "list", "-q")).toBe("own\n");
  const told = await rigi(bed, "sync", "tools", "--plan");
  expect(told).toContain("+ nightly");
  expect(told).toContain("Nothing was changed; `rigi sync tools` does it.");

  const synced = await json<Report>(bed, "sync", "tools");
  expect([synced.outcome, synced.done]).toEqual(["changed", true]);
  expect(await rigi(bed, "pipelines", "list", "-q")).toBe("nightly\nold\nown\n");
  const { id } = await server.api.submit("nightly");
  expect((await server.api.ended(id)).state).toBe("succeeded");
  expect((await server.api.output(id)).join("")).toContain(`commit ${first}`);
  const shown = await rigi(bed, "runs", "get", id);
  expect(shown).toContain(`commit ${first.slice(0, 7)} on main of tools`);
  expect(shown).toContain(`${host}/tools/commit/${first}`);
  expect((await json<Report>(bed, "sync", "tools")).outcome).toBe("unchanged");

  // The code of `nightly` is the same in the next commit, and its runs are of that.
  const second = repository.push({ "etl/old": null, "etl/fresh/main.py": "print(3)\n", "etl/fresh/pipeline.yaml": "timout: 3\n" }, "Go on");
  const next = await json<Report>(bed, "sync", "tools");
  expect(next.plan.pipelines.map(({ name, change }) => `${change} ${name}`)).toEqual(["added fresh", "removed old"]);
  expect([next.plan.invalid, next.plan.same]).toEqual([1, 1]);
  expect(next.plan.pipelines[0]?.mistakes?.[0]).toContain("tools:etl/fresh/pipeline.yaml:1:1");
  const again = await server.api.submit("nightly");
  await server.api.ended(again.id);
  expect((await server.api.output(again.id)).join("")).toContain(`commit ${second}`);
  expect(await rigi(bed, "runs", "get", id)).toContain(`/commit/${first}`);
  const refused = await bed.rigi(["run", "fresh"]);
  expect(refused.err).toContain("`timout`");
  const syncs = await rigi(bed, "repositories", "syncs", "tools");
  expect(syncs).toContain("1 added, 1 removed, 1 cannot run");

  // Its code is read where it is stored.
  expect(await (await server.api.fetch("GET", "/api/v1/pipelines/nightly/code/main.py")).text()).toBe(SAYS);
  // A run of the code of before is of the commit of before.
  const rerun = JSON.parse(await rigi(bed, "runs", "rerun", id, "-o", "json")) as { id: string };
  await server.api.ended(rerun.id);
  expect((await server.api.output(rerun.id)).join("")).toContain(`commit ${first}`);

  await rigi(bed, "repositories", "remove", "tools");
  expect(await rigi(bed, "pipelines", "list", "-q")).toBe("own\n");
  expect(await rigi(bed, "runs", "get", id)).toContain(`/commit/${first}`);
});

test("a failed sync changes nothing, and after a restart all is as it was, without the host", onBoth, async ({ bed }) => {
  const repository = new Repository(bed, "tools");
  const commit = repository.push({ "nightly/main.py": SAYS });
  const host = await hostByHttp(bed);
  let server = await bed.up({ env: LOCAL });
  await rigi(bed, "repositories", "add", `${host}/tools.git`);
  await rigi(bed, "sync");
  for (const [address, words] of [
    [`${host}/none.git`, "no such repository"],
    [`${host}/wrong/tools.git`, "git does not take the repository"],
    ["http://127.0.0.1:9/x.git", "cannot be reached"],
    ["https://169.254.169.254/latest/x.git", "lies inside"],
  ] as const) {
    await rigi(bed, "repositories", "edit", "tools", "--address", address);
    const failed = await bed.rigi(["sync", "tools"]);
    expect(failed.code).not.toBe(0);
    expect(failed.err).toContain(words);
    expect(failed.err).toContain("sync-failed");
  }
  await rigi(bed, "repositories", "edit", "tools", "--address", `${host}/tools.git`, "--branch", "nowhere");
  expect((await bed.rigi(["sync"])).err).toContain("it has no branch nowhere");
  const before = await json<View>(bed, "repositories", "show", "tools");
  expect([names(before), before.synced?.commit]).toEqual([["nightly"], commit]);
  expect(before.failure?.message).toContain("nowhere");
  const syncs = await json<{ outcome: string }[]>(bed, "repositories", "syncs", "tools");
  expect(syncs.map(({ outcome }) => outcome)).toEqual([...Array.from({ length: 5 }, () => "failed"), "changed"]);

  await server.kill9();
  server = await bed.up({ env: LOCAL });
  expect(names(await json<View>(bed, "repositories", "show", "tools"))).toEqual(["nightly"]);
  const { id } = await server.api.submit("nightly");
  expect((await server.api.ended(id)).state).toBe("succeeded");
  expect((await server.api.output(id)).join("")).toContain(commit);
});

test("names that collide are told wherever they are listed, and the first source keeps them", async ({ bed }) => {
  const one = new Repository(bed, "aaa");
  const two = new Repository(bed, "bbb");
  one.push({ "shared/main.py": "print('a')\n", "mine/main.py": "print('a')\n" });
  two.push({ "shared/main.py": "print('b')\n", "own/main.py": "print('b')\n" });
  const host = await hostByHttp(bed);
  bed.shell("mine", "echo folder");
  const server = await bed.up({ env: LOCAL });
  for (const name of ["aaa", "bbb"]) {
    await rigi(bed, "repositories", "add", `${host}/${name}.git`);
    const plan = await rigi(bed, "sync", name);
    expect(plan).toContain(name === "aaa" ? "the folder of pipelines has a pipeline `mine`" : "the repository `aaa` has a pipeline `shared`");
  }
  const view = await json<View>(bed, "repositories", "show", "bbb");
  expect(view.pipelines.find(({ name }) => name === "shared")?.mistakes[0]).toContain("which keeps the name");
  const { id } = await server.api.submit("shared");
  await server.api.ended(id);
  expect((await server.api.output(id)).join("")).toBe("a");
  expect(await rigi(bed, "pipelines", "get", "shared")).toContain("the repository `bbb` has a pipeline of this name too");
  const own = await server.api.submit("mine");
  await server.api.ended(own.id);
  expect((await server.api.output(own.id)).join("")).toBe("folder");
  // The first goes, and the next has the name.
  await rigi(bed, "repositories", "remove", "aaa");
  const next = await server.api.submit("shared");
  await server.api.ended(next.id);
  expect((await server.api.output(next.id)).join("")).toBe("b");
});

test("a token opens a repository and is nowhere to be read; tags and commits are taken; the host calls", async ({ bed }) => {
  const repository = new Repository(bed, "tools");
  const first = repository.push({ "a/main.py": "print(1)\n" });
  repository.git("tag", "-a", "v1", "-m", "one");
  repository.git("push", "-q", repository.bare, "v1");
  const second = repository.push({ "a/main.py": "print(2)\n" });
  const host = await hostByHttp(bed);
  const server = await bed.up({ env: { ...LOCAL, RIGI_GIT__TIMEOUT: "10s" } });
  await rigi(bed, "repositories", "add", `${host}/token/tools.git`);
  expect((await bed.rigi(["sync", "tools"])).err).toContain("wants a token");
  const added = await bed.rigi(["repositories", "edit", "tools", "--with-token"], { input: `${TOKEN}\n` });
  expect(added.code, added.err).toBe(0);
  expect((await json<Report>(bed, "sync", "tools")).plan.commit).toBe(second);
  for (const [kind, value, commit] of [
    ["--tag", "v1", first],
    ["--commit", second, second],
    ["--commit", first, first],
    ["--branch", "main", second],
  ] as const) {
    await rigi(bed, "repositories", "edit", "tools", kind, value);
    expect((await json<Report>(bed, "sync", "tools")).plan.commit, value).toBe(commit);
  }
  const found = (folder: string, text: string): string => {
    try {
      return execFileSync("grep", ["-rlaF", text, folder], { encoding: "utf8" });
    } catch {
      return "";
    }
  };
  expect(found(bed.data, TOKEN)).toBe("");
  expect(found(bed.data, Buffer.from(`x-access-token:${TOKEN}`).toString("base64"))).toBe("");
  expect(JSON.stringify(await json<View>(bed, "repositories", "show", "tools"))).not.toContain(TOKEN);
  expect(readdirSync(join(bed.data, "tmp")).filter((name) => name.startsWith("git-"))).toEqual([]);
  const seen = (await (await fetch(`${host}/seen`)).json()) as [string, string, boolean][];
  expect(seen.every(([, path]) => !path.includes(TOKEN))).toBe(true);

  // Who signs with the secret is heard, and nobody else.
  const hook = await json<{ url: string; secret: string }>(bed, "repositories", "hook", "tools");
  const third = repository.push({ "a/main.py": "print(3)\n", "b/main.py": "print(3)\n" });
  const body = JSON.stringify({ ref: "refs/heads/main" });
  const post = async (headers: Record<string, string>): Promise<number> =>
    (await fetch(hook.url, { method: "POST", body, headers: { "content-type": "application/json", ...headers } })).status;
  const sign = (secret: string): string => `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  for (const headers of [{}, { "x-hub-signature-256": sign("other") }, { "x-gitlab-token": "other" }, { "x-hub-signature-256": "x" }]) {
    expect(await post(headers as Record<string, string>)).toBe(404);
  }
  const events = await server.api.events("");
  expect(await post({ "x-hub-signature-256": sign(hook.secret) })).toBe(202);
  for (let event = await events.next(); event?.event !== "repository"; event = await events.next()) expect(event).toBeDefined();
  events.close();
  await expect.poll(async () => (await json<View>(bed, "repositories", "show", "tools")).synced?.commit).toBe(third);
  expect(await post({ "x-gitlab-token": hook.secret })).toBe(202);
});

test("a deploy key opens by SSH; the host is known by its first key until an administrator forgets it", async ({ bed }) => {
  test.skip(!hasSshd, "no sshd on this machine");
  const repository = new Repository(bed, "tools");
  const commit = repository.push({ "a/main.py": "print(1)\n" });
  const server = await bed.up({ env: LOCAL });
  const host = new SshHost(bed);
  const address = await host.start("");
  await rigi(bed, "repositories", "add", `${address}/tools.git`);
  expect((await bed.rigi(["sync", "tools"])).err).toContain("has no key to be opened with");
  const key = (await rigi(bed, "repositories", "key", "tools")).trim();
  expect(key).toMatch(/^ssh-ed25519 \S+ rigi-tools$/);
  expect((await bed.rigi(["sync", "tools"])).err).toContain("does not take the key");
  host.stop();
  await host.start(key);
  expect((await json<Report>(bed, "sync", "tools")).plan.commit).toBe(commit);
  const shown = await json<View>(bed, "repositories", "show", "tools");
  expect(shown.host_keys).toEqual([`ssh-ed25519 ${host.fingerprint()}`]);
  expect(existsSync(join(bed.home, ".ssh"))).toBe(false);

  host.stop();
  host.newHostKey();
  await host.start(key);
  const failed = await bed.rigi(["sync", "tools"]);
  expect(failed.err).toContain("shows another key than at first");
  expect(failed.err).toContain("reset-host-key");
  await rigi(bed, "repositories", "reset-host-key", "tools");
  expect((await json<Report>(bed, "sync", "tools")).outcome).toBe("unchanged");
  expect((await json<View>(bed, "repositories", "show", "tools")).host_keys).toEqual([`ssh-ed25519 ${host.fingerprint()}`]);
  expect(server.said.join("")).not.toContain("PRIVATE KEY");
});

test("what one server syncs the others have, and after a restart too, without the host", onPostgres, async ({ bed }) => {
  const repository = new Repository(bed, "tools");
  const first = repository.push({ "a/main.py": SAYS });
  const host = await hostByHttp(bed);
  const env = { ...LOCAL, RIGI_STORAGE__URL: bed.folder("files") };
  let leader = await bed.up({ env });
  const data = bed.folder("beside");
  copyFileSync(join(bed.data, "secret.key"), join(data, "secret.key"));
  const follower = await bed.up({ data, env: { ...env, RIGI_SERVER__SEAT: "follower" } });
  await leader.api.post("/repositories", { url: `${host}/tools.git` });
  const has = async (server: typeof leader, names: string[]): Promise<void> => {
    await expect
      .poll(async () => {
        const { items } = await server.api.call<{ items: { name: string }[] }>("GET", "/api/v1/pipelines");
        return items.map(({ name }) => name);
      })
      .toEqual(names);
  };
  await follower.api.post("/repositories/tools/sync");
  await has(follower, ["a"]);
  await has(leader, ["a"]);
  const one = await follower.api.submit("a");
  expect((await leader.api.ended(one.id)).state).toBe("succeeded");
  expect((await leader.api.output(one.id)).join("")).toContain(first);
  const second = repository.push({ "a/main.py": SAYS, "b/main.py": SAYS });
  await leader.api.post("/repositories/tools/sync");
  await has(follower, ["a", "b"]);
  // Both at once: one of them is first, and neither breaks anything.
  repository.push({ "c/main.py": SAYS });
  const both = await Promise.all([leader, follower].map((server) => server.api.fetch("POST", "/api/v1/repositories/tools/sync")));
  expect(both.some(({ status }) => status === 200)).toBe(true);
  await has(leader, ["a", "b", "c"]);
  await has(follower, ["a", "b", "c"]);
  await leader.kill9();
  leader = await bed.up({ env });
  await has(leader, ["a", "b", "c"]);
  const two = await leader.api.submit("b");
  expect((await leader.api.ended(two.id)).state).toBe("succeeded");
  expect((await leader.api.output(two.id)).join("")).not.toContain(second);
});
