/** The five examples, exactly as they stand in the repository. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { examples } from "../support/places";
import { expect, test } from "../support/test";

const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
// The first run of a Python example builds its environment from the registry.
const BUILD = 600_000;

function sizeOf(png: Buffer): [number, number] {
  expect(png.subarray(0, 8)).toEqual(PNG);
  expect(png.subarray(-8, -4).toString("latin1")).toBe("IEND");
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
}

test.describe("examples", () => {
  test.setTimeout(BUILD + 60_000);

  test("co2-trend: a plot, a table, a summary, live progress", async ({ bed }) => {
    bed.copyPipelines(examples);
    bed.lendEnvironments();
    const { api } = await bed.up();
    const run = await api.submit("co2-trend", { parameters: { start: 1990, resamples: 10 } });
    const done = await api.ended(run.id, BUILD);
    expect(done.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");
    expect(done.parameters).toEqual({ start: 1990, end: 2001, degree: 2, resamples: 10 });
    const files = await api.artifacts(run.id);
    expect(files.map((file) => file.path).sort()).toEqual(["summary.json", "table.parquet", "trend.png"]);
    const [width, height] = sizeOf(await api.artifact(run.id, "trend.png"));
    expect(width).toBeGreaterThan(400);
    expect(height).toBeGreaterThan(300);
    const table = await api.artifact(run.id, "table.parquet");
    expect([table.subarray(0, 4).toString(), table.subarray(-4).toString()]).toEqual(["PAR1", "PAR1"]);
    const summary = JSON.parse((await api.artifact(run.id, "summary.json")).toString()) as Record<string, number | string>;
    expect(summary.first).toMatch(/^1990-01/);
    expect(summary.rise_ppm_per_year).toBeGreaterThan(1);
    expect(summary.rise_ppm_per_year).toBeLessThan(3);
    const lines = await api.output(run.id);
    expect(lines[0]).toMatch(/weeks read, \d+ missing$/);
    expect(lines.at(-1)).toBe("done: trend.png, table.parquet, summary.json");
    // The same environment is there for the next run.
    const second = await api.ended((await api.submit("co2-trend", { parameters: { start: 1995, resamples: 10 } })).id, BUILD);
    const environment = (second as unknown as { environment: { label: string; took_ms: number } }).environment;
    expect(second.state).toBe("succeeded");
    expect(environment.took_ms).toBeLessThan(500);
    expect(environment.label).toMatch(/^Python 3\.[\d.]+ with \d+ packages$/);
  });

  test("penguins: a notebook with a parameter", async ({ bed }) => {
    bed.copyPipelines(examples);
    bed.lendEnvironments();
    const { api } = await bed.up();
    const run = await api.submit("penguins", { parameters: { measure: "body_mass_g", island: "Dream" } });
    const done = await api.ended(run.id, BUILD);
    expect(done.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");
    const paths = (await api.artifacts(run.id)).map((file) => file.path);
    const notebook = paths.find((path) => path.endsWith(".ipynb"));
    expect(notebook, paths.join()).toBeTruthy();
    expect(paths.some((path) => path.endsWith(".html"))).toBe(true);
    expect(paths.some((path) => path.endsWith(".csv"))).toBe(true);
    const executed = JSON.parse((await api.artifact(run.id, notebook!)).toString()) as { cells: { source: string | string[]; execution_count?: number }[] };
    const text = executed.cells.map((cell) => [cell.source].flat().join("")).join("\n");
    expect(text).toContain("body_mass_g");
    expect(text).toContain("Dream");
    const picture = paths.find((path) => path.endsWith(".png"));
    sizeOf(await api.artifact(run.id, picture!));
  });

  test("word-count: a command on files that are given", async ({ bed }) => {
    bed.copyPipelines(examples);
    const { api } = await bed.up();
    const sample = join(bed.pipelines, "word-count/sample");
    const texts = ["a-tramp-abroad.txt", "excelsior.txt"];
    const args = texts.flatMap((name) => ["-i", `texts=${join(sample, name)}`]);
    const said = await bed.rigi(["run", "word-count", ...args, "-p", "top=5", "--wait", "--json"]);
    expect(said.code, said.err).toBe(0);
    const run = (await api.runs("&pipeline=word-count"))[0]!;
    expect(run.state).toBe("succeeded");
    const words = (await api.artifact(run.id, "counts/words.tsv")).toString().trim().split("\n");
    expect(words).toHaveLength(5);
    expect(words[0]).toMatch(/^\d+\tthe$/);
    const counted = (await api.artifact(run.id, "counts/files.tsv")).toString().trim().split("\n");
    expect(counted.map((line) => line.split("\t")[1]).sort()).toEqual(texts);
    // The inputs came whole.
    const full = await api.run(run.id);
    const inputs = (full as unknown as { inputs: { name: string; size: number }[] }).inputs;
    for (const name of texts) expect(inputs.find((input) => input.name === name)?.size).toBe(readFileSync(join(sample, name)).length);
  });

  test("flaky: fails twice, then succeeds, each attempt with its log", async ({ bed }) => {
    bed.copyPipelines(examples);
    const { api } = await bed.up();
    const run = await api.submit("flaky");
    const done = await api.ended(run.id, BUILD);
    expect(done).toMatchObject({ state: "succeeded", attempt: 3, exit_code: 0 });
    const attempts = await api.get<{ items: { number: number; state: string; exit_code: number; reason?: string }[] }>(`/runs/${run.id}/attempts`);
    const short = attempts.items.map(({ number, state, exit_code }) => ({ number, state, exit_code }));
    expect(short.sort((a, b) => a.number - b.number)).toEqual([
      { number: 1, state: "failed", exit_code: 1 },
      { number: 2, state: "failed", exit_code: 1 },
      { number: 3, state: "succeeded", exit_code: 0 },
    ]);
    for (const number of [1, 2, 3]) {
      expect((await api.output(run.id, `&attempt=${number}`))[0]).toBe(`attempt ${number}: asking …`);
    }
    const kinds = (await api.get<{ items: { kind: string }[] }>(`/runs/${run.id}/events`)).items.map((event) => event.kind);
    expect(kinds.filter((kind) => kind === "retrying")).toHaveLength(2);
    // Too many failures: it fails for good after the last attempt.
    const failed = await api.ended((await api.submit("flaky", { parameters: { failures: 9 } })).id, BUILD);
    expect(failed).toMatchObject({ state: "failed", attempt: 4, reason: "exit-code" });
  });

  test("fast-flow-report: a Fast-Flow folder, unchanged", async ({ bed }) => {
    bed.copyPipelines(examples);
    const { api } = await bed.up();
    const run = await api.submit("fast-flow-report");
    const done = await api.ended(run.id, BUILD);
    expect(done.state, JSON.stringify(await api.lines(run.id))).toBe("succeeded");
    const lines = await api.output(run.id);
    expect(lines[0]).toBe("Swiss mountains");
    expect(lines.at(-1)).toMatch(/^8 of \d+ mountains/);
    const pipeline = await api.get<{ spec: Record<string, unknown>; warnings: { message: string }[] }>("/pipelines/fast-flow-report");
    expect(pipeline.warnings).toEqual([]);
    expect(pipeline.spec).toMatchObject({ max_instances: 1, limits: { cpu: 1, memory: 256 * 1024 * 1024 } });
  });
});
