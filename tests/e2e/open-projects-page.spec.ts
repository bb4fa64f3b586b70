/** Projects that whoever comes may look at, and such as people may ask to be in: on the page, as owner, visitor and newcomer. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints } from "../support/page";
import { ADA, another, BOB, CLEO, fillSignIn, invite, makeAccount, signedIn, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

const turn = (page: Page, label: RegExp) => page.getByRole("switch", { name: label });
const PUBLIC = /Whoever comes may look at it/;
const JOINABLE = /People with an account may ask/;

test("whoever comes looks at a public project, reads and does nothing, until it is closed", async ({ bed, browser, page }) => {
  test.setTimeout(180_000);
  const server = await upForTeam(bed, { RIGI_PEOPLE__PUBLIC_PROJECTS: "true" });
  const at = server.api.url;
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  const folder = join(bed.folder("lab"), "fit");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pipeline.json"), JSON.stringify({ command: ["sh", "-c", "echo fitted; echo x > $RIGI_OUTPUTS/fit.txt"] }));
  await expect.poll(async () => (await server.api.fetch("GET", "/api/v1/projects/lab/pipelines/fit")).status).toBe(200);
  const run = await server.api.post<{ id: string }>("/projects/lab/pipelines/fit/runs", {});
  await server.api.ended(run.id);

  // Nothing is public yet: whoever comes signs in.
  const eve = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  const said = complaints(eve);
  await eve.goto(`${at}/projects/lab/runs`);
  await expect(eve.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(eve.getByText("Open to everybody")).toHaveCount(0);

  // An owner shows it, after a word of warning.
  await page.goto(`${at}/projects/lab/project?tab=details`);
  await expect(turn(page, PUBLIC)).not.toBeChecked();
  await turn(page, PUBLIC).click({ force: true });
  await expect(page.getByRole("dialog", { name: "Show lab to everybody?" })).toBeVisible();
  await isOpen(page, "open-warning");
  await page.getByRole("dialog").getByRole("button", { name: "Make it public" }).click();
  await expect(turn(page, PUBLIC)).toBeChecked();
  await expect(page.getByText(`${at}/projects/lab/`)).toBeVisible();
  await turn(page, PUBLIC).scrollIntoViewIfNeeded();
  await isOpen(page, "open-details");

  // The list of what is public stands where one signs in; from there on everything is read.
  await eve.goto(`${at}/`);
  await expect(eve.getByText("Open to everybody")).toBeVisible();
  await isOpen(eve, "open-sign-in");
  await eve.getByRole("link", { name: "lab" }).click();
  await expect(eve).toHaveURL(`${at}/projects/lab/`);
  await expect(eve.getByText("whoever comes may read this")).toBeVisible();
  await expect(eve.getByRole("link", { name: "fit" }).first()).toBeVisible();
  await isOpen(eve, "open-home");
  await eve.getByRole("link", { name: "Pipelines" }).first().click();
  await expect(eve.getByRole("button", { name: /^Start/ })).toHaveCount(0);
  await eve.getByRole("link", { name: "Runs" }).first().click();
  await eve.getByRole("link", { name: new RegExp(run.id.slice(-4)) }).first().click();
  await expect(eve.getByRole("log")).toContainText("fitted");
  await expect(eve.getByRole("button", { name: /Rerun|Cancel|Retry/ })).toHaveCount(0);
  await isOpen(eve, "open-run");
  for (const tab of ["Outputs 1", "Parameters", "Events", "Code"]) {
    await eve.getByRole("tab", { name: tab }).click();
    await expect(eve.locator("[data-busy]")).toHaveCount(0);
    await expect(eve.getByRole("alert")).toHaveCount(0);
  }
  await eve.getByRole("link", { name: "Schedules" }).first().click();
  await expect(eve.getByText("Nothing is due")).toBeVisible();
  await expect(eve.getByRole("link", { name: /Members|Project|Administration/ })).toHaveCount(0);
  await eve.getByRole("link", { name: "Settings" }).click();
  await expect(eve.getByRole("heading", { name: "This browser" })).toBeVisible();
  for (const path of ["members", "project", "pipelines/fit/start"]) {
    await eve.goto(`${at}/projects/lab/${path}`);
    await expect(eve.getByText("This is for those who have signed in"), path).toBeVisible();
  }
  await isOpen(eve, "open-closed-page");
  await eve.goto(`${at}/projects/default/runs`);
  await expect(eve.getByRole("heading", { name: "Sign in" })).toBeVisible();

  // What happens is seen as it happens.
  await eve.goto(`${at}/projects/lab/runs`);
  await expect(eve.getByText("fit").first()).toBeVisible();
  const next = await server.api.post<{ id: string }>("/projects/lab/pipelines/fit/runs", {});
  await expect(eve.getByRole("link", { name: new RegExp(next.id.slice(-4)) }).first()).toBeVisible();

  // Signing in leads back to where one was.
  await page.goto(`${at}/projects/lab/members`);
  const cleo = await another(browser, await invite(page, "runner"), CLEO);
  await cleo.close();
  await eve.getByRole("button", { name: "Sign in" }).first().click();
  await expect(eve.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await eve.getByRole("button", { name: "lab" }).click();
  await expect(eve.getByText("whoever comes may read this")).toBeVisible();
  await eve.getByRole("button", { name: "Sign in" }).first().click();
  await fillSignIn(eve, CLEO);
  await signedIn(eve);
  await expect(eve).toHaveURL(`${at}/projects/lab/runs`);
  await expect(eve.getByText("whoever comes may read this")).toHaveCount(0);

  // Closed, who looks is told so.
  const dan = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await dan.goto(`${at}/projects/lab/runs`);
  await expect(dan.getByText("whoever comes may read this")).toBeVisible();
  await page.goto(`${at}/projects/lab/project?tab=details`);
  await turn(page, PUBLIC).click({ force: true });
  await expect(turn(page, PUBLIC)).not.toBeChecked();
  await expect(dan.getByText("lab is not public any more.")).toBeVisible();
  await isOpen(dan, "open-closed");
  await page.goto(`${at}/projects/lab/members?tab=activity`);
  await expect(page.getByText("showed the project lab to everybody")).toBeVisible();
  await expect(page.getByText("closed the project lab to visitors")).toBeVisible();
  expect(said).toEqual([]);
});

test("where the server lets nothing be public, it is said who changes that", async ({ bed, page }) => {
  const server = await upForTeam(bed);
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/projects/lab/project?tab=details`);
  await turn(page, PUBLIC).click({ force: true });
  const dialog = page.getByRole("dialog", { name: "Show lab to everybody?" });
  await dialog.getByRole("button", { name: "Make it public" }).click();
  await expect(dialog.getByRole("alert")).toContainText("An operator sets people.public_projects");
  await dialog.getByRole("button", { name: "Leave it" }).click();
  await expect(turn(page, PUBLIC)).not.toBeChecked();
});

test("somebody asks to join, and an owner lets them in or declines", async ({ bed, browser, page }) => {
  test.setTimeout(120_000);
  const server = await upForTeam(bed);
  const at = server.api.url;
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  await page.goto(`${at}/members`);
  const bob = await another(browser, await invite(page, "viewer"), BOB);
  await bob.setViewportSize({ width: 1280, height: 800 });

  // Nothing can be asked for yet.
  await bob.getByRole("button", { name: /^Account of / }).click();
  await bob.getByRole("menuitem", { name: "Join a project" }).click();
  await expect(bob).toHaveURL(`${at}/joining`);
  await expect(bob.getByText("There is no project to ask for")).toBeVisible();
  await isOpen(bob, "joining-none");

  await page.goto(`${at}/projects/lab/project?tab=details`);
  await turn(page, JOINABLE).click({ force: true });
  await expect(turn(page, JOINABLE)).toBeChecked();
  await bob.reload();
  await bob.getByRole("button", { name: "Ask to join lab" }).click();
  const dialog = bob.getByRole("dialog", { name: "Ask to join lab" });
  await expect(dialog.getByLabel("Message")).toBeFocused();
  await dialog.getByLabel("Message").fill("For the course.\nI need the trend of the last week.");
  await isOpen(bob, "joining-ask");
  await dialog.getByRole("button", { name: "Ask", exact: true }).click();
  await expect(bob.getByText("Asked. An owner answers.")).toBeVisible();
  await isOpen(bob, "joining-asked");

  // Owners hear of it as it happens, wherever they are in it.
  await expect(page.getByRole("link", { name: "Members 1 asking to join" })).toBeVisible();
  await page.getByRole("link", { name: "Members 1 asking to join" }).click();
  const asking = page.getByRole("table", { name: "Asking to join" });
  await expect(asking.getByRole("row", { name: /Bob/ })).toContainText("For the course.");
  await isOpen(page, "joining-requests");
  await page.getByRole("button", { name: "Decline Bob Runner" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Decline", exact: true }).click();
  await expect(asking).toHaveCount(0);

  await bob.reload();
  await bob.getByRole("button", { name: "Ask to join lab" }).click();
  await bob.getByRole("dialog").getByRole("button", { name: "Ask", exact: true }).click();
  await expect(asking.getByRole("row", { name: /Bob/ })).toBeVisible();
  await page.getByLabel("Role for Bob Runner").selectOption("runner");
  await page.getByRole("button", { name: "Let Bob Runner in" }).click();
  await expect(page.getByText("Bob Runner is a runner.")).toBeVisible();
  await expect(asking).toHaveCount(0);
  await expect(page.getByRole("table", { name: "Members" }).getByRole("row", { name: /Bob/ })).toBeVisible();
  await bob.goto(`${at}/projects/lab/pipelines`);
  await expect(bob.getByRole("link", { name: "Start theirs" })).toBeVisible();
  await page.getByRole("tab", { name: "Activity" }).click();
  await expect(page.getByText(/asked to join: “For the course/)).toBeVisible();
  await expect(page.getByText(/declined the request of Bob Runner/)).toBeVisible();
  expect(said).toEqual([]);
});

test("whoever has no role anywhere finds what can be asked for; a project's secrets are its own", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await server.api.call("PATCH", "/api/v1/projects/lab", { joinable: true, labels: { team: "air" } });
  await page.goto(`${at}/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await page.reload();
  await page.getByRole("button", { name: "Remove Cleo Viewer" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await cleo.setViewportSize({ width: 1280, height: 800 });
  await cleo.goto(`${at}/`);
  await expect(cleo.getByText("Nobody has let you in yet")).toBeVisible();
  await expect(cleo.getByRole("button", { name: "Ask to join lab" })).toBeVisible();
  await isOpen(cleo, "joining-no-role");

  await page.goto(`${at}/projects/lab/settings`);
  await page.getByRole("button", { name: "Set a secret" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("LAB_KEY");
  await page.keyboard.press("Tab");
  await page.keyboard.type("of the lab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("list", { name: "Secrets" }).getByText("LAB_KEY")).toBeVisible();
  expect((await server.api.get<{ items: object[] }>("/projects/lab/secrets")).items).toHaveLength(1);
  expect((await server.api.get<{ items: object[] }>("/secrets")).items).toHaveLength(0);
});
