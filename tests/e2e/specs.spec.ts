/** What specs say: told where they are shown, and kept to in runs. */
import { expect, onBoth, test } from "../support/test";

test("what a spec asks for in vain is told where it is shown and in its runs; a route is shown", async ({ bed }) => {
  bed.shell("idle", "echo large > $FASTFLOW_ROUTE_FILE", {
    schedule_cron: "0 3 * * *",
    retry_attempts: 2,
    max_instances: 1,
    mem_soft_limit: "400m",
    parameters: { token: { type: "string", secret: true, default: "hunter2" } },
  });
  bed.shell("plain", "true");
  const { api } = await bed.up();
  const listed = await bed.rigi(["pipelines", "list"]);
  expect(listed.err).not.toContain("warnings");
  const shown = await bed.rigi(["pipelines", "get", "idle"]);
  expect(shown.out).toMatch(/schedules +default \(0 3 \* \* \*\)/);
  expect(shown.out).toMatch(/retries +2, 1m apart/);
  expect(shown.out).toMatch(/limits .*1 at a time/);
  expect(JSON.stringify(await api.get("/pipelines/idle"))).not.toContain("hunter2");
  const run = await api.ended((await api.submit("idle")).id);
  expect(run).toMatchObject({ state: "succeeded", route: "large", parameters: { token: "***" } });
  expect((await bed.rigi(["runs", "get", run.id])).out).toMatch(/route +large/);
});

test("numbers of parameters pass every way unchanged, or are refused", onBoth, async ({ bed }) => {
  bed.shell("numbers", "cat $RIGI_PARAMS; echo; echo $n", {
    parameters: { n: { type: "integer" }, x: { type: "number", default: 0.1 } },
  });
  const { api } = await bed.up();
  const expected = ['{"x":0.1,"n":9007199254740993}', "9007199254740993"];
  const started = await bed.rigi(["run", "numbers", "-p", "n=9007199254740993", "--wait", "--json"]);
  expect(started.code, started.err).toBe(0);
  expect(started.out).toContain("9007199254740993");
  const [first] = await api.runs("&pipeline=numbers");
  const again = await bed.rigi(["runs", "rerun", first!.id, "--wait"]);
  expect(again.code, again.err).toBe(0);
  for (const run of await api.runs("&pipeline=numbers")) expect((await api.output(run.id)).map((line) => line.replace(": ", ":"))).toEqual(expected);
  for (const n of ["18446744073709551616", "0.12345678901234567890"]) {
    const refused = await bed.rigi(["run", "numbers", "-p", `n=${n}`]);
    expect(refused.code).toBe(64);
    expect(refused.err).toContain("has more digits than can be kept");
  }
});
