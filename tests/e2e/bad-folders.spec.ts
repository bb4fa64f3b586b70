/** Folders with difficult names, links that leave, and code that is missing. */
import { execFileSync } from "node:child_process";
import { mkdirSync, renameSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, test } from "../support/test";

const SPEC = { "pipeline.json": { command: ["sh", "-c", "echo in $RIGI_PIPELINE"] } };

test("a name with spaces is a name", async ({ bed }) => {
  bed.pipeline("monthly report", SPEC);
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("monthly report")).id);
  expect(run).toMatchObject({ state: "succeeded", pipeline: "monthly report" });
  expect(await api.output(run.id)).toEqual(["in monthly report"]);
  const said = await bed.rigi(["run", "monthly report", "--wait"]);
  expect(said.code, said.err).toBe(0);
});

test("a name with letters of other scripts is a name", async ({ bed }) => {
  bed.pipeline("Überblick-数据", SPEC);
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("Überblick-数据")).id);
  expect(await api.output(run.id)).toEqual(["in Überblick-数据"]);
});

for (const name of ["My Pipeline (v2)", "a+b", "100% R&D #1?", "it's \"so\": [x];*|<y>", "n".repeat(255), "हिन्दी"]) {
  test(`a folder of Fast-Flow may be called ${name.slice(0, 20)}`, async ({ bed }) => {
    bed.pipeline(name, SPEC);
    const { api } = await bed.up();
    const run = await api.ended((await api.submit(name)).id);
    expect(run).toMatchObject({ state: "succeeded", pipeline: name });
    expect(await api.output(run.id)).toEqual([`in ${name}`]);
    const said = await bed.rigi(["run", name, "--wait"]);
    expect(said.code, said.err).toBe(0);
    const list = await bed.rigi(["runs", "list", "--pipeline", name, "-q"]);
    expect(list.out.trim().split("\n")).toHaveLength(2);
  });
}

