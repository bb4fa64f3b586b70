/** Schedules on the page: made, followed, paused, changed and removed; and what those see who may not. */
import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

const YEARS = { properties: { start: { type: "integer", default: 1960, minimum: 1950, maximum: 2001, description: "First year." } } };
const NIGHTLY = { id: "nightly", cron: "0 3 * * *", timezone: "Europe/Zurich", parameters: { start: 1990 }, stop_after: 3 };

const fires = (page: Page) => page.getByRole("table", { name: "Due times so far" }).getByRole("row");
const row = (page: Page, name: RegExp) => page.getByRole("table", { name: "Schedules" }).getByRole("row", { name });

test("a schedule is made, followed, paused, changed and removed", async ({ bed, page }) => {
  test.setTimeout(120_000);
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);

  // Where there is none, it is said how one comes to be.
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await expect(page).toHaveURL(`${server.api.url}/schedules`);
  await expect(page.getByText("Nothing is due")).toBeVisible();
  await expect(page.getByText('schedule: "0 6 * * *"')).toBeVisible();
  await isOpen(page, "schedules-none");

  // One of a spec comes as soon as the spec says so.
  bed.shell("co2", "echo started as $RIGI_SCHEDULE", { parameters: YEARS, schedules: [NIGHTLY, { id: "long", parameters: { start: 1950 } }] });
  await expect(row(page, /nightly/)).toContainText("every day at 03:00, Europe/Zurich");
  await expect(row(page, /nightly/)).toContainText("03:00");
  await expect(row(page, /nightly/)).toContainText("On");
  await expect(row(page, /long/)).toContainText("Preset");

  // What cannot be is told beside the field, by the page or by the server.
  await page.keyboard.press("n");
  const form = page.getByRole("form", { name: "Make a schedule" });
  await form.getByLabel("Name", { exact: true }).fill("nightly");
  await form.getByRole("textbox", { name: "Cron", exact: true }).fill("0 6 * *");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("is taken: co2 has a schedule")).toBeVisible();
  await form.getByLabel("Name", { exact: true }).fill("often");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("has 4 fields and must have 5")).toBeVisible();
  await expect(form.getByRole("textbox", { name: "Cron", exact: true })).toHaveAttribute("aria-invalid", "true");
  await form.getByRole("textbox", { name: "Cron", exact: true }).fill("0 8 * * MON-FRI");
  await expect(form.getByText("This is Mondays to Fridays at 08:00.")).toBeVisible();
  await form.getByRole("combobox", { name: "Zone" }).fill("zurich");
  await page.getByRole("option", { name: "Europe/Zurich" }).click();
  await isOpen(page, "schedules-make");
  await form.getByText("At intervals").click();
  await form.getByRole("textbox", { name: "Every" }).fill("1s");
  await form.getByRole("textbox", { name: "start", exact: true }).fill("2040");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("may be at most 2001")).toBeVisible();
  await form.getByRole("textbox", { name: "start", exact: true }).fill("1970");
  await form.getByLabel("Overlap").selectOption("skip");
  await form.getByRole("button", { name: "Make it" }).click();

  // What becomes of its times shows as it happens.
  await expect(page).toHaveURL(`${server.api.url}/schedules/co2/often`);
  await expect(fires(page).nth(3)).toBeVisible();
  await expect(fires(page).filter({ hasText: "Succeeded" }).first()).toBeVisible();
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.getByText(/Paused by you/)).toBeVisible();
  await expect(page.getByRole("heading", { name: "Times that would come" })).toBeVisible();
  await isOpen(page, "schedules-one");
  const made = await server.api.get<{ schedule: object }>("/schedules/co2/often");
  expect(made.schedule).toEqual({ interval: "1s", overlap: "skip", parameters: { start: 1970 } });
  await fires(page).getByRole("link", { name: /^run / }).last().click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await page.goBack();

  // Changed, it holds what it held.
  await page.getByRole("link", { name: "Change" }).click();
  const change = page.getByRole("form", { name: "Change" });
  await expect(change.getByRole("textbox", { name: "Every" })).toHaveValue("1s");
  await expect(change.getByRole("textbox", { name: "start", exact: true })).toHaveValue("1970");
  await change.getByRole("textbox", { name: "Every" }).fill("2h");
  await change.getByRole("textbox", { name: "Stop after" }).fill("5");
  await isOpen(page, "schedules-change");
  await change.getByRole("button", { name: "Change" }).click();
  await expect(page.getByText("After 5 runs in a row that failed it is paused.")).toBeVisible();
  await expect(page.getByText(/Paused by you/)).toBeVisible();
  await page.getByRole("button", { name: "Resume", exact: true }).click();
  await expect(page.getByRole("heading", { name: "Next times" })).toBeVisible();

  // What somebody does elsewhere shows in the list.
  await page.getByRole("link", { name: "Schedules" }).first().click();
  await expect(row(page, /often/)).toContainText("every 2 h");
  await server.api.post("/schedules/co2/often/pause", {});
  await expect(row(page, /often/)).toContainText("Paused by you");
  await page.getByRole("button", { name: "Pause co2/nightly" }).click();
  await expect(row(page, /nightly/)).toContainText("Paused");
  await page.getByRole("button", { name: "Resume co2/nightly" }).click();
  await expect(row(page, /nightly/)).toContainText("On");
  await isOpen(page, "schedules-list");

  await row(page, /often/).getByRole("link").click();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/schedules`);
  await expect(row(page, /often/)).toHaveCount(0);

  // One of a spec is explained, and changed there.
  await row(page, /nightly/).getByRole("link").click();
  await expect(page.getByText(/the clock is changed, 0\d:00 becomes 0\d:00/).first()).toBeVisible();
  await expect(page.getByText("it is changed and removed there")).toBeVisible();
  await expect(page.getByRole("button", { name: "Remove" })).toHaveCount(0);
  await isOpen(page, "schedules-of-spec");
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("a pipeline's page says what comes; a run can be started as its schedule would", async ({ bed, page }) => {
  bed.shell("co2", "echo started as $RIGI_SCHEDULE", { parameters: YEARS, schedules: [NIGHTLY, { id: "long", parameters: { start: 1950 } }] });
  bed.shell("plain", "true");
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/co2`);
  await expect(page.getByText(/next in \d+ (h|min).*by nightly/)).toBeVisible();
  await page.getByRole("tab", { name: "Schedules 2" }).click();
  await expect(row(page, /nightly/)).toContainText("Europe/Zurich");
  await isOpen(page, "schedules-pipeline");
  await page.goto(`${server.api.url}/pipelines/plain?tab=schedules`);
  await expect(page.getByText("Nothing starts it by itself")).toBeVisible();
  await page.getByRole("link", { name: "Make a schedule" }).click();
  await expect(page.getByRole("combobox", { name: "Pipeline" })).toHaveValue("plain");

  await page.goto(`${server.api.url}/pipelines/co2/start`);
  await page.getByRole("button", { name: "as long" }).click();
  await expect(page.getByRole("textbox", { name: "start", exact: true })).toHaveValue("1950");
  await expect(page.getByText("rigi run co2 -p start=1950 --schedule long")).toBeVisible();
  await isOpen(page, "schedules-start-as");
  await page.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(page.getByRole("log")).toContainText("started as");
});

