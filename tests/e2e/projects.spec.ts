/** The page where a server has several projects, and where it has one. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { complaints, fitsWidth, logLines, picture, signIn } from "../support/page";
import type { Bed, Server } from "../support/test";
import { expect, test } from "../support/test";

const LAB = "air-quality";

/** A folder of pipelines of another project: `same` is in both. */
function shellOf(folder: string, name: string, script: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "pipeline.json"), JSON.stringify({ command: ["sh", "-c", script], description: `Of ${LAB}` }));
  writeFileSync(join(folder, name, "notes.py"), `told = "${LAB}"\n`);
}

async function twoProjects(bed: Bed): Promise<Server> {
  bed.pipeline("same", { "pipeline.json": { command: ["sh", "-c", "echo of the default"], description: "Of the default" }, "notes.py": 'told = "default"\n' });
  bed.shell("mine", "true");
  const other = bed.folder("other");
  shellOf(other, "same", "echo of the lab; echo kept > $RIGI_OUTPUTS/kept.txt");
  shellOf(other, "theirs", "sleep 600");
  return bed.up({ env: { RIGI_PROJECTS__AIR_QUALITY__PIPELINES: other } });
}

const submit = (server: Server, pipeline: string) => server.api.post<{ id: string; short: string }>(`/projects/${LAB}/pipelines/${pipeline}/runs`, {});
const switcher = (page: Page) => page.getByRole("button", { name: /^Project / });

/** Every request of the page for what a project has of its own. */
function asked(page: Page): string[] {
  const paths: string[] = [];
  page.on("request", (request) => {
    const { pathname } = new URL(request.url());
    if (/^\/api\/v1\/(projects\/[^/]+\/)?(pipelines|runs|uploads|events)/.test(pathname)) paths.push(pathname);
  });
  return paths;
}

test("with one project nobody meets the word", async ({ bed, page }) => {
  bed.shell("alone", "true");
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines`);
  await expect(page.getByRole("link", { name: /^alone/ }).first()).toBeVisible();
  for (const path of ["/", "/pipelines", "/settings", "/project", "/project?tab=details"]) {
    await page.goto(`${server.api.url}${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    await expect(page.locator("[data-busy]")).toHaveCount(0);
    await expect(page.getByText(/project/i)).toHaveCount(0);
  }
});

