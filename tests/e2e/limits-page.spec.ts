/** On the page: starting a flow whose former results are not to count; how many runs of a key are active at a time, and what becomes of others. */
import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

const sh = (script: string) => ["sh", "-c", script];

test("a flow is started and done again with all its steps executed", async ({ bed, page }) => {
  bed.pipeline("nightly", { "pipeline.json": { steps: { read: { command: sh("echo read"), cache: true } } } });
  bed.shell("plain", "true");
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  const first = await server.api.submit("nightly");
  await server.api.ended(first.id);
  const resultOf = async (run: string) => {
    const { items } = await server.api.get<{ items: { result_of?: string }[] }>(`/runs/${run}/steps/read`);
    return items.map((one) => one.result_of);
  };

  await page.goto(`${server.api.url}/pipelines/nightly/start`);
  await page.locator("summary", { hasText: "More" }).click();
  const whole = page.getByRole("switch", { name: "Execute all steps" });
  await expect(whole).not.toBeChecked();
  await expect(page.getByText("rigi run nightly", { exact: true })).toBeVisible();
  await whole.press("Space");
  await expect(page.getByText("rigi run nightly --no-cache", { exact: true })).toBeVisible();
  await isOpen(page, "start-no-cache");
  await page.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  const second = page.url().split("/").at(-1)!.split("?")[0]!;
  await server.api.ended(second);
  expect(await resultOf(second)).toEqual([undefined]);

  // Done again, results count unless it is said.
  await page.getByRole("link", { name: "Rerun" }).click();
  await expect(whole).not.toBeChecked();
  await whole.press("Space");
  await expect(page.getByText(/rigi runs rerun \w+ --no-cache/)).toBeVisible();
  await page.getByRole("form", { name: "Rerun" }).getByRole("button", { name: "Rerun" }).click();
  await expect(page).not.toHaveURL(new RegExp(`${second}|start`));
  const third = page.url().split("/").at(-1)!.split("?")[0]!;
  await server.api.ended(third);
  expect(await resultOf(third)).toEqual([undefined]);
  const fourth = await server.api.post<{ id: string }>(`/runs/${third}/rerun`, {});
  await server.api.ended(fourth.id);
  expect((await resultOf(fourth.id))[0]).toMatch(/^run_/);

  // Only flows have steps.
  await page.goto(`${server.api.url}/pipelines/plain/start`);
  await page.locator("summary", { hasText: "More" }).click();
  await expect(page.getByText("priority", { exact: true })).toBeVisible();
  await expect(whole).toHaveCount(0);
});

test("a pipeline says how many of a key run at a time; who waits for it, and who is skipped, say so", async ({ bed, page }) => {
  const parameters = { properties: { customer: { type: "string", default: "acme" } } };
  bed.shell("orders", "sleep 600", { parameters, max_instances: 5, concurrency: { key: "{customer}", limit: 1 } });
  bed.shell("single", "sleep 600", { parameters, concurrency: { key: "{customer}", limit: 1, overlap: "skip" } });
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await server.api.submit("orders");
  const waiting = await server.api.submit("orders");
  await page.goto(`${server.api.url}/pipelines/orders`);
  await expect(page.getByText(/5 at a time · 1 at a time with the same \{customer\}, others wait/)).toBeVisible();
  await isOpen(page, "pipeline-concurrency");
  await page.goto(`${server.api.url}/runs/${waiting.id}`);
  await expect(page.getByRole("main")).toContainText(/acme/);
  await isOpen(page, "run-key-limit");

  await server.api.submit("single");
  const skipped = await server.api.submit("single");
  await page.goto(`${server.api.url}/runs/${skipped.id}`);
  await expect(page.getByRole("main")).toContainText("Skipped");
  await expect(page.getByRole("main")).toContainText(/acme/);
  await isOpen(page, "run-overlapping");
  expect(said).toEqual([]);
});
