/** The form of a tool: sections, what is advanced, files by format. */
import { join } from "node:path";
import { writeFileSync } from "node:fs";

import { complaints, picture, signIn } from "../support/page";
import { expect, test } from "../support/test";

const SPEC = {
  parameters: {
    type: "object",
    "x-sections": { algorithm: "What finds the peaks." },
    properties: {
      threads: { type: "integer", default: 1 },
      algorithm__width: { title: "width", type: "number", default: 0.5, minimum: 0, "x-section": "algorithm" },
      algorithm__fit__noise: { title: "noise", type: "number", default: 1, minimum: 0, "x-section": "algorithm:fit", "x-advanced": true },
      debug: { type: "integer", default: 0, "x-advanced": true },
      test: { type: "boolean", default: false, "x-hidden": true },
    },
  },
  inputs: { in: { formats: ["mzML", "mzXML"] } },
};

test("sections, advanced parameters and formats in the form of a tool", async ({ bed, page }) => {
  bed.shell("picker", 'ls "$RIGI_INPUTS/in"', SPEC);
  const server = await bed.up();
  const said = complaints(page);
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/picker/start`);
  await expect(page.getByRole("heading", { name: "algorithm", exact: true })).toBeVisible();
  await expect(page.getByText("What finds the peaks.")).toBeVisible();
  await expect(page.getByLabel("width")).toHaveValue("0.5");
  const [noise, advanced] = [page.getByLabel("noise"), page.getByText("2 advanced parameters")];
  await expect(noise).toBeHidden();
  await expect(page.getByLabel("test", { exact: true })).toHaveCount(0);
  await advanced.click();
  await expect(page.getByRole("heading", { name: "algorithm › fit" })).toBeVisible();
  await noise.fill("-1");
  await noise.blur();
  await advanced.click();
  // What is wrong is not left folded away.
  const files = ["sample.mzML", "table.csv"].map((name) => join(bed.root, name));
  for (const file of files) writeFileSync(file, "x");
  await page.getByLabel("in", { exact: true }).setInputFiles(files[1]!);
  await page.getByRole("button", { name: "Start" }).click();
  await expect(noise).toBeVisible();
  await expect(page.getByText("`noise` must be at least 0").or(page.getByText("algorithm__fit__noise must be at least 0"))).toBeVisible();
  await expect(page.getByText("takes files of mzML, mzXML, not table.csv")).toBeVisible();
  await picture(page, "start-of-a-tool");
  await noise.fill("2.5");
  await page.getByLabel("in", { exact: true }).setInputFiles(files[0]!);
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  const id = /run_\w+/.exec(page.url())![0];
  const run = (await (await server.api.fetch("GET", `/api/v1/runs/${id}`)).json()) as { parameters: unknown };
  expect(run.parameters).toEqual({ threads: 1, algorithm__width: 0.5, algorithm__fit__noise: 2.5, debug: 0, test: false });
  expect(said).toEqual([]);
});
