/** Webhooks on the page: made with a secret that is shown once, followed, done again, paused and removed; and who sees none. */
import { createHmac } from "node:crypto";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { call } from "../support/bed";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test } from "../support/test";

const TAKES = {
  properties: {
    branch: { type: "string", default: "none", description: "What was pushed to." },
    size: { type: "integer", default: 1 },
    key: { type: "string", writeOnly: true, default: "a-secret-word" },
  },
  additionalProperties: false,
};

const came = (page: Page) => page.getByRole("table", { name: "What came" }).getByRole("row");
const row = (page: Page, name: RegExp) => page.getByRole("table", { name: "Webhooks" }).getByRole("row", { name });
const field = (page: Page, name: string) => page.getByRole("textbox", { name, exact: true });

/** As GitHub sends what happened. */
async function send(address: string, secret: string, event: string, body: object): Promise<number> {
  const text = JSON.stringify(body);
  const signature = `sha256=${createHmac("sha256", secret).update(text).digest("hex")}`;
  const headers = { "content-type": "application/json", "x-github-event": event, "x-hub-signature-256": signature };
  return (await fetch(address, { method: "POST", headers, body: text })).status;
}

test("a webhook is made, sent to, followed, done again, changed, paused and removed", async ({ bed, page }) => {
  test.setTimeout(120_000);
  bed.shell("build", "echo built $branch", { parameters: TAKES, schedules: [{ id: "careful", parameters: { size: 2 } }] });
  bed.shell("other", "true");
  const server = await bed.up();
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);

  // Where there is none, it is said what one is, and how one comes to be.
  await page.keyboard.press("g");
  await page.keyboard.press("w");
  await expect(page).toHaveURL(`${server.api.url}/webhooks`);
  await expect(page.getByText("Nobody sends anything here")).toBeVisible();
  await expect(page.getByText("rigi webhooks set pushes")).toBeVisible();
  await isOpen(page, "webhooks-none");

  // What cannot be is told beside the field, by the page or by the server.
  await page.keyboard.press("n");
  await page.getByRole("combobox", { name: "Pipeline" }).click();
  await page.getByRole("option", { name: "build" }).click();
  const form = page.getByRole("form", { name: "Make a webhook" });
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("name is required")).toBeVisible();
  await expect(field(page, "Name")).toBeFocused();
  await field(page, "Name").fill("pushes");
  await form.getByLabel("Signs as").selectOption("github");
  await field(page, "Only when").fill("event == ");
  await field(page, "size").fill("many");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByText("is JSON, such as")).toBeVisible();
  await field(page, "size").fill("${body.size}");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(field(page, "Only when")).toHaveAttribute("aria-invalid", "true");
  await field(page, "Only when").fill("event == 'push'");
  await field(page, "branch").fill("${body.ref}");
  await expect(page.getByText("rigi webhooks set pushes --pipeline build --kind github --when 'event == '\\''push'\\''' -p 'branch=${body.ref}' -p 'size=${body.size}'")).toBeVisible();
  await isOpen(page, "webhooks-make");
  await page.keyboard.press("Control+Enter");

  // The secret is shown, and never again.
  await expect(page.getByText("The secret is shown this once.")).toBeVisible();
  const [address = "", secret = ""] = await page.getByRole("status").locator("dd code").allTextContents();
  expect(address).toMatch(new RegExp(`^${server.api.url}/api/hooks/hook_`));
  expect(secret).toMatch(/^[0-9a-f]{64}$/);
  await isOpen(page, "webhooks-secret");
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page).toHaveURL(`${server.api.url}/webhooks/pushes`);
  await expect(page.getByText("Nothing yet.")).toBeVisible();
  await expect(page.getByText(secret)).toHaveCount(0);

  // What comes shows as it comes, with what became of it.
  expect(await send(address, secret, "push", { ref: "refs/heads/main", size: 3 })).toBe(202);
  await expect(came(page).filter({ hasText: "Succeeded" })).toHaveCount(1);
  expect(await send(address, secret, "ping", { zen: "Calm." })).toBe(202);
  await expect(came(page).filter({ hasText: "Ignored" })).toHaveCount(1);
  expect(await send(address, secret, "push", { ref: "refs/heads/main", size: "large" })).toBe(422);
  await expect(came(page).filter({ hasText: "Refused" })).toContainText("size");
  expect(await send(address, "another secret that is not its", "push", { ref: "x" })).toBe(401);
  await expect(came(page)).toHaveCount(4);
  await isOpen(page, "webhooks-one");

  // One of them, with its headers and body; done again it is another.
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog", { name: "A delivery" });
  await expect(drawer.getByRole("region", { name: "Body" })).toContainText('"size": "large"');
  await expect(drawer.getByText("x-github-event")).toBeVisible();
  await isOpen(page, "webhooks-delivery");
  await drawer.getByRole("button", { name: "Do it again" }).click();
  await expect(drawer.getByRole("alert")).toContainText("starts no run");
  await page.keyboard.press("Escape");
  await expect(drawer).toHaveCount(0);
  await expect(came(page).filter({ hasText: "again" })).toHaveCount(1);

  // Mended, what was refused is done again.
  await page.getByRole("link", { name: "Change" }).click();
  await expect(field(page, "branch")).toHaveValue("${body.ref}");
  await field(page, "size").fill("7");
  await page.getByLabel("As", { exact: true }).selectOption("careful");
  await isOpen(page, "webhooks-change");
  await page.getByRole("form", { name: "Change" }).getByRole("button", { name: "Change" }).click();
  await expect(page.getByText("size = 7")).toBeVisible();
  const made = await server.api.get<{ parameters: object; schedule: string }>("/webhooks/pushes");
  expect(made.parameters).toEqual({ branch: "${body.ref}", size: 7 });
  expect(made.schedule).toBe("careful");
  await came(page).filter({ hasText: "Refused" }).last().getByRole("button").click();
  await drawer.getByRole("button", { name: "Do it again" }).click();
  await expect(page.getByText(/Done again: run \w{4}/)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(came(page).filter({ hasText: "Succeeded" })).toHaveCount(2);

  // Another secret; the former counts for a day.
  await page.getByRole("button", { name: "Replace the secret" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Replace it" }).click();
  const shown = page.getByRole("dialog", { name: "The secret of pushes" });
  await expect(shown.getByText("The former one counts until")).toBeVisible();
  const [, next = ""] = await shown.locator("dd code").allTextContents();
  expect(next).not.toBe(secret);
  await isOpen(page, "webhooks-replaced");
  await shown.getByRole("button", { name: "Done" }).click();
  expect(await send(address, next, "ping", { zen: "Anew." })).toBe(202);
  expect(await send(address, secret, "ping", { zen: "As before." })).toBe(202);
  await expect(came(page).filter({ hasText: "Ignored" })).toHaveCount(3);

  // Its run says what started it.
  await came(page).filter({ hasText: "Succeeded" }).first().getByRole("link").click();
  await expect(page).toHaveURL(/\/runs\/run_/);
  await page.getByRole("link", { name: "webhook pushes" }).click();
  await expect(page).toHaveURL(`${server.api.url}/webhooks/pushes`);

  // Paused it takes nothing, here and in the list.
  await page.getByRole("button", { name: "Pause", exact: true }).click();
  await expect(page.getByText("Paused", { exact: true })).toBeVisible();
  expect(await send(address, next, "push", { ref: "y" })).toBe(409);
  await page.getByRole("navigation", { name: "Where you are" }).getByRole("link", { name: "Webhooks" }).click();
  await server.api.call("PUT", "/api/v1/webhooks/orders", { pipeline: "other" });
  await expect(row(page, /orders/)).toContainText("nothing yet");
  await expect(row(page, /pushes/)).toContainText("Paused");
  await isOpen(page, "webhooks-list");
  await page.getByRole("button", { name: "Resume pushes" }).click();
  await expect(row(page, /pushes/)).toContainText("On");

  await row(page, /pushes/).getByRole("link", { name: "pushes" }).click();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/webhooks`);
  await expect(row(page, /pushes/)).toHaveCount(0);
  expect(await send(address, next, "push", { ref: "z" })).toBe(404);
  expect(said.filter((line) => !/status of 400/.test(line))).toEqual([]);
});

test("a webhook of which a secret is made keeps no bodies; one brings its own secret", async ({ bed, page }) => {
  bed.shell("build", "true", { parameters: TAKES });
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  // Of the one pipeline that there is.
  await page.goto(`${server.api.url}/webhooks/-/new`);
  await field(page, "Name").fill("keys");
  await page.getByLabel("Signs as").selectOption("github");
  await page.getByLabel("Secret", { exact: true }).fill("short");
  await field(page, "key").fill("${body.key}");
  await page.getByRole("button", { name: "Make it" }).click();
  await expect(page.getByText("secret has 16 to 500 characters")).toBeVisible();
  await page.getByLabel("Secret", { exact: true }).fill("a secret that its sender has");
  await page.getByRole("button", { name: "Make it" }).click();
  await expect(page).toHaveURL(`${server.api.url}/webhooks/keys`);
  const { path } = await server.api.get<{ path: string }>("/webhooks/keys");
  expect(await send(server.api.url + path, "a secret that its sender has", "push", { key: "hidden" })).toBe(202);
  await came(page).filter({ hasText: "run" }).getByRole("button").click();
  await expect(page.getByText("Its body is not kept")).toBeVisible();
  await expect(page.getByRole("button", { name: "Do it again" })).toBeDisabled();
});

test("what is to be sent from a terminal is taken, whoever signs", async ({ bed, page }) => {
  bed.shell("build", "true");
  const server = await bed.up();
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  for (const kind of ["standard", "github", "gitea", "gitlab"]) {
    const { secret } = await server.api.call<{ secret: string }>("PUT", `/api/v1/webhooks/by-${kind}`, { pipeline: "build", kind });
    await page.goto(`${server.api.url}/webhooks/by-${kind}`);
    const commands = await page.locator("code", { hasText: "SECRET=" }).textContent();
    const { out, err } = await call("sh", ["-c", (commands ?? "").replace("SECRET=…", `SECRET='${secret}'`)], {});
    expect(out, err).toContain('"outcome":"run"');
    await expect(came(page).filter({ hasText: "run" }), kind).toHaveCount(1);
  }
  // The pipeline's page has them beside its schedules.
  await page.goto(`${server.api.url}/pipelines/build?tab=schedules`);
  await expect(row(page, /by-/)).toHaveCount(4);
  await expect(page.getByText("It has no schedule")).toBeVisible();
  await isOpen(page, "webhooks-of-pipeline");
});

test("on a phone the menu leads to webhooks; a viewer sees none, and who does", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await page.setViewportSize({ width: 390, height: 800 });
  await page.goto(`${at}/projects/lab`);
  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Webhooks" }).click();
  await expect(page.getByText("Nobody sends anything here")).toBeVisible();
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(`${at}/projects/lab/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await cleo.goto(`${at}/projects/lab/webhooks`);
  await expect(cleo.getByText("A viewer sees no webhooks")).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Webhooks" })).toHaveCount(0);
  await cleo.goto(`${at}/projects/lab/webhooks/-/new`);
  await expect(cleo.getByText("A viewer sees no webhooks")).toBeVisible();
});
