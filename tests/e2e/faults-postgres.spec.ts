/** PostgreSQL restarted, cut off and failed over under load: nothing that was acknowledged is lost, nothing is done by hand. */
import { join } from "node:path";

import { Postgres } from "../support/cluster";
import { Load } from "../support/load";
import { sql } from "../support/postgres";
import { commandOf, processesOf } from "../support/processes";
import { Proxy } from "../support/proxy";
import { expect, onPostgres, test, type Bed, type Server } from "../support/test";

test.describe.configure({ timeout: 180_000 });

/** A primary of the test's own behind a proxy, and a server on it under load. */
async function loaded(bed: Bed) {
  const primary = await Postgres.primary();
  bed.atEnd(() => primary.remove());
  const proxy = await Proxy.before(primary.url);
  bed.atEnd(() => proxy.close());
  bed.shell("held", 'echo begun; while [ ! -e "$gate" ]; do sleep 0.05; done; echo ended');
  const load = new Load(bed);
  const server = await bed.up({ env: { RIGI_DATABASE__URL: proxy.through(primary.url) } });
  load.start(server.api);
  await load.progress(10);
  return { primary, proxy, load, server };
}

/** After the fault: work goes on by itself, and every answer was true. */
async function recovers({ load, server }: { load: Load; server: Server }): Promise<void> {
  await load.progress(10, 60_000);
  await load.stop();
  for (const problem of load.refused) expect(problem).toMatchObject({ code: "storage-unavailable", status: 503 });
  await load.check(server.api);
}

for (const how of ["fast", "immediate"] as const) {
  test(`PostgreSQL is restarted under load (${how})`, onPostgres, async ({ bed }) => {
    const all = await loaded(bed);
    const gate = join(bed.root, "gate");
    const held = await all.server.api.submit("held", { parameters: { gate } });
    await all.server.api.said(held.id, 1);
    await all.primary.stop(how);
    // Meanwhile: refused with a code and a time to come back; what runs goes on.
    const answer = await all.server.api.fetch("POST", "/api/v1/pipelines/load/runs", {});
    expect(answer.status).toBe(503);
    expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
    expect((await all.server.api.fetch("GET", "/readyz")).status).toBe(503);
    bed.folder("gate");
    await expect.poll(() => processesOf(bed.root).some((pid) => commandOf(pid).join(" ").includes("echo begun")), { intervals: [50] }).toBe(false);
    await all.primary.start();
    expect((await all.server.api.ended(held.id)).state).toBe("succeeded");
    await all.load.progress(10, 60_000);
    await all.load.stop();
    await all.load.check(all.server.api, [held.id]);
    expect((await all.server.api.fetch("GET", "/readyz")).status).toBe(200);
  });
}

test("PostgreSQL is restarted while nobody asks for anything: nobody notices", onPostgres, async ({ bed }) => {
  const all = await loaded(bed);
  await all.load.stop();
  await all.primary.stop("fast");
  await all.primary.start();
  const run = await all.server.api.submit("load");
  expect((await all.server.api.ended(run.id)).state).toBe("succeeded");
});

test("the network to PostgreSQL is cut, again and again", onPostgres, async ({ bed }) => {
  const all = await loaded(bed);
  for (let count = 0; count < Number(process.env.RIGI_TEST_FAULTS ?? 1) * 5; count += 1) {
    all.proxy.cut();
    all.proxy.mend();
    await all.load.progress(3, 60_000);
  }
  await recovers(all);
});

test("PostgreSQL falls silent: callers are told, and dead connections are replaced", onPostgres, async ({ bed }) => {
  const all = await loaded(bed);
  all.proxy.stall();
  const begun = performance.now();
  const answers = await Promise.all([
    all.server.api.fetch("POST", "/api/v1/pipelines/load/runs", {}),
    all.server.api.fetch("GET", "/api/v1/runs"),
  ]);
  expect(answers.map((answer) => answer.status)).toEqual([503, 503]);
  expect(performance.now() - begun).toBeLessThan(20_000);
  all.proxy.mend();
  await recovers(all);
});

test("PostgreSQL fails over: the standby takes its place, with all that was acknowledged", onPostgres, async ({ bed }) => {
  const primary = await Postgres.primary();
  bed.atEnd(() => primary.remove());
  const standby = await Postgres.standby(primary);
  bed.atEnd(() => standby.remove());
  const proxy = await Proxy.before(primary.url);
  bed.atEnd(() => proxy.close());
  const load = new Load(bed);
  const server = await bed.up({ env: { RIGI_DATABASE__URL: proxy.through(primary.url) } });
  load.start(server.api);
  await load.progress(10);
  proxy.cut();
  await primary.stop("immediate");
  await standby.promote();
  await sql(standby.url, "ALTER SYSTEM SET synchronous_standby_names = ''");
  await sql(standby.url, "SELECT pg_reload_conf()");
  proxy.mend(standby.url);
  await recovers({ load, server });
  // The lock came along: it is held at the new primary, by this server alone.
  const holders = await sql(standby.url, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted");
  expect(holders).toBe("1");
});

test("a server whose database went to another one ends, and says so", onPostgres, async ({ bed }) => {
  const all = await loaded(bed);
  await all.load.stop();
  await all.load.check(all.server.api);
  all.proxy.cut();
  const other = await bed.up({ data: bed.folder("other"), env: { RIGI_DATABASE__URL: all.primary.url } });
  all.proxy.mend();
  const problem = await all.server.api.refused("POST", "/api/v1/pipelines/load/runs", {});
  expect(problem).toMatchObject({ status: 503 });
  expect(["outcome-unknown", "storage-unavailable"]).toContain(problem.code);
  expect(await all.server.ended()).not.toBe(0);
  expect(all.server.complaints.join("\n")).toContain("another server uses this PostgreSQL database");
  const run = await other.api.submit("load");
  expect((await other.api.ended(run.id)).state).toBe("succeeded");
  // When the other one has gone, it starts again.
  await other.stop();
  const next = await bed.up({ env: { RIGI_DATABASE__URL: all.primary.url } });
  expect((await next.api.ended((await next.api.submit("load")).id)).state).toBe("succeeded");
});
