/** Many who follow at once: each hears everything once, in order, whoever comes, goes, or does not read. */
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

import type { Api, Line, Run } from "../support/api";
import { residentMemory } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

/** What one was told of a log: `attempt/line` and the text, and where the next attempt began. */
async function follow(api: Api, run: string, restless: () => number): Promise<string[]> {
  const told: string[] = [];
  let attempt = 1;
  let last = "1.0";
  for (;;) {
    const events = await api.follow(run, "", { "last-event-id": last });
    for (let left = restless(); left > 0; left -= 1) {
      const event = await events.next();
      if (!event) break;
      last = event.id ?? last;
      if (event.event === "lines") told.push(...(event.data as Line[]).map((line) => `${attempt}/${line.n} ${line.text}`));
      if (event.event === "attempt") ({ attempt } = event.data as { attempt: number });
      if (event.event === "end") {
        events.close();
        return told;
      }
    }
    events.close();
  }
}

test("followers that come at any time hear each line of every attempt once, in order", onBoth, async ({ bed }) => {
  test.setTimeout(120_000);
  // Single lines, bursts, and an end right behind the last line; then the same again as attempts 2 and 3. The first goes on
  // until enough have come, however slow the machine.
  const gate = join(bed.root, "gate");
  const script = 'i=0; while [ $i -lt 150 ] || { [ $RIGI_ATTEMPT = 1 ] && [ ! -e "$GATE" ]; }; do i=$((i+1)); echo "line $i"; if [ $((i % 50)) = 0 ]; then seq 1 3000; else sleep 0.01; fi; done; echo over; [ $RIGI_ATTEMPT -ge 3 ]';
  bed.shell("talks", script, { retries: { attempts: 3, delay: "100ms", strategy: "fixed" }, env: { GATE: gate } });
  const { api } = await bed.up();
  const run = await api.submit("talks");
  // Followers of the first attempt, who go along; they come while it prints, and most leave and come back.
  const events = await api.events(`?run=${run.id}`);
  const all: Promise<string[]>[] = [];
  const first = await api.follow(run.id);
  for (let count = 0; count < 30; count += 1) {
    await first.next();
    all.push(follow(api, run.id, () => (count % 3 === 0 ? Infinity : 1 + ((count * 7) % 23))));
  }
  first.close();
  expect((await api.run(run.id)).attempt).toBe(1);
  writeFileSync(gate, "");
  const ended = await api.ended(run.id);
  events.close();
  expect(ended.state).toBe("succeeded");
  const wanted: string[] = [];
  for (const attempt of [1, 2, 3]) {
    const lines = await api.lines(run.id, `&attempt=${attempt}`);
    if (attempt > 1) expect(lines).toHaveLength(150 + 9000 + 1);
    wanted.push(...lines.map((line) => `${attempt}/${line.n} ${line.text}`));
  }
  expect(wanted.length).toBeGreaterThanOrEqual(3 * (150 + 9000 + 1));
  for (const told of await Promise.all(all)) expect(told).toEqual(wanted);
});

test("a follower goes on behind its last line after the server was replaced", onBoth, async ({ bed }) => {
  bed.shell("talks", 'i=0; while [ $i -lt 400 ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done');
  const server = await bed.up();
  const run = await server.api.submit("talks");
  const one = await server.api.follow(run.id);
  const lines: Line[] = [];
  let last: string | undefined;
  while (lines.length < 50) {
    const event = await one.next();
    if (event?.event === "lines") lines.push(...(event.data as Line[]));
    last = event?.id ?? last;
  }
  await server.kill9();
  const { api } = await bed.up();
  const again = await api.follow(run.id, "", { "last-event-id": last! });
  for (;;) {
    const event = await again.next();
    if (event?.event === "lines") lines.push(...(event.data as Line[]));
    if (event === undefined || event.event === "end") break;
  }
  expect(lines.map((line) => line.text)).toEqual(Array.from({ length: 400 }, (_, index) => `line ${index + 1}`));
});

test("who asks for one run hears of no other", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  bed.shell("waits", "sleep 1; true");
  const { api } = await bed.up();
  const run = await api.submit("waits");
  const events = await api.events(`?run=${run.id}`);
  const others = await Promise.all(Array.from({ length: 20 }, () => api.submit("noop")));
  for (const other of others) await api.ended(other.id);
  const told = new Set<string>();
  let state = "";
  while (state !== "succeeded") {
    const event = await events.next();
    expect(event).toBeTruthy();
    if (event!.event === "run") {
      told.add((event!.data as Run).id);
      ({ state } = event!.data as Run);
    }
  }
  events.close();
  expect([...told]).toEqual([run.id]);
});

test("followers that do not read cost the server no memory, and no others' lines", async ({ bed }) => {
  test.setTimeout(120_000);
  bed.shell("floods", "seq -f 'a line of some length, as programs print them when they talk much: %.0f' 1 400000", { limits: { log_size: "1GiB" } });
  const server = await bed.up();
  const { api } = server;
  const warm = await api.ended((await api.submit("floods")).id);
  expect(warm.log.lines).toBe(400_000);
  const before = residentMemory(server.pid);
  const run = await api.submit("floods");
  const { hostname, port } = new URL(api.url);
  const stuck = Array.from({ length: 100 }, () => {
    const socket = connect(Number(port), hostname);
    socket.pause();
    socket.write(`GET /api/v1/runs/${run.id}/log/stream?from=1 HTTP/1.1\r\nhost: ${hostname}:${port}\r\nauthorization: Bearer ${api.token}\r\n\r\n`);
    return socket;
  });
  const events = await api.follow(run.id);
  let next = 1;
  for (;;) {
    const event = await events.next();
    expect(event).toBeTruthy();
    if (event!.event === "end") break;
    if (event!.event !== "lines") continue;
    for (const line of event!.data as Line[]) {
      if (line.n !== next) expect(line.n).toBe(next);
      next += 1;
    }
  }
  expect(next).toBe(400_001);
  const grown = residentMemory(server.pid) - before;
  for (const socket of stuck) socket.destroy();
  // Each has what was on its way to it; what comes later stays in the log.
  expect(grown / 2 ** 20).toBeLessThan(100);
});
