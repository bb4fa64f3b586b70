/** The API beyond single runs: pages, filters, keys, tags, its own description. */
import SwaggerParser from "@apidevtools/swagger-parser";

import { createServer } from "node:net";
import type { AddressInfo } from "node:net";

import type { Page, Run } from "../support/api";
import { signIn } from "../support/page";
import { expect, onBoth, test } from "../support/test";

/** A port that was free a moment ago. */
async function freePort(): Promise<AddressInfo> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address() as AddressInfo;
  await new Promise((done) => server.close(done));
  return address;
}

test("the same idempotency key and request is one run; another request is a conflict", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const first = await bed.up();
  const key = { "idempotency-key": "order-66" };
  const runs = await Promise.all([1, 2, 3, 4, 5].map(() => first.api.submit("noop", { labels: { a: "b" } }, key)));
  expect(new Set(runs.map((run) => run.id)).size).toBe(1);
  const other = await first.api.refused("POST", "/api/v1/pipelines/noop/runs", { labels: { a: "c" } }, key);
  expect(other).toMatchObject({ code: "idempotency-conflict", status: 409 });
  await first.kill9();
  const second = await bed.up();
  expect((await second.api.submit("noop", { labels: { a: "b" } }, key)).id).toBe(runs[0]!.id);
  expect(await second.api.count()).toBe(1);
});

test("pages join without gap or double, whatever comes in between", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  const { ids } = await api.post<{ ids: string[] }>("/runs", { runs: [{ pipeline: "noop", count: 45 }] });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page: Page<Run> = await api.get(`/runs?limit=10${cursor ? `&cursor=${cursor}` : ""}`);
    seen.push(...page.items.map((run) => run.id));
    cursor = page.next_cursor;
    // New runs come before the first page and disturb no later one.
    await api.submit("noop");
  } while (cursor);
  expect(seen).toEqual([...ids].sort().reverse());
});

test("lists are filtered by state, pipeline, label, time and text", onBoth, async ({ bed }) => {
  bed.shell("alpha", "true", { labels: { team: "data" } });
  bed.shell("beta", "exit 1");
  const { api } = await bed.up();
  const a = await api.submit("alpha", { labels: { kind: "x" } });
  const b = await api.submit("alpha", { labels: { kind: "y" } });
  const c = await api.submit("beta", { labels: { kind: "x" } });
  for (const run of [a, b, c]) await api.ended(run.id);
  const ids = async (query: string): Promise<string[]> => (await api.runs(query)).map((run) => run.id).sort();
  expect(await ids("&label=kind=x")).toEqual([a.id, c.id].sort());
  expect(await ids("&label=kind=x,team=data")).toEqual([a.id]);
  expect(await ids("&label=kind=x&label=team=data")).toEqual([a.id]);
  expect(await ids("&pipeline=alpha")).toEqual([a.id, b.id].sort());
  expect(await ids("&state=failed")).toEqual([c.id]);
  expect(await ids("&state=failed,succeeded")).toEqual([a.id, b.id, c.id].sort());
  expect(await ids("&q=bet")).toEqual([c.id]);
  expect(await ids(`&q=${a.short}`)).toEqual([a.id]);
  expect(await ids(`&since=${encodeURIComponent((await api.run(b.id) as Run & { created_at: string }).created_at)}`)).toEqual([b.id, c.id].sort());
  // A tail of an id is enough where it is unique.
  expect((await api.run(a.short)).id).toBe(a.id);
});