test("a viewer sees schedules and no buttons, and who may", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await server.api.call("PUT", "/api/v1/projects/lab/schedules/theirs/nightly", { cron: "0 3 * * *", timezone: "Europe/Zurich" });
  await page.goto(`${at}/projects/lab/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await cleo.setViewportSize({ width: 1280, height: 800 });
  await cleo.goto(`${at}/projects/lab/schedules`);
  await expect(row(cleo, /nightly/)).toContainText("every day at 03:00");
  await expect(cleo.getByText("Editors and owners make, pause and remove schedules.")).toBeVisible();
  await expect(cleo.getByRole("main").getByRole("button")).toHaveCount(0);
  await expect(cleo.getByRole("link", { name: "Make a schedule" })).toHaveCount(0);
  await isOpen(cleo, "schedules-viewer");
  await row(cleo, /nightly/).getByRole("link").click();
  await expect(cleo).toHaveURL(`${at}/projects/lab/schedules/theirs/nightly`);
  await expect(cleo.getByRole("heading", { name: "Next times" })).toBeVisible();
  await expect(cleo.getByRole("main").getByRole("button")).toHaveCount(0);
  await cleo.goto(`${at}/projects/lab/schedules/new`);
  await expect(cleo.getByText("A viewer makes no schedules")).toBeVisible();
  // An owner's pause shows where it is looked at, with who it was.
  await cleo.goto(`${at}/projects/lab/schedules/theirs/nightly`);
  await expect(cleo.getByRole("heading", { name: "Next times" })).toBeVisible();
  await page.goto(`${at}/projects/lab/schedules/theirs/nightly`);
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(cleo.getByText(/Paused by Ada Lovelace/)).toBeVisible();
});
