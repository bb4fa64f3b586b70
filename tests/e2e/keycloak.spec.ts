/** People who sign in at a real provider: groups become roles, both sides can end a session, and a mail address links nothing. */
import type { Page } from "@playwright/test";

import { Keycloak, PASSWORD, freePort } from "../support/keycloak";
import type { Bed, Server } from "../support/test";
import { expect, test } from "../support/test";

interface Account {
  id: string;
  name: string;
  administrator: boolean;
  roles: { project: string; role: string }[];
}

interface Asked {
  status: number;
  body: unknown;
}

/** A call from within the page, with its session. */
function ask(page: Page, method: string, path: string, body?: object): Promise<Asked> {
  return page.evaluate(
    async ([method, path, body]) => {
      const init = body ? { body: JSON.stringify(body), headers: { "content-type": "application/json" } } : {};
      const response = await fetch(`/api/v1${path}`, { method: method as string, ...init });
      const text = await response.text();
      return { status: response.status, body: text ? (JSON.parse(text) as unknown) : undefined };
    },
    [method, path, body] as const,
  );
}

async function signIn(page: Page, server: Server, name: string, key?: string): Promise<void> {
  await page.goto(`${server.api.url}/livez`);
  const started = await ask(page, "POST", "/sign-in/provider", { provider: "keycloak", return_to: "/livez", ...(key ? { key } : {}) });
  expect(started.status, JSON.stringify(started.body)).toBe(201);
  await page.goto((started.body as { location: string }).location);
  // Who is signed in there already is not asked.
  if (page.url().includes("/realms/")) {
    await page.fill("#username", name.toLowerCase());
    await page.fill("#password", PASSWORD);
    await page.click("#kc-login");
  }
  // A page leads on, or says why not.
  await Promise.race([page.waitForURL(/\/livez$/), page.getByRole("heading", { name: "You are not signed in" }).waitFor()]);
}

const account = async (page: Page): Promise<Asked & { body: Account }> => (await ask(page, "GET", "/account")) as Asked & { body: Account };

async function start(bed: Bed, keycloak: Keycloak): Promise<Server> {
  const port = await freePort();
  bed.shell("mine", "true");
  const lab = bed.folder("lab");
  await keycloak.realm(`http://127.0.0.1:${port}`, { Ada: ["rigi-admins"], Bob: ["air"], Eve: [] });
  return bed.up({
    args: ["--team", "--port", String(port)],
    env: {
      RIGI_PROJECTS__LAB__PIPELINES: lab,
      RIGI_PROVIDERS__KEYCLOAK__ISSUER: keycloak.issuer,
      RIGI_PROVIDERS__KEYCLOAK__CLIENT_ID: "rigi",
      RIGI_PROVIDERS__KEYCLOAK__CLIENT_SECRET: "of-the-client",
      RIGI_PROVIDERS__KEYCLOAK__OMITS_EMPTY_GROUPS: "true",
      RIGI_PROVIDERS__KEYCLOAK__ALLOW: "group:air; group:rigi-admins",
      RIGI_PROVIDERS__KEYCLOAK__RULES: "rigi-admins = administrator; air = lab:runner",
    },
  });
}

test("people sign in at Keycloak, are what their groups say, and are signed out from either side", async ({ bed, browser }) => {
  test.setTimeout(240_000);
  const keycloak = await Keycloak.start(bed);
  const server = await start(bed, keycloak);
  const open = async (): Promise<Page> => (await browser.newContext()).newPage();

  // Roles are complete at the first sign-in.
  const ada = await open();
  await signIn(ada, server, "Ada");
  const first = await account(ada);
  expect(first.body).toMatchObject({ name: "Ada Example", administrator: true });
  const bob = await open();
  await signIn(bob, server, "Bob");
  expect((await account(bob)).body).toMatchObject({ administrator: false, roles: [{ project: "lab", role: "runner" }] });
  expect((await ask(bob, "GET", "/projects/default/runs")).status).toBe(404);

  // Who is in no group has no account, until somebody invites them.
  const eve = await open();
  await signIn(eve, server, "Eve");
  await expect(eve.getByText("you have no account here")).toBeVisible();
  const invited = await ask(ada, "POST", "/projects/default/invitations", { mail: "eve@example.org", role: "viewer" });
  const key = (invited.body as { path: string }).path.split("#")[1]!;
  await signIn(eve, server, "Eve", key);
  expect((await account(eve)).body.roles).toEqual([{ project: "default", role: "viewer" }]);

  // The only administrator stays one when the group goes, and signs in all the same.
  await keycloak.group("DELETE", "Ada", "rigi-admins");
  for (let round = 0; round < 3; round++) {
    const again = await open();
    await signIn(again, server, "Ada");
    expect((await account(again)).body).toMatchObject({ id: first.body.id, administrator: true });
  }
  // What was given by hand stays whatever the groups say; what follows from them goes with them.
  await ask(ada, "PUT", "/projects/default/members/bob@example.org", { role: "editor" });
  await keycloak.group("DELETE", "Bob", "air");
  await signIn(bob, server, "Bob");
  expect((await account(bob)).body.roles).toEqual([{ project: "default", role: "editor" }]);

  // Signed out there is signed out here; and the other way round.
  await keycloak.signOut("Bob");
  await expect.poll(async () => (await account(bob)).status, { timeout: 5000 }).toBe(401);
  expect((await ask(eve, "DELETE", "/session")).status).toBe(204);
  expect((await account(eve)).status).toBe(401);

  const audit = (await ask(ada, "GET", "/audit?action=provider.claims&limit=500")).body as { items: { after: { claims: string[] } }[] };
  expect(audit.items.some(({ after }) => after.claims.includes("groups"))).toBe(true);
});
