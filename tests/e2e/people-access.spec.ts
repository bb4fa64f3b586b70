/** Pages of people can be used by everybody: in both colours, on a phone, and none of them moves while it is built. */
import type { Page } from "@playwright/test";

import { barriers, isOpen as isOpenToAll } from "../support/access";
import { linkIn, MailServer } from "../support/mail";
import { fitsWidth, picture } from "../support/page";
import { ADA, another, CLEO, invite, LAB, makeAccount, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

/** With the pictures of this suite. */
const isOpen = (page: Page, name: string) => isOpenToAll(page, `people-${name}`);

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(page.locator("[data-busy]")).toHaveCount(0);
}

test("no page before the door has a barrier", async ({ bed, browser, page }) => {
  test.setTimeout(300_000);
  const server = await upForTeam(bed);
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(server.api.url);
  await settled(page);
  await isOpen(page, "nobody-yet");
  await page.goto(server.link);
  await settled(page);
  await page.getByLabel("Name").fill(ADA.name);
  await page.getByLabel("Mail address").fill(ADA.mail);
  await page.getByRole("textbox", { name: "Password" }).fill("short");
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByText(/fewer than 12/)).toBeVisible();
  await isOpen(page, "first");
  await makeAccount(page, server.link, ADA);

  await page.goto(`${server.api.url}/members`);
  const link = await invite(page, "viewer");
  const guest = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await guest.goto(link);
  await settled(guest);
  await isOpen(guest, "invitation");
  await guest.getByRole("button", { name: "I have an account: sign in" }).click();
  await expect(guest.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await isOpen(guest, "invitation-sign-in");
  await guest.goto(`${server.api.url}/join`);
  await settled(guest);
  await isOpen(guest, "no-key");
  await guest.goto(server.api.url);
  await settled(guest);
  await guest.getByLabel("Mail address").fill("nobody@example.org");
  await guest.getByRole("textbox", { name: "Password" }).fill("not at all");
  await guest.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(guest.getByRole("alert")).toBeVisible();
  await isOpen(guest, "sign-in");
});

test("no page about mail has a barrier", async ({ bed, browser, page }) => {
  test.setTimeout(300_000);
  const mail = await MailServer.start(bed);
  const server = await upForTeam(bed, mail.env({ RIGI_MAIL__RETRIES: "1h" }));
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  await mail.order({ refuse: { "gone@example.org": ["550 5.1.1 no such mailbox"], "later@example.org": ["450 4.2.0 come back"] } });
  for (const to of ["gone@example.org", "later@example.org", "bob@example.org"]) await server.api.post("/invitations", { mail: to });
  await mail.letter("bob@example.org", /invites/);
  await page.goto(`${server.api.url}/administration?tab=mail`);
  await expect(async () => {
    await page.getByRole("button", { name: "Look again" }).click();
    await expect(page.getByText("sent", { exact: false }).first()).toBeVisible({ timeout: 500 });
  }).toPass();
  await isOpen(page, "mail");
  await page.getByRole("button", { name: "Send a test" }).click();
  await isOpen(page, "mail-test");
  await page.goto(`${server.api.url}/account`);
  await settled(page);
  await isOpen(page, "account-not-confirmed");

  const guest = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  await guest.goto(server.api.url);
  await settled(guest);
  await isOpen(guest, "sign-in-with-mail");
  await guest.getByRole("button", { name: "Forgot your password?" }).click();
  await isOpen(guest, "forgotten");
  await guest.getByLabel("Mail address").fill(ADA.mail);
  await guest.keyboard.press("Enter");
  await expect(guest.getByRole("heading", { name: "Look at your mail" })).toBeVisible();
  await isOpen(guest, "on-its-way");
  await page.getByRole("button", { name: "Confirm it" }).click();
  await guest.goto(linkIn(await mail.letter(ADA.mail, /Confirm/)));
  await settled(guest);
  await isOpen(guest, "confirm");
});