test("another project is gone to, with its pipelines, runs and changes and nothing of the first", async ({ bed, page }) => {
  const server = await twoProjects(bed);
  const said = complaints(page);
  await server.api.ended((await server.api.submit("same")).id);
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines`);
  await expect(page.getByRole("link", { name: /^mine/ }).first()).toBeVisible();
  await expect(page.getByText(`Of ${LAB}`)).toHaveCount(0);

  // By keyboard; Escape gives the focus back.
  await switcher(page).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("menuitem", { name: new RegExp(`^${LAB}`) })).toBeVisible();
  await picture(page, "projects-menu");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("menu")).toHaveCount(0);
  await expect(switcher(page)).toBeFocused();
  await page.keyboard.press("Enter");
  // The menu has taken the keys.
  await expect(switcher(page)).not.toBeFocused();
  await page.keyboard.press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: new RegExp(`^${LAB}`) })).toBeFocused();
  const paths = asked(page);
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(`${server.api.url}/projects/${LAB}/pipelines`);
  await expect(switcher(page)).toHaveText(new RegExp(LAB));
  await expect(page.getByRole("link", { name: /^theirs/ }).first()).toBeVisible();
  await expect(page.getByRole("link", { name: /^mine/ })).toHaveCount(0);
  await expect(page.getByText("Of the default")).toHaveCount(0);

  // Its changes come by themselves, those of the first do not.
  await page.getByRole("link", { name: "Runs" }).first().click();
  await expect(page).toHaveURL(`${server.api.url}/projects/${LAB}/runs`);
  await expect(page.locator("[data-busy]")).toHaveCount(0);
  const foreign = await server.api.submit("mine");
  const own = await submit(server, "theirs");
  await expect(page.getByText(own.short)).toBeVisible();
  await expect(page.getByRole("link", { name: "Runs 1 going on or waiting" })).toBeVisible();
  await expect(page.getByText(foreign.short)).toHaveCount(0);
  await page.reload();
  await expect(page.getByText(own.short)).toBeVisible();
  await expect(page.getByText(foreign.short)).toHaveCount(0);
  expect(paths.filter((path) => !path.startsWith(`/api/v1/projects/${LAB}/`))).toEqual([]);
  await server.api.post(`/projects/${LAB}/runs/${own.id}/cancel`);

  // Back leads to the first, as it was.
  await page.goBack();
  await page.goBack();
  await expect(page).toHaveURL(`${server.api.url}/pipelines`);
  await expect(page.getByRole("link", { name: /^mine/ }).first()).toBeVisible();
  await expect(page.getByRole("link", { name: /^theirs/ })).toHaveCount(0);
  expect(said).toEqual([]);
});

test("a run of another project is started, followed, and its files are fetched from there", async ({ bed, page }) => {
  const server = await twoProjects(bed);
  const said = complaints(page);
  await signIn(page, server);
  const paths = asked(page);
  await page.goto(`${server.api.url}/projects/${LAB}/pipelines/same/start`);
  await expect(page.getByText(`rigi run same --project ${LAB}`)).toBeVisible();
  await page.getByRole("form", { name: "Start" }).getByRole("button", { name: "Start" }).click();
  await expect(page).toHaveURL(new RegExp(`/projects/${LAB}/runs/run_`));
  await expect(logLines(page).filter({ hasText: "of the lab" })).toBeVisible();
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  await page.getByRole("tab", { name: /Outputs/ }).click();
  await expect(page.getByText("kept.txt").first()).toBeVisible();
  const address = await page.getByRole("link", { name: "Download kept.txt" }).getAttribute("href");
  expect(address).toContain(`/api/v1/projects/${LAB}/runs/`);
  expect(await (await server.api.fetch("GET", address!)).text()).toBe("kept\n");
  await page.getByRole("tab", { name: "Code" }).click();
  await page.getByRole("button", { name: /notes\.py/ }).click();
  await expect(page.getByText(`told = "${LAB}"`)).toBeVisible();
  expect(paths.filter((path) => !path.startsWith(`/api/v1/projects/${LAB}/`))).toEqual([]);

  // At an address without its project it is led to; the command line names it.
  const id = /run_\w+/.exec(page.url())![0];
  await page.goto(`${server.api.url}/runs/${id}`);
  await expect(page).toHaveURL(`${server.api.url}/projects/${LAB}/runs/${id}`);
  await expect(logLines(page).filter({ hasText: "of the lab" })).toBeVisible();
  const opened = await bed.rigi(["runs", "open", id, "--project", LAB, "-o", "json"]);
  expect(JSON.parse(opened.out)).toEqual({ url: `${server.api.url}/projects/${LAB}/runs/${id}` });
  expect(said).toEqual([]);
});

test("the Code tab of a pipeline shows the files of its project's folder", async ({ bed, page }) => {
  const server = await twoProjects(bed);
  await signIn(page, server);
  for (const [base, told] of [["", "default"], [`/projects/${LAB}`, LAB]]) {
    await page.goto(`${server.api.url}${base}/pipelines/same?tab=code`);
    await page.getByRole("button", { name: /notes\.py/ }).click();
    await expect(page.getByText(`told = "${told}"`)).toBeVisible();
  }
  await picture(page, "projects-code");
});

test("an address says which project is not there, and the palette leads to those that are", async ({ bed, page }) => {
  const server = await twoProjects(bed);
  await signIn(page, server);
  await page.goto(`${server.api.url}/projects/lost/runs`);
  await expect(page.getByText("There is no project “lost”")).toBeVisible();
  await page.getByRole("main").getByRole("link", { name: LAB }).click();
  await expect(page).toHaveURL(new RegExp(`/projects/${LAB}/?$`));
  await expect(page.getByText("Nothing runs and nothing waits.")).toBeVisible();
  await page.getByRole("button", { name: "Search and commands" }).click();
  const dialog = page.getByRole("dialog", { name: "Search and commands" });
  await dialog.getByRole("textbox", { name: "Search" }).fill("default");
  await dialog.getByRole("button", { name: /^default/ }).click();
  await expect(page).toHaveURL(`${server.api.url}/`);
  // The default's address is written without it.
  await page.goto(`${server.api.url}/projects/default/runs?state=failed#x`);
  await expect(page).toHaveURL(`${server.api.url}/runs?state=failed#x`);
});

test("the switcher fits a phone and the dark, and nothing moves when it comes", async ({ bed, page }) => {
  const server = await twoProjects(bed);
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value))).observe({ type: "layout-shift", buffered: true });
  });
  await signIn(page, server);
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 800 });
      for (const path of ["/", `/projects/${LAB}/`, `/projects/${LAB}/settings`]) {
        await page.goto(`${server.api.url}${path}`);
        await expect(switcher(page)).toBeVisible();
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expect(page.locator("[data-busy]")).toHaveCount(0);
        const moved = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0));
        expect(moved, `${path} at ${width}`).toBeLessThan(0.02);
        await fitsWidth(page);
      }
      await picture(page, `projects-settings-${scheme}-${width}`);
      await switcher(page).click();
      const item = page.getByRole("menuitem", { name: /^default/ });
      await expect(item).toBeInViewport({ ratio: 1 });
      const [around, count] = [(await item.boundingBox())!, (await item.getByText("nothing runs").boundingBox())!];
      expect(count.y >= around.y && count.y + count.height <= around.y + around.height && count.x + count.width <= around.x + around.width, "the count is in its line").toBe(true);
      await picture(page, `projects-${scheme}-${width}`);
      await page.keyboard.press("Escape");
    }
  }
});
