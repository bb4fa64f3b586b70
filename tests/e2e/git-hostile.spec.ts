/** Repositories and hosts that are made to harm: nothing of them comes to lie outside, nothing of theirs is started, and what was there stays. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { hostByHttp, LOCAL, Repository } from "../support/git";
import type { Bed } from "../support/test";
import { expect, test } from "../support/test";

const GOOD = { "good/main.py": "print('good')\n" };

/** A way to harm, and what is to come of it: words of a refusal, or of the plan; the pipelines that are there then. */
interface Case {
  name: string;
  /** Makes the repository; returns the address below the host, where it is not the plain one. */
  make: (repository: Repository, bed: Bed) => string | undefined;
  refused?: RegExp;
  /** Stands in the plan. */
  told?: RegExp;
  pipelines?: string[];
}

/** A tree with a good pipeline and these entries beside its files. */
function withEntries(repository: Repository, entries: [string, string, string][], top: [string, string, string][] = []): void {
  const main = repository.blob("print('good')\n");
  const good = repository.tree([...entries, ["100644", "main.py", main] as [string, string, string]].sort((a, b) => (a[1] < b[1] ? -1 : 1)));
  repository.plant(repository.tree([...top, ["40000", "good", good] as [string, string, string]].sort((a, b) => (a[1] < b[1] ? -1 : 1))));
}

const evil = (repository: Repository): string => repository.blob("#!/bin/sh\ntouch $MARKER\n");
const planted = (name: string, mode = "100644") => (repository: Repository): undefined => {
  withEntries(repository, [[mode, name, evil(repository)]]);
};
const below = (...names: string[]) => (repository: Repository): undefined => {
  let id = evil(repository);
  let mode = "100755";
  for (const name of [...names].reverse()) {
    id = repository.tree([[mode, name, id]]);
    mode = "40000";
  }
  repository.plant(id);
};

const FSCK = /damaged, or made to harm|not taken|git does not take/;

