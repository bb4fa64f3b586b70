/** Backfills on the page: looked at first, followed, paused, cancelled, the failed ones again; and what starts what, drawn. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

const PARAMETERS = { properties: { full: { type: "boolean", default: false }, key: { type: "string", writeOnly: true, default: "a-secret-word" } } };
const table = (page: Page, name: string) => page.getByRole("table", { name, exact: true }).getByRole("row");

test("a backfill is looked at, started, followed, paused, and its failed runs are wanted again", async ({ bed, page }) => {
  test.setTimeout(120_000);
  const gate = join(bed.root, "gate");
  const script = `case $RIGI_DUE in *-03T*) [ -e ${gate} ] || exit 3;; esac; while [ -e ${gate}.held ]; do sleep 0.1; done; echo for $RIGI_DUE $full`;
  bed.shell("co2", script, { parameters: PARAMETERS, schedules: [{ id: "nightly", cron: "0 3 * * *", enabled: false, parameters: { full: false } }] });
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/schedules?view=backfills`);
  await expect(page.getByText("Nothing is made up for")).toBeVisible();
  await expect(page.getByText("rigi backfills start PIPELINE/SCHEDULE")).toBeVisible();
  await isOpen(page, "backfills-none");

  // What it would do shows while the days are chosen.
  await page.goto(`${server.api.url}/schedules/co2/nightly`);
  await page.getByRole("link", { name: "Backfill" }).click();
  const form = page.getByRole("form", { name: "Start a backfill" });
  await expect(form.getByText("7 runs", { exact: true })).toBeVisible();
  await form.getByRole("button", { name: "Last 30 days" }).click();
  await expect(form.getByText("30 runs", { exact: true })).toBeVisible();
  await form.getByLabel("First day").last().fill("2026-01-05");
  await form.getByLabel("Last day").last().fill("2026-01-01");
  await expect(form.getByText("is before the first day")).toBeVisible();
  await form.getByLabel("First day").last().fill("2026-01-01");
  await form.getByLabel("Last day").last().fill("2066-01-01");
  await expect(form.getByText(/more than 10000 due times/)).toBeVisible();
  await form.getByLabel("Last day").last().fill("2026-01-05");
  await expect(form.getByRole("button", { name: "Start 5 runs" })).toBeVisible();
  await expect(form.getByRole("region", { name: "Due times" }).locator("time")).toHaveCount(5);
  await form.getByRole("textbox", { name: "At a time" }).fill("0");
  await form.getByRole("button", { name: /^Start/ }).click();
  await expect(form.getByText("is a whole number from 1 to 1,000")).toBeVisible();
  await form.getByRole("textbox", { name: "At a time" }).fill("2");
  await form.getByText("The newest first").click();
  await form.getByRole("switch", { name: "full" }).press("Space");
  await expect(page.getByText("rigi backfills start co2/nightly --from 2026-01-01 --to 2026-01-06 -p full=true --newest-first --parallel 2 --only-missing")).toBeVisible();
  await isOpen(page, "backfills-form");
  writeFileSync(`${gate}.held`, "");
  await form.getByRole("button", { name: "Start 5 runs" }).click();

  // It goes on two at a time, and no further while it is paused.
  await expect(page).toHaveURL(/\/backfills\/bkf_/);
  await expect(page.getByRole("img", { name: "0 of 5, 2 running" })).toBeVisible();
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  await isOpen(page, "backfills-one");
  rmSync(`${gate}.held`);
  await expect(page.getByRole("img", { name: "2 of 5" })).toBeVisible();
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByRole("img", { name: "5 of 5, 1 failed" })).toBeVisible();
  await expect(page.getByText("Done", { exact: true })).toBeVisible();
  await expect(table(page, "Due times").nth(1)).toContainText("Mon 5 Jan 2026 03:00");
  await page.getByText("Gone wrong").click();
  await expect(table(page, "Due times").filter({ hasText: "Failed" })).toHaveCount(1);
  await isOpen(page, "backfills-failed");

  // Mended, the one that failed is wanted again, and no other.
  writeFileSync(gate, "");
  await page.getByRole("button", { name: "Retry the failed ones" }).click();
  await expect(page.getByRole("img", { name: "5 of 5", exact: true })).toBeVisible();
  await expect(page.getByText("None went wrong.")).toBeVisible();
  expect((await server.api.runs()).length).toBe(6);

  // A run says which backfill it is of; those that have one are left out.
  await page.getByText("All", { exact: true }).click();
  await table(page, "Due times").nth(1).getByRole("link").click();
  await expect(page.getByRole("log")).toContainText("for 2026-01-05T03:00:00.000000Z true");
  await page.getByRole("link", { name: /^backfill \w{4}$/ }).click();
  await expect(page.getByRole("img", { name: "5 of 5", exact: true })).toBeVisible();
  expect(existsSync(gate)).toBe(true);
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("a backfill is cancelled with what runs of it; the list says how far each is", async ({ bed, page }) => {
  bed.shell("hold", "sleep 600", { schedules: [{ id: "nightly", cron: "0 3 * * *", enabled: false }] });
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  const range = { pipeline: "hold", schedule: "nightly", from: "2026-01-01", to: "2026-01-11" };
  const one = await server.api.post<{ id: string }>("/backfills", { ...range, parallel: 3 });
  await page.goto(`${server.api.url}/schedules`);
  await expect(page.getByRole("tab", { name: "Backfills" })).toBeVisible();
  await page.keyboard.press("b");
  const row = table(page, "Backfills").filter({ hasText: "nightly" });
  await expect(row).toContainText("0 of 10, 3 running");
  await expect(row).toContainText("Running");
  await isOpen(page, "backfills-list");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${server.api.url}/backfills/${one.id}`);
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel it" }).click();
  await expect(page.getByRole("img", { name: "10 of 10, 10 stopped" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Pause" })).toHaveCount(0);
  await isOpen(page, "backfills-cancelled");
});

test("what starts what is drawn, over everything and around one", async ({ bed, page }) => {
  bed.shell("fetch", "true", {
    schedules: [{ id: "nightly", cron: "0 3 * * *" }],
    downstream_triggers: [{ pipeline: "report" }, { pipeline: "alarm", on_success: false, on_failure: true }, { pipeline: "large", on_route: "large" }],
  });
  bed.shell("report", "true", { downstream_triggers: [{ pipeline: "mail" }] });
  bed.shell("alarm", "true", { downstream_triggers: [{ pipeline: "fetch", allow_cycle: 1 }] });
  bed.shell("large", "true");
  bed.shell("mail", "true");
  bed.shell("orders", "true", { webhook_key: "abcdefgh12345678" });
  bed.shell("alone", "true");
  bed.pipeline("science", { "pipeline.json": { steps: { load: { pipeline: "orders" } } } });
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await server.api.call("PUT", "/api/v1/webhooks/shop", { pipeline: "orders", when: "body.type == 'order.paid'" });
  await page.goto(`${server.api.url}/schedules`);
  await expect(page.getByRole("tab", { name: "What starts what" })).toBeVisible();
  await page.keyboard.press("w");
  const node = (name: RegExp) => page.getByRole("group", { name: "What starts what, drawn" }).getByRole("link", { name });
  await expect(node(/^schedule nightly; .*starts fetch/)).toBeVisible();
  await expect(node(/^webhook shop; .*starts orders/)).toBeVisible();
  await expect(node(/^pipeline fetch; started by .*alarm.*; starts report, alarm on failure, large on route large/)).toBeVisible();
  await expect(node(/^pipeline orders; started by .*science on step load/)).toBeVisible();
  await expect(node(/^key in the address/)).toBeVisible();
  await expect(page.getByText("1 pipeline is started by people and programs alone.")).toBeVisible();
  await node(/^pipeline fetch;/).hover();
  await isOpen(page, "starts");

  // Told as it changes.
  await server.api.call("PUT", "/api/v1/webhooks/shop", { pipeline: "orders", paused: true });
  await expect(node(/^webhook shop; off/)).toBeVisible();

  await page.getByRole("combobox", { name: "Around" }).fill("mail");
  await page.getByRole("option", { name: "mail" }).click();
  await expect(page).toHaveURL(/of=mail/);
  await expect(node(/^pipeline mail/)).toBeVisible();
  await expect(node(/^webhook shop/)).toHaveCount(0);
  await isOpen(page, "starts-around");
  await node(/^schedule nightly/).click();
  await expect(page).toHaveURL(`${server.api.url}/schedules/fetch/nightly`);
  expect(said).toEqual([]);
});
