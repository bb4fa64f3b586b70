/** A disk that is full, or takes no writes: what is asked for is refused clearly, what runs goes on, and all recovers by itself. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { Load } from "../support/load";
import { Faults } from "../support/preload";
import { commandOf, processesOf } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

/** Leaves a file, and runs until it is told to end. */
const HELD = 'echo kept > $RIGI_OUTPUTS/kept.txt; echo begun; while [ ! -e "$gate" ]; do sleep 0.05; done; echo ended';

test("a full disk", onBoth, async ({ bed }) => {
  test.skip(process.getuid?.() !== 0, "mounting needs root");
  bed.shell("held", HELD);
  const load = new Load(bed);
  const disk = await bed.disk({ size: 96, on: "memory" });
  const gate = join(bed.root, "gate");
  const env = { RIGI_LIMITS__FREE_DISK: "16MiB" };
  const server = await bed.up({ data: disk.data, seen: disk.seen(disk.data), within: disk.within, env, args: ["--runs", "2"] });
  const { api } = server;
  const held = await Promise.all([1, 2].map(() => api.submit("held", { parameters: { gate } })));
  await Promise.all(held.map((run) => api.said(run.id, 1)));
  const waiting = await api.submit("load");
  await disk.fill();

  const problem = await api.refused("POST", "/api/v1/pipelines/load/runs", {});
  expect(problem).toMatchObject({ code: "storage-unavailable", status: 503 });
  expect(problem.detail).toContain("disk is full");
  expect(problem.cure).toContain("Make room");
  const answer = await api.fetch("POST", "/api/v1/pipelines/load/runs", {});
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  const ready = await api.fetch("GET", "/readyz");
  expect(ready.status).toBe(503);
  // Reading goes on, and what runs ends; its results wait for room, and so does who waits for a place.
  writeFileSync(gate, "");
  await expect.poll(async () => (await api.run(waiting.id)).reason, { intervals: [100] }).toBe("disk-full");
  for (const run of held) expect((await api.run(run.id)).state).toBe("running");

  disk.free();
  for (const run of held) {
    expect((await api.ended(run.id)).state).toBe("succeeded");
    expect(await api.output(run.id)).toEqual(["begun", "ended"]);
    expect((await api.artifact(run.id, "kept.txt")).toString()).toBe("kept\n");
  }
  expect(await api.ended(waiting.id)).toMatchObject({ state: "succeeded", attempt: 1 });
  load.accepted.add(waiting.id);
  load.start(api);
  await load.progress(5);
  await load.stop();
  expect(load.refused).toEqual([]);
  expect((await api.fetch("GET", "/readyz")).status).toBe(200);
});

test("a file system that the kernel has made read-only", onBoth, async ({ bed }) => {
  test.skip(process.getuid?.() !== 0, "mounting needs root");
  bed.shell("held", HELD);
  const load = new Load(bed);
  const disk = await bed.disk({ size: 96, on: "image" });
  const gate = join(bed.root, "gate");
  const options = { data: disk.data, seen: disk.seen(disk.data), within: disk.within, env: { RIGI_LIMITS__FREE_DISK: "none" } };
  const first = await bed.up(options);
  load.start(first.api);
  await load.progress(5);
  const held = await first.api.submit("held", { parameters: { gate } });
  await first.api.said(held.id, 1);
  await load.stop();
  // As after an error of the device: ext4 gives up its journal and takes no further write.
  await disk.run("mount", "-o", "remount,abort", disk.path);
  // With the database elsewhere, one that nobody has written to yet may be accepted: it is kept.
  const refusal = async (): Promise<string | undefined> => {
    const answer = await first.api.fetch("POST", "/api/v1/pipelines/load/runs", {});
    const said = (await answer.json()) as { id: string; code?: string };
    if (answer.status === 202) load.accepted.add(said.id);
    else expect(answer.status).toBe(503);
    return said.code;
  };
  const ended = [...load.accepted];
  await expect.poll(refusal, { intervals: [50] }).toBe("data-folder-read-only");
  expect((await first.api.fetch("GET", "/readyz")).status).toBe(503);
  for (const id of ended) expect((await first.api.run(id)).state).toBe("succeeded");
  writeFileSync(gate, "");
  await first.kill9();
  process.kill(first.supervisor, "SIGKILL");
  await expect.poll(() => processesOf(bed.root).filter((pid) => commandOf(pid).includes(disk.data)).length, { intervals: [50] }).toBe(0);

  // What an operator does: check the file system, and mount it again.
  await expect.poll(() => disk.run("umount", disk.path).then(() => "", String), { intervals: [50] }).toBe("");
  await disk.run("sh", "-c", 'e2fsck -fy "$1"; [ $? -le 1 ]', "sh", `${disk.path}.image`);
  await disk.run("mount", "-o", "loop,errors=remount-ro", `${disk.path}.image`, disk.path);
  const second = await bed.up(options);
  const done = await second.api.ended(held.id);
  expect(done).toMatchObject({ state: "succeeded", attempt: 2 });
  await load.check(second.api, [held.id]);
});

/** Each fault with what a submission is told while it lasts. */
const WRITES = [
  { name: "EIO when the database is written", fault: "write EIO /rigi.db", codes: ["storage-unavailable"] },
  { name: "EIO when the database is synced", fault: "sync EIO /rigi.db", codes: ["outcome-unknown", "storage-unavailable"] },
  { name: "EROFS everywhere below the data folder", fault: "open,write,name EROFS /data/", codes: ["data-folder-read-only", "storage-unavailable"] },
  { name: "EIO when logs and outputs are stored", fault: "write,sync EIO /data/tmp/blob-", codes: [] },
] as const;

for (const { name, fault, codes } of WRITES) {
  test(name, async ({ bed }) => {
    bed.shell("held", HELD);
    const gate = join(bed.root, "gate");
    const load = new Load(bed);
    const faults = new Faults(bed.root);
    const server = await bed.up({ env: { ...faults.env, RIGI_LOG__LEVEL: "info" } });
    const { api } = server;
    load.start(api);
    await load.progress(5);
    const held = await api.submit("held", { parameters: { gate } });
    await api.said(held.id, 1);
    // What it says is heard before what it is is stored.
    await expect.poll(async () => (await api.run(held.id)).state, { intervals: [20] }).toBe("running");
    faults.set(fault);
    if (codes.length > 0) {
      const problems = await Promise.all([1, 2, 3].map(() => api.refused("POST", "/api/v1/pipelines/load/runs", {})));
      for (const { code } of problems) expect(codes).toContain(code);
      load.unknown += problems.filter(({ code }) => code === "outcome-unknown").length;
      expect((await api.run(held.id)).state).toBe("running");
    }
    writeFileSync(gate, "");
    if (codes.length === 0) {
      const waits = (): boolean => server.complaints.some((line) => line.includes("results wait") && line.includes(held.id));
      await expect.poll(waits, { intervals: [20] }).toBe(true);
    }
    faults.set();
    expect(await api.ended(held.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    await load.progress(5);
    await load.stop();
    await load.check(api, [held.id]);
  });
}
