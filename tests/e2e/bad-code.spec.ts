/** Code that misbehaves: it ends in plain words, within its limits, and leaves no process behind. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { processesOf } from "../support/processes";
import type { Server } from "../support/test";
import { expect, onBoth, test } from "../support/test";

/** Processes of runs: not the server and not its supervisor. */
function leftOf(server: Server, root: string): number[] {
  const own = [server.pid, server.supervisor];
  return processesOf(root).filter((pid) => !own.includes(pid));
}

async function nothingIsLeft(server: Server, root: string): Promise<void> {
  await expect.poll(() => leftOf(server, root), { timeout: 15_000, message: "processes that are left" }).toEqual([]);
}

test("a gigabyte of output: the log is cut with a mark, and the run goes on", async ({ bed }) => {
  bed.shell("loud", "yes 'a line of forty bytes, all the time, yes' | head -c 1073741824; echo end >&2", { limits: { log_size: "4MiB" } });
  const server = await bed.up();
  const { api } = server;
  const run = await api.ended((await api.submit("loud")).id, 110_000);
  expect(run).toMatchObject({ state: "succeeded" });
  expect(run.log.cut_bytes).toBeGreaterThan(900_000_000);
  // The beginning and the newest lines are kept, with a mark between them.
  const marks = await api.get<{ lines: { text: string }[] }>(`/runs/${run.id}/log?stream=system&limit=5000`);
  expect(marks.lines.map((line) => line.text).join()).toMatch(/bytes cut: the log limit of 4 MiB is reached/);
  await nothingIsLeft(server, bed.root);
});

test("one line without an end, and bytes that are no text", onBoth, async ({ bed }) => {
  bed.shell("endless", "head -c 3000000 /dev/zero | tr '\\0' x; printf '\\nafter \\377\\376 \\0 bytes\\n'");
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("endless")).id);
  expect(run.state).toBe("succeeded");
  const lines = await api.lines(run.id);
  const long = lines.filter((line) => line.text.startsWith("xxx"));
  expect(long.map((line) => line.text.length).reduce((a, b) => a + b)).toBe(3_000_000);
  expect(Math.max(...long.map((line) => line.text.length))).toBeLessThanOrEqual(16 * 1024);
  expect(lines.at(-1)?.text).toContain("after");
  const raw = Buffer.from(await (await api.fetch("GET", `/api/v1/runs/${run.id}/log/raw`)).arrayBuffer());
  expect(raw.length).toBe(3_000_000 + 1 + "after xx x bytes\n".length);
  expect(raw.subarray(-17, -1).toString("latin1")).toBe("after \xff\xfe \0 bytes");
});

test("stdout closed early is no end", async ({ bed }) => {
  bed.shell("quiet", "echo before; exec >&- 2>&-; sleep 1; echo proof > $RIGI_OUTPUTS/proof.txt");
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("quiet")).id);
  expect(run.state).toBe("succeeded");
  expect(await api.output(run.id)).toEqual(["before"]);
  expect((await api.artifact(run.id, "proof.txt")).toString()).toBe("proof\n");
});

test("forks and exits: what it left behind ends with it", async ({ bed }) => {
  bed.shell("forks", "(setsid sleep 600 &) ; (trap '' TERM HUP; sleep 600) & nohup sleep 600 >/dev/null 2>&1 & echo gone");
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("forks")).id, 30_000);
  expect(run.state).toBe("succeeded");
  expect(await server.api.output(run.id)).toContain("gone");
  await nothingIsLeft(server, bed.root);
});

test("SIGTERM is ignored: SIGKILL follows after the grace period, for the whole tree", async ({ bed }) => {
  bed.shell("stubborn", "trap '' TERM; (trap '' TERM; setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done') & echo ready; while :; do sleep 1; done", { grace_period: "1s", retries: 3 });
  const server = await bed.up();
  const { api } = server;
  const run = await api.submit("stubborn");
  await api.said(run.id, 1);
  const asked = Date.now();
  await api.post(`/runs/${run.id}/cancel`);
  const done = await api.ended(run.id, 20_000);
  expect(done).toMatchObject({ state: "cancelled", attempt: 1 });
  const took = Date.now() - asked;
  expect(took).toBeGreaterThan(900);
  expect(took).toBeLessThan(8000);
  await nothingIsLeft(server, bed.root);
});

test("ten thousand processes: no more than the limit, and none afterwards", async ({ bed }) => {
  bed.shell("bomb", "i=0; while [ $i -lt 10000 ]; do sleep 300 & i=$((i+1)); done; wait", { limits: { processes: 50 }, timeout: "20s", grace_period: "1s" });
  bed.shell("good", "echo fine");
  const server = await bed.up();
  const { api } = server;
  const run = await api.submit("bomb");
  await api.until(run.id, ["running", "failed", "timed_out"]);
  // Others run beside it.
  expect((await api.ended((await api.submit("good")).id)).state).toBe("succeeded");
  let most = 0;
  await expect
    .poll(
      async () => {
        most = Math.max(most, leftOf(server, bed.root).length);
        return (await api.run(run.id)).ended_at !== undefined;
      },
      { timeout: 60_000 },
    )
    .toBe(true);
  expect(most).toBeLessThanOrEqual(60);
  expect(["failed", "timed_out"]).toContain((await api.run(run.id)).state);
  await nothingIsLeft(server, bed.root);
});

