/** Large files on the page: what was on its way when the page was read anew continues inside the file. */
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";

import type { CDPSession, Page } from "@playwright/test";

import { complaints, signIn } from "../support/page";
import { expect, test, type Bed, type Server } from "../support/test";

const MIB = 1 << 20;

interface Open {
  items: { name: string; offset: number }[];
}

function large(bed: Bed): string {
  const path = join(bed.root, "large.bin");
  writeFileSync(path, randomBytes(24 * MIB));
  return path;
}

/** Bytes a second that the browser sends; -1: as many as there are. */
async function slow(browser: CDPSession, bytes: number): Promise<void> {
  const conditions = {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytes,
  };
  await browser.send("Network.emulateNetworkConditions", conditions);
}

/** Waits until a part of it lasts, and reads the page anew. */
async function readAnew(page: Page, server: Server): Promise<void> {
  const offset = async () =>
    (await server.api.get<Open>("/uploads/tus")).items[0]?.offset ?? 0;
  await expect.poll(offset, { timeout: 20_000 }).toBeGreaterThan(2 * MIB);
  page.once("dialog", (dialog) => void dialog.accept());
  await page.reload();
}

function offsets(page: Page): number[] {
  const sent: number[] = [];
  page.on("request", (request) => {
    if (request.method() === "PATCH")
      sent.push(Number(request.headers()["upload-offset"]));
  });
  return sent;
}

test("a large file of a dataset continues after the page was read anew", async ({
  bed,
  page,
}) => {
  const server = await bed.up();
  const said = complaints(page);
  const path = large(bed);
  await signIn(page, server);
  const browser = await page.context().newCDPSession(page);
  await browser.send("Network.enable");
  const sent = offsets(page);
  const choose = async () => {
    await page.getByLabel("Dataset").fill("sea/level");
    await page.getByLabel("Files to upload").setInputFiles(path);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
  };
  await page.goto(`${server.api.url}/data/-/upload`);
  await slow(browser, 3 * MIB);
  await choose();
  await readAnew(page, server);
  await choose();
  const upload = page.getByRole("region", { name: "Upload" });
  await expect(upload.getByRole("status")).toContainText(
    /large\.bin continues at \d+(\.\d)? MiB/,
  );
  await page.screenshot({ path: "results/pictures/upload-continues.png" });
  // Paused, it continues once more.
  await upload.getByRole("button", { name: "Pause" }).click();
  await slow(browser, -1);
  await upload.getByRole("button", { name: "Go on" }).click();
  await expect(upload.getByRole("status")).toContainText(
    "version 1, 1 file, 24 MiB",
  );
  expect(sent[0]).toBe(0);
  expect(
    sent
      .slice(1)
      .every(
        (offset, index) => offset >= 2 * MIB && offset >= (sent[index] ?? 0),
      ),
  ).toBe(true);
  expect(said).toEqual([]);
});

test("a large input of a run continues after the page was read anew", async ({
  bed,
  page,
}) => {
  bed.pipeline("hash", {
    "pipeline.json": {
      command: ["sh", "-c", 'sha256sum "$RIGI_INPUTS"/table/*'],
      inputs: { table: {} },
    },
  });
  const server = await bed.up();
  const path = large(bed);
  await signIn(page, server);
  const browser = await page.context().newCDPSession(page);
  await browser.send("Network.enable");
  await page.goto(`${server.api.url}/pipelines/hash/start`);
  await slow(browser, 3 * MIB);
  await page.getByLabel("table", { exact: true }).setInputFiles(path);
  await readAnew(page, server);
  await page.getByLabel("table", { exact: true }).setInputFiles(path);
  await expect(
    page.getByText(/% of 24 MiB, continues at \d+(\.\d)? MiB/),
  ).toBeVisible();
  await slow(browser, -1);
  await expect(page.getByText("24 MiB", { exact: true })).toBeVisible();
});
