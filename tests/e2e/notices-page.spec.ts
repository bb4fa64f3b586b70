/** Notices on the page: channels that are tried, rules that tell them, trouble that goes on and is over, words that are given up and tried again. */
import { createServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";

import type { Page } from "@playwright/test";

import { isOpen } from "../support/access";
import { complaints, signIn } from "../support/page";
import { ADA, another, CLEO, invite, makeAccount, upForTeam } from "../support/people";
import { expect, test, type Bed } from "../support/test";

const INSIDE = { RIGI_OUTBOUND__ALLOW_INSIDE: "127.0.0.1" };
const table = (page: Page, name: string) => page.getByRole("table", { name, exact: true }).getByRole("row");
const tab = (page: Page, name: RegExp | string) => page.getByRole("tab", { name });

/** Somebody who is told, and says yes until another answer is asked for. */
class Listener {
  readonly bodies: string[] = [];
  status = 200;
  private constructor(private readonly server: HttpServer) {}

  static async start(bed: Bed): Promise<Listener> {
    const server = createServer((request, response) => {
      let text = "";
      request.setEncoding("utf8").on("data", (part: string) => (text += part));
      request.on("end", () => {
        listener.bodies.push(text);
        response.writeHead(listener.status).end();
      });
    });
    const listener = new Listener(server);
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    bed.atEnd(() => server.close());
    return listener;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }
}

test("a channel is made and tried, a rule tells it, trouble begins and is over", async ({ bed, page }) => {
  test.setTimeout(120_000);
  bed.shell("etl-stations", '[ "$bad" != true ] || { echo the source is away >&2; exit 3; }', {
    parameters: { properties: { bad: { type: "boolean", default: false } } },
  });
  const listener = await Listener.start(bed);
  const server = await bed.up({ env: INSIDE });
  const said = complaints(page);
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);

  // Where nobody is told, it is said how somebody comes to be.
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await expect(page).toHaveURL(`${server.api.url}/notices`);
  await expect(page.getByText("Nobody is told of anything")).toBeVisible();
  await expect(page.getByText("rigi channels set team --kind slack")).toBeVisible();
  await isOpen(page, "notices-none");

  // What leads there is asked for by kind, and refused beside the field.
  await page.getByRole("button", { name: "Make a channel" }).click();
  const making = page.getByRole("dialog", { name: "Make a channel" });
  await making.getByLabel("By").selectOption("mail");
  await expect(making.getByLabel("Addresses")).toBeVisible();
  await making.getByLabel("By").selectOption("discord");
  await making.getByLabel("Name").fill("team");
  await making.getByLabel("Address").fill("https://10.0.0.1/hook");
  await making.getByRole("button", { name: "Make it" }).click();
  await expect(making.getByLabel("Address")).toHaveAttribute("aria-invalid", "true");
  await expect(making.getByText(/inside/)).toBeVisible();
  await isOpen(page, "notices-channel-form");
  await making.getByLabel("Address").fill(listener.url);
  await making.getByRole("button", { name: "Make it" }).click();
  await expect(making).toHaveCount(0);

  // It is tried; who says no is heard.
  await tab(page, /Channels 1/).click();
  await expect(table(page, "Channels").filter({ hasText: "team" })).toContainText("127.0.0.1");
  await page.getByRole("button", { name: "Send a test to team" }).click();
  await expect(page.getByText("team has taken a test.")).toBeVisible();
  listener.status = 403;
  await page.getByRole("button", { name: "Send a test to team" }).click();
  await expect(page.getByText(/did not take it.*403/)).toBeVisible();
  await page.getByRole("button", { name: "Close" }).last().click();
  listener.status = 200;
  await isOpen(page, "notices-channels");

  // The rule of the one channel that there is.
  await page.keyboard.press("n");
  await expect(page).toHaveURL(`${server.api.url}/notices/rules/-/new`);
  const form = page.getByRole("form", { name: "Make a rule" });
  await form.getByLabel("Name", { exact: true }).fill("failures");
  await expect(form.getByRole("checkbox", { name: /^failed/ })).toBeChecked();
  await form.getByRole("checkbox", { name: /^waiting/ }).check();
  await form.getByRole("textbox", { name: "Waits too long after" }).fill("soon");
  await form.getByLabel("Of which pipelines").fill("etl-*");
  await form.getByLabel("Of which pipelines").press("Enter");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(form.getByRole("textbox", { name: "Waits too long after" })).toHaveAttribute("aria-invalid", "true");
  await form.getByRole("textbox", { name: "Waits too long after" }).fill("1h");
  await expect(page.getByText("rigi notices rule failures --on failed,recovered,waiting --channel team --pipeline 'etl-*' --waiting-after 1h")).toBeVisible();
  await isOpen(page, "notices-rule-form");
  await form.getByRole("button", { name: "Make it" }).click();
  await expect(table(page, "Rules").filter({ hasText: "failures" })).toContainText("failed, recovered, waiting of etl-*");
  await isOpen(page, "notices-rules");

  // Trouble is one line, however often it happens, and is told once.
  await tab(page, /^Trouble/).click();
  await expect(page.getByText("Trouble that a rule is about stands here")).toBeVisible();
  const bad = { parameters: { bad: true } };
  const first = await server.api.submit("etl-stations", bad);
  await expect(table(page, "Going on").filter({ hasText: "etl-stations" })).toContainText("once");
  await server.api.submit("etl-stations", bad);
  await expect(table(page, "Going on").filter({ hasText: "etl-stations" })).toContainText("2 times");
  await expect(tab(page, "Trouble 1")).toBeVisible();
  await isOpen(page, "notices-trouble");
  listener.status = 404;
  await server.api.submit("etl-stations");
  await expect(table(page, "Over").filter({ hasText: "etl-stations" })).toContainText("2 times");
  await expect(table(page, "Going on")).toHaveCount(0);
  expect(listener.bodies.filter((body) => body.includes("etl-stations failed"))).toHaveLength(1);

  // What was refused is given up, and tried again by hand.
  await tab(page, "Told").click();
  const given = table(page, "What was told").filter({ hasText: "etl-stations recovered" });
  await expect(given).toContainText("Given up");
  await expect(given).toContainText("404");
  await expect(table(page, "What was told").filter({ hasText: "etl-stations failed" })).toContainText("Sent");
  await isOpen(page, "notices-told");
  await page.getByText("Given up", { exact: true }).first().click();
  await expect(table(page, "What was told")).toHaveCount(2);
  listener.status = 200;
  await page.getByRole("button", { name: "Try etl-stations recovered to team again" }).click();
  await expect(page.getByText("There is none.")).toBeVisible();
  await page.getByRole("radiogroup", { name: "State" }).getByText("Sent").click();
  await expect(table(page, "What was told").filter({ hasText: "recovered" })).toContainText("Sent");
  await table(page, "What was told").filter({ hasText: "etl-stations failed" }).getByRole("link", { name: "etl-stations failed" }).click();
  await expect(page).toHaveURL(new RegExp(`/runs/${first.id}`));
  expect(said.filter((line) => !/status of (400|502)/.test(line))).toEqual([]);
});