test("too much memory: killed, and named as such", async ({ bed }) => {
  bed.shell("greedy", "head -c 400000000 /dev/zero | tail -c 390000000", { limits: { memory: "64MiB" } });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("greedy")).id);
  expect(run).toMatchObject({ state: "failed", reason: "out-of-memory" });
  expect(run.message).toContain("64 MiB");
});

test("the time limit", async ({ bed }) => {
  bed.shell("slow", "echo begun; sleep 300", { timeout: "1s", grace_period: "1s" });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("slow")).id, 20_000);
  expect(run).toMatchObject({ state: "timed_out", reason: "timed-out" });
  expect(await server.api.output(run.id)).toEqual(["begun"]);
  await nothingIsLeft(server, bed.root);
});

test("a run writes in its own copy: the pipeline's folder stays as it is", async ({ bed }) => {
  const folder = bed.shell("writes", "echo changed >> pipeline.json; echo new > new.txt; rm -f data.txt; echo x > $TMPDIR/t; echo done");
  const before = readFileSync(join(folder, "pipeline.json"), "utf8");
  const { api } = await bed.up();
  for (let round = 0; round < 2; round += 1) {
    expect((await api.ended((await api.submit("writes")).id)).state).toBe("succeeded");
  }
  expect(readFileSync(join(folder, "pipeline.json"), "utf8")).toBe(before);
  expect(existsSync(join(folder, "new.txt"))).toBe(false);
});

test("outputs that lead out are not followed", async ({ bed }) => {
  bed.shell("leads-out", "ln -s /etc/passwd $RIGI_OUTPUTS/passwd; ln -s / $RIGI_OUTPUTS/root; mkfifo $RIGI_OUTPUTS/pipe; echo fine > $RIGI_OUTPUTS/fine.txt");
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("leads-out")).id, 30_000);
  expect((await api.artifacts(run.id)).map((file) => file.path)).toEqual(["fine.txt"]);
  for (const path of ["passwd", "root/etc/passwd", "../../token", "..%2f..%2ftoken", "%2e%2e/%2e%2e/token"]) {
    expect((await api.fetch("GET", `/api/v1/runs/${run.id}/artifacts/${path}`)).status, path).toBe(404);
  }
});

test("a program that is not there, one that is no program, and a signal", async ({ bed }) => {
  bed.pipeline("missing", { "pipeline.json": { command: ["no-such-program-anywhere"] } });
  bed.pipeline("text", { "pipeline.json": { command: ["./data.txt"] }, "data.txt": "no program\n" });
  bed.shell("signal", "kill -SEGV $$");
  const { api } = await bed.up();
  const missing = await api.ended((await api.submit("missing")).id);
  expect(missing).toMatchObject({ state: "failed", reason: "start-failed" });
  expect(missing.message).toContain("no-such-program-anywhere");
  expect(JSON.stringify(await api.lines(missing.id))).toContain("no-such-program-anywhere");
  expect(await api.ended((await api.submit("text")).id)).toMatchObject({ state: "failed", reason: "start-failed" });
  const signal = await api.ended((await api.submit("signal")).id);
  expect(signal).toMatchObject({ state: "failed", reason: "signal" });
  expect(signal.message).toContain("SIGSEGV");
});

test("a package and a Python version that do not exist: said in words, with their names, and not tried again", async ({ bed }) => {
  test.setTimeout(240_000);
  bed.pipeline("package", { "main.py": "print(1)\n", "requirements.txt": "rigi-there-is-no-such-package==99.0\n", "pipeline.json": { retries: 3 } });
  bed.pipeline("version", { "main.py": "print(1)\n", "pipeline.json": { python_version: "3.99", retries: 3 } });
  const { api } = await bed.up();
  const [first, second] = [await api.submit("package"), await api.submit("version")];
  const noPackage = await api.ended(first.id, 200_000);
  expect(noPackage).toMatchObject({ state: "failed", reason: "environment-failed", attempt: 1 });
  expect(noPackage.message).toContain("rigi-there-is-no-such-package");
  const noVersion = await api.ended(second.id, 200_000);
  expect(noVersion).toMatchObject({ state: "failed", reason: "environment-failed", attempt: 1 });
  expect(noVersion.message).toContain("3.99");
  expect(JSON.stringify(await api.lines(first.id))).toContain("rigi-there-is-no-such-package");
});

test("the server's own variables are not the run's", async ({ bed }) => {
  bed.shell("sees", "env");
  const { api } = await bed.up({ env: { SECRET_OF_THE_SERVER: "hidden", RIGI_LOG__LEVEL: "warn" } });
  const run = await api.ended((await api.submit("sees")).id);
  const said = (await api.output(run.id)).join("\n");
  expect(said).toContain(`RIGI_RUN_ID=${run.id}`);
  for (const name of ["SECRET_OF_THE_SERVER", "RIGI_LOG__LEVEL", "RIGI_DATABASE__URL", "RIGI_TOKEN"]) expect(said).not.toContain(name);
});
