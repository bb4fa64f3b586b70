/** The API beyond single runs: pages, filters, keys, tags, its own description. */
import SwaggerParser from "@apidevtools/swagger-parser";

import type { Page, Run } from "../support/api";
import { expect, onlyOnce, test } from "../support/test";

test("the same idempotency key and request is one run; another request is a conflict", async ({ bed }) => {
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

test("pages join without gap or double, whatever comes in between", async ({ bed }) => {
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

test("lists are filtered by state, pipeline, label, time and text", async ({ bed }) => {
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
  expect((await api.fetch("GET", `/api/v1/runs/${run.id}`, undefined, { "if-none-match": viewTag! })).status).toBe(304);
});

test("the description is valid OpenAPI, complete, with examples, and is the one in the repository", async ({ bed, database }) => {
  onlyOnce(database);
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
  const docs = await api.fetch("GET", "/docs");
  expect(docs.ok).toBe(true);
});

test("health and metrics, without sign-in; the directory of resources", async ({ bed }) => {
  bed.shell("noop", "true");
  const { api } = await bed.up();
  await api.ended((await api.submit("noop")).id);
  expect(await (await fetch(`${api.url}/livez`)).text()).toBe("ok\n");
  const ready = (await (await fetch(`${api.url}/readyz`)).json()) as { ready: boolean; checks: { name: string; ok: boolean }[] };
  expect(ready.ready).toBe(true);
  expect(ready.checks.map((check) => check.name)).toEqual(expect.arrayContaining(["database", "storage", "disk", "pipelines", "supervisor"]));
  const metrics = await (await fetch(`${api.url}/metrics`)).text();
  expect(metrics).toMatch(/^rigi_runs\{state="queued"\} 0$/m);
  const directory = (await (await api.fetch("GET", "/api/cloud-entry-point")).json()) as Record<string, unknown>;
  expect(JSON.stringify(directory)).toContain("runs");
  const system = await api.get<{ database: string }>("/system");
  expect(system.database).toBe(bed.database);
});

test("a browser's session: a link opens once, foreign pages can do nothing", async ({ bed, database }) => {
  onlyOnce(database);
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
