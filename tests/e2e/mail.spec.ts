/** Mail: who forgot a password, was invited or had something changed gets one, once; and what mail servers do to it. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";

import type { Api } from "../support/api";
import { linkIn, MailServer } from "../support/mail";
import { complaints, picture } from "../support/page";
import { ADA, another, BOB, fillSignIn, makeAccount, signedIn } from "../support/people";
import { expect, onBoth, onPostgres, test, type Bed } from "../support/test";

interface Mail {
  id: string;
  to: string;
  kind: string;
  state: "waiting" | "sent" | "failed";
  tries: number;
  error?: string;
}

/** Short waits: what takes hours takes a second. */
const SOON = { RIGI_MAIL__RETRIES: "300ms,300ms,300ms,300ms" };
/** Between tries there is time to look. */
const LATER = { RIGI_MAIL__RETRIES: "1h,1h" };

function up(bed: Bed, mail: MailServer, more: NodeJS.ProcessEnv = SOON) {
  bed.shell("mine", "echo hello");
  return bed.up({ args: ["--team"], env: mail.env(more) });
}

const log = async (api: Api) => (await api.get<{ items: Mail[] }>("/mails?limit=500")).items;

/** The mail to an address, as soon as it is so. */
async function settled(api: Api, to: string, is: (mail: Mail) => boolean): Promise<Mail> {
  let found: Mail | undefined;
  await expect
    .poll(async () => ((found = (await log(api)).find((mail) => mail.to === to)), found && is(found)), { timeout: 30_000 })
    .toBe(true);
  return found!;
}

const invite = (api: Api, mail: string, role = "viewer") => api.post<{ path: string; mailed_to?: string }>("/invitations", { mail, role });

test("an invitation arrives by mail, encrypted, and its link works once", async ({ bed, browser, page }) => {
  const mail = await MailServer.start(bed, { encryption: "starttls", login: ["rigi", "hunter2"] });
  const server = await up(bed, mail);
  await makeAccount(page, server.link, { ...ADA, name: "Ada <script>alert(1)</script>" });
  await page.goto(`${server.api.url}/members`);
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("Mail address").fill(BOB.mail);
  await dialog.getByLabel("As", { exact: true }).selectOption("runner");
  await dialog.getByRole("button", { name: "Mail the invitation" }).click();
  await expect(dialog.getByText(`It is on its way to ${BOB.mail} by mail.`)).toBeVisible();
  await picture(page, "mail-invited");
  const shown = await dialog.locator("code").innerText();

  const letter = await mail.letter(BOB.mail, /invites you to Rigi/);
  expect([letter.encrypted, letter.login, letter.from, letter.to]).toEqual([true, "rigi", "rigi@example.org", [BOB.mail]]);
  expect(linkIn(letter)).toBe(shown);
  expect(letter.html).not.toContain("<script>");
  expect(letter.html).toContain("Ada &lt;script&gt;");
  expect(letter.headers.Subject).toBe("Ada <script>alert(1)</script> invites you to Rigi");
  await another(browser, linkIn(letter), BOB);
  const again = await (await browser.newContext()).newPage();
  await again.goto(linkIn(letter));
  await expect(again.getByRole("heading", { name: "This link does not hold" })).toBeVisible();
});

test("who has forgotten a password gets a link by mail, and everybody is told the same", async ({ bed, page }) => {
  const mail = await MailServer.start(bed, { encryption: "tls" });
  const server = await up(bed, mail);
  await makeAccount(page, server.link, ADA);
  await page.context().clearCookies();
  const said = complaints(page);
  await page.goto(`${server.api.url}/runs?state=failed`);
  await page.getByLabel("Mail address").fill("nobody@example.org");
  await page.getByRole("button", { name: "Forgot your password?" }).click();
  await expect(page.getByRole("heading", { name: "A new password" })).toBeVisible();
  await picture(page, "mail-forgotten");
  const field = page.getByLabel("Mail address");
  await expect(field).toHaveValue("nobody@example.org");
  const answers: string[] = [];
  for (const address of ["nobody@example.org", ADA.mail]) {
    await field.fill(address);
    await page.getByRole("button", { name: "Mail me a link" }).click();
    const status = page.getByRole("status");
    await expect(status).toContainText("is on its way");
    answers.push((await status.innerText()).replace(address, "ADDRESS"));
    if (address === ADA.mail) break;
    await page.getByRole("button", { name: "Back to signing in" }).click();
    await page.getByRole("button", { name: "Forgot your password?" }).click();
  }
  expect(answers[0]).toBe(answers[1]);
  await picture(page, "mail-on-its-way");

  const letter = await mail.letter(ADA.mail, /A new password/);
  expect(letter.headers["Message-ID"]).toMatch(/^<mal_[0-9A-Z]{26}@example\.org>$/);
  await page.goto(linkIn(letter));
  await page.getByRole("textbox", { name: "New password" }).fill("copper lantern meadow 5");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByText("The new password is set")).toBeVisible();
  await fillSignIn(page, { ...ADA, password: "copper lantern meadow 5" });
  await signedIn(page);
  await mail.letter(ADA.mail, /Your password was changed/);
  await page.goto(linkIn(letter));
  await expect(page.getByRole("heading", { name: "This link does not hold" })).toBeVisible();
  expect(mail.letters.some(({ to }) => to.includes("nobody@example.org"))).toBe(false);
  expect(said.filter((line) => !/status of 40/.test(line))).toEqual([]);
});

