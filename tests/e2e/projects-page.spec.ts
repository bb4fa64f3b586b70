/** Projects on the page: made, renamed, given quotas, archived, deleted and brought back; and what those see who may not. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, BOB, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test, type Server } from "../support/test";

const AIR = "air-quality";
const CLEAN = "clean-air";

/** A pipeline in the folder of a project that people made. */
function shellOf(server: Server, id: string, name: string, script: string): void {
  const folder = join(server.data, "projects", id, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "pipeline.json"), JSON.stringify({ command: ["sh", "-c", script], limits: { cpu: 1, memory: "64MiB" } }));
}

const meter = (page: Page, name: string) => page.getByRole("meter", { name });
const table = (page: Page, name: string) => page.getByRole("table", { name });
const submit = (server: Server, project: string, pipeline: string) =>
  server.api.post<{ id: string }>(`/projects/${project}/pipelines/${pipeline}/runs`, {});

async function make(page: Page, server: Server, name: string): Promise<void> {
  await page.goto(`${server.api.url}/administration?tab=projects`);
  await page.getByRole("button", { name: "Make a project" }).click();
  const dialog = page.getByRole("dialog", { name: "Make a project" });
  await dialog.getByLabel("Name", { exact: true }).fill(name);
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/projects/${name}/project`);
  await expect(page.getByRole("heading", { level: 1, name: "Project" })).toBeVisible();
}

/** Answers a question whose name has to be typed. */
async function typeName(page: Page, name: string, button: string): Promise<void> {
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("button", { name: button, exact: true })).toBeDisabled();
  await dialog.getByLabel(/To go on, type/).fill(name);
  await dialog.getByRole("button", { name: button, exact: true }).click();
}

test("a project is made, given quotas, renamed, archived, deleted and brought back", async ({ bed, browser, page }) => {
  test.setTimeout(240_000);
  const server = await upForTeam(bed);
  const at = server.api.url;
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);

  // Names that cannot be are refused beside the field.
  await page.goto(`${at}/administration?tab=projects`);
  await expect(table(page, "Projects").getByRole("row")).toHaveCount(3);
  await page.keyboard.press("n");
  const making = page.getByRole("dialog", { name: "Make a project" });
  await expect(making.getByLabel("Name", { exact: true })).toBeFocused();
  await making.getByLabel("Name", { exact: true }).fill("a b");
  await making.getByRole("combobox", { name: "Labels" }).fill("team=lab");
  await page.keyboard.press("Enter");
  await making.getByRole("button", { name: "Make it" }).click();
  await expect(making.getByLabel("Name", { exact: true })).toHaveAttribute("aria-invalid", "true");
  await isOpen(page, "projects-make");
  await page.keyboard.press("Escape");
  await make(page, server, AIR);
  shellOf(server, AIR, "slow", "sleep 600");
  shellOf(server, AIR, "quick", "echo done; head -c 200000 /dev/zero > $RIGI_OUTPUTS/zero");
  await page.goto(`${at}/projects/${AIR}/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);

  // Quotas are shown in use, and follow what runs.
  await page.goto(`${at}/projects/${AIR}/project`);
  await expect(page.getByText("There are no quotas")).toBeVisible();
  await page.getByRole("button", { name: "Set quotas" }).click();
  const quotas = page.getByRole("dialog", { name: `Quotas of ${AIR}` });
  await quotas.getByLabel("Active runs").fill("1");
  await quotas.getByLabel("Cores", { exact: true }).fill("16 cores");
  await quotas.getByLabel("Memory", { exact: true }).fill("64 gallons");
  await expect(quotas.getByText("is no unit of sizes")).toBeVisible();
  await expect(quotas.getByRole("button", { name: "Set quotas" })).toBeDisabled();
  await quotas.getByLabel("Memory", { exact: true }).fill("64GiB");
  await quotas.getByLabel("Waiting runs").fill("20");
  await quotas.getByLabel("Cores of a run").fill("2");
  await isOpen(page, "projects-quotas");
  await quotas.getByRole("button", { name: "Set quotas" }).click();
  await expect(quotas).toHaveCount(0);
  await expect(meter(page, "Active runs")).toHaveAttribute("aria-valuetext", "0 of 1");
  await expect.poll(async () => (await server.api.fetch("GET", `/api/v1/projects/${AIR}/pipelines/slow`)).status).toBe(200);
  await server.api.ended((await submit(server, AIR, "quick")).id);
  await submit(server, AIR, "slow");
  await expect(meter(page, "Active runs")).toHaveAttribute("aria-valuetext", "1 of 1");
  await expect(page.getByText("Full. Further ones wait.")).toBeVisible();
  await submit(server, AIR, "slow");
  await expect(meter(page, "Waiting runs")).toHaveAttribute("aria-valuetext", "1 of 20");
  await expect(meter(page, "Cores")).toHaveAttribute("aria-valuetext", "1 core of 16 cores");
  await expect(table(page, "Who uses it").getByRole("row")).toHaveCount(2);
  await expect(table(page, "What is stored").getByRole("row", { name: /quick/ })).toContainText("KiB");
  await isOpen(page, "projects-usage");
  await page.getByRole("button", { name: "Set quotas" }).click();
  await expect(quotas.getByLabel("Memory", { exact: true })).toHaveValue("64 GiB");
  await quotas.getByLabel("Active runs").fill("none");
  await quotas.getByLabel("Cores of a run").fill("");
  await quotas.getByRole("button", { name: "Set quotas" }).click();
  await expect(meter(page, "Active runs")).toHaveCount(0);
  await expect(meter(page, "Memory")).toBeVisible();

  // A viewer sees what is used, and nothing that would be refused.
  await cleo.goto(`${at}/`);
  await expect(cleo.getByRole("link", { name: "Usage", exact: true })).toBeVisible();
  await cleo.getByRole("link", { name: "Usage", exact: true }).click();
  await expect(cleo.getByText("Administrators set quotas.")).toBeVisible();
  await expect(cleo.getByRole("button", { name: "Set quotas" })).toHaveCount(0);
  await cleo.getByRole("tab", { name: "Details" }).click();
  await expect(cleo.getByText("Owners and administrators change this.")).toBeVisible();
  await expect(cleo.getByRole("main").getByRole("textbox")).toHaveCount(0);
  await expect(cleo.getByRole("main").getByRole("button")).toHaveCount(0);
  await expect(cleo.getByText(/project/i)).toHaveCount(0);

  // The name that it had leads to it; a page that is open goes on.
  await page.getByRole("tab", { name: "Details" }).click();
  await page.getByRole("combobox", { name: "Labels" }).fill("team=lab");
  await page.keyboard.press("Enter");
  await page.getByLabel("Younger than").fill("30 d");
  await page.getByRole("button", { name: "Change", exact: true }).click();
  await expect(page.getByText("It is changed.")).toBeVisible();
  await isOpen(page, "projects-details");
  await page.getByRole("textbox", { name: "Name", exact: true }).fill(CLEAN);
  await page.getByRole("button", { name: "Rename" }).click();
  await expect(page).toHaveURL(`${at}/projects/${CLEAN}/project?tab=details`);
  await expect(page.getByLabel("Younger than")).toHaveValue("30 d");
  await expect(page.getByRole("button", { name: `Project ${CLEAN}` })).toBeVisible();
  await page.goto(`${at}/projects/${AIR}/runs?state=running`);
  await expect(page).toHaveURL(`${at}/projects/${CLEAN}/runs?state=running`);
  await expect(page.getByText("slow").first()).toBeVisible();
  await expect(cleo.getByText(`is called ${CLEAN} now`)).toBeVisible();
  await cleo.getByRole("link", { name: "Runs" }).first().click();
  await expect(cleo).toHaveURL(`${at}/projects/${CLEAN}/runs`);
  await expect(cleo.getByText("slow").first()).toBeVisible();

  // Archived, it is read and starts nothing; who looks sees it at once.
  await page.goto(`${at}/projects/${CLEAN}/project?tab=details`);
  await page.getByRole("button", { name: "Archive", exact: true }).click();
  await expect(page.getByRole("link", { name: "Open it again" })).toBeVisible();
  await expect(cleo.getByText("An owner opens it again.")).toBeVisible();
  await page.goto(`${at}/projects/${CLEAN}/pipelines`);
  await expect(page.getByRole("button", { name: "Start slow" })).toBeDisabled();
  await isOpen(page, "projects-archived");
  await page.goto(`${at}/projects/${CLEAN}/pipelines/slow/start`);
  await expect(page.getByText("Nothing is started in what is archived")).toBeVisible();

  // Deleted, it is there for those alone who can bring it back.
  await page.goto(`${at}/projects/${CLEAN}/project?tab=details`);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await expect(page.getByRole("dialog")).toContainText("Its 2 active runs are stopped.");
  await typeName(page, CLEAN, "Delete it");
  await expect(page.getByText(`${CLEAN} is deleted`)).toBeVisible();
  await isOpen(page, "projects-deleted");
  await cleo.goto(`${at}/projects/${CLEAN}/runs`);
  await expect(cleo.getByText("Nobody has let you in yet")).toBeVisible();
  await page.goto(`${at}/administration?tab=projects`);
  await expect(table(page, "Deleted projects").getByRole("row", { name: new RegExp(CLEAN) })).toContainText("goes in 29 d");
  await isOpen(page, "projects-list");
  await page.getByRole("button", { name: `Restore ${CLEAN}` }).click();
  await expect(table(page, "Deleted projects")).toHaveCount(0);
  await table(page, "Projects").getByRole("link", { name: CLEAN }).click();
  await expect(page).toHaveURL(`${at}/projects/${CLEAN}/project`);
  await cleo.goto(`${at}/projects/${AIR}/runs`);
  await expect(cleo).toHaveURL(`${at}/projects/${CLEAN}/runs`);
  await expect(cleo.getByText("slow").first()).toBeVisible();

  // At once, nothing is left.
  await page.getByRole("tab", { name: "Details" }).click();
  await page.getByRole("button", { name: "Delete at once" }).click();
  await typeName(page, CLEAN, "Delete it at once");
  await expect(page).toHaveURL(`${at}/administration?tab=projects`);
  await expect(table(page, "Projects").getByRole("row")).toHaveCount(3);
  await expect(page.getByText(CLEAN)).toHaveCount(0);
  await page.getByRole("tab", { name: "Audit" }).click();
  await expect(page.getByText(`removed all of the project ${CLEAN}`)).toBeVisible();
  await expect(page.getByText(`renamed the project ${AIR} to ${CLEAN}`)).toBeVisible();
  // The name that cannot be one.
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("what the configuration says is shown with a word why, and changed there", async ({ bed, page }) => {
  bed.shell("mine", "true");
  const server = await bed.up({
    env: { RIGI_PROJECTS__LAB__PIPELINES: bed.folder("lab"), RIGI_PROJECTS__LAB__RUNS: "4", RIGI_PROJECTS__LAB__ARCHIVED: "true" },
  });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value))).observe({ type: "layout-shift", buffered: true });
  });
  await signIn(page, server);
  for (const path of ["/projects/lab/project?tab=details", "/administration?tab=projects", "/projects/lab/pipelines", "/projects/lab/project"]) {
    await page.goto(`${server.api.url}${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("[data-busy]")).toHaveCount(0);
    const moved = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0));
    expect(moved, path).toBeLessThan(0.02);
  }
  await expect(meter(page, "Active runs")).toHaveAttribute("aria-valuetext", "0 of 4");
  await page.keyboard.press("q");
  const quotas = page.getByRole("dialog", { name: "Quotas of lab" });
  await expect(quotas.getByLabel("Active runs")).toBeDisabled();
  await expect(quotas.getByText("Set by the server’s configuration.")).toHaveCount(1);
  await quotas.getByLabel("Share").fill("5000");
  await quotas.getByRole("button", { name: "Set quotas" }).click();
  await expect(quotas.getByText(/a weight is 1 to 1000/i)).toBeVisible();
  await quotas.getByLabel("Share").fill("3");
  await quotas.getByRole("button", { name: "Set quotas" }).click();
  await expect(quotas).toHaveCount(0);
  await page.keyboard.press("d");
  await expect(page.getByText("The server’s configuration gives it")).toBeVisible();
  await expect(page.getByText("Archived, as the server’s configuration says.")).toBeVisible();
  await expect(page.getByText("it is deleted there")).toBeVisible();
  await expect(page.getByRole("button", { name: /Rename|Archive|Delete/ })).toHaveCount(0);
  await isOpen(page, "projects-configured");
  // One person with several projects looks after them, and after nothing else.
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await expect(page.getByRole("tab")).toHaveText(["Projects"]);
  await expect(table(page, "Projects").getByRole("row", { name: /lab/ })).toContainText("4 active, share 3");
});

test("an owner who is no administrator; what is written when a project is renamed is kept", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await make(page, server, AIR);
  await expect(page.getByRole("link", { name: "How to make the first pipeline" })).toBeVisible();
  shellOf(server, AIR, "quick", "echo done");
  await page.goto(`${at}/projects/${AIR}/members`);
  const bob = await another(browser, await invite(page, "owner"), BOB);

  await bob.goto(`${at}/projects/${AIR}/pipelines/quick/start`);
  const field = bob.getByRole("textbox", { name: "priority" });
  await bob.getByText("More", { exact: true }).click();
  await field.fill("7");
  await server.api.call("PATCH", `/api/v1/projects/${AIR}`, { name: CLEAN });
  await expect(bob.getByText(`${AIR} is called ${CLEAN} now.`)).toBeVisible();
  await expect(field).toHaveValue("7");
  await bob.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(bob).toHaveURL(new RegExp(`/projects/${CLEAN}/runs/run_`));
  await expect(bob.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();

  // What is an administrator's is not offered; what somebody else changes shows.
  await bob.goto(`${at}/projects/${CLEAN}/project`);
  await expect(bob.getByText("Administrators set quotas.")).toBeVisible();
  await expect(bob.getByRole("button", { name: "Set quotas" })).toHaveCount(0);
  await server.api.call("PUT", `/api/v1/projects/${CLEAN}/quota`, { runs: 8, targets: ["process"] });
  await expect(meter(bob, "Active runs")).toHaveAttribute("aria-valuetext", "0 of 8");
  await bob.getByRole("tab", { name: "Details" }).click();
  await expect(bob.getByRole("button", { name: "Delete at once" })).toHaveCount(0);
  await expect(bob.getByLabel("Newest runs")).toHaveValue("");
  await server.api.call("PATCH", `/api/v1/projects/${CLEAN}`, { retention: { runs: 12 } });
  await expect(bob.getByLabel("Newest runs")).toHaveValue("12");

  // Nothing else is left: every address leads to where it is brought back.
  await bob.getByRole("button", { name: "Delete", exact: true }).click();
  await typeName(bob, CLEAN, "Delete it");
  await expect(bob.getByText(`${CLEAN} is deleted`)).toBeVisible();
  await bob.goto(`${at}/`);
  await bob.getByRole("button", { name: "Bring it back" }).click();
  await expect(bob.getByText("quick").first()).toBeVisible();
  await expect(bob).toHaveURL(`${at}/projects/${CLEAN}/`);
});