test("no page of people has a barrier, none moves while it is built", async ({ bed, browser, page }) => {
  test.setTimeout(400_000);
  const server = await upForTeam(bed);
  const at = server.api.url;
  await page.addInitScript(() => {
    const shifts: number[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => shifts.push(...list.getEntries().map((entry) => (entry as unknown as { value: number }).value))).observe({ type: "layout-shift", buffered: true });
  });
  await page.setViewportSize({ width: 1280, height: 800 });
  await makeAccount(page, server.link, ADA);
  const api = <T>(method: string, path: string, body?: unknown) => server.api.call<T>(method, `/api/v1${path}`, body);
  await page.goto(`${at}/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await invite(page, "owner", "eve@example.org");
  const service = await api<{ id: string }>("POST", "/people", { name: "nightly-import", kind: "service" });
  await api("POST", `/people/${service.id}/tokens`, { name: "cron" });
  const group = await api<{ id: string }>("POST", "/groups", { name: "Analysts" });
  await api("PUT", `/groups/${group.id}/people/${CLEO.mail}`);
  await api("PUT", "/members/Analysts", { role: "editor" });
  await api("PUT", `/projects/${LAB}/members/${CLEO.mail}`, { role: "viewer" });
  await api("PATCH", `/people/${service.id}`, { state: "blocked" });
  const { items } = await api<{ items: { id: string; name: string }[] }>("GET", "/people?q=Cleo");

  const visit = async (of: Page, path: string, name: string): Promise<void> => {
    await of.goto(`${at}${path}`);
    await settled(of);
    const shifted = await of.evaluate(() => ((window as unknown as { shifts?: number[] }).shifts ?? []).reduce((sum, value) => sum + value, 0));
    expect(shifted, `${path} moved`).toBeLessThan(0.02);
    await isOpen(of, name);
  };
  await visit(page, "/account", "account");
  await visit(page, "/members", "members");
  await visit(page, "/members?tab=activity", "activity");
  await page.getByRole("button", { name: /^Details/ }).first().click();
  await isOpen(page, "activity-details");
  await visit(page, "/administration", "people");
  await visit(page, `/administration/people/${items[0]!.id}`, "person");
  await visit(page, `/administration/people/${service.id}`, "service-account");
  await visit(page, "/administration?tab=groups", "groups");
  await visit(page, `/administration/groups/${group.id}`, "group");
  await visit(page, "/administration?tab=mail", "no-mail");
  await visit(page, "/administration?tab=audit", "audit");
  const { path } = await api<{ path: string }>("POST", "/device/codes", { name: "laptop" });
  await visit(page, path, "device");

  // Windows and menus.
  await page.goto(`${at}/members`);
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("Mail address or name").fill("nobody@example.org");
  await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
  await expect(page.getByText("make an invitation")).toBeVisible();
  await isOpen(page, "add");
  await page.getByRole("button", { name: "make an invitation" }).click();
  await page.getByRole("button", { name: "Make the link" }).click();
  await expect(page.getByRole("button", { name: "Done" })).toBeVisible();
  await isOpen(page, "link");
  await page.getByRole("button", { name: "Done" }).click();
  await page.goto(`${at}/administration/people/${service.id}`);
  await page.getByRole("button", { name: "Make a token" }).click();
  await expect(page.getByLabel("What it is for")).toBeFocused();
  await isOpen(page, "token");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "More for nightly-import" }).click();
  await expect(page.getByRole("menuitem", { name: "Unblock" })).toBeVisible();
  for (const colorScheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await barriers(page), `the menu, ${colorScheme}`).toEqual([]);
  }
  await page.goto(`${at}/account`);
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await expect(page.getByRole("img", { name: "The secret as a picture" })).toBeVisible();
  await page.getByRole("button", { name: "Change the password" }).click();
  await isOpen(page, "account-forms");

  // As one who may little.
  await cleo.setViewportSize({ width: 1280, height: 800 });
  await visit(cleo, "/members", "members-of-viewer");
  await visit(cleo, "/administration", "not-for-you");
  await visit(cleo, "/pipelines/mine/start", "not-a-runner");
});