test("an address is confirmed by its owner, on the page of the account", async ({ bed, page }) => {
  const mail = await MailServer.start(bed);
  const server = await up(bed, mail);
  await makeAccount(page, server.link, ADA);
  await page.goto(`${server.api.url}/account`);
  await expect(page.getByText("not confirmed")).toBeVisible();
  await page.getByRole("button", { name: "Confirm it" }).click();
  await expect(page.getByText(`A link is on its way to ${ADA.mail}.`)).toBeVisible();
  await picture(page, "mail-account");
  await page.goto(linkIn(await mail.letter(ADA.mail, /Confirm your mail address/)));
  // Opening it is not enough: programs that look at mails open links too.
  await expect(page.getByRole("heading", { name: "Confirm your mail address" })).toBeVisible();
  await picture(page, "mail-confirm");
  await page.getByRole("button", { name: "Confirm it" }).click();
  await expect(page.getByRole("heading", { name: "It is confirmed" })).toBeVisible();
  await page.getByRole("link", { name: "To the page" }).click();
  await page.goto(`${server.api.url}/account`);
  await expect(page.getByText("confirmed", { exact: true })).toBeVisible();
  await expect(page.getByRole("button", { name: "Confirm it" })).toHaveCount(0);
});

test("of 20 mails a server refuses 30 % for now, and each is delivered once", onBoth, async ({ bed }) => {
  const mail = await MailServer.start(bed);
  const server = await up(bed, mail);
  const all = Array.from({ length: 20 }, (_, n) => `p${n}@example.org`);
  // Six of them, up to four times: as often as it is tried again.
  await mail.order({ refuse: Object.fromEntries(all.slice(0, 6).map((to, n) => [to, Array<string>((n % 4) + 1).fill("451 4.7.1 not now")])) });
  const made = await Promise.all(all.map((to) => invite(server.api, to)));
  expect(made.map((one) => one.mailed_to)).toEqual(all);
  await mail.until("all have arrived", () => mail.letters.length >= 20 || undefined);
  await expect.poll(async () => (await log(server.api)).every(({ state }) => state === "sent")).toBe(true);
  const arrived = mail.letters.map(({ to }) => to[0]);
  expect([...arrived].sort()).toEqual([...all].sort());
  expect(new Set(mail.letters.map(({ headers }) => headers["Message-ID"])).size).toBe(20);
  const tries = Object.fromEntries((await log(server.api)).map(({ to, tries }) => [to, tries]));
  expect(all.slice(0, 7).map((to) => tries[to])).toEqual([2, 3, 4, 5, 2, 3, 1]);
});

test("what a server refuses for good is given up at once, with its reason on the page", async ({ bed, page }) => {
  const mail = await MailServer.start(bed);
  const server = await up(bed, mail, LATER);
  await makeAccount(page, server.link, ADA);
  await mail.order({ refuse: { "gone@example.org": ["550 5.1.1 no such mailbox"], "later@example.org": ["450 4.2.0 come back"] } });
  await invite(server.api, "gone@example.org");
  await settled(server.api, "gone@example.org", ({ state }) => state === "failed");
  await invite(server.api, "later@example.org");
  await settled(server.api, "later@example.org", ({ tries, error }) => tries === 1 && error !== undefined);

  await page.goto(`${server.api.url}/administration?tab=mail`);
  const table = page.getByRole("table", { name: "Mails" });
  await expect(page.getByText(`127.0.0.1:${mail.port}`).first()).toBeVisible();
  const gone = table.getByRole("row", { name: /gone@example.org/ });
  await expect(gone).toContainText("it said 550 5.1.1 no such mailbox");
  await expect(gone).toContainText("given up");
  const later = table.getByRole("row", { name: /later@example.org/ });
  await expect(later).toContainText("waits, next try");
  await picture(page, "mail-log");
  // The server takes it now.
  await page.getByRole("button", { name: "Try the mail to later@example.org now" }).click();
  await mail.letter("later@example.org", /invites you/);
  await settled(server.api, "later@example.org", ({ state }) => state === "sent");

  await page.getByRole("button", { name: "Send a test" }).click();
  const dialog = page.getByRole("dialog", { name: "Send a mail as a test" });
  await expect(dialog.getByLabel("To")).toHaveValue(ADA.mail);
  await mail.order({ refuse: { [ADA.mail]: ["552 5.2.2 mailbox is full"] } });
  await dialog.getByRole("button", { name: "Send it" }).click();
  await expect(dialog.getByRole("alert")).toContainText("552 5.2.2 mailbox is full");
  await picture(page, "mail-test");
  await dialog.getByRole("button", { name: "Send it" }).click();
  await expect(page.getByText(`The mail server has taken a mail to ${ADA.mail}.`)).toBeVisible();
  await expect(table.getByRole("row", { name: /a test/ })).toHaveCount(2);
  const text = await page.locator("body").innerText();
  expect(text).not.toContain("rigi_");
});