const CASES: Case[] = [
  { name: "hooks-in-tree", make: (r) => void r.push({ ...GOOD, "hooks/post-checkout": "touch $MARKER", "good/hooks/post-checkout": "touch $MARKER" }), pipelines: ["good"] },
  {
    name: "hooks-of-host",
    make: (r) => {
      r.push(GOOD);
      for (const hook of ["post-checkout", "post-merge", "reference-transaction", "fsmonitor-watchman", "proc-receive"]) {
        writeFileSync(join(r.bare, "hooks", hook), "#!/bin/sh\ntouch $MARKER\n");
        chmodSync(join(r.bare, "hooks", hook), 0o755);
      }
      return undefined;
    },
    pipelines: ["good"],
  },
  {
    name: "submodule",
    make: (r) => {
      r.write({ ...GOOD, ".gitmodules": '[submodule "x"]\n\tpath = good/x\n\turl = ext::sh -c touch% $MARKER\n' });
      r.git("add", "-A");
      r.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},good/x`);
      r.plant(r.git("write-tree"));
      return undefined;
    },
    told: /damaged|submodule|not taken/,
  },
  {
    name: "submodule-cr",
    make: (r) => {
      r.write({ ...GOOD, ".gitmodules": '[submodule "x"]\n\tpath = "good/x\r"\n\turl = ../x\n' });
      r.git("add", "-A");
      r.git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},good/x\r`);
      r.plant(r.git("write-tree"));
      return undefined;
    },
  },
  { name: "dotdot-file", make: planted(".."), refused: FSCK },
  { name: "dotdot-folder", make: below("good", "..", "..", "escaped.sh"), refused: FSCK },
  { name: "dot-git-config", make: below(".git", "config"), refused: FSCK },
  { name: "dot-git-hfs", make: below("good", ".g\u200cit", "config"), refused: FSCK },
  { name: "dot-git-ntfs", make: below("good", "git~1", "config"), refused: FSCK },
  { name: "absolute", make: planted("/tmp/rigi-absolute"), refused: FSCK },
  { name: "slash-in-name", make: planted("a/../../../escaped.sh"), refused: FSCK },
  { name: "cr-in-name", make: planted("x\r"), told: /control character/, pipelines: ["good"] },
  { name: "escape-in-name", make: planted("x\u001b[2Jy"), told: /control character/, pipelines: ["good"] },
  {
    name: "symlink-out",
    make: (r) => {
      const link = r.blob("/etc/passwd");
      withEntries(r, [["120000", "out", link]]);
      return undefined;
    },
    told: /`out` is a link/,
    pipelines: ["good"],
  },
  {
    name: "symlink-then-file",
    make: (r) => {
      const folder = r.tree([["100755", "x.sh", evil(r)]]);
      withEntries(r, [["120000", "a", r.blob("/tmp")], ["40000", "a", folder]]);
      return undefined;
    },
    refused: FSCK,
  },
  {
    name: "spec-is-a-link",
    make: (r) => {
      const folder = r.tree([["100644", "main.py", r.blob("print(1)")], ["120000", "pipeline.yaml", r.blob("/etc/passwd")]]);
      r.plant(r.tree([["40000", "good", folder]]));
      return undefined;
    },
    told: /`pipeline.yaml` is a link/,
    pipelines: ["good"],
  },
  {
    name: "case-collision",
    make: (r) => {
      withEntries(r, [["100644", "Lib.py", r.blob("a")], ["100644", "lib.py", r.blob("b")]]);
      return undefined;
    },
    told: /capital letters alone/,
    pipelines: ["good"],
  },
  {
    name: "twice",
    make: (r) => {
      withEntries(r, [["100644", "x", r.blob("a")], ["100755", "x", evil(r)]]);
      return undefined;
    },
    refused: FSCK,
  },
  {
    name: "million-files",
    make: (r) => {
      const blob = r.blob("x");
      const thousand = (mode: string, id: string): [string, string, string][] =>
        Array.from({ length: 1000 }, (_, at) => [mode, `f${String(at).padStart(4, "0")}`, id]);
      r.plant(r.tree([["40000", "good", r.tree(thousand("40000", r.tree(thousand("100644", blob))))]]));
      return undefined;
    },
    refused: /more than 100000 files/,
  },
  {
    name: "tree-bomb",
    make: (r) => {
      let id = r.tree([["100644", "f", r.blob("x")]]);
      for (let level = 0; level < 12; level += 1) {
        id = r.tree(Array.from({ length: 10 }, (_, at) => ["40000", `d${at}`, id] as [string, string, string]));
      }
      r.plant(r.tree([["40000", "good", id]]));
      return undefined;
    },
    refused: /more than 100000 files/,
  },
  {
    name: "deep",
    make: (r) => {
      let id = r.tree([["100644", "f", r.blob("x")]]);
      for (let level = 0; level < 200; level += 1) id = r.tree([["40000", "d", id]]);
      withEntries(r, [["40000", "d", id]]);
      return undefined;
    },
    told: /32 folders deep|too long/,
    pipelines: ["good"],
  },
  {
    name: "huge-blob",
    make: (r) => {
      const file = join(r.work, "good");
      r.write(GOOD);
      execFileSync("truncate", ["-s", "300M", join(file, "zeros.bin")]);
      r.push({}, "Large");
      return undefined;
    },
    told: /more than|larger|in time/,
  },
  {
    name: "bundle-uri",
    make: (r, bed) => {
      r.push(GOOD);
      for (const [key, value] of [
        ["uploadpack.advertiseBundleURIs", "true"],
        ["bundle.version", "1"],
        ["bundle.mode", "all"],
        ["bundle.x.uri", `file://${join(bed.root, "bundle-target")}`],
      ]) {
        execFileSync("git", ["--git-dir", r.bare, "config", key ?? "", value ?? ""]);
      }
      return undefined;
    },
    pipelines: ["good"],
  },
  { name: "redirect-inside", make: (r) => (r.push(GOOD), "redirect/"), refused: /leads elsewhere/ },
  { name: "garbage", make: (r) => (r.push(GOOD), "garbage/"), refused: /git does not take|damaged|cannot be reached/ },
  { name: "cut-off", make: (r) => (r.push(GOOD), "cut/"), refused: /damaged|cannot be reached|git does not take/ },
  { name: "endless", make: (r) => (r.push(GOOD), "endless/"), refused: /in time|damaged|larger|git does not take|cannot be reached/ },
  { name: "hangs", make: (r) => (r.push(GOOD), "hang/"), refused: /did not come to an end in time/ },
];