test("artifacts carry their hash as a tag, and are not sent again", async ({ bed }) => {
  bed.shell("writes", "echo '<script>alert(1)</script>' > $RIGI_OUTPUTS/page.html; mkdir -p $RIGI_OUTPUTS/a/b; echo deep > '$RIGI_OUTPUTS'/x 2>/dev/null; echo deep > \"$RIGI_OUTPUTS/a/b/naïve name.txt\"");
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("writes")).id);
  const path = `/api/v1/runs/${run.id}/artifacts/page.html`;
  const first = await api.fetch("GET", path);
  const tag = first.headers.get("etag")!;
  expect(tag).toMatch(/^"[0-9a-f]{64}"$/);
  expect((await api.fetch("GET", path, undefined, { "if-none-match": tag })).status).toBe(304);
  // What a run wrote cannot act as the server.
  expect(first.headers.get("content-security-policy")).toContain("sandbox");
  expect(first.headers.get("x-content-type-options")).toBe("nosniff");
  const forced = await api.fetch("GET", `${path}?download=1`);
  expect(forced.headers.get("content-disposition")).toMatch(/^attachment/);
  const deep = await api.fetch("GET", `/api/v1/runs/${run.id}/artifacts/a/b/${encodeURIComponent("naïve name.txt")}`);
  expect(await deep.text()).toBe("deep\n");
  // Reads carry a tag as well.
  const view = await api.fetch("GET", `/api/v1/runs/${run.id}`);
  const viewTag = view.headers.get("etag");
  expect(viewTag).toBeTruthy();
  for (const known of [viewTag!, `W/${viewTag}`, `"x", ${viewTag}`, "*"]) {
    expect((await api.fetch("GET", `/api/v1/runs/${run.id}`, undefined, { "if-none-match": known })).status, known).toBe(304);
    const file = known === viewTag ? tag : known.replace(viewTag!, tag);
    expect((await api.fetch("GET", path, undefined, { "if-none-match": file })).status, file).toBe(304);
  }
});

test("a part of a file is answered alone, and only of the content that is known", async ({ bed }) => {
  bed.shell("writes", "head -c 3000000 /dev/zero | tr '\\0' x > $RIGI_OUTPUTS/big; printf 0123456789 > $RIGI_OUTPUTS/ten; : > $RIGI_OUTPUTS/none");
  const { api } = await bed.up();
  const run = await api.ended((await api.submit("writes")).id);
  const get = (file: string, headers: Record<string, string>): Promise<Response> => api.fetch("GET", `/api/v1/runs/${run.id}/artifacts/${file}`, undefined, headers);
  for (const [range, content, text] of [["bytes=2-4", "bytes 2-4/10", "234"], ["bytes=7-", "bytes 7-9/10", "789"], ["bytes=-2", "bytes 8-9/10", "89"], ["bytes=0-999", "bytes 0-9/10", "0123456789"]] as const) {
    const part = await get("ten", { range });
    expect([part.status, part.headers.get("content-range"), await part.text()], range).toEqual([206, content, text]);
  }
  for (const range of ["bytes=0-1,3-4", "pages=1-2"]) expect((await get("ten", { range })).status, range).toBe(200);
  const beyond = await get("ten", { range: "bytes=10-" });
  expect([beyond.status, beyond.headers.get("content-range"), beyond.headers.get("content-type")]).toEqual([416, "bytes */10", "application/problem+json"]);
  const tag = (await get("ten", {})).headers.get("etag")!;
  expect((await get("ten", { range: "bytes=2-4", "if-range": tag })).status).toBe(206);
  expect((await get("ten", { range: "bytes=2-4", "if-range": '"other"' })).status).toBe(200);
  const end = await get("big", { range: "bytes=2999990-" });
  expect([end.status, await end.text()]).toEqual([206, "xxxxxxxxxx"]);
  const middle = await get("big", { range: "bytes=100000-299999" });
  expect((await middle.text()).length).toBe(200_000);
  expect((await get("none", { range: "bytes=0-" })).status).toBe(416);
});

