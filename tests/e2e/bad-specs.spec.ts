/** Specs with mistakes: each is told with its place, in the terminal and by the API, and nothing of it runs. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../support/test";

interface Case {
  name: string;
  file: string;
  content: string | Uint8Array;
  /** What is said of it, with its place. */
  says: RegExp;
}

const CASES: Case[] = [
  { name: "not UTF-8", file: "pipeline.yaml", content: Buffer.from([0x64, 0x3a, 0x20, 0xc3, 0x28]), says: /not UTF-8/ },
  { name: "UTF-16", file: "pipeline.json", content: Buffer.from("\ufeff{}", "utf16le"), says: /UTF-16/ },
  { name: "50 MB", file: "pipeline.yaml", content: Buffer.alloc(50_000_000, "# nothing\n"), says: /at most 1 MiB/ },
  { name: "deeply nested JSON", file: "pipeline.json", content: "[".repeat(100_000), says: /pipeline\.json:1:\d+/ },
  { name: "deeply nested YAML", file: "pipeline.yaml", content: "[".repeat(100_000), says: /pipeline\.yaml:1:\d+/ },
  { name: "a YAML bomb", file: "pipeline.yaml", content: bomb(), says: /pipeline\.yaml:\d+:\d+/ },
  { name: "a key twice in YAML", file: "pipeline.yaml", content: "timeout: 3s\ntimeout: 4s\n", says: /pipeline\.yaml:2:1\s+`timeout` stands here twice; the first is at 1:1/ },
  { name: "a key twice in JSON", file: "pipeline.json", content: '{"env": {"A": 3,\n "A": 4}}', says: /pipeline\.json:2:2\s+`A` stands here twice/ },
  { name: "a key twice in TOML", file: "pipeline.toml", content: 'timeout = "3s"\ntimeout = "4s"\n', says: /pipeline\.toml:2:1/ },
  { name: "an unknown field", file: "pipeline.yaml", content: "description: x\ntimout: 30s\n", says: /pipeline\.yaml:2:1\s+`timout`.*nearest is `timeout`/ },
  { name: "a wrong type", file: "pipeline.json", content: '{"priority": "ja"}', says: /pipeline\.json:1:14.*must be a whole number/ },
  { name: "a list for a spec", file: "pipeline.yaml", content: "- a\n", says: /pipeline\.yaml:1:1/ },
  { name: "an unknown unit of memory", file: "pipeline.yaml", content: "limits: {memory: 512x}\n", says: /pipeline\.yaml:1:18.*`512x`.*unit/ },
  { name: "negative memory", file: "pipeline.yaml", content: "limits: {memory: -5}\n", says: /pipeline\.yaml:1:18/ },
  { name: "cron of 7 fields", file: "pipeline.yaml", content: "schedules:\n  - id: s\n    cron: 0 0 6 * * * 2027\n", says: /pipeline\.yaml:3:11.*7 fields and must have 5/ },
  { name: "a day that never comes", file: "pipeline.yaml", content: "schedule: 0 0 30 2 *\n", says: /pipeline\.yaml:1:11.*never comes/ },
  { name: "a schema that is none", file: "pipeline.yaml", content: "parameters:\n  a: {type: intger}\n", says: /pipeline\.yaml:2:\d+/ },
  { name: "two specs", file: "pipeline.toml", content: "", says: /pipeline\.(toml|json)/ },
];

function bomb(): string {
  let text = "env: &a0 {k: v}\n";
  for (let level = 1; level < 30; level += 1) text += `x-${level}: &a${level} [${Array(10).fill(`*a${level - 1}`).join(", ")}]\n`;
  return text;
}

test.describe("specs with a mistake", () => {
  for (const bad of CASES) {
    test(bad.name, async ({ bed }) => {
      bed.pipeline("bad", { "main.py": "print('ran')\n", [bad.file]: bad.content });
      if (bad.name === "two specs") writeFileSync(join(bed.pipelines, "bad/pipeline.json"), "{}");
      bed.shell("good", "echo fine");

      const said = await bed.rigi(["pipelines", "validate", bed.pipelines], { ms: 10_000 });
      expect(said.code, said.out + said.err).toBe(65);
      expect(said.out + said.err).toMatch(bad.says);
      expect((said.out + said.err).length).toBeLessThan(20_000);

      const { api } = await bed.up();
      const view = await api.get<{ runnable: boolean; mistakes: { file: string; line: number; message: string }[] }>("/pipelines/bad");
      expect(view.runnable).toBe(false);
      expect(view.mistakes.length).toBeGreaterThan(0);
      const told = view.mistakes.map((m) => `${m.file}:${m.line}:0 ${m.message}`).join("\n");
      expect(told).toContain("bad");
      const problem = await api.refused("POST", "/api/v1/pipelines/bad/runs", {});
      expect(problem).toMatchObject({ code: "pipeline-invalid", status: 422 });
      expect(await api.count()).toBe(0);
      // Others are not touched by it.
      expect((await api.ended((await api.submit("good")).id)).state).toBe("succeeded");
    });
  }
});

test("memory may be written in every usual form", async ({ bed }) => {
  const forms = { "1.5g": 1_610_612_736, "512Mi": 536_870_912, "512m": 536_870_912, "512MiB": 536_870_912, "1GB": 1_073_741_824 };
  Object.keys(forms).forEach((form, index) => bed.pipeline(`m${index}`, { "pipeline.json": { command: "true", mem_hard_limit: form } }));
  const { api } = await bed.up();
  for (const [index, bytes] of Object.values(forms).entries()) {
    const view = await api.get<{ spec: { limits: { memory: number } } }>(`/pipelines/m${index}`);
    expect(view.spec.limits.memory).toBe(bytes);
  }
});

test("every mistake is told at once, with the exit code of a spec", async ({ bed }) => {
  bed.pipeline("bad", { "main.py": "", "pipeline.yaml": "timout: 30s\nlimits: {memry: 1g}\nretrys: 3\n" });
  const said = await bed.rigi(["validate", bed.pipelines]);
  expect(said.code).toBe(65);
  const all = said.out + said.err;
  for (const place of ["pipeline.yaml:1:1", "pipeline.yaml:2:10", "pipeline.yaml:3:1"]) expect(all).toContain(place);
});

test("a mistake that comes and goes is noticed at once", async ({ bed }) => {
  const folder = bed.shell("changing", "echo fine");
  const { api } = await bed.up();
  const runnable = (wanted: boolean) => async () => ((await api.get<{ runnable: boolean }>("/pipelines/changing")).runnable === wanted ? true : undefined);
  await api.watch(runnable(true), "runnable", 5000);
  const noticed = api.watch(runnable(false), "the mistake is noticed", 5000);
  writeFileSync(join(folder, "pipeline.json"), '{"command": "echo fine", "timout": 3}');
  await noticed;
  writeFileSync(join(folder, "pipeline.json"), '{"command": "echo better"}');
  await api.watch(runnable(true), "the correction is noticed", 5000);
  const run = await api.ended((await api.submit("changing")).id);
  expect(await api.output(run.id)).toEqual(["better"]);
});
