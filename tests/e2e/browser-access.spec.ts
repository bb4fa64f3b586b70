/** Every page can be used by everybody, and holds still. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { signIn } from "../support/page";
import { expect, test } from "../support/test";

/** What would hold somebody off, in words. */
async function barriers(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}

test("no page has a barrier, none moves while it is built", async ({ bed, page }) => {
  test.setTimeout(400_000);
  bed.pipeline("trace", {
    "main.py": 'import os\nout = os.environ["RIGI_OUTPUTS"]\nopen(f"{out}/notes.md", "w").write("# Notes\\n\\n- one")\nopen(f"{out}/plot.svg", "w").write(\'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 30 20"/>\')\nraise ValueError("no")\n',
    "pipeline.json": { description: "# Title\n\nand **words**", timeout: "1h", retries: { attempts: 2, delay: "100ms" }, parameters: { properties: { seed: { type: "integer", title: "Seed", default: 1 }, way: { enum: ["a", "b"], default: "a" }, on: { type: "boolean" }, tags: { type: "array", items: { type: "string" } } } } },
  });
  bed.pipeline("broken", { "main.py": "", "pipeline.yaml": "timout: 30s\n" });
  const server = await bed.up();
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value))).observe({ type: "layout-shift", buffered: true });
  });
  await signIn(page, server);
  const run = await server.api.ended((await server.api.submit("trace")).id);
  const paths = ["/", "/pipelines", "/pipelines/trace", "/pipelines/trace?tab=parameters", "/pipelines/trace?tab=spec", "/pipelines/trace/start", `/pipelines/trace/start?from=${run.id}`, "/runs", "/settings"];
  for (const tab of ["log", "outputs", "parameters", "events", "code"]) paths.push(`/runs/${run.id}?tab=${tab}`);
  const visit = async (path: string): Promise<void> => {
    await page.goto(`${server.api.url}${path}`);
    await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
    // Whatever was asked for has come.
    await expect(page.locator("[data-busy]")).toHaveCount(0);
    const shifted = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, value) => sum + value, 0));
    expect(shifted, `${path} moved`).toBeLessThan(0.02);
  };
  await page.setViewportSize({ width: 1280, height: 800 });
  for (const path of paths) {
    await visit(path);
    expect(await barriers(page), path).toEqual([]);
  }
  // Colours differ in the dark, places on a phone.
  await page.emulateMedia({ colorScheme: "dark" });
  for (const path of paths.filter((one) => /^\/$|start$|^\/runs/.test(one))) {
    await visit(path);
    expect(await barriers(page), `${path}, dark`).toEqual([]);
  }
  await page.setViewportSize({ width: 390, height: 800 });
  for (const path of paths) await visit(path);
});

test("the palette has a name, and its field stays where it is", async ({ bed, page }) => {
  for (const name of ["alpha", "alpine", "beta"]) bed.shell(name, "true");
  const server = await bed.up();
  await signIn(page, server);
  await page.getByRole("button", { name: "Search and commands" }).click();
  const dialog = page.getByRole("dialog", { name: "Search and commands" });
  const field = dialog.getByRole("textbox", { name: "Search" });
  await expect(dialog.getByText("alpine")).toBeVisible();
  const place = async () => Math.round((await field.boundingBox())!.y);
  const before = await place();
  await field.fill("beta");
  await expect(dialog.getByText("alpine")).toHaveCount(0);
  expect(await place()).toBe(before);
  await field.fill("nothing like it");
  await expect(dialog.getByText(/Nothing is called/)).toBeVisible();
  expect(await place()).toBe(before);
  expect(await barriers(page)).toEqual([]);
});
