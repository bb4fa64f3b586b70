/** A load that remembers every answer, and a check that every answer was true. */
import { expect } from "@playwright/test";

import type { Api, Problem, Run } from "./api";
import type { Bed } from "./bed";

/** Says who it is and then noise, which no compression makes small, and leaves the same noise as a file. */
const WORK = 'echo "$RIGI_RUN_ID"; od -An -v -tx1 -N 12000 /dev/urandom | tee "$RIGI_OUTPUTS/noise.txt"';

export class Load {
  /** Answered with 202. */
  readonly accepted = new Set<string>();
  /** Known to have succeeded, from the server's own answer. */
  readonly succeeded = new Set<string>();
  /** Refused, by code. */
  readonly refused: Problem[] = [];
  /** Without an answer, or with one that promises nothing. */
  unknown = 0;
  private going = false;
  private workers: Promise<void>[] = [];
  private pipelines = ["load"];

  constructor(bed: Bed) {
    bed.shell("load", WORK);
  }

  /** Further versions of the code, so that each has to be kept and put in place. */
  variants(bed: Bed, count: number): this {
    this.pipelines = Array.from({ length: count }, (_, n) => `load-${n}`);
    for (const [n, name] of this.pipelines.entries()) bed.pipeline(name, { "work.sh": `# ${n}\n${WORK}\n`, "pipeline.json": { command: ["sh", "work.sh"] } });
    return this;
  }

  /** One call with a run of every pipeline, and no wait for any. */
  async burst(api: Api): Promise<void> {
    const { ids } = await api.post<{ ids: string[] }>("/runs", { runs: this.pipelines.map((pipeline) => ({ pipeline })) });
    for (const id of ids) this.accepted.add(id);
  }

  /** Submits, so many requests at a time; each waits for its run every other time. */
  start(api: Api, width = 4): this {
    this.going = true;
    this.workers = Array.from({ length: width }, (_, n) => this.work(api, n));
    return this;
  }

  async stop(): Promise<void> {
    this.going = false;
    await Promise.all(this.workers);
  }

  private async work(api: Api, n: number): Promise<void> {
    for (let count = n; this.going; count += 1) {
      const pipeline = this.pipelines[count % this.pipelines.length]!;
      try {
        const response = await api.fetch("POST", `/api/v1/pipelines/${pipeline}/runs`, {});
        if (response.status === 202) {
          const { id } = (await response.json()) as Run;
          this.accepted.add(id);
          await this.see(api, id);
        } else {
          const problem = (await response.json()) as Problem;
          if (problem.code === "outcome-unknown") this.unknown += 1;
          else this.refused.push(problem);
          // As a client does that is asked to try again later, but sooner.
          await new Promise((done) => setTimeout(done, 50));
        }
      } catch {
        this.unknown += 1;
        await new Promise((done) => setTimeout(done, 50));
      }
    }
  }

  /** Follows the log to its end: that is when a run has ended, as a user sees it. */
  private async see(api: Api, id: string): Promise<void> {
    const log = await api.follow(id);
    try {
      for (;;) {
        const event = await log.next(60_000);
        if (!event) return;
        if (event.event === "end") {
          if ((event.data as { state: string }).state === "succeeded") this.succeeded.add(id);
          return;
        }
      }
    } finally {
      log.close();
    }
  }

  /** Every accepted run is there and ends once, with its whole log and its file; what had succeeded still has. `others` are
   * runs of the test's own. */
  async check(api: Api, others: string[] = []): Promise<void> {
    for (const id of this.succeeded) expect((await api.run(id)).state, `${id} had succeeded`).toBe("succeeded");
    await api.allEnded();
    const runs = new Map((await api.runs()).map((run) => [run.id, run]));
    expect([...this.accepted].filter((id) => !runs.has(id)), "accepted and lost").toEqual([]);
    for (const id of others) runs.delete(id);
    for (const [id, run] of runs) {
      expect(run, `${id} ${run.reason} ${run.message}`).toMatchObject({ state: "succeeded" });
      const events = (await api.get<{ items: { kind: string }[] }>(`/runs/${id}/events`)).items;
      expect(events.filter((event) => event.kind === "succeeded"), id).toHaveLength(1);
      const noise = (await api.artifact(id, "noise.txt")).toString();
      expect(noise.length).toBe(3 * 12_000 + 750);
      expect((await api.output(id)).join("\n"), id).toBe(`${id}\n${noise.trimEnd()}`);
    }
    // More than was accepted is there only where an answer was lost.
    expect(runs.size - this.accepted.size, "runs that nobody asked for").toBeLessThanOrEqual(this.unknown);
  }

  /** Waits until so many more runs are known to have succeeded. */
  async progress(count: number, ms = 30_000): Promise<void> {
    const wanted = this.succeeded.size + count;
    await expect.poll(() => this.succeeded.size, { timeout: ms, intervals: [20], message: `${wanted} runs have succeeded` }).toBeGreaterThanOrEqual(wanted);
  }
}
