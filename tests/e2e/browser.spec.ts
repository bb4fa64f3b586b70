/** The page as people meet it, in Chromium. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { complaints, fitsWidth, logLines, picture, signIn } from "../support/page";
import { examples } from "../support/places";
import { expect, onBoth, test } from "../support/test";

const TALK = 'i=1; while [ $i -le 40 ]; do echo "line $i"; i=$((i+1)); sleep 0.1; done; echo "over"';

test("start co2-trend from its form, watch its log arrive, see its plot", async ({ bed, page }) => {
  test.setTimeout(660_000);
  bed.copyPipelines(examples);
  bed.lendEnvironments();
  const server = await bed.up();
  const said = complaints(page);
  await signIn(page, server);
  await page.getByRole("link", { name: "Pipelines" }).first().click();
  await page.getByRole("link", { name: "co2-trend" }).first().click();
  await page.getByRole("link", { name: "Start" }).or(page.getByRole("button", { name: "Start" })).first().click();
  await expect(page.getByRole("form", { name: "Start" })).toBeVisible();

  // A mistake is shown as it is typed; nothing is sent.
  const start = page.getByLabel("First year", { exact: true });
  await start.fill("2040");
  await start.blur();
  await expect(page.getByText(/`?start`? .*2001/).first()).toBeVisible();
  await start.fill("1980");
  await page.getByLabel("Resamples", { exact: true }).fill("60");
  await picture(page, "start-form");
  await page.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(page).toHaveURL(/\/runs\/run_/);

  // Its log arrives while it runs, line by line.
  await expect(logLines(page).filter({ hasText: "weeks read" })).toBeVisible({ timeout: 600_000 });
  await expect(page.getByRole("status").filter({ hasText: /Running/ })).toBeVisible();
  await expect(logLines(page).filter({ hasText: "36 of 60 resamples" })).toBeVisible({ timeout: 60_000 });
  // The picture of README.md.
  const size = page.viewportSize()!;
  await page.setViewportSize({ width: 1160, height: 480 });
  await picture(page, "run-live");
  await page.setViewportSize(size);
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible({ timeout: 60_000 });
  await expect(logLines(page).filter({ hasText: "done: trend.png" })).toBeVisible();
  await picture(page, "run");

  await page.getByRole("tab", { name: /Outputs/ }).click();
  const plot = page.locator("img[src*='trend.png']");
  await expect(plot).toBeVisible();
  await expect.poll(() => plot.evaluate((img) => (img as HTMLImageElement).naturalWidth)).toBeGreaterThan(400);
  await picture(page, "outputs");
  expect(said).toEqual([]);
});

test("a run is started from its form, its log arrives live, and a second window sees the same", onBoth, async ({ bed, page, context }) => {
  bed.shell("talk", TALK);
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/talk/start`);
  await page.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  const run = (await server.api.runs())[0]!;
  await expect(logLines(page).filter({ hasText: /^.*line 5$/ })).toBeVisible();
  await expect(page.getByText("over", { exact: true })).toHaveCount(0);
  const second = await context.newPage();
  await second.goto(`${server.api.url}/runs/${run.short}`);
  await expect(second.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  for (const one of [page, second]) await expect(logLines(one).filter({ hasText: "over" })).toBeVisible();
});

test("cancel, then retry", async ({ bed, page }) => {
  bed.shell("long", "echo begun; sleep 600");
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.submit("long");
  await page.goto(`${server.api.url}/runs/${run.id}`);
  await expect(logLines(page).filter({ hasText: "begun" })).toBeVisible();
  await page.getByRole("button", { name: "Cancel", exact: true }).click();
  await page.getByRole("button", { name: "Cancel the run" }).click();
  await expect(page.getByRole("status").filter({ hasText: /Cancelled/ })).toBeVisible();
  expect((await server.api.run(run.id)).state).toBe("cancelled");
  await page.getByRole("button", { name: "Retry", exact: true }).click();
  await expect(page).not.toHaveURL(new RegExp(run.id));
  await expect(page.getByRole("status").filter({ hasText: /Running/ })).toBeVisible();
  const again = (await server.api.runs("&state=running"))[0]!;
  expect(page.url()).toContain(again.id);
});

test("a line that has not ended is seen, and ends in its place", async ({ bed, page }) => {
  const gate = join(bed.root, "gate");
  bed.shell("asks", `printf 'working… '; while [ ! -e ${gate} ]; do sleep 0.05; done; echo over; sleep 600`);
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.submit("asks");
  await page.goto(`${server.api.url}/runs/${run.id}`);
  const standing = page.getByRole("log").locator("[data-unfinished]");
  await expect(standing).toHaveText(/working…/);
  await expect(logLines(page)).toHaveCount(0);
  await page.reload();
  await expect(standing).toHaveText(/working…/);
  await picture(page, "run-unfinished");
  writeFileSync(gate, "");
  await expect(logLines(page).filter({ hasText: "working… over" })).toBeVisible();
  await expect(standing).toHaveCount(0);
  expect((await server.api.lines(run.id)).map(({ text }) => text)).toEqual(["working… over"]);
});

test("a failed run says why on top and opens at the first error", async ({ bed, page }) => {
  bed.shell("fails", 'i=0; while [ $i -lt 300 ]; do echo "row $i"; i=$((i+1)); done; echo "Error: the table is empty" >&2; exit 3');
  const server = await bed.up();
  await signIn(page, server);
  const run = await server.api.ended((await server.api.submit("fails")).id);
  await page.goto(`${server.api.url}/runs/${run.id}`);
  await expect(page.getByRole("status").filter({ hasText: /Failed/ })).toContainText("Error: the table is empty");
  await expect(page.getByText("exit 3", { exact: true })).toBeVisible();
  await expect(logLines(page).filter({ hasText: "the table is empty" })).toBeInViewport();
  await picture(page, "run-failed");
});

test("a pipeline with a mistake shows file, line and cure; correcting it is seen at once", async ({ bed, page }) => {
  const folder = bed.pipeline("broken", { "main.py": "", "pipeline.yaml": "description: x\ntimout: 30s\n" });
  bed.shell("good", "true");
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/broken`);
  await expect(page.getByText("pipeline.yaml:2:1")).toBeVisible();
  await expect(page.getByText(/there is no such field/)).toBeVisible();
  await picture(page, "pipeline-broken");
  await page.goto(`${server.api.url}/pipelines`);
  await expect(page.getByText(/mistake/).first()).toBeVisible();
  writeFileSync(join(folder, "pipeline.yaml"), "description: x\ntimeout: 30s\n");
  await expect(page.getByText(/mistake/)).toHaveCount(0);
});

test("a waiting run says for what and in which place", async ({ bed, page }) => {
  bed.shell("one", "sleep 600", { max_instances: 1 });
  const server = await bed.up();
  await signIn(page, server);
  const runs = [];
  for (let count = 0; count < 4; count += 1) runs.push(await server.api.submit("one"));
  await server.api.until(runs[2]!.id, (run) => run.queue?.position === 2);
  await page.goto(`${server.api.url}/runs/${runs[2]!.id}`);
  await expect(page.getByText(/2nd of 3/).first()).toBeVisible();
  await server.api.post(`/runs/${runs[1]!.id}/cancel`);
  await expect(page.getByText(/1st of 2/).first()).toBeVisible();
});

test("on a phone: nothing is wider than the screen, and a run can be read and stopped", async ({ bed, browser }) => {
  bed.shell("talk", "echo a rather long line of a log that does not fit the width of a phone, and goes on and on; sleep 600");
  const server = await bed.up();
  const context = await browser.newContext({ viewport: { width: 375, height: 720 }, hasTouch: true, isMobile: true });
  const page = await context.newPage();
  await signIn(page, server);
  const run = await server.api.submit("talk");
  await server.api.said(run.id, 1);
  for (const [name, path] of [
    ["home", "/"],
    ["pipelines", "/pipelines"],
    ["pipeline", "/pipelines/talk"],
    ["start", "/pipelines/talk/start"],
    ["runs", "/runs"],
    ["run", `/runs/${run.id}`],
  ] as const) {
    await page.goto(`${server.api.url}${path}`);
    await expect(page.getByText("talk").first()).toBeVisible();
    await fitsWidth(page);
    await picture(page, `phone-${name}`);
  }
  await expect(logLines(page).first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Cancel", exact: true })).toBeInViewport();
  await context.close();
});

test("dark and light follow the system, and both are drawn", async ({ bed, page }) => {
  bed.shell("talk", "echo fine");
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("talk")).id);
  const background = (): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  await page.emulateMedia({ colorScheme: "dark" });
  await signIn(page, server);
  await page.goto(`${server.api.url}/runs/${run.id}`);
  await expect(logLines(page).filter({ hasText: "fine" })).toBeVisible();
  const dark = await background();
  await picture(page, "run-dark");
  await page.emulateMedia({ colorScheme: "light" });
  await page.reload();
  await expect(logLines(page).filter({ hasText: "fine" })).toBeVisible();
  const sum = (colour: string): number => [...colour.matchAll(/\d+/g)].slice(0, 3).reduce((all, [n]) => all + Number(n), 0);
  expect(sum(dark)).toBeLessThan(200);
  expect(sum(await background())).toBeGreaterThan(600);
});

test("by keyboard: search, open, start", async ({ bed, page }) => {
  bed.shell("alpha", "echo a");
  bed.shell("beta", "echo b");
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines`);
  await expect(page.getByText("alpha").first()).toBeVisible();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("s");
  await expect(page).toHaveURL(/\/pipelines\/beta\/start/);
  // Not before the form is there: what is pressed earlier is heard by nobody, or twice.
  await page.getByRole("form").getByRole("button", { name: "Start" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
});

test("without a session: what to do; an old link: the same", async ({ bed, page }) => {
  const server = await bed.up();
  await page.goto(`${server.api.url}/`);
  await expect(page.getByText(/rigi status --link/).first()).toBeVisible();
  await page.goto(server.link);
  await expect(page.getByRole("link", { name: "Pipelines" }).first()).toBeVisible();
  await page.context().clearCookies();
  await page.goto(server.link);
  await expect(page.getByText(/rigi status --link/).first()).toBeVisible();
});

test("the server goes away and comes back: the page says so, and is live again", async ({ bed, page }) => {
  bed.shell("talk", TALK);
  const first = await bed.up();
  const port = new URL(first.api.url).port;
  await signIn(page, first);
  const run = await first.api.submit("talk");
  await page.goto(`${first.api.url}/runs/${run.id}`);
  await expect(logLines(page).filter({ hasText: /^.*line 5$/ })).toBeVisible();
  await first.kill9();
  await expect(page.getByText(/offline|does not answer|lost|reconnect|stale/i).first()).toBeVisible();
  await bed.up({ args: ["--port", port] });
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible({ timeout: 40_000 });
  await expect(logLines(page).filter({ hasText: "over" })).toBeVisible();
});
