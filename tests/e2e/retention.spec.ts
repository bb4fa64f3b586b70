/** What is no longer kept goes; what anything refers to stays; what Rigi did not make is not touched. */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onBoth, test } from "../support/test";

const SETTINGS = { RIGI_RETENTION__COLLECT_AFTER: "0s" };

function blobs(data: string): number {
  return readdirSync(join(data, "objects"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && entry.parentPath.includes("blobs")).length;
}

test("gc --dry-run counts and removes nothing; gc removes just that", onBoth, async ({ bed }) => {
  bed.shell("keeps", 'echo "$RIGI_RUN_ID" > $RIGI_OUTPUTS/id.txt; echo logged', { retention: { runs: 3 } });
  bed.shell("other", "echo other");
  const { api } = await bed.up({ env: SETTINGS });
  const ids: string[] = [];
  for (let count = 0; count < 8; count += 1) ids.push((await api.ended((await api.submit("keeps")).id)).id);
  const other = await api.ended((await api.submit("other")).id);
  const foreign = join(bed.data, "mine.txt");
  writeFileSync(foreign, "not made by Rigi");

  const dry = await bed.rigi(["gc", "--dry-run", "-o", "json"]);
  expect(dry.code, dry.err).toBe(0);
  expect(JSON.parse(dry.out)).toMatchObject({ dry_run: true, runs: 5 });
  expect(await api.count()).toBe(9);

  const before = blobs(bed.data);
  const real = await bed.rigi(["gc", "-o", "json"]);
  expect(real.code, real.err).toBe(0);
  expect(JSON.parse(real.out)).toMatchObject({ dry_run: false, runs: 5 });
  const left = (await api.runs("&pipeline=keeps")).map((run) => run.id);
  expect(left).toEqual(ids.slice(-3).reverse());
  expect(blobs(bed.data)).toBe(before - 5);
  for (const id of left) {
    expect((await api.artifact(id, "id.txt")).toString()).toBe(`${id}\n`);
    expect(await api.output(id)).toEqual(["logged"]);
  }
  expect(await api.output(other.id)).toEqual(["other"]);
  expect((await api.fetch("GET", `/api/v1/runs/${ids[0]}`)).status).toBe(404);
  expect(existsSync(foreign)).toBe(true);
  expect(JSON.parse((await bed.rigi(["gc", "-o", "json"])).out)).toMatchObject({ runs: 0 });
});

test("what runs and waits is never collected, nor what a kept run needs", onBoth, async ({ bed }) => {
  bed.shell("long", "sleep 4; echo done", { retention: { runs: 1 }, max_instances: 1 });
  const { api } = await bed.up({ env: SETTINGS });
  const runs = [await api.submit("long"), await api.submit("long")];
  await api.until(runs[0]!.id, ["running"]);
  await api.post("/system/gc");
  for (const run of runs) expect((await api.ended(run.id)).state).toBe("succeeded");
  await api.post("/system/gc");
  const left = await api.runs();
  expect(left.map((run) => run.id)).toEqual([runs[1]!.id]);
  // Its captured code is still there.
  const again = await api.post<{ id: string }>(`/runs/${runs[1]!.id}/retry`);
  expect((await api.ended(again.id)).state).toBe("succeeded");
});

test("gc without a server does the same; with one elsewhere it is refused", onBoth, async ({ bed }) => {
  bed.shell("keeps", "echo x", { retention: { runs: 1 } });
  const server = await bed.up({ env: SETTINGS });
  for (let count = 0; count < 3; count += 1) await server.api.ended((await server.api.submit("keeps")).id);
  await server.stop();
  const said = await bed.rigi(["gc", bed.pipelines, "-o", "json"], { env: SETTINGS });
  expect(said.code, said.err).toBe(0);
  expect(JSON.parse(said.out)).toMatchObject({ runs: 2 });
});
