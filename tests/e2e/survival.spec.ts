/** kill -9 is a normal event: for the server, and for the supervisor. */
import { isAlive, processesOf } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

/** Prints `lines` numbered lines, a few of them a second. */
const TALK = 'i=1; while [ $i -le $lines ]; do echo "line $i"; [ $((i % 4)) = 0 ] && echo "even $i" >&2; i=$((i+1)); sleep 0.1; done';

function wanted(lines: number): { out: string[]; err: string[] } {
  const numbers = Array.from({ length: lines }, (_, index) => index + 1);
  return { out: numbers.map((n) => `line ${n}`), err: numbers.filter((n) => n % 4 === 0).map((n) => `even ${n}`) };
}

test("the server is killed while ten runs are running: they go on and end with complete logs", onBoth, async ({ bed }) => {
  bed.shell("talk", TALK);
  bed.shell("fail", `${TALK}; exit 3`);
  const first = await bed.up({ args: ["--runs", "20"] });
  // Half of them end while there is no server.
  const lines = [60, 60, 60, 60, 60, 150, 150, 150, 150, 150];
  const runs = await Promise.all(lines.map((count, index) => first.api.submit(index % 5 === 4 ? "fail" : "talk", { parameters: { lines: count } })));
  await Promise.all(runs.map((run) => first.api.said(run.id, 3)));
  const supervisor = first.supervisor;
  await first.kill9();

  expect(isAlive(supervisor)).toBe(true);
  const alive = (): number => processesOf(bed.root).filter((pid) => pid !== supervisor).length;
  expect(alive()).toBeGreaterThanOrEqual(10);
  await expect.poll(() => alive() <= 2 * 5, { timeout: 30_000, message: "five end without the server" }).toBe(true);

  const second = await bed.up({ args: ["--runs", "20"] });
  expect(second.supervisor).toBe(supervisor);
  for (const [index, run] of runs.entries()) {
    const done = await second.api.ended(run.id);
    expect(done, run.id).toMatchObject(index % 5 === 4 ? { state: "failed", exit_code: 3, reason: "exit-code" } : { state: "succeeded", exit_code: 0 });
    expect(done.attempt).toBe(1);
    const said = await second.api.lines(run.id);
    const of = (stream: string): string[] => said.filter((line) => line.stream === stream).map((line) => line.text);
    expect({ out: of("stdout"), err: of("stderr") }).toEqual(wanted(lines[index]!));
    expect(said.map((line) => line.n)).toEqual(said.map((_, at) => at + 1));
    const ends = (await second.api.get<{ items: { kind: string }[] }>(`/runs/${run.id}/events`)).items;
    expect(ends.filter((event) => event.kind === done.state)).toHaveLength(1);
  }
});

test("the supervisor is killed: its attempts are lost, their processes end, and they run again", onBoth, async ({ bed }) => {
  bed.shell("talk", `echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 300; fi`);
  const server = await bed.up();
  const runs = await Promise.all([1, 2, 3].map(() => server.api.submit("talk")));
  await Promise.all(runs.map((run) => server.api.said(run.id, 1)));
  const before = processesOf(bed.root).filter((pid) => pid !== server.pid && pid !== server.supervisor);
  expect(before.length).toBeGreaterThanOrEqual(3);
  process.kill(server.supervisor, "SIGKILL");

  for (const run of runs) {
    const done = await server.api.ended(run.id, 90_000);
    expect(done, run.id).toMatchObject({ state: "succeeded", attempt: 2 });
    const attempts = (await server.api.get<{ items: { number: number; state: string; reason?: string }[] }>(`/runs/${run.id}/attempts`)).items;
    expect(attempts.find((attempt) => attempt.number === 1)).toMatchObject({ state: "lost", reason: "lost" });
    expect(await server.api.output(run.id, "&attempt=2")).toEqual(["attempt 2"]);
  }
  expect(before.filter(isAlive)).toEqual([]);
});

test("both are killed: what was running is lost and runs again after the restart, once", onBoth, async ({ bed }) => {
  bed.shell("talk", `echo "attempt $RIGI_ATTEMPT"; if [ $RIGI_ATTEMPT = 1 ]; then sleep 300; fi`);
  const first = await bed.up();
  const run = await first.api.submit("talk");
  await first.api.said(run.id, 1);
  const supervisor = first.supervisor;
  await first.kill9();
  process.kill(supervisor, "SIGKILL");
  const second = await bed.up();
  const done = await second.api.ended(run.id, 90_000);
  expect(done).toMatchObject({ state: "succeeded", attempt: 2 });
});

test("what waits and what is between attempts goes on after kill -9 of the server", onBoth, async ({ bed }) => {
  bed.shell("one", "sleep 1", { max_instances: 1 });
  bed.shell("again", '[ "$RIGI_ATTEMPT" -ge 2 ]', { retries: { attempts: 1, strategy: "fixed", delay: "3s" } });
  const first = await bed.up();
  const queued = await Promise.all([1, 2, 3].map(() => first.api.submit("one")));
  const again = await first.api.submit("again");
  await first.api.until(again.id, ["retrying"]);
  await first.kill9();
  const second = await bed.up();
  expect((await second.api.ended(again.id)).state).toBe("succeeded");
  for (const run of queued) expect((await second.api.ended(run.id)).state).toBe("succeeded");
  expect(await second.api.count()).toBe(4);
});

test("accepted runs are there after kill -9 at once after the answer", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const first = await bed.up();
  const accepted = await first.api.post<{ ids: string[] }>("/runs", { runs: [{ pipeline: "noop", count: 200 }] });
  await first.kill9();
  const second = await bed.up();
  await second.api.allEnded();
  const runs = await second.api.runs();
  expect(runs.map((run) => run.id).sort()).toEqual([...accepted.ids].sort());
  expect(new Set(runs.map((run) => run.state))).toEqual(new Set(["succeeded"]));
});
