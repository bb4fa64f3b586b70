/** What is told while it happens: logs and changes, with resume. */
import type { Line, Run } from "../support/api";
import type { Events } from "../support/events";
import { expect, onBoth, test } from "../support/test";

const TALK = 'i=1; while [ $i -le $lines ]; do echo "line $i"; i=$((i+1)); sleep 0.05; done';

async function linesUntil(events: Events, enough: (lines: Line[]) => boolean): Promise<{ lines: Line[]; last: string | undefined; ended: boolean }> {
  const lines: Line[] = [];
  let last: string | undefined;
  for (;;) {
    const event = await events.next();
    if (!event) return { lines, last, ended: false };
    if (event.event === "lines") {
      lines.push(...(event.data as Line[]));
      last = event.id;
    }
    if (event.event === "end") return { lines, last, ended: true };
    if (enough(lines)) return { lines, last, ended: false };
  }
}

test("a log is followed live, every line once and in order, and resumed after a break", async ({ bed }) => {
  bed.shell("talk", TALK);
  const { api } = await bed.up();
  const run = await api.submit("talk", { parameters: { lines: 60 } });
  const first = await api.follow(run.id);
  const before = await linesUntil(first, (lines) => lines.length >= 10);
  first.close();
  expect((await api.run(run.id)).state).toBe("running");
  expect(before.last).toBeTruthy();
  const second = await api.follow(run.id, "", { "last-event-id": before.last! });
  const after = await linesUntil(second, () => false);
  expect(after.ended).toBe(true);
  const texts = [...before.lines, ...after.lines].map((line) => line.text);
  expect(texts).toEqual(Array.from({ length: 60 }, (_, index) => `line ${index + 1}`));
});

test("fifty followers of one log each see every line once, in order", async ({ bed }) => {
  bed.shell("talk", TALK);
  const { api } = await bed.up();
  const run = await api.submit("talk", { parameters: { lines: 40 } });
  const seen = await Promise.all(
    Array.from({ length: 50 }, async () => {
      const events = await api.follow(run.id);
      const { lines } = await linesUntil(events, () => false);
      events.close();
      return lines.map((line) => line.n);
    }),
  );
  const wanted = Array.from({ length: 40 }, (_, index) => index + 1);
  for (const numbers of seen) expect(numbers).toEqual(wanted);
});

test("a follower goes along from attempt to attempt", onBoth, async ({ bed }) => {
  bed.shell("again", 'echo "attempt $RIGI_ATTEMPT"; [ "$RIGI_ATTEMPT" -ge 3 ]', { retries: { attempts: 3, delay: "200ms", strategy: "fixed" } });
  const { api } = await bed.up();
  const run = await api.submit("again");
  const events = await api.follow(run.id);
  const told: string[] = [];
  for (;;) {
    const event = await events.next();
    if (!event) break;
    if (event.event === "attempt") told.push(`-> ${(event.data as { attempt: number }).attempt}`);
    if (event.event === "lines") told.push(...(event.data as Line[]).filter((line) => line.stream === "stdout").map((line) => line.text));
    if (event.event === "end") {
      told.push((event.data as { state: string }).state);
      break;
    }
  }
  expect(told).toEqual(["attempt 1", "-> 2", "attempt 2", "-> 3", "attempt 3", "succeeded"]);
});

test("changes are told, and told again to one who was away", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  const events = await api.events();
  const hello = await events.next();
  expect(hello?.event).toBe("hello");
  const run = await api.submit("noop");
  let end: Run | undefined;
  let last = hello?.id;
  while (end?.state !== "succeeded") {
    const event = await events.next();
    if (event?.id) last = event.id;
    if (event?.event === "run" && (event.data as Run).id === run.id) end = event.data as Run;
  }
  events.close();
  const missed = await Promise.all([1, 2, 3].map(() => api.submit("noop")));
  for (const one of missed) await api.ended(one.id);
  const back = await api.events("", { "last-event-id": last! });
  const told = new Map<string, string>();
  for (;;) {
    const event = await back.next();
    if (event?.event === "hello" || event === undefined) break;
    if (event.event === "run") told.set((event.data as Run).id, (event.data as Run).state);
  }
  back.close();
  expect([...told.keys()].sort()).toEqual(missed.map((one) => one.id).sort());
  expect(new Set(told.values())).toEqual(new Set(["succeeded"]));
});

test("one who was away too long is told to start afresh", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  const events = await api.events("", { "last-event-id": "999999999" });
  expect((await events.next())?.event).toBe("reset");
  events.close();
});

test("a log is paged from both ends, searched, and downloaded whole", async ({ bed }) => {
  bed.shell("counts", 'seq 1 12000 | sed "s/^/number /"; echo last >&2');
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("counts")).id);
  const lines = await api.lines(run.id);
  expect(lines).toHaveLength(12_001);
  expect(lines.map((line) => line.n)).toEqual(lines.map((_, index) => index + 1));
  const tail = await api.get<{ lines: Line[]; total: number; complete: boolean }>(`/runs/${run.id}/log?tail=3&stream=stdout`);
  expect(tail.lines.map((line) => line.text)).toEqual(["number 11998", "number 11999", "number 12000"]);
  expect(tail).toMatchObject({ total: 12_001, complete: true });
  const middle = await api.get<{ lines: Line[] }>(`/runs/${run.id}/log?from=5000&limit=2`);
  expect(middle.lines.map((line) => line.n)).toEqual([5000, 5001]);
  const found = await api.get<{ lines: Line[]; next?: number }>(`/runs/${run.id}/log/search?q=NUMBER%201199&limit=5`);
  expect(found.lines.map((line) => line.text)).toEqual(["number 1199", "number 11990", "number 11991", "number 11992", "number 11993"]);
  expect(found.next).toBeGreaterThan(0);
  const raw = await (await api.fetch("GET", `/api/v1/runs/${run.id}/log/raw`)).text();
  expect(raw.split("\n").filter((line) => line.startsWith("number"))).toHaveLength(12_000);
});

test("usage is sampled while a run runs", async ({ bed }) => {
  bed.shell("works", "end=$(($(date +%s) + 4)); while [ $(date +%s) -lt $end ]; do :; done");
  const { api } = await bed.up();
  const run = await api.submit("works");
  const events = await api.events(`?run=${run.id}`);
  let sample: { cpu: number; memory: number; processes: number } | undefined;
  for (let count = 0; count < 50 && !sample; count += 1) {
    const event = await events.next(10_000);
    if (event?.event === "usage") sample = (event.data as { sample: typeof sample }).sample;
  }
  events.close();
  const samples = await api.get<{ items: unknown[] }>(`/runs/${run.id}/usage`);
  expect(samples.items.length).toBeGreaterThan(0);
  expect(sample?.memory).toBeGreaterThan(100_000);
  const done = (await api.ended(run.id)) as Run & { usage: { cpu_ms: number; max_memory: number } };
  expect(done.usage.cpu_ms).toBeGreaterThan(200);
  expect(done.usage.max_memory).toBeGreaterThan(100_000);
});
