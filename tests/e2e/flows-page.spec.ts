/** Flows on the page: their steps and items as they go, answers of people, going on from what failed, what follows. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test, type Bed } from "../support/test";

const sh = (script: string) => ["sh", "-c", script];
const drawing = (page: Page) => page.getByRole("group", { name: "Steps, drawn" });

/** Has one of each: items of which some fail, an optional failure, conditions, a skip, an approval, a flow within. */
function science(bed: Bed, n: number): void {
  bed.pipeline("report", {
    "pipeline.json": { steps: { draw: { command: sh("echo drawn") }, mail: { needs: ["draw"], command: sh("echo mailed") } } },
  });
  bed.pipeline("science", {
    "pipeline.json": {
      description: "Reads stations, counts them, asks, and publishes.",
      parameters: { n: { type: "integer", default: n }, full: { type: "boolean", default: false } },
      steps: {
        list: { command: sh('echo "{\\"items\\": [$(seq -s, 1 $n)]}" > $RIGI_OUTPUTS/outputs.json'), cache: true },
        fetch: {
          needs: ["list"],
          for_each: "${steps.list.outputs.items}",
          parallel: 8,
          on_failure: "continue",
          optional: true,
          parameters: { value: "${item}" },
          command: sh('echo "station $value"; [ $((value % 37)) != 0 ] || exit 4'),
        },
        quality: { needs: ["fetch"], run_if: "done", command: sh("echo good") },
        extra: { needs: ["list"], when: "params.full", command: sh("echo extra") },
        "after-extra": { needs: ["extra"], command: sh("echo never") },
        risky: { command: sh("exit 3"), optional: true },
        clean: { needs: ["risky"], run_if: "failed", command: sh("echo cleaning") },
        release: { needs: ["quality"], approval: { role: "editor", message: "Publish the figures of `quality`?" } },
        report: { needs: ["release"], pipeline: "report" },
      },
    },
  });
}

test("a flow is drawn as it goes, asks, and shows each item", async ({ bed, page }) => {
  science(bed, 120);
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  const run = await server.api.submit("science");
  await page.goto(`${server.api.url}/runs/${run.id}`);

  // Nothing is asked for again by time: all of this is told.
  const node = (name: RegExp) => drawing(page).getByRole("link", { name });
  await expect(node(/^release, asks for an answer/)).toBeVisible();
  await expect(node(/^fetch, failed, .*120 items, 3 failed, optional, after list$/)).toBeVisible();
  await expect(node(/^clean, succeeded, .*after risky, if it failed$/)).toBeVisible();
  await expect(drawing(page).getByText("extra, skipped, after list, when params.full", { exact: true })).toBeAttached();
  await expect(node(/^report/)).toHaveCount(0);
  await isOpen(page, "flow-drawing");
  await page.getByText("Times", { exact: true }).click();
  await expect(page).toHaveURL(/view=times/);
  await expect(page.getByRole("link", { name: /^quality, succeeded, ran / })).toBeVisible();
  await isOpen(page, "flow-times");
  await page.getByText("List", { exact: true }).click();
  await expect(page.getByText("extra was skipped")).toBeVisible();
  await isOpen(page, "flow-list");

  // A cell for each item; those that failed with why.
  await page.getByRole("link", { name: /^fetch, failed/ }).click();
  const cells = page.getByRole("group", { name: "Items of fetch" });
  await expect(cells.getByRole("link")).toHaveCount(120);
  await isOpen(page, "flow-items");
  await cells.getByRole("link", { name: /^item 0, / }).focus();
  await page.keyboard.press("ArrowRight");
  await expect(cells.getByRole("link", { name: /^item 1, succeeded/ })).toBeFocused();
  await page.keyboard.press("End");
  await expect(cells.getByRole("link", { name: /^item 119, / })).toBeFocused();
  await page.getByRole("button", { name: "Failed 3" }).click();
  await expect(page).toHaveURL(/items=failed/);
  await isOpen(page, "flow-items-failed");
  await page.getByRole("link", { name: /^item 36 / }).click();

  // The run of a step says where it belongs, and is not done again by itself.
  const crumbs = page.getByRole("navigation", { name: "Where you are" });
  await expect(crumbs).toHaveText(/science.*run \w{4}.*fetch.*item 36/);
  await expect(page.getByText("Failed after")).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry" })).toHaveCount(0);
  await expect(page.getByRole("link", { name: "Rerun" })).toHaveCount(0);
  await page.getByRole("button", { name: "why not cached?" }).click();
  await expect(page.getByText("not cached: its step has no cache: true")).toBeVisible();
  await isOpen(page, "flow-step");
  await crumbs.getByRole("link", { name: "fetch" }).click();
  await expect(cells).toBeVisible();
  await page.getByRole("link", { name: "All steps" }).click();

  // What is asked is answered with a note, and the flow goes on.
  await page.getByRole("link", { name: "Answer", exact: true }).click();
  const asked = page.getByRole("region", { name: "What is asked" });
  await expect(asked).toContainText("Publish the figures of quality?");
  await expect(asked).toContainText("Editors and owners may answer.");
  await isOpen(page, "flow-approval");
  await asked.getByRole("button", { name: "Approve" }).click();
  const dialog = page.getByRole("dialog", { name: "Approve it?" });
  await dialog.getByLabel("Note").fill("Looked at by hand.");
  await dialog.getByRole("button", { name: "Approve" }).click();
  await expect(dialog).toHaveCount(0);
  await expect(asked).toContainText("Approved by you");
  await expect(asked).toContainText("Looked at by hand.");
  await isOpen(page, "flow-approval-answered");
  await crumbs.getByRole("link", { name: /^run / }).click();
  await expect(page.getByText(/^Succeeded in/)).toBeVisible();

  // A flow within a flow has its own steps.
  await node(/^report, succeeded/).click();
  await expect(node(/^mail, succeeded/)).toBeVisible();
  await expect(crumbs).toHaveText(/science.*run \w{4}.*report/);

  // The lists hold the flow, and none of its 130 steps.
  await page.keyboard.press("g");
  await page.keyboard.press("r");
  await expect(page.getByRole("link", { name: /science/ }).filter({ hasText: "Succeeded" })).toHaveCount(1);
  await server.api.ended((await server.api.submit("report")).id);
  await page.getByRole("button", { name: "1 new" }).click();
  await expect(page.getByRole("link", { name: /report/ }).filter({ hasText: "Succeeded" })).toHaveCount(1);
  expect(said).toEqual([]);
});