for (const [what, name, says] of [
  ["`..` within", "a..b", /\.\./],
  ["an emoji", "rocket-🚀", /🚀/],
  ["a sign that turns the direction", "a\u202eb", /U\+202E/],
  ["an edge that is a space", "end ", /space/],
  ["a dash in front", "-rf", /begins with `-`/],
  ["a line end", "a\nb", /control/],
] as const) {
  test(`a name with ${what} is refused in words`, async ({ bed }) => {
    bed.pipeline(name, SPEC);
    bed.shell("good", "echo fine");
    const said = await bed.rigi(["pipelines", "validate", bed.pipelines]);
    expect(said.code, said.out + said.err).toBe(65);
    expect(said.out + said.err).toMatch(says);
    // eslint-disable-next-line no-control-regex
    expect(said.out.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    const { api } = await bed.up();
    const list = await api.get<{ items: { name: string; runnable: boolean; mistakes: { message: string }[] }[] }>("/pipelines");
    const view = list.items.find((item) => item.name === name);
    expect(view?.runnable).toBe(false);
    expect(view?.mistakes[0]?.message).toMatch(says);
    const problem = await api.refused("POST", `/api/v1/pipelines/${encodeURIComponent(name)}/runs`, {});
    expect(problem.status).toBeGreaterThanOrEqual(400);
    expect(problem.status).toBeLessThan(500);
    expect(await api.count()).toBe(0);
    expect((await api.ended((await api.submit("good")).id)).state).toBe("succeeded");
  });
}

test("a path instead of a name leads nowhere", async ({ bed }) => {
  bed.shell("good", "true");
  const { api } = await bed.up();
  for (const name of ["..", "%2e%2e", "..%2f..%2fetc", "%2e%2e%2fgood", "good%00", "a".repeat(5000)]) {
    const problem = await api.refused("POST", `/api/v1/pipelines/${name}/runs`, {});
    expect([400, 404, 405, 414], `${name}: ${problem.detail}`).toContain(problem.status);
  }
  expect(await api.count()).toBe(0);
});

for (const [what, make] of [
  ["to a file outside", (folder: string, outside: string) => symlinkSync(join(outside, "secret.txt"), join(folder, "data.txt"))],
  ["to a folder outside", (folder: string, outside: string) => symlinkSync(outside, join(folder, "data"))],
  ["with `..`", (folder: string) => symlinkSync("../../../../../../etc/passwd", join(folder, "data.txt"))],
  ["that is the code itself", (folder: string, outside: string) => symlinkSync(join(outside, "secret.txt"), join(folder, "main.py"))],
] as const) {
  test(`a link ${what} is refused`, async ({ bed }) => {
    const outside = bed.folder("outside");
    writeFileSync(join(outside, "secret.txt"), "secret");
    const folder = bed.pipeline("linked", SPEC);
    make(folder, outside);
    const { api } = await bed.up();
    const problem = await api.refused("POST", "/api/v1/pipelines/linked/runs", {});
    expect(problem).toMatchObject({ code: "pipeline-invalid", status: 422 });
    expect(JSON.stringify(problem)).toContain("leaves the folder");
    expect(await api.count()).toBe(0);
  });
}

test("what is on disk when a run is asked for is what runs", async ({ bed }) => {
  const folder = bed.pipeline("edited", { "pipeline.yaml": "command: sh lib/main.sh\n", "lib/main.sh": "echo first\n" });
  const { api } = await bed.up();
  const asked: [string, string][] = [];
  for (let edit = 100; edit < 120; edit++) {
    // The same size each time, and nothing in between: nobody has told the server of it.
    writeFileSync(join(folder, "lib/main.sh"), `echo ${edit}\n`);
    asked.push([(await api.submit("edited")).id, `${edit}`]);
  }
  writeFileSync(join(folder, "pipeline.yaml"), "command: sh lib/main.sh\nparameters: { n: { type: integer } }\n");
  expect((await api.refused("POST", "/api/v1/pipelines/edited/runs", { parameters: { n: "x" } })).code).toBe("parameter-invalid");
  bed.pipeline("made", { "pipeline.yaml": "command: echo made\n" });
  asked.push([(await api.submit("made")).id, "made"]);
  renameSync(join(bed.pipelines, "made"), join(bed.pipelines, "renamed"));
  expect((await api.refused("POST", "/api/v1/pipelines/made/runs", {})).code).toBe("not-found");
  asked.push([(await api.submit("renamed")).id, "made"]);
  for (const [run, says] of asked) {
    await api.ended(run);
    expect(await api.output(run)).toEqual([says]);
  }
});

test("what in a folder is no code or no spec is told where pipelines are listed", async ({ bed }) => {
  bed.shell("good", "echo fine");
  const fifo = bed.pipeline("fifo", { "main.py": "" });
  execFileSync("mkfifo", [join(fifo, "pipeline.yaml")]);
  mkdirSync(join(bed.pipelines, "folder", "pipeline.yaml"), { recursive: true });
  symlinkSync("/proc/kmsg", join(bed.pipeline("kmsg", { "main.py": "" }), "pipeline.yaml"));
  symlinkSync("/etc/passwd", join(bed.pipeline("foreign-file", { "main.py": "" }), "pipeline.yaml"));
  bed.pipeline("kubeflow", { "main.py": "", "pipeline.yaml": "apiVersion: v1\nkind: Workflow\nmetadata: {}\n" });
  writeFileSync(Buffer.concat([Buffer.from(`${bed.pipeline("odd-name", SPEC)}/`), Buffer.from([0x63, 0xe9])]), "x");
  truncateSync(join(bed.pipeline("large", { ...SPEC, "data.bin": "" }), "data.bin"), 2 ** 40);
  const says = {
    fifo: /named pipe/,
    folder: /is a folder/,
    kmsg: /leaves the folder/,
    "foreign-file": /leaves the folder/,
    kubeflow: /no spec of Rigi/,
    "odd-name": /not UTF-8/,
    large: /holds 1 TiB.*data\.bin/,
  };
  const validated = await bed.rigi(["validate", bed.pipelines], { ms: 10_000 });
  expect(validated.code).toBe(65);
  expect(validated.out).not.toContain("root:");
  const { api } = await bed.up();
  for (const [name, message] of Object.entries(says)) {
    const view = await api.get<{ runnable: boolean; mistakes: { message: string; cure: string }[] }>(`/pipelines/${name}`);
    expect(view.runnable, name).toBe(false);
    expect(view.mistakes[0]?.message).toMatch(message);
    const refused = await api.refused("POST", `/api/v1/pipelines/${name}/runs`, {});
    expect(refused).toMatchObject({ code: "pipeline-invalid", cure: view.mistakes[0]?.cure });
    expect(refused.cure, name).not.toContain("Mend the spec");
  }
  // Data that is called as its folder, a link to nothing and one to a folder keep nothing from running.
  const data = bed.pipeline("co2", { "main.sh": "cat shared/a\n", "pipeline.yml": "command: sh main.sh\n", "lib/a": "a\n", "co2.json": "[1]" });
  symlinkSync("user@host.4711", join(data, ".#main.sh"));
  symlinkSync("nothing", join(data, "gone"));
  symlinkSync("lib", join(data, "shared"));
  const run = await api.ended((await api.submit("co2")).id);
  expect(await api.output(run.id)).toEqual(["a"]);
  const view = await api.get<{ warnings: { message: string }[] }>("/pipelines/co2");
  expect(view.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining("`gone` is a link that leads to nothing")]);
  expect((await api.ended((await api.submit("good")).id)).state).toBe("succeeded");
});

