/** The page of repositories: it teaches while there is none, adds one, shows what a sync would change, and goes along with what is pushed. */
import { createHmac } from "node:crypto";

import { hostByHttp, LOCAL, Repository } from "../support/git";
import { complaints, picture, signIn } from "../support/page";
import { expect, test } from "../support/test";

test("a repository is added, planned and synced on the page, which goes along with what its host says", async ({ bed, page }) => {
  const repository = new Repository(bed, "tools");
  repository.push({ "etl/nightly/main.py": "print(1)\n", "etl/report/main.py": "print(1)\n", "etl/report/lib.py": "A = 1\n" }, "Begin");
  const host = await hostByHttp(bed);
  bed.shell("report", "true");
  const server = await bed.up({ env: LOCAL });
  const said = complaints(page);
  await signIn(page, server);
  await page.getByRole("link", { name: "Repositories" }).click();
  await expect(page.getByText("Pipelines come from the folder alone")).toBeVisible();
  await picture(page, "repositories-none");
  await page.keyboard.press("n");
  await page.getByLabel("Address").fill("https://user:secret@h.org/x");
  await page.getByRole("button", { name: "Add it" }).click();
  await expect(page.getByText(/token is no part of an address/)).toBeVisible();
  await page.getByLabel("Address").fill(`${host}/tools.git`);
  await page.getByLabel("Takes").selectOption("branch");
  await page.getByLabel("Its name").fill("main");
  await page.getByLabel("Folder").fill("etl");
  await picture(page, "repositories-add");
  await page.getByRole("button", { name: "Add it" }).click();
  await expect(page.getByText("Not synced yet")).toBeVisible();

  await page.getByRole("button", { name: "Plan", exact: true }).click();
  const changes = page.getByRole("list", { name: "Pipelines that change" });
  await expect(changes.getByText("nightly")).toBeVisible();
  await expect(changes.getByText(/which keeps the name/)).toBeVisible();
  await picture(page, "repositories-plan");
  expect((await bed.rigi(["pipelines", "list", "-q"])).out).toBe("report\n");
  await page.getByRole("button", { name: "Sync now" }).click();
  await expect(page.getByRole("heading", { name: "What was synced" })).toBeVisible();
  await expect(page.getByText("1 pipeline cannot run")).toBeVisible();

  // The host calls: the page shows it without being loaded again.
  await page.getByRole("button", { name: "Make a webhook" }).click();
  const secret = await page.locator("code").filter({ hasText: /^[0-9a-f]{64}$/ }).innerText();
  const second = repository.push({ "etl/nightly/main.py": "print(2)\n", "etl/nightly/more.py": "", "etl/report": null }, "Mend the nightly one");
  const body = "{}";
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  const called = await fetch(`${server.api.url}/api/v1/repositories/tools/hook`, { method: "POST", body, headers: { "x-hub-signature-256": signature } });
  expect(called.status).toBe(202);
  await expect(page.getByText("In step")).toBeVisible();
  await expect(page.getByRole("link", { name: second.slice(0, 7) }).first()).toBeVisible();
  await page.getByRole("button", { name: "1 changed, 1 removed" }).click();
  await expect(page.getByText("~ main.py")).toBeVisible();
  await picture(page, "repositories-one");

  // What goes wrong stands there until it is mended.
  await bed.rigi(["repositories", "edit", "tools", "--branch", "nowhere"]);
  await page.keyboard.press("s");
  await expect(page.getByText(/The last sync failed: .*no branch nowhere/)).toBeVisible();
  await picture(page, "repositories-failed");
  await page.getByRole("link", { name: "Repositories" }).first().click();
  await expect(page.getByRole("row", { name: /tools.*Failed/ })).toBeVisible();
  await picture(page, "repositories");

  // A run says its commit, with its page.
  const { id } = await server.api.submit("nightly");
  await server.api.ended(id);
  await page.goto(`${server.api.url}/runs/${id}`);
  await expect(page.getByRole("link", { name: second.slice(0, 7) })).toHaveAttribute("href", `${host}/tools/commit/${second}`);
  await expect(page.getByText("on main of tools")).toBeVisible();
  await picture(page, "repositories-run");
  // An address that was refused, and a sync that failed.
  expect(said.filter((line) => !/status of (?:400|422)/.test(line))).toEqual([]);
});