test("a rule is changed, paused and removed; a channel that is told stays; a signed one shows its secret once", async ({ bed, page }) => {
  const listener = await Listener.start(bed);
  bed.shell("etl", "true");
  const server = await bed.up({ env: INSIDE });
  await page.setViewportSize({ width: 1280, height: 800 });
  await signIn(page, server);
  await server.api.call("PUT", "/api/v1/channels/team", { kind: "slack", target: listener.url });
  await server.api.call("PUT", "/api/v1/rules/all", { on: ["succeeded"], channels: ["team"] });
  await page.goto(`${server.api.url}/notices?tab=rules`);
  await page.getByRole("link", { name: "all", exact: true }).click();
  const form = page.getByRole("form", { name: "Change" });
  await expect(form.getByRole("checkbox", { name: /^succeeded/ })).toBeChecked();
  await form.getByRole("textbox", { name: "Together" }).fill("15m");
  await form.getByLabel("Not from, to").fill("22:00");
  await form.getByRole("button", { name: "Change" }).click();
  await expect(form.getByText("has a begin and an end")).toBeVisible();
  await form.getByLabel("To", { exact: true }).fill("07:00");
  await form.getByRole("textbox", { name: "In other words" }).fill("${pipeline} is done");
  await form.getByRole("button", { name: "Change" }).click();
  await expect(table(page, "Rules").filter({ hasText: "all" })).toContainText("within 15m together, not from 22:00 to 07:00");
  const { template } = await server.api.get<{ template: string }>("/rules/all");
  expect(template).toBe("${pipeline} is done");
  await page.getByRole("button", { name: "Pause all" }).click();
  await expect(table(page, "Rules").filter({ hasText: "all" })).toContainText("Paused");

  await page.getByRole("link", { name: "team", exact: true }).click();
  await expect(page.getByText("succeeded, paused")).toBeVisible();
  await isOpen(page, "notices-channel");
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page.getByRole("dialog").getByText(/the rule `?all`? tells/i)).toBeVisible();
  await page.getByRole("dialog").getByRole("button", { name: "Leave it" }).click();

  // It leads elsewhere: signed, with a secret that is shown this once.
  await page.getByRole("button", { name: "Change" }).click();
  const window = page.getByRole("dialog", { name: "Where team leads" });
  await window.getByLabel("By").selectOption("webhook");
  await window.getByLabel("Address").fill(listener.url);
  await window.getByRole("button", { name: "Lead there" }).click();
  await expect(window.getByText(/^whsec_/)).toBeVisible();
  await isOpen(page, "notices-channel-secret");
  await window.getByRole("button", { name: "Done" }).click();
  await expect(page.getByText("Signed webhook")).toBeVisible();

  await page.goto(`${server.api.url}/notices?tab=rules`);
  await page.getByRole("button", { name: "Remove all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove it" }).click();
  await expect(page.getByText("A rule says of what")).toBeVisible();

  // Programs tell by a key.
  await tab(page, "Programs").click();
  await page.getByRole("button", { name: "Make a key" }).click();
  const making = page.getByRole("dialog", { name: "Make a key" });
  await making.getByLabel("Name").fill("ci");
  await making.getByRole("button", { name: "Make it" }).click();
  const key = await making.getByText(/^rigi_notice_/).textContent();
  await isOpen(page, "notices-key");
  await making.getByRole("button", { name: "Done" }).click();
  const headers = { "content-type": "application/json", "x-notification-key": key ?? "" };
  const body = JSON.stringify({ subject: "Deployed", body: "1.2.3" });
  const sent = await fetch(`${server.api.url}/api/notifications/send`, { method: "POST", headers, body });
  expect(sent.status).toBe(200);
  await tab(page, "Told").click();
  await expect(table(page, "What was told").filter({ hasText: "Deployed" })).toContainText("by a program");
  await tab(page, /Programs 1/).click();
  await page.getByRole("button", { name: "Take the key ci back" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Take it back" }).click();
  await expect(table(page, "Keys of programs")).toHaveCount(0);
});

test("each project has notices and webhooks of its own; a viewer sees none", async ({ bed, browser, page }) => {
  const server = await upForTeam(bed);
  const at = server.api.url;
  await makeAccount(page, server.link, ADA);
  await page.goto(`${at}/projects/lab/notices`);
  await page.getByRole("button", { name: "Make a channel" }).click();
  const making = page.getByRole("dialog", { name: "Make a channel" });
  await making.getByLabel("Name").fill("lab-team");
  await making.getByLabel("Address").fill("https://hooks.example.org/x");
  await making.getByRole("button", { name: "Make it" }).click();
  await expect(tab(page, /Channels 1/)).toBeVisible();
  await page.goto(`${at}/projects/lab/webhooks/-/new`);
  await page.getByRole("textbox", { name: "Name", exact: true }).fill("lab-pushes");
  await page.getByRole("button", { name: "Make it" }).click();
  await page.getByRole("button", { name: "Done" }).click();
  await expect(page).toHaveURL(`${at}/projects/lab/webhooks/lab-pushes`);
  const names = async (path: string) => (await server.api.get<{ items: { name: string }[] }>(path)).items.map(({ name }) => name);
  expect(await names("/projects/lab/channels")).toEqual(["lab-team"]);
  expect(await names("/projects/lab/webhooks")).toEqual(["lab-pushes"]);
  expect(await names("/channels")).toEqual([]);
  expect(await names("/webhooks")).toEqual([]);

  await page.goto(`${at}/projects/lab/members`);
  const cleo = await another(browser, await invite(page, "viewer"), CLEO);
  await cleo.goto(`${at}/projects/lab/notices`);
  await expect(cleo.getByText("A viewer sees no notices")).toBeVisible();
  await expect(cleo.getByRole("link", { name: "Notices" })).toHaveCount(0);
  await cleo.goto(`${at}/projects/lab/notices/rules/-/new`);
  await expect(cleo.getByText("A viewer sees no notices")).toBeVisible();
  // What was done is in the log, in words.
  await page.goto(`${at}/projects/lab/members?tab=activity`);
  await expect(page.getByText(/set where the channel lab-team leads/)).toBeVisible();
  await expect(page.getByText(/made the webhook lab-pushes/)).toBeVisible();
});
