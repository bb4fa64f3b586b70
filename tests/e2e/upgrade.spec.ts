/** A server is replaced while its runs are running: they never notice, and people hardly do. */
import { copyFileSync, mkdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { binary } from "../support/places";
import { isAlive } from "../support/processes";
import { expect, onBoth, test, type Bed } from "../support/test";

const RUNS = 100;
/** How long a client may find nobody. */
const MOST_DOWN_MS = 1000;
const ASK_EVERY_MS = 5;

/** Says its process id, then a line now and then, until the gate is there. */
function gated(bed: Bed): string {
  const gate = join(bed.root, "gate");
  bed.shell("talk", `echo $$; i=0; while [ ! -e ${gate} ]; do i=$((i+1)); echo "line $i"; sleep 0.7; done; echo last`);
  return gate;
}

/** Asks again and again, as an impatient page would, and keeps the longest time without an answer. */
class Client {
  private over = false;
  private last = performance.now();
  private longest = 0;
  private answers = 0;
  private readonly asked: Promise<void>;

  constructor(private readonly url: string) {
    this.asked = this.ask();
  }

  private async ask(): Promise<void> {
    while (!this.over) {
      const answer = await fetch(`${this.url}/readyz`).catch(() => undefined);
      await answer?.arrayBuffer().catch(() => undefined);
      if (answer?.ok) {
        if (this.answers > 0) this.longest = Math.max(this.longest, performance.now() - this.last);
        this.last = performance.now();
        this.answers += 1;
      }
      await new Promise((done) => setTimeout(done, ASK_EVERY_MS));
    }
  }

  /** Waits for some answers from now on. */
  async hears(): Promise<void> {
    const before = this.answers;
    await expect.poll(() => this.answers, { intervals: [ASK_EVERY_MS] }).toBeGreaterThan(before + 5);
  }

  /** The longest time without an answer, in milliseconds. */
  async leave(): Promise<number> {
    this.over = true;
    await this.asked;
    return this.longest;
  }
}

/** A place for the program that is not the old one's. */
function newBinary(bed: Bed): string {
  const program = join(bed.folder("new"), "rigi");
  copyFileSync(binary(), program);
  return program;
}

test("a server is replaced while 100 runs are running: same processes, whole logs, and hardly a gap", onBoth, async ({ bed }, info) => {
  const gate = gated(bed);
  const program = newBinary(bed);
  const old = await bed.up({ args: ["--runs", String(RUNS + 20)] });
  const { ids } = await old.api.post<{ ids: string[] }>("/runs", { runs: [{ pipeline: "talk", count: RUNS }] });
  for (const id of ids) await old.api.said(id, 2);
  const pids = await Promise.all(ids.map(async (id) => Number((await old.api.output(id))[0])));
  const supervisor = old.supervisor;
  const port = new URL(old.api.url).port;

  const client = new Client(old.api.url);
  await client.hears();
  expect((await bed.rigi(["down"])).code).toBe(0);
  const server = await bed.up({ args: ["--runs", String(RUNS + 20), "--port", port], program });
  await client.hears();
  const down = await client.leave();
  info.annotations.push({ type: "down", description: `${Math.round(down)} ms` });
  expect(down).toBeLessThan(MOST_DOWN_MS);

  expect(readlinkSync(`/proc/${server.pid}/exe`)).toBe(program);
  expect(server.supervisor).toBe(supervisor);
  expect(pids.filter(isAlive)).toHaveLength(RUNS);
  writeFileSync(gate, "");
  await server.api.allEnded();
  for (const [index, id] of ids.entries()) {
    expect(await server.api.run(id)).toMatchObject({ state: "succeeded", attempt: 1 });
    const said = await server.api.output(id);
    const lines = said.slice(1, -1).map((_, at) => `line ${at + 1}`);
    expect(said, id).toEqual([String(pids[index]), ...lines, "last"]);
  }
  expect(pids.filter(isAlive)).toEqual([]);
});

test("replaced again and again while runs come and go: each ends once", onBoth, async ({ bed }) => {
  bed.shell("short", "echo one; sleep 0.3; echo two");
  const program = newBinary(bed);
  const accepted: string[] = [];
  for (let round = 0; round < 6; round += 1) {
    const server = await bed.up(round % 2 ? { program } : {});
    const said = await server.api.post<{ ids: string[] }>("/runs", { runs: [{ pipeline: "short", count: 15 }] });
    accepted.push(...said.ids);
    expect((await bed.rigi(["down"])).code).toBe(0);
  }
  const { api } = await bed.up();
  await api.allEnded();
  const runs = await api.runs();
  expect(runs.map((run) => run.id).sort()).toEqual([...accepted].sort());
  for (const run of runs) {
    expect(run).toMatchObject({ state: "succeeded", attempt: 1 });
    expect(await api.output(run.id)).toEqual(["one", "two"]);
  }
});

/** A supervisor that speaks a protocol of its own, and says that something runs under it. */
async function foreignSupervisor(bed: Bed): Promise<() => Promise<void>> {
  const socket = join(bed.folder("data/supervisor"), "sock");
  const welcome = { Welcome: { protocol: 99, version: "40.1", known: [[{ run: "run_01JDBX4Q3N8ZK5V2M7WYTR7Q2A", number: 1 }, true]] } };
  const head = Buffer.from(JSON.stringify(welcome));
  const lengths = Buffer.alloc(8);
  lengths.writeUInt32LE(head.length);
  const server = createServer((client) => {
    client.on("error", () => undefined).once("data", () => client.write(Buffer.concat([lengths, head])));
  });
  await new Promise<void>((ready) => server.listen(socket, ready));
  return () => new Promise((done) => server.close(() => done()));
}

test("runs under a supervisor that this version does not understand: a clear refusal, and nothing is touched", async ({ bed }) => {
  bed.shell("good", "echo fine");
  mkdirSync(bed.data, { recursive: true });
  const leave = await foreignSupervisor(bed);
  const said = await bed.rigi(["up", bed.pipelines, "--port", "0"], { ms: 20_000 });
  await leave();
  expect(said.code, said.out + said.err).toBe(75);
  expect(said.err).toContain("supervisor-version");
  expect(said.err).toContain("Rigi 40.1");
  expect(said.err).toContain("rigi down --cancel");
  // When it is gone, this version starts.
  rmSync(join(bed.data, "supervisor/sock"), { force: true });
  const { api } = await bed.up();
  expect((await api.ended((await api.submit("good")).id)).state).toBe("succeeded");
});
