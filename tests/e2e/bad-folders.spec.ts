/** Folders with difficult names, links that leave, and code that is missing. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect, onlyOnce, test } from "../support/test";

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

for (const [what, name, says] of [
  ["`..` within", "a..b", /\.\./],
  ["an emoji", "rocket-🚀", /🚀/],
  ["255 bytes", "n".repeat(255), /at most 128/],
  ["an edge that is a space", "end ", /space/],
  ["a dash in front", "-rf", /begins with `-`/],
  ["a line end", "a\nb", /control/],
] as const) {
  test(`a name with ${what} is refused in words`, async ({ bed, database }) => {
    onlyOnce(database);
    bed.pipeline(name, SPEC);
    bed.shell("good", "echo fine");
    const said = await bed.rigi(["pipelines", "validate", bed.pipelines]);
    expect(said.code, said.out + said.err).toBe(65);
    expect(said.out + said.err).toMatch(says);
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

test("a path instead of a name leads nowhere", async ({ bed, database }) => {
  onlyOnce(database);
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
  test(`a link ${what} is refused`, async ({ bed, database }) => {
    onlyOnce(database);
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

test("a link within the folder is followed", async ({ bed }) => {
  const folder = bed.pipeline("linked", { "pipeline.json": { command: ["sh", "-c", "cat alias.txt"] }, "inner/real.txt": "content\n" });
  symlinkSync("inner/real.txt", join(folder, "alias.txt"));
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("linked")).id);
  expect(await api.output(run.id)).toEqual(["content"]);
});

test("a spec without code is told", async ({ bed, database }) => {
  onlyOnce(database);
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
