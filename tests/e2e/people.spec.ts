/** The page where people have accounts: each sees what is theirs, and nothing else. */
import type { Page } from "@playwright/test";

import { complaints, picture, signIn as signInByLink } from "../support/page";
import { ADA, another, BOB, CLEO, codeOf, fillSignIn, invite, LAB, makeAccount, signedIn, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

const rail = (page: Page) => page.getByRole("navigation", { name: "Main" });
const place = (page: Page, name: string) => rail(page).getByRole("link", { name, exact: true });

test("the first administrator comes by a link, whose key is left nowhere", async ({ bed, page }) => {
  const server = await upForTeam(bed);
  const said = complaints(page);
  await page.goto(server.api.url);
  await expect(page.getByRole("heading", { name: "Nobody has an account yet" })).toBeVisible();

  await page.goto(server.link);
  await expect(page.getByRole("heading", { name: "Make the first account" })).toBeVisible();
  expect(page.url()).toBe(`${server.api.url}/join`);
  await page.getByLabel("Name").fill(ADA.name);
  await page.getByLabel("Mail address").fill(ADA.mail);
  const password = page.getByRole("textbox", { name: "Password" });
  await password.fill("short");
  await page.getByRole("button", { name: "Make the account" }).click();
  await expect(page.getByText("it has fewer than 12 characters")).toBeVisible();
  await expect(password).toBeFocused();
  await page.getByRole("button", { name: "Show the password" }).click();
  await expect(password).toHaveAttribute("type", "text");
  await password.fill(ADA.password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await signedIn(page);
  await expect(place(page, "Administration")).toBeVisible();

  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.length]));
  expect(kept).not.toContain("rigi_l_");
  // Nobody comes by it again.
  await page.goto(server.link);
  await expect(page.getByRole("heading", { name: "This link does not hold" })).toBeVisible();
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("two people in two projects, each blind to the other's", async ({ bed, browser, page }) => {
  test.setTimeout(180_000);
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await page.goto(`${at}/projects/${LAB}/members`);
  const toLab = await invite(page, "runner");
  await page.goto(`${at}/members`);
  const toDefault = await invite(page, "viewer", CLEO.mail);
  await expect(page.getByRole("table", { name: "Invitations" }).getByText(CLEO.mail)).toBeVisible();

  const bob = await another(browser, toLab, BOB);
  const cleo = await another(browser, toDefault, CLEO);

  // Addresses that name no project lead to the one that there is; nobody speaks of projects.
  await bob.goto(`${at}/pipelines`);
  await expect(bob).toHaveURL(`${at}/projects/${LAB}/pipelines`);
  await expect(bob.getByRole("link", { name: /^theirs/ })).toBeVisible();
  await expect(bob.getByText("mine")).toHaveCount(0);
  await expect(bob.getByText(/project/i)).toHaveCount(0);
  await expect(place(bob, "Administration")).toHaveCount(0);

  // A runner starts a run; a viewer of the other project sees neither it nor a button to start anything.
  await bob.getByRole("link", { name: "Start theirs" }).click();
  await bob.getByRole("button", { name: /^Start/ }).click();
  await expect(bob.getByText(/succeeded/i).first()).toBeVisible();
  const run = new URL(bob.url()).pathname.split("/").pop()!;

  await cleo.goto(`${at}/pipelines`);
  await expect(cleo.getByRole("link", { name: /^mine/ })).toBeVisible();
  await expect(cleo.getByText("theirs")).toHaveCount(0);
  await expect(cleo.getByRole("link", { name: /^Start/ })).toHaveCount(0);
  await cleo.goto(`${at}/pipelines/mine`);
  await expect(cleo.getByRole("heading", { level: 1, name: "mine" })).toBeVisible();
  await expect(cleo.getByText("You are a viewer")).toBeVisible();
  await cleo.goto(`${at}/pipelines/mine/start`);
  await expect(cleo.getByText("A viewer does not start runs")).toBeVisible();
  await cleo.goto(`${at}/runs/${run}`);
  await expect(cleo.getByText("There is no such thing")).toBeVisible();
  await cleo.goto(`${at}/projects/${LAB}/runs`);
  await expect(cleo.getByText(`There is no project “${LAB}”`)).toBeVisible();
  for (const path of [`/api/v1/projects/${LAB}/runs/${run}`, `/api/v1/projects/${LAB}/members`]) {
    expect(await cleo.evaluate(async (url) => (await fetch(url)).status, path)).toBe(404);
  }
  await cleo.goto(`${at}/members`);
  await expect(cleo.getByRole("table", { name: "Members" }).getByText("by an invitation")).toBeVisible();
  await expect(cleo.getByRole("button", { name: "Invite" })).toHaveCount(0);
  await expect(cleo.getByRole("combobox")).toHaveCount(0);

  // Whoever is given more has it at once, and the owner sees why.
  await page.goto(`${at}/members`);
  await page.getByRole("combobox", { name: `Role of ${CLEO.name}` }).selectOption("runner");
  await expect(page.getByText(`${CLEO.name} is a runner.`)).toBeVisible();
  await expect(page.getByText(`given by ${ADA.name}`)).toBeVisible();
  await picture(page, "members");
  await cleo.goto(`${at}/pipelines`);
  await expect(cleo.getByRole("link", { name: "Start mine" })).toBeVisible();
  await page.getByRole("tab", { name: "Activity" }).click();
  await expect(page.getByText(`made ${CLEO.name} a runner`)).toBeVisible();

  // An invitation to somebody who has an account makes no other one.
  await page.goto(`${at}/projects/${LAB}/members`);
  const again = await invite(page, "viewer");
  await cleo.getByRole("button", { name: /^Account of / }).click();
  await cleo.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(cleo.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await cleo.goto(again);
  await cleo.getByRole("button", { name: "I have an account: sign in" }).click();
  await fillSignIn(cleo, CLEO);
  await cleo.getByRole("button", { name: `Join ${LAB} as a viewer` }).click();
  await expect(cleo).toHaveURL(`${at}/projects/${LAB}/`);
  await expect(cleo.getByRole("button", { name: `Project ${LAB}` })).toBeVisible();

  // What is said now takes the place of what the invitation said.
  await page.reload();
  await page.getByRole("combobox", { name: `Role of ${BOB.name}` }).selectOption("viewer");
  await bob.goto(`${at}/projects/${LAB}/pipelines`);
  await expect(bob.getByRole("button", { name: "Run", exact: true })).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole("combobox", { name: `Role of ${BOB.name}` })).toHaveValue("viewer");

  // Who is removed sees nothing any more.
  await page.getByRole("button", { name: `Remove ${BOB.name}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await bob.goto(`${at}/`);
  await expect(bob.getByText("Nobody has let you in yet")).toBeVisible();
});

test("signing out everywhere ends the others, which go on where they were", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  const other = await (await browser.newContext()).newPage();
  await other.goto(`${server.api.url}/runs?state=failed`);
  await fillSignIn(other, { ...ADA, password: "not the password" });
  await expect(other.getByText("Mail address and password do not belong together.")).toBeVisible();
  await fillSignIn(other, ADA);
  await signedIn(other);
  await expect(other).toHaveURL(`${server.api.url}/runs?state=failed`);

  await page.goto(`${server.api.url}/account`);
  const sessions = page.getByRole("table", { name: "Sessions" });
  await expect(sessions.getByRole("row")).toHaveCount(3);
  await expect(sessions.getByText("this one")).toHaveCount(1);
  await page.getByRole("button", { name: "End all others" }).click();
  await page.getByRole("button", { name: "End them" }).click();
  await expect(sessions.getByRole("row")).toHaveCount(2);
  // Nobody touches it: the stream of events is closed.
  await expect(other.getByText("Your session has ended")).toBeVisible();
  await expect(other.getByRole("table")).toHaveCount(0);
  await fillSignIn(other, ADA);
  await signedIn(other);
  await expect(other).toHaveURL(`${server.api.url}/runs?state=failed`);

  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await expect(page.getByText("Your session has ended")).toHaveCount(0);
});

test("a second factor asks for its code, and a recovery code serves once", async ({ bed, page }) => {
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/account`);
  await page.getByRole("button", { name: "Set up a second factor" }).click();
  await expect(page.getByRole("img", { name: "The secret as a picture" })).toBeVisible();
  const secret = await page.getByRole("form", { name: "Second factor" }).locator("code").innerText();
  await page.getByLabel("First code").fill("000000");
  await page.getByRole("button", { name: "Take it into use" }).click();
  await expect(page.getByText("The code is none of this moment")).toBeVisible();
  await page.getByLabel("First code").fill(codeOf(secret));
  await page.getByRole("button", { name: "Take it into use" }).click();
  await expect(page.getByRole("list", { name: "Codes" })).toBeVisible();
  const codes = await page.getByRole("list", { name: "Codes" }).getByRole("listitem").allInnerTexts();
  expect(codes).toHaveLength(10);
  await picture(page, "recovery-codes");
  const download = page.waitForEvent("download");
  await page.getByRole("link", { name: "Download" }).click();
  expect((await download).suggestedFilename()).toMatch(/^rigi-recovery-codes/);
  await page.getByRole("button", { name: "I have kept them" }).click();
  await expect(page.getByText("10 recovery codes left")).toBeVisible();

  const leaveAndCome = async () => {
    await page.getByRole("button", { name: /^Account of / }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await expect(page.getByRole("heading", { name: "Sign in" })).toBeVisible();
    await fillSignIn(page, ADA);
    await expect(page.getByLabel("Code")).toBeFocused();
  };
  const give = async (code: string) => {
    await page.getByLabel("Code").fill(code);
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
  };
  await leaveAndCome();
  await give(codes[0]!);
  await signedIn(page);
  await leaveAndCome();
  await give(codes[0]!);
  await expect(page.getByText(/used before/)).toBeVisible();
  await give(codes[1]!);
  await signedIn(page);
});

test("tokens and links are shown once and can be taken back", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/account`);
  await page.getByRole("button", { name: "Make a token" }).click();
  await page.getByLabel("What it is for").fill("nightly");
  await page.getByLabel("May at most").selectOption("viewer");
  await page.getByRole("button", { name: "Make it" }).click();
  const key = await page.getByRole("dialog").locator("code").innerText();
  expect(key).toMatch(/^rigi_p_/);
  const status = async (method: string, path: string) => (await fetch(`${server.api.url}/api/v1${path}`, { method, headers: { authorization: `Bearer ${key}` } })).status;
  expect(await status("GET", "/pipelines")).toBe(200);
  expect(await status("POST", "/pipelines/mine/runs")).toBe(403);
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText(key)).toHaveCount(0);
  await page.getByRole("button", { name: "Take the token nightly back" }).click();
  await page.getByRole("button", { name: "Take it back" }).click();
  await expect(page.getByRole("table", { name: "Tokens" })).toHaveCount(0);
  expect(await status("GET", "/pipelines")).toBe(401);

  // Somebody is added by an administrator, sets a password by a link, and signs in with it.
  await page.goto(`${server.api.url}/administration`);
  await page.getByRole("button", { name: "Add a person" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill(BOB.name);
  await dialog.getByLabel("Mail address").fill(ADA.mail);
  await dialog.getByRole("button", { name: "Make it" }).click();
  await expect(dialog.getByText(/another account has this mail address/i)).toBeVisible();
  await dialog.getByLabel("Mail address").fill(BOB.mail);
  await dialog.getByRole("button", { name: "Make it" }).click();
  const link = await dialog.locator("code").innerText();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(page.getByRole("heading", { level: 1, name: BOB.name })).toBeVisible();
  const bob = await (await browser.newContext()).newPage();
  await bob.goto(link);
  await bob.getByRole("textbox", { name: "New password" }).fill(BOB.password);
  await bob.getByRole("button", { name: "Set the password" }).click();
  await expect(bob.getByText("The new password is set")).toBeVisible();
  await fillSignIn(bob, BOB);
  await signedIn(bob);
  await bob.goto(link);
  await expect(bob.getByRole("heading", { name: "This link does not hold" })).toBeVisible();

  // Blocked, they are out; deleted, they are gone.
  await page.getByRole("button", { name: `More for ${BOB.name}` }).click();
  await page.getByRole("menuitem", { name: "Block" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Block" }).click();
  await expect(page.getByText("This account is blocked")).toBeVisible();
  await bob.goto(server.api.url);
  await expect(bob.getByRole("heading", { name: "Sign in" })).toBeVisible();
  await page.getByRole("button", { name: `More for ${BOB.name}` }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  const remove = page.getByRole("button", { name: "Delete the account" });
  await expect(remove).toBeDisabled();
  await page.getByLabel(/To go on, type/).fill(BOB.name);
  await remove.click();
  await expect(page.getByRole("heading", { level: 1, name: "Administration" })).toBeVisible();
  await expect(page.getByRole("table", { name: "People" }).getByText(BOB.name)).toHaveCount(0);
});

test("the last administrator stays one, whatever is tried", async ({ bed, page }) => {
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/administration`);
  await page.getByRole("link", { name: ADA.name }).click();
  const tries: [string, string][] = [
    ["No administrator any more", "Take it back"],
    ["Block", "Block"],
    ["Delete", "Delete the account"],
  ];
  for (const [item, button] of tries) {
    await page.getByRole("button", { name: `More for ${ADA.name}` }).click();
    await page.getByRole("menuitem", { name: item, exact: true }).click();
    const dialog = page.getByRole("dialog");
    if (item === "Delete") await dialog.getByLabel(/To go on/).fill(ADA.name);
    await dialog.getByRole("button", { name: button }).click();
    await expect(dialog.getByRole("alert"), item).toContainText(/administrator/);
    await page.keyboard.press("Escape");
    await expect(dialog).toHaveCount(0);
  }
  await page.getByRole("link", { name: "What you did" }).click();
  await expect(page.getByRole("combobox", { name: "Who" })).toHaveValue(`${ADA.name}, ${ADA.mail}`);
  await expect(page.getByText("signed in by a link")).toBeVisible();
});

test("all of it by keyboard", async ({ bed, page }) => {
  const server = await upForTeam(bed);
  await page.goto(server.link);
  await expect(page.getByLabel("Name")).toBeFocused();
  const type = (text: string) => page.keyboard.type(text);
  const press = (...keys: string[]) => keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  await type(ADA.name);
  await press("Tab");
  await type(ADA.mail);
  await press("Tab");
  await type(ADA.password);
  await press("Enter");
  await signedIn(page);

  // Out, and in again.
  await page.getByRole("button", { name: /^Account of / }).focus();
  await press("Enter");
  await expect(page.getByRole("menuitem", { name: "Your account" })).toBeVisible();
  // The menu has taken the keys.
  await expect(page.getByRole("button", { name: /^Account of / })).not.toBeFocused();
  await press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: "Your account" })).toBeFocused();
  await press("ArrowDown");
  await expect(page.getByRole("menuitem", { name: "Sign out" })).toBeFocused();
  await press("Enter");
  await expect(page.getByLabel("Mail address")).toBeFocused();
  // The page before it is replaced has this field too.
  await page.waitForLoadState("load");
  await expect(page).toHaveURL(`${server.api.url}/`);
  await type(ADA.mail);
  await press("Tab");
  await type(ADA.password);
  await press("Enter");
  await signedIn(page);

  // Members: by two keys; somebody is invited.
  await press("g", "m");
  await expect(page.getByRole("heading", { level: 1, name: "Members" })).toBeVisible();
  await press("i");
  await expect(page.getByRole("dialog", { name: "Invite somebody" }).getByLabel("Mail address")).toBeFocused();
  await type(CLEO.mail);
  await press("Enter");
  await expect(page.getByRole("button", { name: "Done" })).toBeFocused();
  await press("Enter");
  await expect(page.getByRole("table", { name: "Invitations" }).getByText(CLEO.mail)).toBeVisible();

  // Administration: a group, made and gone into.
  await press("g", "a");
  await expect(page.getByRole("heading", { level: 1, name: "Administration" })).toBeVisible();
  await expect(page.getByRole("row", { name: new RegExp(ADA.name) })).toBeVisible();
  await press("j");
  await expect(page.getByRole("row", { name: new RegExp(ADA.name) })).toHaveAttribute("data-current", "true");
  await press("o");
  await expect(page.getByText("There are no groups yet")).toBeVisible();
  await press("Control+k");
  await expect(page.getByRole("dialog", { name: "Search and commands" }).getByRole("textbox")).toBeFocused();
  await type("audit");
  await expect(page.getByRole("dialog").getByText("Audit")).toBeVisible();
  await press("Enter");
  await expect(page.getByText("signed in with a password").first()).toBeVisible();
  await press("g", "u");
  await expect(page.getByRole("heading", { level: 1, name: "Your account" })).toBeVisible();
  await press("?");
  await expect(page.getByRole("dialog", { name: "Keys" }).getByText("Your account")).toBeVisible();
});

