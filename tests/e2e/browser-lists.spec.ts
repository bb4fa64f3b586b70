/** Long lists, what is searched in them, and the way back. */
import { fitsWidth, logLines, signIn } from "../support/page";
import { expect, test } from "../support/test";

test("a list of files is read to its end, and Back leads to where one was", async ({ bed, page }) => {
  bed.shell("many", 'i=1000; while [ $i -lt 3345 ]; do echo $i > "$RIGI_OUTPUTS/file-$i.txt"; i=$((i+1)); done');
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.ended((await server.api.submit("many")).id);
  await page.goto(`${server.api.url}/runs/${run.id}?tab=outputs`);
  await expect(page.getByText("2,345 files")).toBeVisible();
  const list = page.getByRole("region", { name: "Outputs" });
  const last = page.getByRole("button", { name: "file-3344.txt", exact: true });
  await expect(async () => {
    await list.evaluate((element) => element.scrollTo({ top: element.scrollHeight }));
    await expect(last).toBeVisible({ timeout: 1000 });
  }).toPass();
  // Few of them are drawn.
  expect(await list.getByRole("button").count()).toBeLessThan(100);
  await page.getByRole("link", { name: "Runs", exact: false }).first().click();
  await expect(page).toHaveURL(/\/runs$/);
  await page.goBack();
  await expect(last).toBeVisible();
});

test("Back to a list of runs leads to the run one came from", async ({ bed, page }) => {
  bed.shell("one", "true");
  const server = await bed.up();
  await signIn(page, server);
  for (let count = 0; count < 60; count += 1) await server.api.submit("one");
  await page.setViewportSize({ width: 1000, height: 500 });
  await page.goto(`${server.api.url}/runs?pipeline=one`);
  const list = page.getByRole("list", { name: "Runs" });
  await expect(list.getByRole("link").first()).toBeVisible();
  await list.hover();
  await list.evaluate((element) => element.scrollTo({ top: 900 }));
  const row = list.getByRole("link").nth(20);
  await row.click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await page.goBack();
  await expect(list.getByRole("link").first()).toBeVisible();
  await expect.poll(() => list.evaluate((element) => element.scrollTop)).toBe(900);
});

test("runs that are no longer kept leave the list by themselves", async ({ bed, page }) => {
  bed.shell("one", "true");
  const server = await bed.up({ env: { RIGI_RETENTION__RUNS: "1" } });
  await signIn(page, server);
  for (let count = 0; count < 3; count += 1) await server.api.ended((await server.api.submit("one")).id);
  await page.goto(`${server.api.url}/runs?pipeline=one`);
  const rows = page.getByRole("list", { name: "Runs" }).getByRole("link");
  await expect(rows).toHaveCount(3);
  await server.api.post("/system/gc");
  await expect(rows).toHaveCount(1);
});

test("filters are seen wherever they act, and nothing is wider than the screen", async ({ bed, page }) => {
  bed.shell("one", "true", { labels: { team: "ops" } });
  const server = await bed.up();
  await signIn(page, server);
  await server.api.ended((await server.api.submit("one")).id);
  for (const width of [1440, 1100, 1000, 800, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await page.goto(`${server.api.url}/runs?pipeline=one&label=team=ops&state=succeeded`);
    await expect(page.getByRole("button", { name: "Remove label team=ops" })).toBeVisible();
    await expect(page.getByRole("combobox", { name: "Pipeline" }).or(page.getByRole("textbox", { name: "Pipeline" })).first()).toHaveValue("one");
    await expect(page.getByRole("button", { name: "Succeeded" })).toHaveAttribute("aria-pressed", "true");
    await fitsWidth(page);
  }
});

test("a log is searched while one types, and what was found before goes", async ({ bed, page }) => {
  bed.shell("talk", "for i in 1 2 3; do echo alpha $i; done; echo beta");
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.ended((await server.api.submit("talk")).id);
  await page.goto(`${server.api.url}/runs/${run.id}`);
  await expect(logLines(page)).toHaveCount(4);
  const field = page.getByRole("searchbox", { name: "Find in the log" });
  await field.pressSequentially("alpha");
  await expect(page.getByRole("status").filter({ hasText: "1 of 3" })).toBeVisible();
  await field.fill("beta");
  await expect(page.getByText("1 of 3")).toHaveCount(0);
  await expect(page.getByRole("status").filter({ hasText: "1 of 1" })).toBeVisible();
});

test("a traceback names places in the code and leads there; Back leads to where one read", async ({ bed, page }) => {
  bed.pipeline("trace", { "main.py": "import helper\n\nfor i in range(300):\n    print('row', i)\nhelper.deep({})\n", "helper.py": "def deep(table):\n    return table['missing']\n" });
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.ended((await server.api.submit("trace")).id);
  await page.goto(`${server.api.url}/runs/${run.id}`);
  await page.getByRole("link", { name: "helper.py:2" }).click();
  await expect(page.locator("[data-marked]")).toHaveText(/2\s*return table\['missing'\]/);
  await page.goBack();
  await expect(page.getByRole("link", { name: "main.py:5" })).toBeInViewport();
  const log = page.getByRole("log");
  await log.evaluate((element) => element.scrollTo({ top: 2000 }));
  await expect(logLines(page).filter({ hasText: /row 105$/ })).toBeInViewport();
  await page.getByRole("tab", { name: "Code" }).click();
  await expect(log).toHaveCount(0);
  await page.getByRole("tab", { name: "Log" }).click();
  await expect(logLines(page).filter({ hasText: /row 105$/ })).toBeInViewport();
});
