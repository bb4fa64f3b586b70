/** Values of secrets that lie elsewhere (a variable, a file, Vault), and the server's key in Vault. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Bed, Server } from "../support/test";
import { expect, test } from "../support/test";
import { Vault } from "../support/vault";

const SPEC = { secrets: ["API_KEY"], retries: 0 };
const SCRIPT = 'printf "%s" "$API_KEY" | sha256sum; echo "it is $API_KEY"';

async function vaultOf(bed: Bed): Promise<Vault> {
  const vault = await Vault.start();
  bed.atEnd(() => vault.stop());
  return vault;
}

function config(bed: Bed, text: string): void {
  writeFileSync(join(bed.pipelines, "rigi.toml"), text);
}

async function from(bed: Bed, source: string): Promise<string> {
  const said = await bed.rigi(["secrets", "set", "API_KEY", "--from", source]);
  expect(said.code, said.err).toBe(0);
  return said.out;
}

async function hash(server: Server): Promise<string> {
  const run = await server.api.ended((await server.api.submit("tells")).id);
  expect(run.state, run.message).toBe("succeeded");
  const log = (await server.api.output(run.id)).join("\n");
  expect(log).toContain("it is ***");
  return log.slice(0, 64);
}

async function sha256(text: string): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", Buffer.from(text))).toString("hex");
}

test("a value is taken from a variable, a file or Vault when a run starts, and covered in its log", async ({ bed }) => {
  const vault = await vaultOf(bed);
  vault.put("lab/db", { password: "hunter-one" });
  const folder = join(bed.root, "keys");
  mkdirSync(folder);
  writeFileSync(join(folder, "key"), "hunter-file\n");
  config(bed, `[secrets]\nfrom = ["env:TEAM_*", "file:${folder}", "vault:secret/lab"]\n[vault]\naddress = "${vault.address}"\ntoken = "${vault.token}"\n`);
  bed.shell("tells", SCRIPT, SPEC);
  const server = await bed.up({ env: { TEAM_KEY: "hunter-env", OTHER_KEY: "hunter-other" } });

  expect(await from(bed, "env:TEAM_KEY")).toContain("API_KEY is set from env:TEAM_KEY.");
  expect(await hash(server)).toBe(await sha256("hunter-env"));
  await from(bed, `file:${folder}/key`);
  expect(await hash(server)).toBe(await sha256("hunter-file"));
  await from(bed, "vault:secret/lab/db#password");
  expect(await hash(server)).toBe(await sha256("hunter-one"));
  vault.put("lab/db", { password: "hunter-two" });
  await from(bed, "vault:secret/lab/db#password@2");
  expect(await hash(server)).toBe(await sha256("hunter-two"));

  const list = await bed.rigi(["secrets", "list"], { env: { COLUMNS: "160" } });
  expect(list.out).toContain("vault:secret/lab/db#password@2");
  for (const wrong of ["env:OTHER_KEY", "file:/etc/passwd", "vault:secret/other#x"]) {
    const said = await bed.rigi(["secrets", "set", "API_KEY", "--from", wrong]);
    expect(said.err).toContain("takes values from");
    expect(said.err).toContain("secrets.from");
  }
  expect(vault.asked).toContain("/v1/auth/token/renew-self");
});

test("while Vault is sealed, attempts are tried again and no try is spent; then the run succeeds", async ({ bed }) => {
  const vault = await vaultOf(bed);
  vault.put("lab/db", { password: "hunter-one" });
  config(bed, `[secrets]\nfrom = ["vault:secret/lab"]\n[vault]\naddress = "${vault.address}"\ntoken = "${vault.token}"\n`);
  bed.shell("tells", SCRIPT, SPEC);
  const server = await bed.up();
  await from(bed, "vault:secret/lab/db#password");
  vault.sealed = true;
  const { id } = await server.api.submit("tells");
  await expect.poll(async () => (await server.api.call<{ reason: string }>("GET", `/api/v1/runs/${id}`)).reason).toBe("secret-unavailable");
  const view = await server.api.call<{ state: string; message: string }>("GET", `/api/v1/runs/${id}`);
  expect(view.message).toContain("the secret `API_KEY` cannot be had from `vault:secret/lab/db#password`: Vault is sealed");
  vault.sealed = false;
  expect((await server.api.ended(id)).state).toBe("succeeded");
});

test("the server's key comes from Vault, is replaced by a new version, and can be wrapped by transit", async ({ bed }) => {
  const vault = await vaultOf(bed);
  const key = () => vault.put("rigi/server", { key: randomBytes(32).toString("hex") });
  const own = `[vault]\naddress = "${vault.address}"\ntoken = "${vault.token}"\n`;
  bed.shell("tells", SCRIPT, SPEC);
  let server = await bed.up();
  const said = await bed.rigi(["secrets", "set", "API_KEY"], { input: "hunter-kept" });
  expect(said.code, said.err).toBe(0);
  const expected = await sha256("hunter-kept");
  const again = async (text: string): Promise<void> => {
    await server.stop();
    config(bed, text + own);
    server = await bed.up();
    expect(await hash(server)).toBe(expected);
  };
  key();
  const byVersion = '[secrets]\nvault_key = "secret/rigi/server#key"\n';
  await again(byVersion);
  expect(existsSync(join(server.data, "secret.key"))).toBe(false);
  key();
  await again(byVersion);
  // What is given is one key: by another way, with the one before it.
  const former = (vault.secrets.get("rigi/server") ?? []).at(-1)?.key as string;
  await again(`[secrets]\nvault_transit = "transit/rigi"\nformer_key = "${former}"\n`);
  expect(readFileSync(join(server.data, "secret.key.vault"), "utf8")).toContain("vault:v1:");
  await again('[secrets]\nvault_transit = "transit/rigi"\n');

  await server.stop();
  vault.sealed = true;
  const failed = await bed.rigi(["up", bed.pipelines]);
  expect(failed.code).not.toBe(0);
  expect(failed.err).toContain("the server's key cannot be had: Vault is sealed");
});
