/** A project goes to another server on the page: exported by its owner, brought in by an administrator; and what is wrong with a file. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isOpen } from "../support/access";
import { complaints } from "../support/page";
import { ADA, another, BOB, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

test("a project is exported by its owner and brought in by an administrator", async ({ bed, browser, page }) => {
  test.setTimeout(180_000);
  const server = await upForTeam(bed);
  const at = server.api.url;
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  await server.api.call("POST", "/api/v1/projects", { name: "air" });
  const folder = join(server.data, "projects", "air", "fit");
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pipeline.json"), JSON.stringify({ command: ["sh", "-c", "echo fitted; head -c 3000000 /dev/urandom > $RIGI_OUTPUTS/x"] }));
  await expect.poll(async () => (await server.api.fetch("GET", "/api/v1/projects/air/pipelines/fit")).status).toBe(200);
  const run = await server.api.post<{ id: string }>("/projects/air/pipelines/fit/runs", {});
  await server.api.ended(run.id);
  await server.api.call("PUT", "/api/v1/projects/air/secrets/API_KEY", { value: "hunter2hunter2" });

  // An owner who is no administrator exports; a viewer is offered nothing.
  await page.goto(`${at}/projects/air/members`);
  const bob = await another(browser, await invite(page, "owner"), BOB);
  await bob.setViewportSize({ width: 1280, height: 800 });
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await cleo.goto(`${at}/projects/air/project?tab=details`);
  await expect(cleo.getByText("Owners and administrators change this.")).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Export" })).toHaveCount(0);
  await bob.goto(`${at}/projects/air/project?tab=details`);
  await bob.getByRole("link", { name: "Export" }).scrollIntoViewIfNeeded();
  await expect(bob.getByText("Not in it: values of secrets")).toBeVisible();
  await isOpen(bob, "moving-export");
  const coming = bob.waitForEvent("download");
  await bob.getByRole("link", { name: "Export" }).click();
  const download = await coming;
  expect(download.suggestedFilename()).toBe("air.rigi-project");
  const archive = join(bed.folder("archives"), "air.rigi-project");
  await download.saveAs(archive);
  expect(existsSync(archive) && statSync(archive).size).toBeGreaterThan(3_000_000);

  // What is wrong is said, and the form stays as it was.
  await page.goto(`${at}/administration?tab=projects`);
  await expect(page.getByRole("table", { name: "Projects" })).toBeVisible();
  await page.keyboard.press("i");
  const dialog = page.getByRole("dialog", { name: "Import a project" });
  await expect(dialog.getByRole("button", { name: "Import" })).toBeDisabled();
  const broken = join(bed.folder("archives"), "broken.rigi-project");
  writeFileSync(broken, "this is no archive");
  await dialog.getByLabel("Archive").setInputFiles(broken);
  await dialog.getByLabel("Name", { exact: true }).fill("a b");
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(dialog.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await dialog.getByLabel("Name", { exact: true }).fill("");
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(dialog.getByRole("alert")).toContainText("The archive cannot be brought in");
  await isOpen(page, "moving-broken");
  await dialog.getByLabel("Archive").setInputFiles(archive);
  await dialog.getByRole("button", { name: "Import" }).click();
  await expect(dialog.getByRole("alert")).toContainText("There is a project air");
  await page.keyboard.press("Escape");

  // On another server all of it comes, and what did not is told.
  const other = await bed.up({ args: ["--team"], data: bed.folder("elsewhere"), pipelines: bed.folder("their-pipelines") });
  const there = other.api.url;
  const dan = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await makeAccount(dan, other.link, ADA);
  await dan.goto(`${there}/administration?tab=projects`);
  await dan.getByRole("button", { name: "Import" }).click();
  const form = dan.getByRole("dialog", { name: "Import a project" });
  await form.getByLabel("Archive").setInputFiles(archive);
  await form.getByLabel("Name", { exact: true }).fill("clean-air");
  await isOpen(dan, "moving-import");
  let goOn = (): void => undefined;
  const held = new Promise<void>((done) => (goOn = done));
  await dan.route("**/projects/import?*", async (route) => held.then(() => route.continue()));
  await form.getByRole("button", { name: "Import" }).click();
  await expect(form.getByRole("progressbar")).toBeVisible();
  await isOpen(dan, "moving-progress");
  goOn();
  await expect(form.getByText("clean-air is here, with 1 run and")).toBeVisible();
  await expect(form.getByText("taken as air")).toBeVisible();
  await expect(form.getByText("API_KEY")).toBeVisible();
  await isOpen(dan, "moving-imported");
  await form.getByRole("link", { name: "Go to clean-air" }).click();
  await expect(dan).toHaveURL(`${there}/projects/clean-air/project`);
  await dan.goto(`${there}/projects/clean-air/runs/${run.id}`);
  await expect(dan.getByRole("log")).toContainText("fitted");
  await dan.goto(`${there}/administration?tab=audit`);
  await expect(dan.getByText("imported the project clean-air")).toBeVisible();
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});
