/** TLS of the server's own: certificates from files that change, and from an authority by ACME. */
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";

import { freePort } from "../support/keycloak";
import { ADA, fillSignIn, makeAccount, signedIn } from "../support/people";
import { certificate, shown, startAuthority } from "../support/tls";
import { expect, test } from "../support/test";

test("people sign in over TLS, and a certificate that changes is shown at once", async ({ bed, browser }) => {
  const folder = bed.folder("tls");
  certificate(folder, "first");
  bed.shell("mine", "echo over TLS");
  const port = await freePort();
  const env = { RIGI_TLS__CERTIFICATE: join(folder, "certificate.pem"), RIGI_TLS__KEY: join(folder, "key.pem") };
  const server = await bed.up({ args: ["--team", "--port", String(port)], env });
  const at = `https://127.0.0.1:${port}`;
  expect(server.link).toContain(`${at}/join#`);

  // Somebody who never ends their handshake holds up nobody.
  const silent = connect(port, "127.0.0.1");
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await makeAccount(page, server.link, ADA);
  const session = (await context.cookies()).find((cookie) => cookie.name === "__Host-rigi");
  expect(session).toMatchObject({ secure: true, httpOnly: true });
  const answer = await page.goto(`${at}/`);
  expect(answer?.headers()["strict-transport-security"]).toBe("max-age=31536000");
  silent.destroy();

  // Commands of this machine need not trust the certificate, and links are those of people.
  const run = await bed.rigi(["run", "mine"]);
  expect(run.code, run.err).toBe(0);
  const status = await bed.rigi(["status"]);
  expect(status.out).toContain(at);
  // Without TLS nothing is answered there.
  const plain = await new Promise<string>((said) => {
    const asked = request({ port, host: "127.0.0.1", path: "/livez" }, (answer) => said(`${answer.statusCode}`));
    asked.once("error", () => said("nothing"));
    asked.end();
  });
  expect(plain).toBe("nothing");

  const name = async () => (await shown(port)).subject.CN;
  expect(await name()).toBe("first");
  certificate(folder, "second");
  await expect.poll(name).toBe("second");
  writeFileSync(join(folder, "certificate.pem"), "half of a certif");
  const said = () => server.api.get("/system").then((system) => JSON.stringify((system as { warnings: string[] }).warnings));
  await expect.poll(said).toContain("the TLS certificate stays as it was");
  expect(await name()).toBe("second");
  certificate(folder, "third");
  await expect.poll(name).toBe("third");
  await expect.poll(said).not.toContain("TLS");

  await page.getByRole("button", { name: /^Account of / }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await fillSignIn(page, ADA);
  await signedIn(page);
});

test("a key of another certificate keeps a server from starting, and half of the settings does", async ({ bed }) => {
  const [one, other] = [bed.folder("one"), bed.folder("other")];
  certificate(one, "one");
  certificate(other, "other");
  const start = (env: NodeJS.ProcessEnv) => bed.rigi(["up", bed.pipelines, "--team", "--port", "0"], { env });
  const [chain, key] = [join(one, "certificate.pem"), join(other, "key.pem")];
  expect((await start({ RIGI_TLS__CERTIFICATE: chain, RIGI_TLS__KEY: key })).err).toContain("the key is not that of the certificate");
  expect((await start({ RIGI_TLS__CERTIFICATE: chain })).err).toContain("belong together");
  expect((await start({ RIGI_TLS__CERTIFICATE: key, RIGI_TLS__KEY: key })).err).toContain("holds none");
  expect((await start({ RIGI_TLS__CERTIFICATE: "/nowhere.pem", RIGI_TLS__KEY: key })).err).toContain("/nowhere.pem cannot be read");
  expect((await start({ RIGI_TLS__ACME: "https://localhost:1/dir" })).err).toContain("tls.names");
});

test("a certificate is fetched from an authority, kept, and fetched again for other names", async ({ bed }) => {
  const port = await freePort();
  const authority = await startAuthority(bed, port);
  const env = { RIGI_TLS__ACME: authority.directory, RIGI_TLS__ACME_ROOT: authority.root, RIGI_TLS__NAMES: "localhost" };
  const args = ["--team", "--port", String(port)];
  const names = () =>
    shown(port).then(
      (certificate) => certificate.subjectaltname,
      () => "none",
    );
  let server = await bed.up({ args, env });
  expect(server.link).toMatch(/^https:\/\/localhost\/join#/);
  await expect.poll(names, { timeout: 20_000 }).toBe("DNS:localhost");
  expect((await shown(port)).issuer.CN).toContain("Pebble");
  await server.kill9();

  server = await bed.up({ args, env });
  expect(await names()).toBe("DNS:localhost");
  expect(authority.issued()).toBe(1);
  await server.stop();

  server = await bed.up({ args, env: { ...env, RIGI_TLS__NAMES: "localhost,127.0.0.1" } });
  await expect.poll(names, { timeout: 20_000 }).toBe("DNS:localhost, IP Address:127.0.0.1");
  await server.stop();

  // An authority that is away keeps nobody from starting, and is told of.
  const elsewhere = { ...env, RIGI_TLS__ACME: `https://localhost:${await freePort()}/dir`, RIGI_TLS__NAMES: "other.localhost" };
  server = await bed.up({ args, env: elsewhere });
  const said = () => server.api.get("/system").then((system) => JSON.stringify((system as { warnings: string[] }).warnings));
  await expect.poll(said).toContain("no TLS certificate was given");
});
