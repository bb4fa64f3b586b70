/** Parameters and requests that are wrong: refused before anything is accepted, with the rule and its place. */
import type { Api, Problem } from "../support/api";
import { expect, onBoth, test } from "../support/test";

const SPEC = `parameters:
  start:
    type: integer
    default: 1990
    minimum: 1958
    maximum: 2001
  name: {type: string, pattern: "^[a-z]+$", default: abc}
  kind: {type: string, enum: [a, b], default: a}
  secret: {type: string, secret: true, default: ""}
command: ["sh", "-c", "cat $RIGI_PARAMS"]
`;

async function refused(api: Api, parameters: unknown): Promise<Problem> {
  return api.refused("POST", "/api/v1/pipelines/typed/runs", { parameters });
}

test("values that break the schema name the rule and where it stands", async ({ bed }) => {
  bed.pipeline("typed", { "pipeline.yaml": SPEC });
  const { api } = await bed.up();
  const over = await refused(api, { start: 2040 });
  expect(over).toMatchObject({ code: "parameter-invalid", status: 422 });
  expect(over.detail).toContain("`start` is 2040");
  expect(over.errors?.[0]).toMatchObject({ pointer: "/parameters/start", rule: "maximum", limit: 2001 });
  expect(over.errors?.[0]?.source).toMatch(/pipeline\.yaml:6:\d+/);
  for (const [wrong, pointer] of [
    [{ start: "x" }, "/parameters/start"],
    [{ start: 1.5 }, "/parameters/start"],
    [{ start: null }, "/parameters/start"],
    [{ name: "ABC" }, "/parameters/name"],
    [{ kind: "c" }, "/parameters/kind"],
    [{ unknown: 1 }, "/parameters"],
    [{ start: { a: [] } }, "/parameters/start"],
  ] as const) {
    const problem = await refused(api, wrong);
    expect(problem, JSON.stringify(wrong)).toMatchObject({ code: "parameter-invalid", status: 422 });
    expect(problem.errors?.[0]?.pointer, JSON.stringify(wrong)).toContain(pointer);
  }
  expect(await api.count()).toBe(0);

  const said = await bed.rigi(["run", "typed", "-p", "start=2040"]);
  expect(said.code).toBe(64);
  expect(said.err).toContain("-p start=2040");
  expect(said.err).toMatch(/pipeline\.yaml:6:\d+/);
  expect(said.err).toContain("parameter-invalid");
  expect(await api.count()).toBe(0);
});

test("10 MB of parameters, and more than a request may hold", onBoth, async ({ bed }) => {
  bed.pipeline("typed", { "pipeline.yaml": SPEC });
  bed.shell("free", "true");
  const { api } = await bed.up();
  const big = await api.refused("POST", "/api/v1/pipelines/free/runs", { parameters: { text: "x".repeat(10 << 20) } });
  expect([413, 422]).toContain(big.status);
  expect(["too-large", "parameter-invalid"]).toContain(big.code);
  const huge = await api.refused("POST", "/api/v1/pipelines/free/runs", { parameters: { text: "x".repeat(40 << 20) } });
  expect(huge).toMatchObject({ code: "too-large", status: 413 });
  expect(await api.count()).toBe(0);
});

test("NUL bytes are refused, in values, names, labels and variables", onBoth, async ({ bed }) => {
  bed.shell("free", "true");
  const { api } = await bed.up();
  for (const request of [
    { parameters: { text: "a\0b" } },
    { parameters: { "a\0b": 1 } },
    { parameters: { deep: { list: ["a\0b"] } } },
    { labels: { k: "a\0b" } },
    { labels: { "k\0": "v" } },
    { env: { A: "a\0b" } },
    { env: { "A\0": "b" } },
  ]) {
    const problem = await api.refused("POST", "/api/v1/pipelines/free/runs", request);
    expect(problem.status, JSON.stringify(request)).toBeGreaterThanOrEqual(400);
    expect(problem.status, JSON.stringify(request)).toBeLessThan(500);
  }
  expect(await api.count()).toBe(0);
});

test("requests that are none: bad JSON, unknown fields, wrong types, wrong methods", async ({ bed }) => {
  bed.shell("free", "true");
  const { api } = await bed.up();
  const path = "/api/v1/pipelines/free/runs";
  for (const [body, status] of [
    ["{", 400],
    ["[]", 400],
    ['{"paramters": {}}', 400],
    ['{"priority": "high"}', 400],
    ['{"priority": 1000}', 400],
    [`{"parameters": ${"[".repeat(5000)}${"]".repeat(5000)}}`, 400],
    [Buffer.from([0x7b, 0xff, 0xfe]), 400],
    ['{"labels": {"": "x"}}', 400],
    ['{"target": "moon"}', 422],
  ] as const) {
    const problem = await api.refused("POST", path, body);
    expect([status, 400, 422], String(body).slice(0, 80)).toContain(problem.status);
    expect(problem.request_id).toMatch(/^req_/);
  }
  expect((await api.refused("DELETE", path)).status).toBe(405);
  expect((await api.refused("GET", "/api/v1/nothing")).status).toBe(404);
  for (const query of ["limit=0", "limit=501", "limit=x", "cursor=x", "state=flying", "label=x", "since=yesterday"]) {
    expect(await api.refused("GET", `/api/v1/runs?${query}`), query).toMatchObject({ code: "request-invalid", status: 400 });
  }
  expect(await api.refused("GET", "/api/v1/runs/run_00000000000000000000000000")).toMatchObject({ code: "not-found", status: 404 });
  // A call for many is accepted whole or not at all.
  const bulk = { runs: [{ pipeline: "free", count: 5 }, { pipeline: "fre" }] };
  expect(await api.refused("POST", "/api/v1/runs", bulk)).toMatchObject({ code: "not-found" });
  expect(await api.refused("POST", "/api/v1/runs", { runs: [{ pipeline: "free", count: 100_001 }] })).toMatchObject({ status: 400 });
  expect(await api.count()).toBe(0);
});

test("inputs: unknown, missing, too many, no such upload", async ({ bed }) => {
  bed.pipeline("files", { "pipeline.json": { command: "cat $RIGI_INPUTS/one/*", inputs: { one: {}, more: { multiple: true, required: false } } } });
  const { api } = await bed.up();
  const upload = await api.upload("a.txt", "hello\n");
  const path = "/api/v1/pipelines/files/runs";
  for (const inputs of [{}, { two: [{ upload }] }, { one: [{ upload }, { upload }] }, { one: [{ upload: "upl_00000000000000000000000000" }] }, { one: [{ upload, name: "../../x" }] }]) {
    const problem = await api.refused("POST", path, { inputs });
    expect(problem.status, JSON.stringify(inputs)).toBeGreaterThanOrEqual(400);
    expect(problem.status, JSON.stringify(inputs)).toBeLessThan(500);
    expect(["input-invalid", "request-invalid", "not-found"]).toContain(problem.code);
  }
  expect(await api.count()).toBe(0);
  const run = await api.ended((await api.submit("files", { inputs: { one: [{ upload }] } })).id);
  expect(await api.output(run.id)).toEqual(["hello"]);
});

test("secret parameters are hidden everywhere but from the run", async ({ bed }) => {
  bed.pipeline("typed", { "pipeline.yaml": SPEC });
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("typed", { parameters: { secret: "xyzzy-plugh" } })).id);
  expect(run.parameters.secret).toBe("***");
  for (const path of [`/runs/${run.id}`, "/runs", `/runs/${run.id}/events`, `/runs/${run.id}/attempts`]) {
    expect(JSON.stringify(await api.get(path))).not.toContain("xyzzy-plugh");
  }
});
