/** What is given to a run passes the page unchanged. */
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

const PARAMETERS = {
  type: "object",
  properties: { seed: { type: "integer", title: "Seed of the generator" }, ratio: { type: "number", default: 1 }, any: {}, when: { type: "string", format: "date-time" } },
};

test("numbers of any size, typed, shown, copied and sent again", async ({ bed, page }) => {
  bed.shell("numbers", "cat $RIGI_PARAMETERS", { parameters: PARAMETERS });
  const server = await bed.up();
  const said = complaints(page);
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/numbers/start`);
  // A title is the field's label.
  const seed = page.getByLabel("Seed of the generator");
  await seed.fill("1e3");
  await seed.blur();
  await expect(page.getByText("must be written with digits alone: 1000")).toBeVisible();
  await seed.fill("9007199254740993");
  await seed.press("ArrowUp");
  await expect(seed).toHaveValue("9007199254740994");
  await page.getByLabel("ratio").fill("2.50");
  await page.getByLabel("any").fill('{"deep": [9007199254740995]}');
  await expect(page.getByText("-p seed=9007199254740994 -p ratio=2.50")).toBeVisible();
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.getByRole("status").filter({ hasText: /Succeeded/ })).toBeVisible();
  const id = /run_\w+/.exec(page.url())![0];
  expect(await (await server.api.fetch("GET", `/api/v1/runs/${id}`)).text()).toMatch(/"seed":9007199254740994\b.*"deep":\[9007199254740995\]/);

  await page.getByRole("tab", { name: "Parameters" }).click();
  await expect(page.getByText("9007199254740994", { exact: true })).toBeVisible();
  await page.getByRole("link", { name: "Rerun" }).click();
  await expect(seed).toHaveValue("9007199254740994");
  // Nothing was changed, so nothing is sent but that.
  await expect(page.getByText(/^rigi runs rerun \w+$/)).toBeVisible();
  await page.getByLabel("ratio").fill("3");
  await page.getByRole("button", { name: "Rerun" }).click();
  await expect(page).not.toHaveURL(new RegExp(`${id}|start`));
  const again = /run_\w+/.exec(page.url())![0];
  expect(await (await server.api.fetch("GET", `/api/v1/runs/${again}`)).text()).toMatch(/"seed":9007199254740994\b/);
  expect(said).toEqual([]);
});

test("a spec is shown in the units that people write", async ({ bed, page }) => {
  bed.shell("timed", "true", { timeout: "1h", description: "# Title\n\nSome **bold** words, [here](https://example.org/) and [there](javascript:alert(1)). <b>raw</b>" });
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/timed?tab=spec`);
  await expect(page.getByText("timeout: 1h", { exact: true })).toBeVisible();
  await expect(page.getByText(/"secs"|nanos/)).toHaveCount(0);
  await expect(page.locator("strong", { hasText: "bold" })).toBeVisible();
  await expect(page.getByRole("link", { name: "here" })).toHaveAttribute("rel", "noreferrer");
  await expect(page.getByRole("link", { name: "there" })).toHaveCount(0);
  await expect(page.locator("b", { hasText: "raw" })).toHaveCount(0);
});