test("limits of code can be raised", async ({ bed }) => {
  bed.pipeline("many", { ...SPEC, a: "1", b: "2", c: "3" });
  const few = await bed.rigi(["validate", bed.pipelines], { env: { RIGI_LIMITS__CODE_FILES: "3" } });
  expect(few.code).toBe(65);
  expect(few.out).toContain("holds 4 files, and may hold 3");
  expect(few.out).toContain("limits.code_files");
  expect((await bed.rigi(["validate", bed.pipelines], { env: { RIGI_LIMITS__CODE_FILES: "4" } })).code).toBe(0);
});

test("a link within the folder is followed", async ({ bed }) => {
  const folder = bed.pipeline("linked", { "pipeline.json": { command: ["sh", "-c", "cat alias.txt"] }, "inner/real.txt": "content\n" });
  symlinkSync("inner/real.txt", join(folder, "alias.txt"));
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("linked")).id);
  expect(await api.output(run.id)).toEqual(["content"]);
});

test("a spec without code is told", async ({ bed }) => {
  bed.pipeline("nothing", { "pipeline.yaml": "description: there is no main.py\n" });
  mkdirSync(join(bed.pipelines, "empty"));
  const { api } = await bed.up();
  const view = await api.get<{ mistakes: { message: string; cure?: string }[] }>("/pipelines/nothing");
  expect(JSON.stringify(view.mistakes)).toContain("main.py");
  expect(await api.refused("POST", "/api/v1/pipelines/nothing/runs", {})).toMatchObject({ code: "pipeline-invalid" });
  expect(await api.refused("POST", "/api/v1/pipelines/empty/runs", {})).toMatchObject({ code: "not-found", status: 404 });
  expect(await api.count()).toBe(0);
});

test("code that vanishes between two runs: the first is kept, the second is refused", async ({ bed }) => {
  const folder = bed.shell("here", "echo one");
  const { api } = await bed.up();
  const first = await api.ended((await api.submit("here")).id);
  const { rmSync } = await import("node:fs");
  rmSync(folder, { recursive: true });
  await api.watch(async () => ((await api.fetch("GET", "/api/v1/pipelines/here")).status === 404 ? true : undefined), "it is gone", 5000);
  expect(await api.refused("POST", "/api/v1/pipelines/here/runs", {})).toMatchObject({ code: "not-found" });
  // What ran can be read, and be run again from what was captured.
  expect(await api.output(first.id)).toEqual(["one"]);
  const again = await api.ended((await api.post<{ id: string }>(`/runs/${first.id}/retry`)).id);
  expect(again.state).toBe("succeeded");
  expect(await api.output(again.id)).toEqual(["one"]);
});
