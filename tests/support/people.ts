/** A server for a team, and what its suites do again and again. */
import { createHmac } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Browser, Page } from "@playwright/test";

import { expect, type Bed, type Server } from "./test";

/** Another project beside the default one. */
export const LAB = "lab";

export interface Person {
  name: string;
  mail: string;
  password: string;
}

export const ADA: Person = { name: "Ada Lovelace", mail: "ada@example.org", password: "walnut engine parade 9" };
export const BOB: Person = { name: "Bob Runner", mail: "bob@example.org", password: "quiet harbour tulip 3" };
export const CLEO: Person = { name: "Cleo Viewer", mail: "cleo@example.org", password: "marble kettle anthem 7" };

/** A server for people, with a pipeline `mine` in the default project and `theirs` in the lab. Its link makes the first administrator. */
export function upForTeam(bed: Bed, env: NodeJS.ProcessEnv = {}): Promise<Server> {
  bed.shell("mine", "echo of the default");
  const lab = bed.folder("lab");
  mkdirSync(join(lab, "theirs"), { recursive: true });
  writeFileSync(join(lab, "theirs", "pipeline.json"), JSON.stringify({ command: ["sh", "-c", "echo of the lab"] }));
  return bed.up({ args: ["--team"], env: { ...env, RIGI_PROJECTS__LAB__PIPELINES: lab } });
}

/** Takes a link that makes an account; the page is theirs then. */
export async function makeAccount(page: Page, link: string, person: Person): Promise<void> {
  await page.goto(link);
  await page.getByLabel("Name").fill(person.name);
  const mail = page.getByLabel("Mail address");
  if (await mail.isEditable()) await mail.fill(person.mail);
  await page.getByRole("textbox", { name: "Password" }).fill(person.password);
  await page.getByRole("button", { name: "Make the account" }).click();
  await signedIn(page);
}

export async function signedIn(page: Page): Promise<void> {
  await expect(page.getByRole("button", { name: /^Account of / })).toBeVisible();
}

/** Fills the page for signing in that stands in place of any other. */
export async function fillSignIn(page: Page, { mail, password }: Person): Promise<void> {
  await page.getByLabel("Mail address").fill(mail);
  await page.getByRole("textbox", { name: "Password" }).fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

/** An invitation, made on the page of members; its link. */
export async function invite(page: Page, role: string, mail = ""): Promise<string> {
  await page.getByRole("button", { name: "Invite", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Invite somebody" });
  await dialog.getByLabel("Mail address").fill(mail);
  await dialog.getByLabel("As", { exact: true }).selectOption(role);
  await dialog.getByRole("button", { name: "Make the link" }).click();
  const link = await dialog.locator("code").innerText();
  await dialog.getByRole("button", { name: "Done" }).click();
  await expect(dialog).toHaveCount(0);
  return link;
}

/** Somebody in a browser of their own. */
export async function another(browser: Browser, link: string, person: Person): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  await makeAccount(page, link, person);
  return page;
}

/** The six digits that a telephone shows for a secret (RFC 6238), `steps` half minutes from now. */
export function codeOf(secret: string, steps = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/=+$/, "")].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const hash = createHmac("sha1", key).update(counter).digest();
  const at = hash[19]! & 15;
  return String((hash.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