test("a terminal is let in by its code, by whoever has signed in", async ({ bed, page, browser }) => {
  const server = await upForTeam(bed);
  await makeAccount(page, server.link, ADA);
  const ask = () => server.api.post<{ device_code: string; user_code: string; path: string }>("/device/codes", { name: "laptop" });
  const become = (device_code: string) => server.api.post<{ state: string; key?: string }>("/device/tokens", { device_code });

  // In a browser that has not signed in: signing in leads on to it.
  const first = await ask();
  const other = await (await browser.newContext()).newPage();
  await other.goto(`${server.api.url}${first.path}`);
  await fillSignIn(other, ADA);
  await expect(other.getByText(first.user_code)).toBeVisible();
  await expect(other.getByText(/laptop wants to work as Ada Lovelace/)).toBeVisible();
  await picture(other, "device");
  await other.getByRole("button", { name: "Let it in" }).click();
  await expect(other.getByText("The terminal is let in")).toBeVisible();
  const taken = await become(first.device_code);
  expect(taken.state).toBe("allowed");
  await page.goto(`${server.api.url}/account`);
  await expect(page.getByRole("table", { name: "Tokens" }).getByText("laptop")).toBeVisible();

  // Typed by hand, wrong at first; and refused.
  const second = await ask();
  await page.goto(`${server.api.url}/device`);
  await page.getByRole("textbox", { name: "Code" }).fill("BBBB-BBBB");
  await page.getByRole("button", { name: "Go on" }).click();
  await expect(page.getByText(/Codes end after ten minutes/)).toBeVisible();
  await page.getByRole("textbox", { name: "Code" }).fill(second.user_code.toLowerCase().replace("-", " "));
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByRole("button", { name: "Do not" }).click();
  await expect(page.getByText("The terminal is not let in")).toBeVisible();
  expect((await become(second.device_code)).state).toBe("denied");
});

test("one person alone meets no accounts", async ({ bed, page }) => {
  bed.shell("alone", "true");
  const server = await bed.up();
  await page.goto(server.api.url);
  await expect(page.getByRole("heading", { name: "Open this page by its link" })).toBeVisible();
  await signInByLink(page, server);
  await expect(rail(page).getByRole("link")).toHaveCount(11);
  await expect(page.getByRole("button", { name: /^Account/ })).toHaveCount(0);
  for (const path of ["/members", "/administration"]) {
    await page.goto(`${server.api.url}${path}`);
    await expect(page.getByText("You have this server for yourself")).toBeVisible();
  }
});
