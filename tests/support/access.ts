/** Pages can be used by everybody: in both colours, and on a phone. */
import { AxeBuilder } from "@axe-core/playwright";
import type { Page } from "@playwright/test";

import { fitsWidth, picture } from "./page";
import { expect } from "./test";

/** What would hold somebody off, in words. */
export async function barriers(page: Page): Promise<string[]> {
  const builder = new AxeBuilder({ page }).setLegacyMode();
  // The component library begins each open menu with what takes the focus for it, and puts it behind the page's landmarks.
  if ((await page.getByRole("menu").count()) > 0) builder.disableRules(["aria-required-children", "region"]);
  const { violations } = await builder.analyze();
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
}

/** Nothing holds anybody off, in both colours and on a phone; with pictures of this name. */
export async function isOpen(page: Page, name: string): Promise<void> {
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await barriers(page), `${name}, ${colorScheme}`).toEqual([]);
    await picture(page, `${name}-${colorScheme}`);
  }
  await page.setViewportSize({ width: 390, height: 800 });
  await fitsWidth(page);
  expect(await barriers(page), `${name}, on a phone`).toEqual([]);
  await picture(page, `${name}-phone`);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: "light" });
}
