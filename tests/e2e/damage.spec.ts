/** A flipped byte or a cut in any kind of file of the data folder is found, named, and never served as good. */
import { cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Bed } from "../support/bed";
import type { Server } from "../support/server";
import { expect, onBoth, test } from "../support/test";

interface Check {
  name: string;
  ok: boolean;
  damage?: { what: string; problem: string; cure: string }[];
}

/** What is read from end to end, beside the usual checks. */
async function doctor(bed: Bed, data: string): Promise<{ code: number; damaged: string[] }> {
  const said = await bed.rigi(["doctor", "--deep", bed.pipelines, "-o", "json"], { env: { RIGI_DATA: data } });
  const checks = JSON.parse(said.out) as Check[];
  const damage = checks.flatMap((check) => check.damage ?? []);
  for (const found of damage) expect(found.cure, found.what).not.toBe("");
  return { code: said.code, damaged: damage.map((found) => `${found.what}: ${found.problem}`) };
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name))
    .sort();
}

/** The file with a byte flipped at its start, in its middle and at its end, and cut there. */
function* damages(file: string): Generator<string> {
  const good = readFileSync(file);
  for (const at of [0, Math.floor(good.length / 2), good.length - 1]) {
    const flipped = Buffer.from(good);
    flipped[at]! ^= 1;
    for (const bad of [flipped, good.subarray(0, at)]) {
      writeFileSync(file, bad);
      yield `${file}, ${bad === flipped ? "a bit flipped in" : "cut at"} byte ${at}`;
    }
  }
  writeFileSync(file, good);
}

const WORK = 'i=0; while [ $i -lt 3000 ]; do echo "line $i $(($i * 7919 % 65536))"; i=$((i+1)); done; cat $RIGI_INPUTS/data/* > $RIGI_OUTPUTS/copy.txt; head -c 1000000 /dev/urandom > $RIGI_OUTPUTS/big.bin';

async function work(bed: Bed, server: Server): Promise<string> {
  const upload = await server.api.upload("x.csv", "a,b\n1,2\n");
  const run = await server.api.submit("work", { inputs: { data: [{ upload }] } });
  expect(await server.api.ended(run.id)).toMatchObject({ state: "succeeded" });
  return run.id;
}

test("stored files, logs and copies of code", onBoth, async ({ bed }) => {
  bed.shell("work", WORK, { inputs: { data: {} } });
  const server = await bed.up();
  const run = await work(bed, server);
  expect((await doctor(bed, bed.data)).damaged).toEqual([]);
  const objects = filesBelow(join(bed.data, "objects"));
  expect(objects.some((file) => file.includes("/logs/"))).toBe(true);
  for (const file of [...objects, ...filesBelow(join(bed.data, "cache/code"))]) {
    for (const what of damages(file)) {
      const found = await doctor(bed, bed.data);
      expect(found.code, what).toBe(1);
      const named = found.damaged.some((line) => line.includes(file) || (file.includes("/cache/code/") && line.includes("/cache/code/")));
      expect(named, `${what}: ${found.damaged.join("; ")}`).toBe(true);
    }
  }
  expect((await doctor(bed, bed.data)).damaged).toEqual([]);

  // Beside a server that has read them all before.
  const files = (await server.api.get<{ items: { path: string; sha256: string }[] }>(`/runs/${run}/artifacts`)).items;
  for (const { path, sha256 } of files) {
    const file = objects.find((object) => object.endsWith(sha256))!;
    for (const what of damages(file)) {
      const whole = server.api.fetch("GET", `/api/v1/runs/${run}/artifacts/${path}`).then(async (answer) => {
        const body = await answer.arrayBuffer();
        return { status: answer.status, size: body.byteLength, text: new TextDecoder().decode(body) };
      });
      const outcome = await whole.catch(() => "cut off" as const);
      if (outcome !== "cut off") {
        expect(outcome, what).toMatchObject({ status: 500 });
        expect(outcome.text).toContain("storage-damaged");
      } else {
        expect(statSync(file).size, `${what} was seen before the first byte`).toBeGreaterThan(256 << 10);
      }
    }
  }
  const log = objects.find((object) => object.includes("/logs/"))!;
  for (const what of damages(log)) {
    const answer = await server.api.fetch("GET", `/api/v1/runs/${run}/log?limit=5000`);
    expect(answer.status, what).toBe(500);
    expect(await answer.text()).toContain("storage-damaged");
  }
  expect((await server.api.lines(run)).filter((line) => line.stream === "stdout")).toHaveLength(3000);

  // A run does not compute with an input that is damaged, nor with code that is.
  const input = objects.find((object) => readFileSync(object, "utf8") === "a,b\n1,2\n")!;
  const good = readFileSync(input);
  writeFileSync(input, "a,b\n1,3\n");
  const again = await server.api.post<{ id: string }>(`/runs/${run}/rerun`, {});
  const ended = await server.api.ended(again.id, 90_000);
  expect(ended.state).toBe("failed");
  expect(ended.message).toContain(input);
  writeFileSync(input, good);
});