test("a flow goes on from what failed; its pipeline shows the steps, and how each went", async ({ bed, page }) => {
  const ok = join(bed.root, "ok");
  const spec = {
    steps: {
      one: { command: sh("sleep 0.2; echo one"), cache: true },
      two: { needs: ["one"], command: sh(`test -f ${ok} || exit 7`) },
      three: { needs: ["two"], command: sh("echo three") },
    },
    downstream_triggers: [{ pipeline: "next" }],
  };
  bed.pipeline("small", { "pipeline.json": spec });
  bed.shell("next", "echo next");
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/pipelines/small?tab=steps`);
  await expect(page.getByText("It has never run. Once it has")).toBeVisible();
  await expect(drawing(page).getByText("three", { exact: true })).toBeVisible();

  // What runs meanwhile shows beside what has run.
  const run = await server.api.submit("small");
  const matrix = page.getByRole("table");
  await expect(matrix.getByRole("link", { name: new RegExp(`^two of run ${run.short}: failed, exit 7`) })).toBeVisible();
  await isOpen(page, "flow-pipeline");
  await matrix.getByRole("link", { name: new RegExp(`^run ${run.short}, failed`) }).click();

  writeFileSync(ok, "");
  await page.getByRole("button", { name: "Run from what failed" }).click();
  await expect(page.getByText(/^Succeeded in/)).toBeVisible();
  await expect(page).not.toHaveURL(new RegExp(run.id));
  await isOpen(page, "flow-again");
  await drawing(page)
    .getByRole("link", { name: /^one, succeeded/ })
    .click();
  await expect(page.getByText(/^result of /)).toBeVisible();
  await page.goBack();

  // What it started, and what that was started by.
  await expect(page.getByText(/has started \w{4}/)).toBeVisible();
  await page
    .getByText(/has started \w{4}/)
    .getByRole("link")
    .click();
  await expect(page.getByRole("navigation", { name: "Where you are" })).toContainText("next");
  await expect(page.getByText(/^started .* after \w{4}$/)).toBeVisible();
  await page.goto(`${server.api.url}/runs`);
  await expect(page.getByText(/^after \w{4}$/)).toBeVisible();
  expect(said).toEqual([]);
});

test("whoever may not answer sees who may", async ({ bed, page, browser }) => {
  bed.pipeline("asks", { "pipeline.json": { steps: { release: { approval: { role: "editor", message: "Publish it?" } } } } });
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/members`);
  const cleo = await another(browser, await invite(page, "viewer", CLEO.mail), CLEO);
  const run = await server.api.submit("asks");
  for (const [one, name] of [
    [page, "Answer"],
    [cleo, "Look at it"],
  ] as const) {
    await one.goto(`${server.api.url}/runs/${run.id}`);
    await one.getByRole("link", { name, exact: true }).click();
  }
  const asked = (one: Page) => one.getByRole("region", { name: "What is asked" });
  await expect(asked(cleo)).toContainText("Editors and owners may answer. You may not.");
  await expect(asked(cleo).getByRole("button")).toHaveCount(0);
  await asked(page).getByRole("button", { name: "Reject" }).click();
  await page.getByRole("dialog").getByLabel("Note").fill("Not yet.");
  await page.getByRole("dialog").getByRole("button", { name: "Reject" }).click();
  // It is told to whoever looks at it.
  await expect(asked(cleo)).toContainText(`Rejected by ${ADA.name}`);
  await expect(asked(cleo)).toContainText("Not yet.");
});
