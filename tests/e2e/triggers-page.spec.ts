/** Triggers on the page: made, followed, paused, changed and removed; what is there of what they wait for; who sees none. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

const happened = (page: Page) => page.getByRole("table", { name: "What happened" }).getByRole("row");
const row = (page: Page, name: RegExp, table = "Triggers") => page.getByRole("table", { name: table, exact: true }).getByRole("row", { name });
const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });

async function choose(page: Page, label: string, name: string): Promise<void> {
  await page.getByRole("combobox", { name: label }).click();
  await page.getByRole("option", { name, exact: true }).click();
}

test("a trigger of files is made, follows what comes, is paused, changed and removed", async ({ bed, page }) => {
  test.setTimeout(120_000);
  const inbox = bed.folder("inbox");
  const load = { inputs: { table: { required: false } }, parameters: { properties: { name: { type: "string", default: "none" }, size: { type: "integer", default: 0 } } } };
  bed.shell("load", 'cat "$RIGI_INPUTS"/table/* 2>/dev/null; echo " of $name"', load);
  bed.shell("other", "true");
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);

  // Where there is none, it is said what one is, and how one comes to be.
  await page.keyboard.press("g");
  await page.keyboard.press("e");
  await expect(page).toHaveURL(`${server.api.url}/triggers`);
  await expect(page.getByText("Nothing is waited for")).toBeVisible();
  await expect(page.getByText('files: "/data/in/*.csv"')).toBeVisible();
  await isOpen(page, "triggers-none");

  // What cannot be is told beside the field, by the page or by the server.
  await page.keyboard.press("n");
  await choose(page, "Pipeline", "load");
  const form = page.getByRole("form", { name: "Make a trigger" });
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("id is required")).toBeVisible();
  await expect(field(page, "Name")).toBeFocused();
  await field(page, "Name").fill("inbox");
  await field(page, "Files").fill("in/*.csv");
  await field(page, "size").fill("many");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("is an absolute path")).toBeVisible();
  await expect(form.getByText("is JSON, such as")).toBeVisible();
  await field(page, "size").fill("${file.size}");
  await field(page, "Files").fill(`${inbox}-none/*.csv`);
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(field(page, "Files")).toHaveAttribute("aria-invalid", "true");
  await expect(form.getByText("cannot be read")).toBeVisible();
  await field(page, "Files").fill(`${inbox}/*.csv`);
  await field(page, "Only when").fill("body.size > 0");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(field(page, "Only when")).toHaveAttribute("aria-invalid", "true");
  await expect(form.getByText("nothing is called")).toBeVisible();
  await field(page, "Only when").fill("file.size > 0");
  await form.getByLabel("Given as").selectOption("table");
  await field(page, "Looks every").fill("1s");
  await field(page, "Unchanged for").fill("soon");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(field(page, "Unchanged for")).toHaveAttribute("aria-invalid", "true");
  await field(page, "Unchanged for").fill("0s");
  await field(page, "name").fill("${file.name}");
  await expect(page.getByText(`rigi triggers set load/inbox --files '${inbox}/*.csv' --input table --interval 1s --settle 0s --when 'file.size > 0' -p 'name=\${file.name}'`)).toBeVisible();
  await isOpen(page, "triggers-make");
  writeFileSync(join(inbox, "old.csv"), "before");
  await page.keyboard.press("Control+Enter");

  // What happens shows as it happens, with what became of it.
  await expect(page).toHaveURL(`${server.api.url}/triggers/load/inbox`);
  await expect(happened(page).filter({ hasText: "old.csv" })).toContainText("Was there before");
  writeFileSync(join(inbox, "new.csv"), "content");
  await expect(happened(page).filter({ hasText: "new.csv" })).toContainText("Succeeded");
  await expect(happened(page).filter({ hasText: "new.csv" })).toContainText("7 B");
  writeFileSync(join(inbox, "empty.csv"), "");
  await expect(happened(page).filter({ hasText: "empty.csv" })).toContainText("Ignored: file.size > 0 does not hold");
  await isOpen(page, "triggers-files");

  // Its run says what started it.
  await happened(page).filter({ hasText: "new.csv" }).getByRole("link").click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await expect(page.getByRole("log")).toContainText("content of new.csv");
  await page.getByRole("link", { name: "event of load/inbox" }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers/load/inbox`);

  // Changed, it holds what it held.
  await page.getByRole("link", { name: "Change" }).click();
  const change = page.getByRole("form", { name: "Change" });
  await expect(field(page, "Files")).toHaveValue(`${inbox}/*.csv`);
  await expect(field(page, "name")).toHaveValue("${file.name}");
  await field(page, "Only when").fill("file.size > 1");
  await isOpen(page, "triggers-change");
  await change.getByRole("button", { name: "Change" }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers/load/inbox`);
  await expect(page.getByText("file.size > 1").first()).toBeVisible();
  const made = await server.api.get<{ trigger: object }>("/triggers/load/inbox");
  expect(made.trigger).toEqual({
    files: `${inbox}/*.csv`, interval: "1s", settle: "0s", existing: "skip", each: "file", input: "table",
    when: "file.size > 1", parameters: { name: "${file.name}", size: "${file.size}" },
  });

  // Paused, it starts nothing until it goes on.
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.getByText(/Paused by you/)).toBeVisible();
  writeFileSync(join(inbox, "later.csv"), "later");
  await page.getByRole("navigation", { name: "Where you are" }).getByRole("link", { name: "Triggers" }).click();
  await expect(row(page, /inbox/)).toContainText("Paused");
  await page.getByRole("button", { name: "Resume load/inbox" }).click();
  await expect(row(page, /inbox/)).toContainText("On");
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(happened(page).filter({ hasText: "later.csv" })).toContainText("Succeeded");

  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers`);
  await expect(page.getByText("Nothing is waited for")).toBeVisible();
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("ends that wait are shown by key, a sensor's cursor is set, and all of it is drawn", async ({ bed, page }) => {
  test.setTimeout(120_000);
  const missing = join(bed.root, "comes-later");
  const day = { parameters: { properties: { day: { type: "string", default: "mon" } } } };
  bed.shell("extract", "true", day);
  bed.shell("clean", "true", day);
  bed.shell("check", `echo "from $RIGI_CURSOR"; echo '{"cursor": "42"}'`);
  bed.shell("report", "true", { triggers: [{ id: "both", after: ["extract", "clean"], key: "${params.day}" }, { id: "lines", sensor: "check" }] });
  bed.shell("load", "true", { triggers: [{ id: "inbox", files: `${missing}/*`, interval: "1s", settle: "0s" }] });
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/triggers`);
  await expect(row(page, /report \/ both/)).toContainText("extract and clean have succeeded");
  await expect(row(page, /report \/ lines/)).toContainText("lines of check");
  await expect(row(page, /load \/ inbox/)).toContainText("Problem");
  await expect(row(page, /load \/ inbox/)).toContainText("cannot be read");
  await isOpen(page, "triggers-list");
  mkdirSync(missing);
  await expect(row(page, /load \/ inbox/)).toContainText("On");

  // Which ends are there, which are missing.
  await page.goto(`${server.api.url}/triggers/report/both`);
  await expect(page.getByText("None has ended since all of them did last.")).toBeVisible();
  for (const value of ["mon", "tue"]) await server.api.ended((await server.api.submit("extract", { parameters: { day: value } })).id);
  const there = page.getByRole("table", { name: "What is there" }).getByRole("row");
  await expect(there.filter({ hasText: "mon" })).toContainText("clean is missing");
  await expect(there.filter({ hasText: "tue" })).toContainText("clean is missing");
  await expect(page.getByText("it is changed and removed there")).toBeVisible();
  await expect(page.getByRole("button", { name: "Remove" })).toHaveCount(0);
  await isOpen(page, "triggers-after");
  await server.api.ended((await server.api.submit("clean", { parameters: { day: "tue" } })).id);
  await expect(happened(page).filter({ hasText: "tue" })).toContainText("Succeeded");
  await expect(there.filter({ hasText: "tue" })).toHaveCount(0);
  await happened(page).filter({ hasText: "tue" }).getByRole("link").click();
  await expect(page.getByRole("link", { name: "ends for report/both" })).toBeVisible();

  // Where a sensor goes on.
  await page.goto(`${server.api.url}/triggers/report/lines`);
  await expect(page.getByText("none: its next run begins anew")).toBeVisible();
  await server.api.ended((await server.api.submit("check")).id);
  await expect(page.getByText("42", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "Set the cursor" }).click();
  const window = page.getByRole("dialog", { name: "Where check goes on" });
  await expect(window.getByRole("textbox", { name: "Cursor" })).toHaveValue("42");
  await window.getByRole("textbox", { name: "Cursor" }).fill("x".repeat(5000));
  await window.getByRole("button", { name: "Set it" }).click();
  await expect(window.getByText(/up to 4096 bytes/)).toBeVisible();
  await window.getByRole("textbox", { name: "Cursor" }).fill("seven");
  await isOpen(page, "triggers-cursor");
  await window.getByRole("button", { name: "Set it" }).click();
  await expect(page.getByText(/seven.*said by a person/)).toBeVisible();
  await server.api.ended((await server.api.submit("check")).id);
  await expect(happened(page).filter({ hasText: "from seven" })).toContainText("Succeeded");
  await isOpen(page, "triggers-sensor");
  await page.getByRole("button", { name: "Begin anew" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Begin anew" }).click();
  await expect(page.getByText("none: its next run begins anew")).toBeVisible();

  // On the pages of the pipelines, and in the drawing.
  await page.goto(`${server.api.url}/pipelines/report?tab=schedules`);
  await expect(row(page, /both/)).toContainText("extract and clean have succeeded");
  await expect(page.getByText("It has no schedule")).toBeVisible();
  await isOpen(page, "triggers-of-pipeline");
  await page.getByRole("link", { name: "Make a trigger" }).click();
  await expect(page.getByRole("combobox", { name: "Pipeline" })).toHaveValue("report");
  await page.goto(`${server.api.url}/pipelines/check?tab=schedules`);
  await expect(row(page, /report \/ lines/, "What waits for it")).toBeVisible();
  await page.goto(`${server.api.url}/schedules?view=starts`);
  await expect(page.getByRole("link", { name: /^pipeline report/ })).toHaveAccessibleName(/extract on success of all, clean on success of all|check on a line/);
  await isOpen(page, "triggers-starts");
  await page.getByRole("link", { name: /^files inbox/ }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers/load/inbox`);
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("a trigger of a sensor and one of several pipelines are made on the page", async ({ bed, page }) => {
  bed.shell("extract", "true");
  bed.shell("clean", "true");
  bed.shell("report", "true", { parameters: { properties: { n: { type: "integer", default: 0 }, key: { type: "string", writeOnly: true, default: "a-secret-word" } } } });
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/triggers/-/new?pipeline=report`);
  const form = page.getByRole("form", { name: "Make a trigger" });
  await field(page, "Name").fill("both");
  await form.getByText("Ends of pipelines").click();
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("after names at least one pipeline")).toBeVisible();
  await choose(page, "Pipelines", "extract");
  await page.getByRole("option", { name: "clean", exact: true }).click();
  await page.keyboard.press("Escape");
  await form.getByText("Both", { exact: true }).click();
  await field(page, "An end counts for").fill("24h");
  // A secret is none of its values.
  await expect(form.getByText("Parameters")).toBeVisible();
  await expect(form.locator("#hook-parameter-key")).toHaveCount(0);
  await isOpen(page, "triggers-make-after");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers/report/both`);
  const both = await server.api.get<{ trigger: object }>("/triggers/report/both");
  expect(both.trigger).toEqual({ after: ["extract", "clean"], on: "end", within: "1d" });

  await page.goto(`${server.api.url}/triggers/-/new?pipeline=report`);
  await field(page, "Name").fill("both");
  await form.getByText("Lines of a sensor").click();
  await choose(page, "Sensor", "extract");
  await field(page, "n").fill("${event.n}");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("is taken")).toBeVisible();
  await field(page, "Name").fill("lines");
  await isOpen(page, "triggers-make-sensor");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/triggers/report/lines`);
  const lines = await server.api.get<{ trigger: object }>("/triggers/report/lines");
  expect(lines.trigger).toEqual({ sensor: "extract", parameters: { n: "${event.n}" } });
});

test("on a phone the menu leads to triggers; a viewer sees none, and who does", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${at}/projects/lab`);
  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Triggers" }).click();
  await expect(page.getByText("Nothing is waited for")).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${at}/projects/lab/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await cleo.goto(`${at}/projects/lab/triggers`);
  await expect(cleo.getByText("A viewer sees no triggers")).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Triggers" })).toHaveCount(0);
  await cleo.goto(`${at}/projects/lab/triggers/-/new`);
  await expect(cleo.getByText("A viewer sees no triggers")).toBeVisible();
});