test("every refusal is a problem with the id of its request, which its answer has too", async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  const runs = "/api/v1/pipelines/noop/runs";
  const json = { "content-type": "application/json" };
  const asked: [number, string, string, BodyInit | undefined, Record<string, string>][] = [
    [404, "GET", "/api/v1/nothing", undefined, {}],
    [404, "GET", "/assets/nothing.js", undefined, {}],
    [405, "PATCH", "/api/v1/runs", undefined, {}],
    [405, "PATCH", "/docs", undefined, {}],
    [405, "DELETE", "/", undefined, {}],
    [405, "POST", "/livez", undefined, {}],
    [413, "POST", runs, JSON.stringify({ parameters: { x: "y".repeat(33 << 20) } }), json],
    [414, "GET", `/api/v1/runs?q=${"x".repeat(20_000)}`, undefined, {}],
    [415, "POST", runs, "{}", { "content-type": "text/plain" }],
    [431, "GET", "/api/v1/runs", undefined, { "x-long": "x".repeat(40_000) }],
    [400, "GET", "/api/v1/runs?limti=3", undefined, {}],
    [400, "POST", runs, '{"priority": "high"}', json],
  ];
  for (const [status, method, path, body, headers] of asked) {
    const answer = await fetch(`${api.url}${path}`, { method, headers: { ...api.headers, ...headers }, ...(body === undefined ? {} : { body }) });
    const what = `${method} ${path.slice(0, 60)}`;
    expect([answer.status, answer.headers.get("content-type")], what).toEqual([status, "application/problem+json"]);
    const problem = (await answer.json()) as { request_id: string; type: string; detail: string; errors?: { pointer: string }[] };
    expect(problem.request_id, what).toBe(answer.headers.get("x-request-id"));
    expect(problem.type, what).toMatch(/^docs\/reference\/errors\.md#[a-z-]+$/);
    expect(problem.detail, what).not.toMatch(/deserialize|at line|invalid type|expected (one|a )/);
  }
  expect(await api.refused("GET", "/api/v1/runs?limti=3")).toMatchObject({ detail: "the query has no `limti`; the nearest is `limit`" });
  expect(await api.refused("POST", runs, { priority: "high" })).toMatchObject({ errors: [{ pointer: "/priority" }] });
  expect((await api.fetch("GET", "/api/v1/runs")).headers.get("x-request-id")).toMatch(/^req_/);
});

test("the description is valid OpenAPI, complete, with examples, and is the one in the repository", async ({ bed }) => {
  const { api } = await bed.up();
  const text = await (await api.fetch("GET", "/api/v1/openapi.json")).text();
  const document = JSON.parse(text) as { openapi: string; paths: Record<string, Record<string, { responses: object; operationId?: string; summary?: string }>> };
  expect(document.openapi).toMatch(/^3\.1/);
  await SwaggerParser.validate(structuredClone(document) as never);
  const operations = Object.values(document.paths).flatMap((path) => Object.values(path).filter((operation) => operation.responses));
  expect(operations.length).toBeGreaterThan(20);
  const ids = operations.map((operation) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const operation of operations) expect(Object.keys(operation.responses).some((status) => status.startsWith("4") || status === "default"), operation.operationId).toBe(true);
  expect(text).toContain('"example"');
  const described = document as unknown as { servers: { url: string }[]; security: object[]; components: { securitySchemes: object } };
  expect(described.servers).toEqual([expect.objectContaining({ url: "/" })]);
  expect(described.security.flatMap((way) => Object.keys(way)).sort()).toEqual(Object.keys(described.components.securitySchemes).sort());
  const docs = await api.fetch("GET", "/docs");
  expect(docs.ok).toBe(true);
});

