/** Cite on a run's page: the text, the crate, and what a run that goes on has of it. */
import { readFileSync } from "node:fs";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

const SPEC = { parameters: { start: { type: "integer", default: 1958 }, wait: { type: "boolean", default: false } } };

test("a run is cited by its text and its crate", async ({ bed, page }) => {
  bed.shell("trend", 'if [ "$wait" = true ]; then sleep 600; fi; echo "$start" > "$RIGI_OUTPUTS/trend.txt"', SPEC);
  const server = await bed.up();
  const said = complaints(page);
  const { id } = await server.api.submit("trend", { parameters: { start: 1990 } });
  await server.api.until(id, ["succeeded"]);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/runs/${id}`);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Cite" }).click();
  const dialog = page.getByRole("dialog");
  const text = dialog.getByRole("region", { name: "Text for a methods section" });
  await expect(text).toContainText("executed the pipeline trend as run");
  await expect(text).toContainText("start = 1990 (default 1958)");
  await expect(text).toContainText("trend.txt");
  await isOpen(page, "cite");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    dialog.getByRole("link", { name: "Download the crate" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe(`trend-${id.slice(-4)}.zip`);
  const zip = readFileSync(await download.path(), "latin1");
  for (const part of ["ro-crate-metadata.json", "outputs/trend.txt", "README.md"]) expect(zip).toContain(part);
  await dialog.getByRole("button", { name: "Close" }).click();
  await expect(dialog).toBeHidden();

  const held = await server.api.submit("trend", { parameters: { wait: true } });
  await server.api.until(held.id, ["running"]);
  await page.goto(`${server.api.url}/runs/${held.id}`);
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Cite" }).click();
  await expect(dialog.getByText("What it leaves is known when it has ended.")).toBeVisible();
  await expect(dialog.getByRole("link", { name: "Download the crate" })).toHaveCount(0);
  expect(said).toEqual([]);
});