/** All files of a folder, but for those that a server keeps in its own. */
function around(bed: Bed): string[] {
  return readdirSync(bed.root).sort();
}

/** Programs that the server started, by name, as the kernel tells them; none where it tells nothing. */
function startedBy(pid: number): Set<string> {
  const seen = new Set<string>();
  const children = (of: number): number[] => {
    try {
      // Each thread has those that it started.
      const tasks = readdirSync(`/proc/${of}/task`).map((task) => readFileSync(`/proc/${of}/task/${task}/children`, "utf8"));
      return tasks.join(" ").split(" ").filter(Boolean).map(Number);
    } catch {
      return [];
    }
  };
  const walk = (of: number): void => {
    for (const child of children(of)) {
      try {
        seen.add(readFileSync(`/proc/${child}/comm`, "utf8").trim());
      } catch {
        // It has ended.
      }
      walk(child);
    }
  };
  walk(pid);
  return seen;
}

test("repositories and hosts that are made to harm: nothing lies outside, nothing is started, what was there stays", async ({ bed }) => {
  test.setTimeout(300_000);
  expect(CASES.length).toBeGreaterThanOrEqual(25);
  const marker = join(bed.root, "marker");
  const host = await hostByHttp(bed);
  const before = new Repository(bed, "before");
  const kept = before.push({ "kept/main.py": "print('kept')\n" });
  for (const one of CASES) bed.folder(`work-${one.name}`);
  const made = CASES.map((one) => {
    const repository = new Repository(bed, one.name);
    return { ...one, address: `${host}/${one.make(repository, bed) ?? ""}${one.name}.git` };
  });
  const server = await bed.up({ env: { ...LOCAL, RIGI_GIT__TIMEOUT: "5s", RIGI_GIT__SIZE: "256MiB", MARKER: marker } });
  // One that does no harm is synced by itself meanwhile.
  await bed.rigi(["repositories", "add", `${host}/before.git`, "--name", "steady", "--interval", "30s"]);
  await bed.rigi(["sync", "steady"]);
  const places = around(bed);
  const wrong: string[] = [];
  const started = new Set<string>();
  const look = setInterval(() => startedBy(server.pid).forEach((name) => started.add(name)), 5);
  const rigi = async (...args: string[]): Promise<{ code: number; out: string; err: string }> => bed.rigi(args);
  for (const { name, address, refused, told, pipelines } of made) {
    // Each begins with something good, which is to stay where the other is refused.
    await rigi("repositories", "add", `${host}/before.git`, "--name", name);
    expect((await rigi("sync", name)).code).toBe(0);
    await rigi("repositories", "edit", name, "--address", address);
    const synced = await rigi("sync", name);
    const words = synced.out + synced.err;
    const view = JSON.parse((await rigi("repositories", "show", name, "-o", "json")).out) as {
      synced: { commit: string };
      pipelines: { name: string }[];
    };
    const there = view.pipelines.map((pipeline) => pipeline.name);
    const stayed = view.synced.commit === kept && there.join() === "kept";
    if (synced.code !== 0 && !stayed) wrong.push(`${name}: it was refused, and something changed: ${there.join()}`);
    if (refused && synced.code === 0) wrong.push(`${name}: it was taken: ${words}`);
    if ((refused ?? told) && !(refused ?? told)?.test(words)) wrong.push(`${name}: ${words}`);
    if (pipelines && there.join() !== pipelines.join()) wrong.push(`${name}: ${there.join()} after ${words}`);
    // eslint-disable-next-line no-control-regex
    if (/[\u0000-\u0008\u000b-\u001f]/.test(words)) wrong.push(`${name}: it steers the terminal`);
    await rigi("repositories", "remove", name);
  }
  const next = before.push({ "kept/main.py": "print('next')\n" });
  const steady = async (): Promise<string> => {
    const syncs = JSON.parse((await rigi("repositories", "syncs", "steady", "-o", "json")).out) as { cause: string; plan?: { commit: string } }[];
    return `${syncs[0]?.cause ?? ""} ${syncs[0]?.plan?.commit ?? ""}`;
  };
  await expect.poll(steady, { timeout: 60_000 }).toBe(`interval ${next}`);
  clearInterval(look);
  expect(wrong).toEqual([]);
  expect(existsSync(marker)).toBe(false);
  expect(existsSync("/tmp/rigi-absolute")).toBe(false);
  expect(around(bed)).toEqual(places);
  const seen = (await (await fetch(`${host}/seen`)).json()) as [string, string][];
  expect(seen.filter(([, path]) => path.startsWith("/inside"))).toEqual([]);
  // `git` and its own helpers, the shell that bounds them, and the server itself in the moment before it is one of these.
  const strange = [...started].filter((name) => !/^(?:git|git-remote-http|git-remote-https|sh|rigi|tokio-rt-worker|engine|uv)/.test(name));
  expect(strange).toEqual([]);
  expect(started.size).toBeGreaterThan(0);
  // No work tree, and nothing that a sync needed is left.
  const find = (...words: string[]): string => execFileSync("find", words, { encoding: "utf8" });
  expect(find(bed.data, "-name", "index", "-o", "-name", "escaped.sh")).toBe("");
  expect(find(join(bed.data, "cache/git"), "-name", "*.lock", "-o", "-name", "*.sample")).toBe("");
  expect(readdirSync(join(bed.data, "tmp")).filter((name) => name.startsWith("git-"))).toEqual([]);
  expect(statSync(join(bed.data, "rigi.db")).isFile()).toBe(true);
});