test("a server that hangs, lies or is away is waited for, and its reason is told", async ({ bed }) => {
  test.setTimeout(120_000);
  const mail = await MailServer.start(bed);
  const server = await up(bed, mail, { ...LATER, RIGI_MAIL__TIMEOUT: "500ms" });
  for (const [mode, why] of [
    ["hang", /did not answer: nothing came within 500 ms/],
    ["garbage", /did not answer: what it said is no SMTP/],
    ["close", /did not answer/],
    ["lose", /did not take the mail: nothing came within 500 ms/],
  ] as const) {
    await mail.order({ mode });
    await invite(server.api, `${mode}@example.org`);
    const queued = await settled(server.api, `${mode}@example.org`, ({ error }) => error !== undefined);
    expect([queued.state, queued.tries]).toEqual(["waiting", 1]);
    expect(queued.error).toMatch(why);
    expect((await bed.rigi(["mail", "list", "-o", "wide"])).out).toContain("waiting");
  }
  await mail.order({ mode: "take" });
  for (const { id } of await log(server.api)) await server.api.post(`/mails/${id}/retry`);
  for (const mode of ["hang", "garbage", "close", "lose"]) await settled(server.api, `${mode}@example.org`, ({ state }) => state === "sent");
  // Of the one that was taken without a word there are two, and both are the same mail.
  const twice = mail.letters.filter(({ to }) => to.includes("lose@example.org"));
  expect(twice.map(({ lost }) => lost)).toEqual([true, false]);
  expect(new Set(twice.map(({ headers }) => headers["Message-ID"])).size).toBe(1);

  const tested = await bed.rigi(["mail", "test", "ada@example.org"]);
  expect(tested).toMatchObject({ code: 0, out: "The mail server has taken a mail to ada@example.org.\n" });
  await mail.stop();
  const away = await bed.rigi(["mail", "test", "ada@example.org"]);
  expect(away.code).toBe(69);
  expect(away.err).toContain("did not answer: Connection refused");
  expect(away.err).toContain("`mail.host`");
});

test("mails that wait outlive the server, and are sent once by the next one", onBoth, async ({ bed }) => {
  const first = await MailServer.start(bed);
  const server = await up(bed, first, LATER);
  const { port } = first;
  await first.stop();
  const all = Array.from({ length: 5 }, (_, n) => `p${n}@example.org`);
  for (const to of all) await invite(server.api, to);
  for (const to of all) await settled(server.api, to, ({ error }) => error !== undefined);
  await server.kill9();
  const mail = await MailServer.start(bed, { port });
  const next = await bed.up({ args: ["--team"], env: first.env(LATER) });
  for (const { id, state } of await log(next.api)) if (state === "waiting") await next.api.post(`/mails/${id}/retry`);
  for (const to of all) await settled(next.api, to, ({ state, tries }) => state === "sent" && tries === 2);
  expect(mail.letters.map(({ to }) => to[0]).sort()).toEqual(all);
});

test("what another server writes is sent by the one that leads", onPostgres, async ({ bed }) => {
  const mail = await MailServer.start(bed);
  const env = { ...mail.env(), RIGI_STORAGE__URL: bed.folder("files") };
  bed.shell("mine", "echo hello");
  const lead = await bed.up({ args: ["--team"], env });
  const data = bed.folder("beside");
  copyFileSync(join(bed.data, "secret.key"), join(data, "secret.key"));
  const follower = await bed.up({ data, args: ["--team"], env: { ...env, RIGI_SERVER__SEAT: "follower" } });
  const all = Array.from({ length: 10 }, (_, n) => `p${n}@example.org`);
  await Promise.all(all.map((to, n) => invite((n % 2 ? lead : follower).api, to)));
  for (const to of all) await settled(lead.api, to, ({ state }) => state === "sent");
  expect(mail.letters.map(({ to }) => to[0]).sort()).toEqual([...all].sort());
});
