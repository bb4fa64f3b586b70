/** Due times by day and hour: what comes, what became of what was, by whose clock, by keyboard, and of a thousand schedules. */
import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

const grid = (page: Page) => page.getByRole("region", { name: "Calendar" });
const inAll = (page: Page) => page.getByRole("list", { name: "In all" });
const times = (page: Page) => page.getByRole("dialog").getByRole("table", { name: "Due times" }).getByRole("row");
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** A day from today on in UTC, as the page names it, and as addresses have it. */
function dayFromNow(days: number): { name: string; iso: string } {
  const at = new Date(Date.now() + days * 86_400_000);
  return { name: `${DAYS[at.getUTCDay()]} ${at.getUTCDate()} ${MONTHS[at.getUTCMonth()]}`, iso: at.toISOString().slice(0, 10) };
}

test("a week and a month of due times, as they come and as they were", async ({ bed, page }) => {
  test.setTimeout(180_000);
  bed.shell("co2", "sleep 2", {
    schedules: [
      { id: "nightly", cron: "30 3 * * *", timezone: "Europe/Zurich" },
      { id: "second-monday", cron: "0 5 * * MON#2" },
      { id: "often", interval: "1s", overlap: "skip" },
    ],
  });
  bed.shell("fit", "true", { schedules: [{ id: "hourly", cron: "15 * * * *" }] });
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/schedules`);
  await page.getByRole("tab", { name: "Calendar" }).click();
  await expect(page).toHaveURL(/\?view=calendar$/);
  await page.getByRole("combobox", { name: "Time zone" }).selectOption("Europe/Zurich");
  await expect(page.getByRole("row", { name: /^03:00/ }).getByRole("button").first()).toBeVisible();

  // Runs and what was skipped come into this hour as they happen.
  await expect(inAll(page)).toContainText(/[1-9]\d* runs/);
  await expect(inAll(page)).toContainText(/[1-9]\d* skipped/);
  await server.api.post("/schedules/co2/often/pause", {});
  await expect(inAll(page)).not.toContainText(/k to come/);
  await isOpen(page, "calendar-week");

  // Tomorrow at half past three, by the clock of the zone; an hour earlier in UTC.
  await page.getByRole("combobox", { name: "Time zone" }).selectOption("UTC");
  const soon = dayFromNow(2);
  await page.goto(`${server.api.url}/schedules?view=calendar&zone=UTC&at=${soon.iso}`);
  const early = page.getByRole("button", { name: new RegExp(`^${soon.name}, 0[12]:00: 2 to come$`) });
  await expect(early).toBeVisible();
  await early.click();
  await expect(times(page)).toHaveCount(2);
  await expect(times(page).filter({ hasText: "nightly" })).toContainText(/^0[12]:30/);
  await expect(times(page).filter({ hasText: "hourly" })).toContainText("to come");
  await isOpen(page, "calendar-hour");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);

  // By keyboard alone: to a cell, to others, into a list and on to another week.
  await early.focus();
  await page.keyboard.press("ArrowDown");
  await expect(page.locator("button[data-x]:focus")).toHaveAccessibleName(new RegExp(`${soon.name}, 0[234]:00: 1 to come`));
  await page.keyboard.press("Enter");
  await expect(times(page)).toHaveCount(1);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("]");
  await expect(page).toHaveURL(new RegExp(`at=${dayFromNow(9).iso}`));
  await expect(page.getByRole("button", { name: new RegExp(`^${dayFromNow(9).name}, 06:00: 1 to come$`) })).toBeVisible();
  await page.keyboard.press(".");
  await expect(page).not.toHaveURL(/at=/);
  await page.keyboard.press("m");
  await expect(page).toHaveURL(/by=month/);

  // The month: what the server alone knows of is there as well.
  const now = new Date();
  const next = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
  const second = 1 + ((8 - next.getUTCDay()) % 7) + 7;
  await page.keyboard.press("]");
  const monday = page.getByRole("button", { name: new RegExp(`^Mon ${second} ${MONTHS[next.getUTCMonth()]}: 26 to come`) });
  await expect(monday).toBeVisible();
  await monday.click();
  await expect(times(page)).toHaveCount(26);
  await expect(times(page).filter({ hasText: "second-monday" })).toContainText(/^05:00/);
  await page.keyboard.press("Escape");
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("[");
  await expect(page.getByRole("heading", { name: `${now.toLocaleString("en", { month: "long", timeZone: "UTC" })} ${now.getUTCFullYear()}` })).toBeVisible();
  await expect(page.getByRole("button", { name: new RegExp(`^${dayFromNow(0).name}: .*runs.*skipped`) })).toBeVisible();
  await isOpen(page, "calendar-month");

  // The list of today: what became of each, and many of one hour in one line.
  await page.getByRole("button", { name: new RegExp(`^${dayFromNow(0).name}: `) }).click();
  await expect(times(page).filter({ hasText: "often" }).filter({ hasText: "skipped" }).first()).toBeVisible();
  await isOpen(page, "calendar-day");
  expect(said).toEqual([]);
});

test("a thousand schedules are counted by the hour", async ({ bed, page }) => {
  test.setTimeout(180_000);
  for (let pipeline = 0; pipeline < 20; pipeline += 1) {
    const schedules = Array.from({ length: 50 }, (_, i) => ({ id: `s${i}`, cron: `${(i * 7) % 60} ${(pipeline + i) % 24} * * *` }));
    bed.shell(`p${pipeline}`, "true", { schedules });
  }
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  const day = dayFromNow(2);
  await page.goto(`${server.api.url}/schedules?view=calendar&zone=UTC&by=month&at=${day.iso}`);
  const cell = page.getByRole("button", { name: new RegExp(`^${day.name}: 1,000 to come`) });
  await expect(cell).toBeVisible();
  await isOpen(page, "calendar-thousand-month");
  const began = Date.now();
  await cell.click();
  await expect(page.getByRole("dialog").getByRole("button", { name: "More of 1,000" })).toBeVisible();
  expect(Date.now() - began).toBeLessThan(5000);
  await expect(times(page)).toHaveCount(200);
  await page.getByRole("button", { name: "More of 1,000" }).click();
  await expect(times(page)).toHaveCount(400);
  await page.keyboard.press("Escape");
  await page.keyboard.press("w");
  await expect(grid(page).getByRole("button", { name: new RegExp(`^${day.name}, 06:00: \\d\\d to come`) })).toBeVisible();
  await isOpen(page, "calendar-thousand-week");
});
