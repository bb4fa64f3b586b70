/** A second real provider, by the buttons of the page: signing in, a terminal that is let in by it, both sides that end a session, linking. */
import { spawn } from "node:child_process";

import type { Page } from "@playwright/test";

import { freePort } from "../support/keycloak";
import { ADA, LAB, makeAccount, signedIn } from "../support/people";
import { binary } from "../support/places";
import { startProvider } from "../support/provider";
import { expect, test } from "../support/test";

/** What the provider itself asks: a name, and whether the server may know it. */
async function atProvider(page: Page, name: string): Promise<void> {
  await page.fill("input[name=login]", name);
  await page.fill("input[name=password]", "anything");
  await page.getByRole("button", { name: "Sign-in" }).click();
  await page.getByRole("button", { name: "Continue" }).click();
}

test("a second provider signs people in on the page, and their terminals with them", async ({ bed, browser }) => {
  const port = await freePort();
  const at = `http://127.0.0.1:${port}`;
  const issuer = await startProvider(bed, at, { Bob: ["air"], Eve: [] });
  bed.shell("mine", "echo of the default");
  const server = await bed.up({
    args: ["--team", "--port", String(port)],
    env: {
      RIGI_PROJECTS__LAB__PIPELINES: bed.folder("lab"),
      RIGI_PROVIDERS__SECOND__ISSUER: issuer,
      RIGI_PROVIDERS__SECOND__CLIENT_ID: "rigi",
      RIGI_PROVIDERS__SECOND__CLIENT_SECRET: "of-the-client",
      RIGI_PROVIDERS__SECOND__ALLOW: "group:air",
      RIGI_PROVIDERS__SECOND__RULES: `air = ${LAB}:runner`,
    },
  });
  const open = async (): Promise<Page> => (await browser.newContext()).newPage();
  const ada = await open();
  await makeAccount(ada, server.link, ADA);

  const bob = await open();
  await bob.goto(`${at}/runs`);
  await bob.getByRole("button", { name: "Sign in with Second" }).click();
  await atProvider(bob, "Bob");
  await signedIn(bob);
  await expect(bob).toHaveURL(new RegExp(`${at}/`));

  // His terminal, by the code that it shows.
  const login = spawn(binary(), ["login", at, "--name", "team", "--no-browser"], { env: await bed.env(), stdio: ["ignore", "pipe", "pipe"] });
  // It may end before anybody waits for that.
  const ended = new Promise<number | null>((done) => login.once("exit", done));
  const code = await new Promise<string>((found) => {
    login.stderr.setEncoding("utf8").on("data", (text: string) => {
      const shown = /shows ([A-Z]{4}-[A-Z]{4})/.exec(text)?.[1];
      if (shown) found(shown);
    });
  });
  await bob.goto(`${at}/device?code=${code}`);
  await bob.getByRole("button", { name: /^(Allow|Let it in)/ }).click();
  expect(await ended).toBe(0);
  const who = await bed.rigi(["whoami", "-o", "json"], { env: { RIGI_DATA: undefined } });
  expect(JSON.parse(who.out), who.err).toMatchObject({ name: "Bob", roles: [{ project: LAB, role: "runner" }] });
  expect((await bed.rigi(["logout"], { env: { RIGI_DATA: undefined } })).code).toBe(0);
  expect((await bed.rigi(["whoami", "--server", "team"], { env: { RIGI_DATA: undefined } })).code).not.toBe(0);

  // Who is in no group is told so; the provider's own session is ended first.
  const eve = await open();
  await eve.goto(`${at}/`);
  await eve.getByRole("button", { name: "Sign in with Second" }).click();
  await atProvider(eve, "Eve");
  await expect(eve.getByText("you have no account here")).toBeVisible();

  // What the provider is, and what it sent, by names alone.
  const doctor = await bed.rigi(["doctor", "oidc"]);
  expect(doctor.out).toContain("Everything is well.");
  expect(doctor.out).toMatch(/second: last sign-in +\S+, who got no account; it sent .*\bemail\b.*\bgroups\b/);
  expect(doctor.out).toContain("second: groups        0 groups in the claim `groups`");
  expect(doctor.out).not.toContain("eve@example.org");
  expect((await bed.rigi(["doctor", "oidc", "third"])).code).toBe(66);

  // Ada has an account: signed in, she adds the provider to it, and signs in with it from then on.
  await ada.goto(`${at}/account`);
  await ada.getByRole("button", { name: "Link Second" }).click();
  await atProvider(ada, "Ada");
  await expect(ada.getByText(issuer)).toBeVisible();
  const again = await open();
  await again.goto(`${at}/`);
  await again.getByRole("button", { name: "Sign in with Second" }).click();
  await atProvider(again, "Ada");
  await signedIn(again);
  await expect(again.getByRole("button", { name: `Account of ${ADA.name}` })).toBeVisible();

  // Signed out at the provider is signed out here.
  await bob.goto(`${issuer}/session/end`);
  await bob.getByRole("button", { name: /yes/i }).click();
  await expect.poll(async () => (await bob.request.get(`${at}/api/v1/account`)).status(), { timeout: 5000 }).toBe(401);
});

test("who signs out here is signed out at the provider too, where that is set, and comes back", async ({ bed, browser }) => {
  const port = await freePort();
  const at = `http://127.0.0.1:${port}`;
  const issuer = await startProvider(bed, at, { Bob: ["air"] });
  bed.shell("mine", "echo of the default");
  const env = {
    RIGI_PROJECTS__LAB__PIPELINES: bed.folder("lab"),
    RIGI_PROVIDERS__SECOND__ISSUER: issuer,
    RIGI_PROVIDERS__SECOND__CLIENT_ID: "rigi",
    RIGI_PROVIDERS__SECOND__CLIENT_SECRET: "of-the-client",
    RIGI_PROVIDERS__SECOND__ALLOW: "group:air",
  };
  const args = ["--team", "--port", String(port)];
  let server = await bed.up({ args, env: { ...env, RIGI_PROVIDERS__SECOND__END_SESSION: "true" } });
  const bob = await (await browser.newContext()).newPage();
  await makeAccount(await (await browser.newContext()).newPage(), server.link, ADA);
  await bob.goto(`${at}/`);
  await bob.getByRole("button", { name: "Sign in with Second" }).click();
  await atProvider(bob, "Bob");
  await signedIn(bob);

  const signOut = async (): Promise<void> => {
    await bob.getByRole("button", { name: "Account of Bob" }).click();
    await bob.getByRole("menuitem", { name: "Sign out" }).click();
  };
  await signOut();
  await bob.waitForURL(`${issuer}/session/end?**`);
  // It is over here already, whatever he answers there.
  expect((await bob.request.get(`${at}/api/v1/account`)).status()).toBe(401);
  const asked = new URL(bob.url()).searchParams;
  expect(Object.fromEntries(asked)).toMatchObject({ client_id: "rigi", post_logout_redirect_uri: `${at}/` });
  await bob.getByRole("button", { name: /yes/i }).click();
  await bob.waitForURL(`${at}/`);
  // The provider does not know him any more: it asks for his name.
  await bob.getByRole("button", { name: "Sign in with Second" }).click();
  await atProvider(bob, "Bob");
  await signedIn(bob);

  // Unless it is set, the provider's session is left alone, and he is back with one click.
  await server.stop();
  server = await bed.up({ args, env });
  await bob.goto(`${at}/`);
  await signOut();
  await bob.getByRole("button", { name: "Sign in with Second" }).click();
  await signedIn(bob);
});