test("what a repository asks of the inside is asked only where the configuration names it", async ({ bed }) => {
  const repository = new Repository(bed, "tools");
  repository.push(GOOD);
  const host = await hostByHttp(bed);
  await bed.up({ env: { RIGI_GIT__PROTOCOLS: "https,http" } });
  for (const [address, words] of [
    [`${host}/tools.git`, "lies inside"],
    ["https://localhost/x.git", "lies inside"],
    ["https://[::1]/x.git", "lies inside"],
    ["https://0.0.0.0/x.git", "lies inside"],
    ["https://[::ffff:10.0.0.1]/x.git", "lies inside"],
    ["https://2130706433/x.git", "lies inside"],
  ] as const) {
    const added = await bed.rigi(["repositories", "add", address, "--name", "x"]);
    expect(added.code, `${address}: ${added.err}`).toBe(0);
    expect((await bed.rigi(["sync", "x"])).err, address).toContain(words);
    await bed.rigi(["repositories", "remove", "x"]);
  }
  for (const address of ["file:///etc", "ext::sh -c id", "https://a:b@h.org/x", "/etc", "--upload-pack=id", "ssh://-oProxyCommand=id/x"]) {
    const added = await bed.rigi(["repositories", "add", "--name", "x", "--", address]);
    expect(added.code, address).not.toBe(0);
  }
  expect((await (await fetch(`${host}/seen`)).json()) as unknown[]).toHaveLength(1);
});
