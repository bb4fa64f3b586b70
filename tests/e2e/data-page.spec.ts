/** Datasets on the page: a folder is uploaded, looked at, tagged, given to a run, found on the run's page, protected and removed; and what viewers see. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test, type Bed, type Server } from "../support/test";

const status = (page: Page) => page.getByRole("region", { name: "Upload" }).getByRole("status");

function folder(bed: Bed): string {
  const root = join(bed.root, "measurements");
  mkdirSync(join(root, "2024"), { recursive: true });
  writeFileSync(join(root, "2024", "may.csv"), "day,level\n1,10\n2,11\n");
  writeFileSync(join(root, "2024", "june.csv"), "day,level\n1,12\n");
  writeFileSync(join(root, "notes.txt"), "measured by hand\n");
  writeFileSync(join(root, "page.html"), "<h1>Levels</h1><script>parent.document.title = 'taken'</script>");
  // More than is hashed in one piece.
  writeFileSync(join(root, "large.bin"), Buffer.alloc(9 << 20, "0123456789"));
  return root;
}

async function put(server: Server, name: string, files: Record<string, string>): Promise<void> {
  const { createHash } = await import("node:crypto");
  const sha = (text: string) => createHash("sha256").update(text).digest("hex");
  const block = (text: string) => {
    const header = Buffer.alloc(512);
    header.write("x", 0);
    header.write("0000644\0", 100);
    header.write(`${Buffer.byteLength(text).toString(8).padStart(11, "0")}\0`, 124);
    header.write("        ", 148);
    header.write("0", 156);
    header.write("ustar\x0000", 257, "latin1");
    header.write(`${header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `, 148);
    return Buffer.concat([header, Buffer.from(text), Buffer.alloc((512 - (Buffer.byteLength(text) % 512)) % 512)]);
  };
  const tar = Buffer.concat([...Object.values(files).map(block), Buffer.alloc(1024)]);
  await server.api.call("POST", "/api/v1/contents", new Uint8Array(tar), { "content-type": "application/x-tar" });
  const list = Object.entries(files).map(([path, text]) => ({ path, sha256: sha(text), size: Buffer.byteLength(text) }));
  await server.api.post(`/datasets/${encodeURIComponent(name)}/versions`, { files: list });
}

test("a folder is uploaded in the browser, looked at, tagged, protected and removed", async ({ bed, page }) => {
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.keyboard.press("g");
  await page.keyboard.press("d");
  await expect(page).toHaveURL(`${server.api.url}/data`);
  await expect(page.getByText("There are no datasets yet")).toBeVisible();
  await expect(page.getByText("rigi data put sea/level")).toBeVisible();
  await isOpen(page, "data-none");

  // Nothing chosen, no name: said, and nothing sent.
  await page.keyboard.press("n");
  await expect(page).toHaveURL(`${server.api.url}/data/-/upload`);
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(page.getByText("Choose or drop files first.")).toBeVisible();
  await page.getByLabel("Dataset").fill("sea/level");
  await page.getByLabel("A folder to upload").setInputFiles(folder(bed));
  await expect(page.getByText("5 files, 9 MiB")).toBeVisible();
  await page.getByLabel("Note").fill("by hand");
  await isOpen(page, "data-upload");
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(status(page)).toContainText("version 1, 5 files");
  await expect(page.getByRole("progressbar")).toHaveAttribute("aria-valuenow", "100");
  await isOpen(page, "data-uploaded");
  const listed = await bed.rigi(["data", "ls", "sea/level", "-r", "-o", "json"]);
  const paths = (JSON.parse(listed.out) as { path: string }[]).map(({ path }) => path);
  expect(paths).toEqual(["2024/june.csv", "2024/may.csv", "large.bin", "notes.txt", "page.html"]);

  // The same once more is no other version, and sends nothing.
  let sent = 0;
  page.on("request", (request) => {
    if (request.url().endsWith("/contents")) sent += 1;
  });
  await page.getByRole("button", { name: "Upload more" }).click();
  await page.getByLabel("Dataset").fill("sea/level");
  await page.getByLabel("A folder to upload").setInputFiles(folder(bed));
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(status(page)).toContainText("nothing has changed: it is version 1");
  expect(sent).toBe(0);
  await page.getByRole("link", { name: "Open sea/level" }).click();

  // Folders are gone through, and what is harmless is shown.
  await expect(page).toHaveURL(/\/data\/sea\/level\?version=1/);
  const files = page.getByRole("table", { name: "Files" });
  await expect(files.getByRole("row")).toHaveCount(5);
  await isOpen(page, "data-files");
  await files.getByRole("button", { name: "2024/" }).click();
  await files.getByRole("button", { name: "may.csv" }).click();
  await expect(page.getByRole("region", { name: "Preview of 2024/may.csv" })).toContainText("level");
  await isOpen(page, "data-file");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download", exact: true }).click();
  expect((await download).suggestedFilename()).toBe("may.csv");
  await page.getByRole("navigation", { name: "Folder" }).getByRole("button", { name: "sea/level@1" }).click();
  await files.getByRole("button", { name: "page.html" }).click();
  await expect(page.frameLocator("iframe").getByRole("heading", { name: "Levels" })).toBeVisible();
  expect(await page.title()).not.toBe("taken");
  await expect(page.locator("iframe")).toHaveAttribute("sandbox", "");

  // Another version, on top of this one; what it has changed.
  await page.getByRole("link", { name: "Add a version" }).click();
  await page.getByLabel("Files to upload").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("anew\n") });
  await page.getByLabel("Keep what the newest version has").check();
  await page.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(status(page)).toContainText("version 2");
  await page.getByRole("link", { name: "Open sea/level" }).click();
  await page.getByRole("tab", { name: "Changes" }).click();
  await expect(page.getByRole("table", { name: "Changes" }).getByRole("row", { name: /changed notes\.txt/ })).toBeVisible();
  await isOpen(page, "data-changes");

  // Tags, by keyboard.
  await page.getByRole("tab", { name: /Versions/ }).click();
  await page.getByRole("button", { name: "More for version 1" }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("menuitem", { name: "Tag" }).press("Enter");
  await page.getByRole("textbox", { name: "Tag" }).fill("published");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("link", { name: "published = 1" })).toBeVisible();
  await isOpen(page, "data-versions");

  // Said of it, and protected: then nothing can be removed.
  await page.getByRole("button", { name: "More for sea/level" }).click();
  await page.getByRole("menuitem", { name: "Describe and label" }).click();
  await page.getByRole("textbox", { name: "Description" }).fill("Levels of the sea.");
  await page.getByRole("button", { name: "Say so" }).click();
  await expect(page.getByText("Levels of the sea.")).toBeVisible();
  await page.getByRole("button", { name: "More for sea/level" }).click();
  await page.getByRole("menuitem", { name: "Protect" }).click();
  await expect(page.getByText("protected", { exact: true })).toBeVisible();
  await page.getByRole("button", { name: "More for version 2" }).click();
  await expect(page.getByRole("menuitem", { name: "Remove" })).toHaveCount(0);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More for sea/level" }).click();
  await page.getByRole("menuitem", { name: "Allow to remove" }).click();
  await expect(page.getByText("protected", { exact: true })).toHaveCount(0);

  // Removed, one and all, each with what is freed.
  await page.getByRole("button", { name: "More for version 1" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await expect(page.getByRole("dialog")).toContainText("tag published goes");
  await expect(page.getByRole("dialog")).toContainText("are freed");
  await isOpen(page, "data-remove");
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page.getByRole("table", { name: "Versions" }).getByRole("row")).toHaveCount(2);
  await page.getByRole("navigation", { name: "Where you are" }).getByRole("link", { name: "Data" }).click();
  await expect(page.getByRole("table", { name: "Datasets" }).getByRole("row", { name: /sea\/level/ })).toContainText("5");
  await isOpen(page, "data-list");
  await page.getByLabel("Names that begin with").fill("z");
  await expect(page.getByText("No dataset’s name begins with")).toBeVisible();
  await page.getByLabel("Names that begin with").fill("SEA");
  await page.getByRole("link", { name: "sea/level" }).click();
  await page.getByRole("button", { name: "More for sea/level" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("sea/level");
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page.getByText("There are no datasets yet")).toBeVisible();
  // The script of the file was held back, and nothing else was said.
  expect(said.filter((text) => !text.startsWith("Blocked script execution"))).toEqual([]);
  expect(said.length).toBeGreaterThan(0);
});

test("an upload is paused, goes on, and after a reload sends what is missing", async ({ bed, page }) => {
  const server = await bed.up();
  await signIn(page, server);
  const root = join(bed.root, "large");
  mkdirSync(root);
  // Each is sent by itself.
  for (let index = 0; index < 4; index++) writeFileSync(join(root, `${index}.bin`), Buffer.alloc(17 << 20, `${index}-`));
  const bodies: number[] = [];
  let hold = true;
  // The second does not arrive while it is held.
  await page.route("**/api/v1/uploads/tus/*", async (route) => {
    if (route.request().method() === "PATCH") bodies.push(1);
    if (hold && bodies.length > 1) await new Promise((done) => setTimeout(done, 60_000));
    await route.continue().catch(() => undefined);
  });
  const choose = async (): Promise<void> => {
    await page.getByLabel("Dataset").fill("large");
    await page.getByLabel("A folder to upload").setInputFiles(root);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
  };
  await page.goto(`${server.api.url}/data/-/upload`);
  await choose();
  await expect.poll(() => bodies.length).toBe(2);
  await page.getByRole("button", { name: "Pause" }).click();
  await expect(status(page)).toContainText("paused, 17 MiB of 68 MiB sent");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  hold = false;
  await choose();
  await expect(status(page)).toContainText("version 1, 4 files, 68 MiB", { timeout: 60_000 });
  // One of the four was there.
  expect(bodies.length).toBe(2 + 3);
  await page.getByRole("button", { name: "Upload more" }).click();
  await expect(page.getByLabel("Dataset")).toHaveValue("");
});

test("a run is given a dataset in the form, leaves one, and both pages lead to each other", async ({ bed, page }) => {
  bed.shell("fit", 'mkdir -p "$RIGI_OUTPUTS/curve"; cat "$RIGI_INPUTS"/table/* > "$RIGI_OUTPUTS/curve/all.csv"', {
    inputs: { table: { multiple: true } },
    outputs: { curve: { dataset: "sea/curve" } },
  });
  const server = await bed.up();
  const said = complaints(page);
  await put(server, "sea/level", { "2024/may.csv": "may\n", "2024/june.csv": "june\n", "2025/may.csv": "later\n" });
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await page.goto(`${server.api.url}/data/sea/level?path=2024`);
  await page.getByRole("button", { name: "Use as input" }).click();
  await page.getByRole("menuitem", { name: "fit as table" }).click();
  await expect(page.getByText("sea/level@1:2024", { exact: true })).toBeVisible();
  await expect(page.getByText("dataset:sea/level@1:2024")).toBeVisible();
  await page.getByRole("button", { name: "From a dataset, for table" }).click();
  await page.getByRole("combobox", { name: "Dataset" }).fill("sea");
  await page.getByRole("option", { name: "sea/level" }).click();
  await page.getByLabel("Part of it").fill("2025");
  await isOpen(page, "data-choose");
  await page.getByRole("button", { name: "Take it" }).click();
  await page.getByRole("button", { name: "Remove sea/level@latest:2025" }).click();
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await expect(page.getByRole("link", { name: "sea/level@1" }).first()).toBeVisible();
  await page.getByRole("tab", { name: /Outputs/ }).click();
  await expect(page.getByRole("link", { name: "sea/curve@1" })).toBeVisible();
  await isOpen(page, "data-run");
  await page.getByRole("link", { name: "sea/curve@1" }).click();
  await expect(page.getByRole("table", { name: "Files" }).getByRole("row", { name: /all\.csv/ })).toBeVisible();
  await page.getByRole("tab", { name: "Lineage" }).click();
  await expect(page.getByRole("group", { name: "Lineage, drawn" }).getByRole("link", { name: /sea\/level@1/ })).toBeVisible();
  await expect(page.getByRole("link", { name: /run \w+ of fit/ })).toBeVisible();
  await isOpen(page, "data-lineage");
  await page.getByRole("group", { name: "Lineage, drawn" }).getByRole("link", { name: /sea\/level@1/ }).click();
  await expect(page).toHaveURL(/\/data\/sea\/level\?version=1/);
  // The palette finds it.
  await page.keyboard.press("Control+k");
  await page.getByRole("textbox", { name: "Search" }).fill("sea/c");
  await page.getByRole("button", { name: /sea\/curve/ }).click();
  await expect(page).toHaveURL(/\/data\/sea\/curve/);
  expect(said).toEqual([]);
});

test("a viewer sees data and no button that would be refused; on a phone the menu leads there", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await put(server, "sea/level", { "a.csv": "x\n" });
  await makeAccount(page, server.link, ADA);
  await page.goto(`${at}/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  const own = new URL(cleo.url()).origin;
  await cleo.goto(`${own}/data`);
  await expect(cleo.getByRole("link", { name: "sea/level" })).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Upload" })).toHaveCount(0);
  await cleo.getByRole("link", { name: "sea/level" }).click();
  await expect(cleo.getByRole("table", { name: "Files" }).getByRole("row", { name: /a\.csv/ })).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Download as zip" })).toBeVisible();
  for (const name of ["Add a version", "Use as input", "More for sea/level"]) {
    await expect(cleo.getByText(name).or(cleo.getByRole("button", { name })), name).toHaveCount(0);
  }
  await cleo.getByRole("tab", { name: /Versions/ }).click();
  await expect(cleo.getByRole("table", { name: "Versions" }).getByRole("row")).toHaveCount(2);
  await expect(cleo.getByRole("button", { name: "More for version 1" })).toHaveCount(0);
  await cleo.goto(`${own}/data/-/upload`);
  await expect(cleo.getByText("A viewer adds no data")).toBeVisible();
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${at}/`);
  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Data" }).click();
  await expect(page.getByRole("link", { name: "sea/level" })).toBeVisible();
});
