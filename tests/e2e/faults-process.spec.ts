/** Servers and supervisors without descriptors, without memory, and stopped for a while. */
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { Load } from "../support/load";
import { isAlive } from "../support/processes";
import { expect, onBoth, test } from "../support/test";

/** Seconds that a process stands still: a minute in the long form. */
const STILL = process.env.RIGI_TEST_FAULTS ? 60 : 2;

/** Milliseconds without descriptors. */
const SHORT = process.env.RIGI_TEST_FAULTS ? 30_000 : 1500;

function limit(pid: number, what: string): void {
  execFileSync("prlimit", ["--pid", String(pid), what]);
}

/** The limit on descriptors as it was, to be given back. */
function limitOf(pid: number, name: string): string {
  const found = new RegExp(`^${name}\\s+(\\S+)\\s+(\\S+)`, "m").exec(readFileSync(`/proc/${pid}/limits`, "utf8"));
  return `${found?.[1]}:${found?.[2]}`;
}

function memory(pid: number): number {
  return Number(/^VmSize:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) * 1024;
}

for (const who of ["server", "supervisor"] as const) {
  test(`the ${who} has no descriptor left`, who === "server" ? onBoth : {}, async ({ bed }) => {
    bed.shell("held", 'echo begun; while [ ! -e "$gate" ]; do sleep 0.05; done; echo ended');
    bed.shell("changed", "echo before");
    const gate = join(bed.root, "gate");
    const load = new Load(bed);
    const server = await bed.up();
    const { api } = server;
    const pid = who === "server" ? server.pid : server.supervisor;
    load.start(api, 2);
    await load.progress(5);
    const held = await api.submit("held", { parameters: { gate } });
    await api.said(held.id, 1);
    const before = limitOf(pid, "Max open files");
    // Below what is open already: not a single one more.
    limit(pid, `--nofile=10:${before.split(":")[1]}`);
    bed.shell("changed", "echo after");
    const asking = Array.from({ length: 8 }, () => api.fetch("POST", "/api/v1/pipelines/load/runs", {}).catch(() => undefined));
    // So long it lasts.
    await new Promise((done) => setTimeout(done, SHORT));
    limit(pid, `--nofile=${before}`);
    // A caller waited to be let in or is told; what was accepted waited for its turn.
    for (const answer of await Promise.all(asking)) {
      if (!answer) continue;
      expect([202, 503]).toContain(answer.status);
      if (answer.status === 202) load.accepted.add(((await answer.json()) as { id: string }).id);
    }
    writeFileSync(gate, "");
    expect(await api.ended(held.id)).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(await api.output(held.id)).toEqual(["begun", "ended"]);
    await load.progress(5);
    await load.stop();
    // What changed meanwhile is read when it can be.
    const others = [held.id];
    const says = async (): Promise<string> => {
      const run = await api.ended((await api.submit("changed")).id);
      others.push(run.id);
      return (await api.output(run.id)).join();
    };
    await expect.poll(says, { intervals: [500] }).toBe("after");
    await load.check(api, others);
  });

  test(`the ${who} stands still for a while`, who === "server" ? onBoth : {}, async ({ bed }) => {
    test.setTimeout(120_000 + 2000 * STILL);
    bed.shell("talk", 'i=0; while [ ! -e "$gate" ]; do i=$((i+1)); echo "line $i"; sleep 0.01; done; echo "$i lines"');
    const gate = join(bed.root, "gate");
    const load = new Load(bed);
    const server = await bed.up();
    const { api } = server;
    const pid = who === "server" ? server.pid : server.supervisor;
    load.start(api);
    await load.progress(5);
    const talk = await api.submit("talk", { parameters: { gate } });
    await api.said(talk.id, 10);
    const held = memory(server.supervisor);
    process.kill(pid, "SIGSTOP");
    const waiting = api.fetch("GET", "/livez");
    await new Promise((done) => setTimeout(done, STILL * 1000));
    process.kill(pid, "SIGCONT");
    expect((await waiting).status).toBe(200);
    writeFileSync(gate, "");
    const done = await api.ended(talk.id);
    expect(done).toMatchObject({ state: "succeeded", attempt: 1 });
    const lines = await api.output(talk.id);
    const count = Number(/^(\d+) lines$/.exec(lines.at(-1) ?? "")?.[1]);
    expect(lines).toEqual([...Array.from({ length: count }, (_, n) => `line ${n + 1}`), `${count} lines`]);
    await load.progress(5);
    await load.stop();
    await load.check(api, [talk.id]);
    // What is kept for a server that does not listen has a bound.
    expect(memory(server.supervisor) - held).toBeLessThan(32 * 2 ** 20);
  });

  test(`the ${who} gets no more memory`, who === "server" ? onBoth : {}, async ({ bed }) => {
    bed.shell("held", 'echo begun; while [ ! -e "$gate" ]; do sleep 0.05; done; echo ended');
    const gate = join(bed.root, "gate");
    const load = new Load(bed);
    const server = await bed.up();
    const pid = who === "server" ? server.pid : server.supervisor;
    load.start(server.api);
    await load.progress(5);
    const held = await server.api.submit("held", { parameters: { gate } });
    await server.api.said(held.id, 1);
    limit(pid, `--as=${memory(pid)}:unlimited`);
    // It may serve on with what it has, or end; either way nothing is lost.
    const many = { runs: [{ pipeline: "load", count: 50, labels: { large: "x".repeat(10_000) } }] };
    const asked = await server.api.fetch("POST", "/api/v1/runs", many).catch(() => undefined);
    if (asked?.status === 202) for (const id of ((await asked.json()) as { ids: string[] }).ids) load.accepted.add(id);
    // It may have ended: then another one is there.
    if (who === "supervisor" && isAlive(pid)) limit(pid, "--as=unlimited:unlimited");
    await load.stop();
    if (who === "server") await server.kill9();
    const next = who === "server" ? await bed.up() : server;
    writeFileSync(gate, "");
    expect((await next.api.ended(held.id)).state).toBe("succeeded");
    load.start(next.api);
    await load.progress(5);
    await load.stop();
    load.unknown += many.runs[0]!.count;
    await load.check(next.api, [held.id]);
  });
}
