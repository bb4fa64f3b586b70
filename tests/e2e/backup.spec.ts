/** Backups of a server that works, their way to another place, and what is damaged on the way. */
import { createHash } from "node:crypto";
import { cpSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Bed } from "../support/bed";
import { expect, onBoth, test } from "../support/test";

/** Every file below a folder. */
function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .sort();
}

function flip(file: string, at: number): Buffer {
  const good = readFileSync(file);
  const bad = Buffer.from(good);
  bad[at]! ^= 1;
  writeFileSync(file, bad);
  return good;
}

const WORK = 'i=0; while [ $i -lt $lines ]; do echo "line $i"; i=$((i+1)); done; head -c $size /dev/zero | tr "\\0" x > $RIGI_OUTPUTS/big.bin; echo hi > $RIGI_OUTPUTS/a.txt';

test("a backup of a working server is restored elsewhere, on either database: states, logs and files are the same", onBoth, async ({ bed }) => {
  bed.shell("work", WORK);
  bed.shell("wait", "sleep 300");
  const server = await bed.up({ args: ["--runs", "6"] });
  const backups = join(bed.root, "backups");
  const ended = await Promise.all([10, 20_000].map((lines) => server.api.submit("work", { parameters: { lines, size: 2_000_000 + lines } })));
  for (const run of ended) expect(await server.api.ended(run.id)).toMatchObject({ state: "succeeded" });
  const running = await server.api.submit("wait");
  await expect.poll(async () => (await server.api.get<{ state: string }>(`/runs/${running.id}`)).state).toBe("running");

  // Runs go on being submitted while it reads.
  const busy = Promise.all(Array.from({ length: 30 }, () => server.api.submit("work", { parameters: { lines: 1, size: 1 } })));
  const first = await bed.rigi(["backup", "create", backups, bed.pipelines, "-o", "json"]);
  expect(first, first.err).toMatchObject({ code: 0 });
  await busy;
  const second = await bed.rigi(["backup", "create", backups, bed.pipelines, "-o", "json"]);
  const [one, two] = [first, second].map((said) => JSON.parse(said.out) as { new_bytes: number; file_bytes: number; open_runs: number });
  expect(one!.file_bytes).toBeGreaterThan(4_000_000);
  expect(two!.new_bytes).toBeLessThan(one!.new_bytes / 10);
  expect(two!.open_runs).toBeGreaterThan(0);
  const verified = await bed.rigi(["backup", "verify", backups]);
  expect(verified, verified.out).toMatchObject({ code: 0 });

  const of = async (api: typeof server.api, id: string): Promise<unknown> => {
    const files = (await api.get<{ items: { path: string; sha256: string }[] }>(`/runs/${id}/artifacts`)).items;
    const hashes = await Promise.all(files.map(async ({ path, sha256 }) => {
      const content = await api.fetch("GET", `/api/v1/runs/${id}/artifacts/${path}`);
      expect(createHash("sha256").update(Buffer.from(await content.arrayBuffer())).digest("hex")).toBe(sha256);
      return [path, sha256];
    }));
    const events = (await api.get<{ items: unknown[] }>(`/runs/${id}/events`)).items;
    const run = await api.get<Record<string, unknown>>(`/runs/${id}`);
    // Guessed by the newest successes, and there may be newer ones by now.
    delete run["expected_ms"];
    return { run, log: await api.lines(id), hashes, events };
  };
  const wanted = await Promise.all(ended.map((run) => of(server.api, run.id)));
  await server.kill9();

  for (const database of ["sqlite", "postgres"] as const) {
    const other = new Bed(database);
    try {
      cpSync(bed.pipelines, other.pipelines, { recursive: true });
      const restored = await other.rigi(["backup", "restore", backups, other.pipelines]);
      expect(restored, restored.err).toMatchObject({ code: 0 });
      const twice = await other.rigi(["backup", "restore", backups, other.pipelines]);
      expect(twice).toMatchObject({ code: 75 });
      expect(twice.err).toContain("is not empty");
      const next = await other.up({ args: ["--runs", "6"] });
      expect(await Promise.all(ended.map((run) => of(next.api, run.id)))).toEqual(wanted);
      // As when the machine had died: lost, and run again.
      await expect.poll(async () => (await next.api.get<{ attempt: number }>(`/runs/${running.id}`)).attempt, { timeout: 60_000 }).toBe(2);
      const attempts = (await next.api.get<{ items: { state: string }[] }>(`/runs/${running.id}/attempts`)).items;
      expect(attempts[0]).toMatchObject({ state: "lost" });
    } finally {
      await other.remove();
    }
  }
});

test("a flipped byte in a backup is named, and nothing is restored from it", async ({ bed }) => {
  bed.shell("work", WORK);
  const server = await bed.up();
  const run = await server.api.submit("work", { parameters: { lines: 5, size: 10 } });
  await server.api.ended(run.id);
  const backups = join(bed.root, "backups");
  expect(await bed.rigi(["backup", "create", backups, bed.pipelines])).toMatchObject({ code: 0 });
  for (const file of filesBelow(backups).filter((file) => !file.endsWith("rigi-backup"))) {
    const good = flip(file, Math.floor(statSync(file).size / 2));
    const said = await bed.rigi(["backup", "verify", backups]);
    expect(said.code, file).toBe(1);
    expect(said.out).toContain(file);
    writeFileSync(file, good);
  }
  const victim = filesBelow(join(backups, "objects"))[0]!;
  flip(victim, 0);
  const to = bed.folder("to");
  const refused = await bed.rigi(["backup", "restore", backups, to], { env: { RIGI_DATA: join(to, ".rigi"), RIGI_DATABASE__URL: "" } });
  expect(refused).toMatchObject({ code: 70 });
  expect(refused.err).toContain(victim);
  expect(refused.err).toContain("storage-damaged");
  expect(filesBelow(to).filter((file) => !/(lock|\.gitignore)$/.test(file))).toEqual([]);
});
