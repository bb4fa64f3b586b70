/** What a run leaves: all of it is kept and can be fetched, or is named; and whatever becomes of it, the log stays and the code is
 * not run twice. */
import { chownSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Artifact, Line, Page } from "../support/api";
import { binary } from "../support/places";
import { expect, onBoth, test, type Bed, type Server } from "../support/test";

interface Event {
  kind: string;
  message?: string;
}

const lines = async (server: Server, id: string): Promise<string[]> =>
  (await server.api.get<{ lines: Line[] }>(`/runs/${id}/log`)).lines.map((line) => line.text);

const leftOut = async (server: Server, id: string): Promise<string | undefined> =>
  (await server.api.get<Page<Event>>(`/runs/${id}/events`)).items.find((event) => event.kind === "outputs-left-out")?.message;

/** A Python script that needs no environment. */
function script(bed: Bed, name: string, text: string, spec: object = {}): void {
  bed.pipeline(name, { "run.py": text, "pipeline.json": { command: ["python3", "run.py"], ...spec } });
}

test("a server that is not root keeps outputs that their run has closed", async ({ bed }) => {
  test.skip(process.getuid?.() !== 0, "to become somebody else takes root");
  bed.shell(
    "closed",
    'echo once >> "$COUNT"; mkdir "$RIGI_OUTPUTS/d"; echo hi > "$RIGI_OUTPUTS/d/f"; echo ho > "$RIGI_OUTPUTS/g"; chmod 0 "$RIGI_OUTPUTS/d/f" "$RIGI_OUTPUTS/g" "$RIGI_OUTPUTS/d"; echo done',
    { env: { COUNT: join(bed.root, "count") } },
  );
  // The whole folder: the run ends with its outputs folder closed to itself.
  bed.shell("shut", 'echo x > "$RIGI_OUTPUTS/f"; chmod 0 "$RIGI_OUTPUTS"; echo done');
  // Folders that tell names alone, or nothing, or take nothing; at last the attempt's own.
  const modes = ["0444", "0111", "0222", "0555"];
  for (const mode of modes) {
    bed.shell(`m${mode}`, `mkdir -p "$RIGI_OUTPUTS/d/e"; echo x > "$RIGI_OUTPUTS/d/e/f"; chmod ${mode} "$RIGI_OUTPUTS/d/e" "$RIGI_OUTPUTS/d" "$RIGI_OUTPUTS"; echo done`);
  }
  bed.shell("own", 'echo x > "$RIGI_OUTPUTS/f"; echo done; chmod 0 "$RIGI_OUTPUTS/.."');
  const program = join(bed.root, "rigi");
  cpSync(binary(), program);
  const nobody = 65534;
  const give = (path: string): void => {
    chownSync(path, nobody, nobody);
    if (statSync(path).isDirectory()) readdirSync(path).forEach((name) => give(join(path, name)));
  };
  give(bed.root);
  const within = ["setpriv", `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
  const server = await bed.up({ program, within });
  const run = await server.api.ended((await server.api.submit("closed")).id);
  expect(run).toMatchObject({ state: "succeeded", attempt: 1, artifacts: { count: 2 } });
  expect(await lines(server, run.id)).toEqual(["done"]);
  expect(readFileSync(join(bed.root, "count"), "utf8")).toBe("once\n");
  const shut = await server.api.ended((await server.api.submit("shut")).id);
  expect(shut).toMatchObject({ state: "succeeded", attempt: 1, artifacts: { count: 1 } });
  for (const name of [...modes.map((mode) => `m${mode}`), "own"]) {
    const other = await server.api.ended((await server.api.submit(name)).id);
    expect(other, name).toMatchObject({ state: "succeeded", attempt: 1, artifacts: { count: 1 } });
    expect(await lines(server, other.id), name).toEqual(["done"]);
  }
});

test("outputs that are gone fail the run once, with its log", async ({ bed }) => {
  bed.shell("gone", 'echo said; rm -r "$RIGI_OUTPUTS"; ln -s /etc "$RIGI_OUTPUTS"', { retries: 3 });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("gone")).id);
  expect(run).toMatchObject({ state: "failed", reason: "outputs-failed", attempt: 1, exit_code: 0, artifacts: { count: 0 } });
  const log = await lines(server, run.id);
  expect(log[0]).toBe("said");
  expect(log[1]).toMatch(/^Not kept: `\.`, the folder cannot be read/);
  const followed = await bed.rigi(["runs", "logs", run.short, "--follow"]);
  expect(followed.out).toContain("said");
});

test("what is no file is named, and names that the file system allows are fetched", onBoth, async ({ bed }) => {
  script(
    bed,
    "names",
    `
import os, socket
out = os.environb[b"RIGI_OUTPUTS"]
names = [b"a\\nb", b"a\\tb", b"-dash", b" ", b"x" * 255, b"caf\\xc3\\xa9", b"caf\\xe9", b"q?#%&'\\"\\\\", b"..two"]
for name in names:
    open(os.path.join(out, name), "wb").write(name)
os.symlink(b"..two", os.path.join(out, b"near"))
os.symlink(b"/etc/hostname", os.path.join(out, b"away"))
os.mkfifo(os.path.join(out, b"pipe"))
`,
  );
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("names")).id);
  expect(run).toMatchObject({ state: "succeeded", reason: "outputs-left-out", artifacts: { count: 10 } });
  expect(await leftOut(server, run.id)).toMatch(/^2 outputs are not kept: `(away|pipe)`/);
  const log = await lines(server, run.id);
  expect(log).toContain("Not kept: `away`, a link that leads out of the outputs folder.");
  expect(log).toContain("Not kept: `pipe`, a pipe.");
  const into = join(bed.root, "fetched");
  const said = await bed.rigi(["runs", "artifacts", run.short, "-d", into]);
  expect(said.code, said.err).toBe(0);
  expect(readdirSync(into).sort()).toEqual(
    ["a\nb", "a\tb", "-dash", " ", "x".repeat(255), "café", "caf\\xE9", "q?#%&'\"\\", "..two", "near"].sort(),
  );
  expect(readFileSync(join(into, "a\nb"), "utf8")).toBe("a\nb");
  expect(readFileSync(join(into, "near"), "utf8")).toBe("..two");
});

test("more files than a page are listed and fetched to the last", onBoth, async ({ bed }) => {
  bed.shell("many", 'for i in $(seq 1100); do echo $i > "$RIGI_OUTPUTS/f$i"; done');
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("many")).id);
  expect(run.artifacts.count).toBe(1100);
  const listed = await bed.rigi(["runs", "artifacts", run.short, "-o", "json"]);
  expect((JSON.parse(listed.out) as unknown[]).length).toBe(1100);
  const into = join(bed.root, "fetched");
  const said = await bed.rigi(["runs", "artifacts", run.short, "-d", into]);
  expect(said.code, said.err).toBe(0);
  expect(said.out).toContain("1,100 files");
  expect(readdirSync(into).length).toBe(1100);
  expect(readFileSync(join(into, "f1100"), "utf8")).toBe("1100\n");
});

test("a limit on outputs holds from the first byte and for what is kept", async ({ bed }) => {
  const limits = { output_size: "1MiB" };
  bed.shell("one", 'exec head -c 200000000 /dev/zero > "$RIGI_OUTPUTS/f"', { limits });
  bed.shell("many", 'for i in $(seq 300); do head -c 900000 /dev/zero > "$RIGI_OUTPUTS/f$i"; done', { limits });
  const server = await bed.up();
  for (const name of ["one", "many"]) {
    const run = await server.api.ended((await server.api.submit(name)).id);
    expect(run, name).toMatchObject({ state: "failed", reason: "limit-exceeded" });
    expect(run.artifacts.bytes, name).toBeLessThanOrEqual(1 << 20);
  }
});

test("a hole takes no room, and a cancelled run stops its copying", async ({ bed }) => {
  script(bed, "hole", 'import os; f = open(os.environ["RIGI_OUTPUTS"] + "/f", "wb"); f.truncate(200 << 20)');
  script(bed, "huge", 'import os; f = open(os.environ["RIGI_OUTPUTS"] + "/f", "wb"); f.truncate(200 << 30); print("made")', { limits: { output_size: "1TiB" } });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("hole")).id);
  expect(run).toMatchObject({ state: "succeeded", artifacts: { bytes: 200 << 20 } });
  const { items } = await server.api.get<Page<Artifact>>(`/runs/${run.id}/artifacts`);
  const hash = items[0]!.sha256;
  const blob = statSync(join(bed.data, "objects", "default", "blobs", hash.slice(0, 2), hash));
  expect(blob.size).toBe(200 << 20);
  expect(blob.blocks * 512).toBeLessThan(1 << 20);
  const huge = await server.api.submit("huge");
  await expect.poll(() => readdirSync(join(bed.data, "tmp")).some((name) => name.startsWith("blob-")), { intervals: [20] }).toBe(true);
  await server.api.post(`/runs/${huge.id}/cancel`);
  expect(await server.api.ended(huge.id)).toMatchObject({ state: "cancelled", artifacts: { count: 0 } });
  expect(await leftOut(server, huge.id)).toContain("the run was cancelled before that was copied");
  expect(readdirSync(join(bed.data, "tmp")).filter((name) => name.startsWith("blob-"))).toEqual([]);
});

test("what a killed server was copying is gone when the next one is up", async ({ bed }) => {
  mkdirSync(join(bed.data, "tmp"), { recursive: true });
  const left = join(bed.data, "tmp", "blob-upl_01ARZ3NDEKTSV4RRFFQ69G5FAV");
  writeFileSync(left, "half");
  await bed.up();
  await expect.poll(() => existsSync(left), { intervals: [20] }).toBe(false);
});

test("who follows a log that is damaged is told, and the following ends", async ({ bed }) => {
  bed.shell("long", 'seq 200000; [ "$RIGI_ATTEMPT" = 2 ]', { retries: { attempts: 1, delay: "1s" } });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("long")).id);
  expect(run).toMatchObject({ state: "succeeded", attempt: 2 });
  const logs = join(bed.data, "objects", "default", "logs", run.id.slice(-4));
  rmSync(join(logs, `${run.id}.1`));
  const response = await server.api.fetch("GET", `/api/v1/runs/${run.id}/log/stream`, undefined, { "last-event-id": "1.0" });
  const text = await response.text();
  expect(text).toContain("event: unreadable");
  expect(text).toContain("event: attempt");
  expect(text.trimEnd().endsWith('data: {"state":"succeeded"}')).toBe(true);
});
