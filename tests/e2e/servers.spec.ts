/** Two servers of one PostgreSQL: one leads, one follows. Either answers and accepts; what is accepted runs once. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onPostgres, test, type Bed, type Server } from "../support/test";

/** A server that leads, and how to start one that follows it. */
async function pair(bed: Bed): Promise<{ leader: Server; lead: () => Promise<Server>; follow: () => Promise<Server> }> {
  const env = { RIGI_STORAGE__URL: bed.folder("files") };
  const lead = () => bed.up({ env });
  const leader = await lead();
  const data = bed.folder("beside");
  copyFileSync(join(bed.data, "secret.key"), join(data, "secret.key"));
  return { leader, lead, follow: () => bed.up({ data, env: { ...env, RIGI_SERVER__SEAT: "follower" } }) };
}

test("what one that follows accepts runs once, and is seen at both", onPostgres, async ({ bed }) => {
  bed.shell("good", 'echo "fine: $SECRET"; echo x >"$RIGI_OUTPUTS/out.txt"', {
    parameters: { SECRET: { type: "string", secret: true } },
  });
  bed.shell("holds", "echo begun; sleep 600");
  const { leader, follow } = await pair(bed);
  const follower = await follow();
  const events = await follower.api.events();
  const runs = await Promise.all(
    Array.from({ length: 20 }, (_, n) => (n % 2 ? leader : follower).api.submit("good", { parameters: { SECRET: `very-${n}` } })),
  );
  for (const run of runs) {
    const ended = await follower.api.ended(run.id);
    expect([ended.state, ended.attempt]).toEqual(["succeeded", 1]);
  }
  // Each is told at the one that follows, whichever server accepted it.
  const wanted = new Set(runs.map((run) => run.id));
  while (wanted.size > 0) {
    const event = await events.next();
    if (event?.event !== "run") continue;
    const { id, state } = event.data as { id: string; state: string };
    if (state === "succeeded") wanted.delete(id);
  }
  events.close();
  const [first] = runs;
  expect(await follower.api.output(first!.id)).toEqual(["fine: ***"]);
  expect((await follower.api.artifact(first!.id, "out.txt")).toString()).toBe("x\n");
  expect((await follower.api.runs()).length).toBe(20);

  // A key is used once, wherever it is said.
  const key = { "idempotency-key": "the same" };
  const ask = (server: Server) => server.api.post<{ id: string }>("/pipelines/good/runs", { parameters: { SECRET: "very-x" } }, key);
  const ids = await Promise.all([ask(leader), ask(follower), ask(leader), ask(follower)]);
  expect(new Set(ids.map((run) => run.id)).size).toBe(1);

  // Stopping reaches the processes of the other server; its log is there until it has ended, and here afterwards.
  const held = await follower.api.submit("holds");
  await leader.api.said(held.id, 1);
  const refused = await follower.api.refused("GET", `/api/v1/runs/${held.id}/log`);
  expect(refused.detail).toContain("the server that leads");
  await follower.api.post(`/runs/${held.id}/cancel`);
  expect((await follower.api.ended(held.id)).state).toBe("cancelled");
  expect((await follower.api.output(held.id))[0]).toBe("begun");
  const again = await follower.api.refused("POST", `/api/v1/runs/${first!.id}/cancel`);
  expect(again.code).toBe("state-conflict");
});

test("what is accepted and asked for while nobody leads is done by the next one that does", onPostgres, async ({ bed }) => {
  bed.shell("holds", "echo begun; sleep 600");
  bed.shell("good", "echo fine");
  const { leader, lead, follow } = await pair(bed);
  const follower = await follow();
  const held = await follower.api.submit("holds");
  await leader.api.said(held.id, 1);
  await leader.kill9();
  const waiting = await follower.api.submit("good");
  const stopped = await follower.api.submit("good");
  await follower.api.post(`/runs/${stopped.id}/cancel`);
  await follower.api.post(`/runs/${held.id}/cancel`);
  expect((await follower.api.run(waiting.id)).state).toBe("queued");
  await lead();
  expect((await follower.api.ended(waiting.id)).state).toBe("succeeded");
  expect((await follower.api.ended(stopped.id)).state).toBe("cancelled");
  expect((await follower.api.ended(held.id)).state).toBe("cancelled");
  // The one that follows may go and come at any time.
  await follower.kill9();
  const back = await follow();
  expect((await back.api.ended((await back.api.submit("good")).id)).state).toBe("succeeded");
});

test("a server that cannot follow says why", onPostgres, async ({ bed }) => {
  bed.shell("good", "true");
  const { leader } = await pair(bed);
  const env = { RIGI_SERVER__SEAT: "follower", RIGI_STORAGE__URL: bed.folder("files") };
  const start = (data: string, more: NodeJS.ProcessEnv = {}) =>
    bed.rigi(["up", bed.pipelines, "--port", "0", "--data", data], { env: { ...env, ...more }, ms: 20_000 });
  const keyless = await start(bed.folder("keyless"));
  expect(keyless.code, keyless.out).not.toBe(0);
  expect(keyless.err).toContain("secret.key");
  const other = bed.folder("other");
  const own = await bed.up({ data: other, env: { RIGI_DATABASE__URL: undefined } });
  await own.stop();
  const foreign = await start(other);
  expect(foreign.err).toContain("not that of the server that leads");
  const alone = await start(bed.folder("alone"), { RIGI_STORAGE__URL: undefined });
  expect(alone.err).toContain("storage.url");
  const sqlite = await start(bed.folder("sqlite"), { RIGI_DATABASE__URL: undefined });
  expect(sqlite.err).toContain("PostgreSQL");
  expect((await leader.api.ended((await leader.api.submit("good")).id)).state).toBe("succeeded");
});