test("the key of secrets, the token, and the database", onBoth, async ({ bed }) => {
  bed.shell("work", WORK, { inputs: { data: {} } });
  const server = await bed.up();
  await work(bed, server);
  await server.leave(20_000);
  const copy = join(bed.root, "copy");
  const fresh = (): void => {
    rmSync(copy, { recursive: true, force: true });
    cpSync(bed.data, copy, { recursive: true, filter: (path) => !path.endsWith("/sock") });
  };
  fresh();
  expect((await doctor(bed, copy)).damaged).toEqual([]);
  for (const name of ["secret.key", "secret.check"]) {
    for (const what of damages(join(copy, name))) {
      const found = await doctor(bed, copy);
      expect(found.damaged.join(), what).toContain(join(copy, "secret.key"));
      const refused = await bed.rigi(["up", bed.pipelines, "--port", "0"], { env: { RIGI_DATA: copy } });
      expect(refused.code, what).not.toBe(0);
      expect(refused.err).toContain("secret.key");
    }
  }
  writeFileSync(join(copy, "token"), readFileSync(join(copy, "token")).subarray(0, 20));
  expect((await doctor(bed, copy)).damaged.join()).toContain(join(copy, "token"));
  if (bed.database === "postgres") return;

  // What the write-ahead log held is in the file now: the doctor was the last to close it.
  const database = join(copy, "rigi.db");
  expect(existsSync(`${database}-wal`)).toBe(false);
  const good = readFileSync(database);
  for (let page = 0; page < good.length; page += 4096) {
    const bad = Buffer.from(good);
    bad.fill(0x55, page, page + 8);
    writeFileSync(database, bad);
    const found = await doctor(bed, copy);
    expect(found.code, `page ${page / 4096}`).toBe(1);
  }
  writeFileSync(database, good.subarray(0, good.length - 4096));
  expect((await doctor(bed, copy)).damaged.join()).toContain(database);
});

test("what was committed before a kill is not dropped without a word when the write-ahead log is damaged", async ({ bed }) => {
  bed.shell("work", "echo hi");
  const server = await bed.up();
  for (let n = 0; n < 5; n += 1) await server.api.ended((await server.api.submit("work")).id);
  await server.kill9();
  const wal = join(bed.data, "rigi.db-wal");
  const good = readFileSync(wal);
  const bad = Buffer.from(good);
  bad[Math.floor(good.length / 3)]! ^= 1;
  writeFileSync(wal, bad);
  const refused = await bed.rigi(["up", bed.pipelines, "--port", "0"]);
  expect(refused).toMatchObject({ code: 70 });
  expect(refused.err).toContain(wal);
  expect(readFileSync(wal).equals(bad)).toBe(true);
  writeFileSync(wal, good);
  const next = await bed.up();
  expect((await next.api.get<{ items: unknown[] }>("/runs")).items).toHaveLength(5);
});