test("the page of the API shows every call, and tries one", async ({ bed, page }) => {
  bed.shell("noop", "true");
  const server = await bed.up();
  const complaints: string[] = [];
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await signIn(page, server);
  await page.goto(`${server.api.url}/docs`);
  const { paths } = (await (await server.api.fetch("GET", "/api/v1/openapi.json")).json()) as { paths: Record<string, object> };
  const count = Object.values(paths).flatMap((item) => Object.keys(item).filter((key) => /^(get|put|post|patch|delete)$/.test(key))).length;
  await expect(page.locator("section.call")).toHaveCount(count);
  await page.getByLabel("Find a call").fill("get /pipelines/{name}");
  const call = page.locator("section.call:visible").filter({ has: page.getByRole("heading", { name: "GET /api/v1/pipelines/{name}", exact: true }) });
  await call.getByText("Samples").click();
  await call.getByText("Try it").click();
  await call.getByLabel("name (needed)").fill("noop");
  await expect(call.getByLabel("As curl")).toContainText("/api/v1/pipelines/noop");
  await call.getByRole("button", { name: "Send" }).click();
  await expect(call.locator("pre[role=status]")).toContainText(/^200[\s\S]*"name": "noop"/);
  // Every field has a name, every region too, and headings leave out no level.
  const unnamed = await page.evaluate(() => [...document.querySelectorAll("main input, main textarea, nav input")].filter((field) => (field as HTMLInputElement).labels?.length !== 1).length);
  expect(unnamed).toBe(0);
  expect(complaints).toEqual([]);
});

test("health without sign-in, metrics with it or at a port of their own; the directory of resources", onBoth, async ({ bed }) => {
  bed.shell("noop", "true");
  const { port } = await freePort();
  const { api } = await bed.up({ env: { RIGI_METRICS__LISTEN: `127.0.0.1:${port}` } });
  await api.ended((await api.submit("noop")).id);
  expect(await (await fetch(`${api.url}/livez`)).text()).toBe("ok\n");
  const ready = (await (await fetch(`${api.url}/readyz`)).json()) as { ready: boolean; checks: { name: string; ok: boolean }[] };
  expect(ready.ready).toBe(true);
  expect(ready.checks.map((check) => check.name)).toEqual(expect.arrayContaining(["database", "storage", "disk", "pipelines", "supervisor"]));
  expect((await fetch(`${api.url}/metrics`)).status).toBe(401);
  for (const answer of [await api.fetch("GET", "/metrics"), await fetch(`http://127.0.0.1:${port}/metrics`)]) {
    expect(await answer.text()).toMatch(/^rigi_runs\{state="queued"\} 0$/m);
  }
  expect((await fetch(`http://127.0.0.1:${port}/api/v1/runs`)).status).toBe(404);
  const directory = (await (await api.fetch("GET", "/api/cloud-entry-point")).json()) as Record<string, unknown>;
  expect(JSON.stringify(directory)).toContain("runs");
  const system = await api.get<{ database: string }>("/system");
  expect(system.database).toBe(bed.database);
});

test("a browser's session: a link opens once, foreign pages can do nothing", async ({ bed }) => {
  bed.shell("noop", "true");
  const server = await bed.up();
  const { api } = server;
  const opened = await fetch(server.link, { redirect: "manual" });
  const cookie = opened.headers.get("set-cookie") ?? "";
  expect(cookie).toMatch(/HttpOnly/);
  expect(cookie).toMatch(/SameSite=Strict/);
  const session = { cookie: cookie.split(";")[0]! };
  expect((await fetch(`${api.url}/api/v1/runs`, { headers: session })).status).toBe(200);
  expect((await fetch(server.link, { redirect: "manual" })).status).toBe(401);
  const submit = (headers: Record<string, string>): Promise<Response> =>
    fetch(`${api.url}/api/v1/pipelines/noop/runs`, { method: "POST", headers: { ...session, "content-type": "application/json", ...headers }, body: "{}" });
  expect((await submit({ origin: "http://evil.example" })).status).toBe(403);
  expect((await submit({ origin: "null" })).status).toBe(403);
  expect((await submit({ origin: api.url })).status).toBe(202);
  expect((await fetch(`${api.url}/api/v1/runs`, { headers: { authorization: `Bearer ${"0".repeat(64)}` } })).status).toBe(401);
  expect(await api.count()).toBe(1);
});
