/** Storage keys on the page of data: made, shown once, in use, taken back; and not there where the server does not answer S3's tools. */
import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { expect, test } from "../support/test";

test("a key is made, shown this once and taken back", async ({ bed, page }) => {
  const server = await bed.up({ env: { RIGI_STORAGE__GATEWAY: "on" } });
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/data`);
  await page.getByRole("button", { name: "Storage keys" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Make a key" }).click();
  await dialog.getByLabel("Name").fill("laptop");
  await dialog.getByLabel("Ends after").fill("soon");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByText(/soon/)).toBeVisible();
  await dialog.getByLabel("Ends after").fill("30d");
  await dialog.getByLabel("It also writes, below uploads/").check();
  await isOpen(page, "storage-key");
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByText("AWS_SECRET_ACCESS_KEY")).toBeVisible();
  await expect(dialog.getByText("s3://rigi/default/").first()).toBeVisible();
  await dialog.getByRole("button", { name: "Done" }).click();
  const row = dialog.getByRole("row", { name: /laptop/ });
  await expect(row).toContainText("reads, writes uploads/");
  await expect(dialog).not.toContainText("AWS_SECRET_ACCESS_KEY");
  await row.getByRole("button", { name: "Take the key laptop back" }).click();
  await page.getByRole("button", { name: "Take it back" }).click();
  await expect(row).toBeHidden();
  // The time that was none.
  expect(said.filter((line) => !line.includes("status of 400"))).toEqual([]);
});

test("without a gateway no key is offered, and the command says who may turn it on", async ({ bed, page }) => {
  const server = await bed.up();
  await signIn(page, server);
  await page.goto(`${server.api.url}/data`);
  await expect(page.getByText("There are no datasets yet")).toBeVisible();
  await expect(page.getByRole("button", { name: "Storage keys" })).toBeHidden();
  const refused = await server.api.refused("POST", "/api/v1/storage-keys", { name: "laptop" });
  expect(refused).toMatchObject({ status: 409, code: "state-conflict", cure: expect.stringContaining("storage.gateway") });
});
