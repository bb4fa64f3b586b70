/** What the browser suites do again and again. */
import { join } from "node:path";

import type { Locator, Page } from "@playwright/test";

import { made, results } from "./places";
import type { Server } from "./server";
import { expect } from "./test";

/** Opens the page by a fresh link, as `rigi status --link` prints one. */
export async function signIn(page: Page, server: Server): Promise<void> {
  const { path } = await server.api.post<{ path: string }>("/links");
  await page.goto(`${server.api.url}${path}`);
  await expect(page.getByRole("link", { name: "Pipelines" }).first()).toBeVisible();
}

/** The lines of the log that are drawn now. */
export function logLines(page: Page): Locator {
  return page.getByRole("log").locator("[data-n]");
}

/** A picture for people, kept with the results. */
export async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(made(join(results, "pictures")), `${name}.png`), animations: "disabled" });
}

/** Nothing may be wider than the screen. */
export async function fitsWidth(page: Page): Promise<void> {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  expect(over).toBeLessThanOrEqual(0);
}

/** Every message of the browser that a good page does not cause. */
export function complaints(page: Page): string[] {
  const said: string[] = [];
  page.on("pageerror", (error) => said.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error" && !/favicon|status of (401|404|409|422)/.test(message.text())) said.push(message.text());
  });
  return said;
}
