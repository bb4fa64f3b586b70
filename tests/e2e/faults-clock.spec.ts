/** The clock is set by a day, ahead and back, under a running server. */
import { Faults } from "../support/preload";
import { expect, onBoth, test } from "../support/test";

const DAY = 24 * 3600;

interface Timed {
  duration_ms?: number;
  created_at: string;
  started_at: string;
  ended_at: string;
}

for (const [name, jump] of [["ahead", DAY], ["back", -DAY]] as const) {
  test(`the clock is set a day ${name}: limits, delays, durations and order stay as they are`, onBoth, async ({ bed }) => {
    bed.shell("long", "echo before; sleep 2; echo after");
    bed.shell("limited", "sleep 60", { timeout: "3s" });
    bed.shell("again", '[ "$RIGI_ATTEMPT" -ge 2 ]', { retries: { attempts: 1, strategy: "fixed", delay: "4s" } });
    bed.shell("noop", "true");
    const clock = new Faults(bed.root);
    const { api } = await bed.up({ env: { ...clock.env, RIGI_RETENTION__AGE: "1h" } });
    const before = await api.ended((await api.submit("noop")).id);
    const [long, limited, again] = await Promise.all([api.submit("long"), api.submit("limited"), api.submit("again")]);
    await api.said(long.id, 1);
    await api.until(limited.id, ["running"]);
    await api.until(again.id, ["retrying"]);
    clock.set(`clock ${jump}`);
    const begun = performance.now();
    const system = await api.get<{ now: string }>("/system");
    expect(Math.abs((Date.parse(system.now) - Date.now()) / 1000 - jump)).toBeLessThan(60);

    const after = await api.submit("noop");
    expect((await api.ended(long.id)).state).toBe("succeeded");
    expect((await api.ended(limited.id)).state).toBe("timed_out");
    expect((await api.ended(again.id)).state).toBe("succeeded");
    expect(performance.now() - begun).toBeLessThan(15_000);
    const took = async (id: string): Promise<number> => (await api.run(id) as unknown as Timed).duration_ms ?? -1;
    expect(await took(long.id)).toBeGreaterThan(1500);
    expect(await took(long.id)).toBeLessThan(10_000);
    expect(await took(limited.id)).toBeLessThan(10_000);
    // Newest first, whatever the clock says; and page by page the same.
    await api.ended(after.id);
    const order = (await api.runs()).map((run) => run.id);
    expect(order[0]).toBe(after.id);
    expect(order.at(-1)).toBe(before.id);
    const paged: string[] = [];
    for (let cursor = ""; ; ) {
      const page = await api.get<{ items: { id: string }[]; next_cursor?: string }>(`/runs?limit=2${cursor}`);
      paged.push(...page.items.map((run) => run.id));
      if (!page.next_cursor) break;
      cursor = `&cursor=${page.next_cursor}`;
    }
    expect(paged).toEqual(order);
    const lines = await api.lines(long.id);
    expect(lines.filter((line) => line.stream === "stdout").map((line) => line.text)).toEqual(["before", "after"]);
    // A clock that leaps ahead and comes back takes nothing away that is kept for an hour.
    await api.post("/system/gc");
    clock.set();
    await api.post("/system/gc");
    expect((await api.runs()).map((run) => run.id)).toEqual(order);
  });
}

test("a server that starts with the clock a day back goes on where it was", onBoth, async ({ bed }) => {
  bed.shell("again", '[ "$RIGI_ATTEMPT" -ge 2 ]', { retries: { attempts: 1, strategy: "fixed", delay: "4s" } });
  bed.shell("noop", "true");
  const clock = new Faults(bed.root);
  const first = await bed.up({ env: clock.env });
  const again = await first.api.submit("again");
  await first.api.until(again.id, ["retrying"]);
  await first.kill9();
  clock.set(`clock ${-DAY}`);
  const second = await bed.up({ env: clock.env });
  const after = await second.api.submit("noop");
  expect((await second.api.ended(again.id, 15_000)).state).toBe("succeeded");
  await second.api.ended(after.id);
  expect((await second.api.runs()).map((run) => run.id)).toEqual([after.id, again.id]);
});
