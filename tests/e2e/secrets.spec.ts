/** Secrets: set by the command line, given to runs, covered in all that they say, and sealed wherever they lie. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { call } from "../support/bed";
import { complaints, picture, signIn } from "../support/page";
import type { Bed, Server } from "../support/test";
import { expect, onBoth, test } from "../support/test";

const VALUE = 'sk/live "hunter2"+✓<more>&4711';
const KEY = "-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASC\nAUAwggE8AgEAAkEAq7BFUpkGp3+LQmlQ\nab==\n-----END PRIVATE KEY-----\n";

/** Says its secret in every form that there is, in pieces as well. */
const TELLS = `
import base64, json, os, sys, time, urllib.parse
value = os.environ["API_KEY"]
raw = value.encode()
print("raw", value)
print("json", json.dumps({"k": value}), json.dumps(value, ensure_ascii=False))
print("url", urllib.parse.quote(value), urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value).lower())
for before in (b"", b"u", b"u:"):
    print("base64", base64.b64encode(before + raw).decode(), base64.urlsafe_b64encode(before + raw + b":").decode())
print("hex", raw.hex(), raw.hex().upper())
for byte in (b"slow " + raw + b" end\\n"):
    sys.stdout.buffer.write(bytes([byte])); sys.stdout.flush()
path = os.environ["RIGI_SECRETS"] + "/key.pem"
print("mode", oct(os.stat(path).st_mode & 0o777), os.listdir(os.environ["RIGI_SECRETS"]))
print(open(path).read())
with open(os.environ["RIGI_EVENTS"], "a") as notes:
    notes.write(json.dumps({"progress": 0.5, "message": "with " + value}) + "\\n")
if "fail" in os.environ: raise ValueError("not with " + value)
`;

const SPEC = `command: ["python3", "tell.py"]
secrets:
  - API_KEY
  - {name: TLS_KEY, file: key.pem}
`;

/** What stands in the clear where it lies. */
function found(folder: string, ...texts: string[]): string {
  const args = texts.flatMap((text) => ["-e", text]);
  try {
    return execFileSync("grep", ["-rlaF", ...args, folder], { encoding: "utf8" });
  } catch {
    return "";
  }
}

async function set(bed: Bed, name: string, input: string, env?: NodeJS.ProcessEnv): Promise<string> {
  const said = await bed.rigi(["secrets", "set", name], { input, ...(env ? { env } : {}) });
  expect(said.code, said.err).toBe(0);
  return said.out;
}

async function told(server: Server, id: string): Promise<string> {
  return (await server.api.output(id)).join("\n");
}

test("a run prints its secrets in every form, and its log shows none of them", onBoth, async ({ bed }) => {
  bed.pipeline("tells", { "pipeline.yaml": SPEC, "tell.py": TELLS });
  const server = await bed.up();
  expect(await set(bed, "API_KEY", `${VALUE}\n`)).toContain("API_KEY is set");
  await set(bed, "TLS_KEY", KEY);

  const { id } = await server.api.submit("tells");
  const run = await server.api.ended(id);
  expect(run.state).toBe("succeeded");
  const log = await told(server, id);
  const raw = Buffer.from(VALUE);
  for (const form of ["hunter2", "MIIBVgIB", "AUAwggE8", raw.toString("hex"), raw.toString("base64").slice(0, 30), "%22hunter", "\\u2713"]) {
    expect(log.toLowerCase(), form).not.toContain(form.toLowerCase());
  }
  expect(log).toContain("raw ***\n");
  expect(log).toContain('json {"k": "***"} "***"\n');
  expect(log).toContain("url *** *** ***\n");
  expect(log).toContain("hex *** ***\n");
  expect(log).toContain("slow *** end\n");
  expect(log).toContain("mode 0o400 ['key.pem']\n***\n***\n***\n***\n***");
  // Its own folder goes with it.
  await expect.poll(() => found(server.data, "hunter2", "MIIBVgIB", raw.toString("hex")), { timeout: 20_000 }).toBe("");

  // The words that say why it failed are a line of its log.
  const failed = await server.api.ended((await server.api.submit("tells", { env: { fail: "1" } })).id);
  expect(failed.state).toBe("failed");
  expect(failed.message).toBe("ValueError: not with ***");

  const listed = await bed.rigi(["secrets", "list", "-o", "json"]);
  expect(JSON.parse(listed.out)).toMatchObject([{ name: "API_KEY", version: 1, set_by: "you" }, { name: "TLS_KEY" }]);
  expect(listed.out).not.toContain("hunter");
});

test("what is not set is refused and named, and a rerun has what is set now", async ({ bed }) => {
  bed.pipeline("needs", { "pipeline.yaml": 'command: ["sh", "-c", "printf %s \\"$A_TOKEN\\" | sha256sum"]\nsecrets: [A_TOKEN, B_TOKEN]\n' });
  const server = await bed.up();
  const refused = await bed.rigi(["run", "needs"]);
  expect(refused.code).toBe(75);
  expect(refused.err).toContain("the secrets `A_TOKEN`, `B_TOKEN` are not set");
  expect(refused.err).toContain("rigi secrets set A_TOKEN");
  expect(await server.api.count()).toBe(0);

  const file = await bed.rigi(["secrets", "import", "-"], { input: "# of the old server\nA_TOKEN=first-value\nexport B_TOKEN='second value'\n" });
  expect(file.out).toContain("2 secrets set: A_TOKEN, B_TOKEN");
  const wrong = await bed.rigi(["secrets", "import", "-"], { input: "A_TOKEN=third-value\nB_TOKEN=x\nnonsense\n" });
  expect(wrong.code).toBe(64);
  expect(wrong.err).toMatch(/line 2: .*fewer than 6[^]*line 3: /);

  const digest = (text: string): string => createHash("sha256").update(text).digest("hex");
  const first = await server.api.ended((await server.api.submit("needs")).id);
  expect(await told(server, first.id)).toContain(digest("first-value"));
  await set(bed, "A_TOKEN", "fourth-value");
  const again = await server.api.call<{ id: string }>("POST", `/api/v1/runs/${first.id}/retry`, {});
  await server.api.ended(again.id);
  expect(await told(server, again.id)).toContain(digest("fourth-value"));
  const shown = await bed.rigi(["runs", "get", again.id]);
  expect(shown.out).toContain("A_TOKEN (version 2), B_TOKEN (version 1); not as in the run that it repeats: A_TOKEN");

  const gone = await bed.rigi(["secrets", "delete", "B_TOKEN"]);
  expect(gone.code).toBe(0);
  expect((await bed.rigi(["secrets", "delete", "B_TOKEN"])).code).toBe(66);
  expect((await bed.rigi(["run", "needs"])).err).toContain("the secret `B_TOKEN` is not set");
});

test("a value is typed without being shown", async ({ bed }) => {
  await bed.up();
  // A terminal of its own: what is typed, twice, and what is seen.
  const typing = `
import os, pty, sys
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], [sys.argv[1], "secrets", "set", "TYPED"])
seen = b""
for prompt in (b"(not shown): ", b"Once more: "):
    while prompt not in seen: seen += os.read(terminal, 1024)
    seen = seen.split(prompt)[-1]
    os.write(terminal, b"hunter3\\x7f2 and more\\r")
try:
    while chunk := os.read(terminal, 1024): seen += chunk
except OSError: pass
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
  const said = await call("python3", ["-c", typing, process.env.RIGI_BIN ?? "rigi"], { env: await bed.env({ RIGI_DATA: bed.data }) });
  expect(said.code, said.out + said.err).toBe(0);
  expect(said.out).toContain("TYPED is set");
  expect(said.out).not.toContain("hunter");
});

test("the key is replaced, and a server that is killed meanwhile opens everything", onBoth, async ({ bed }) => {
  test.setTimeout(180_000);
  const script = 'printf "%s %s" "$API_KEY" "$pin" | sha256sum';
  bed.shell("opens", script, { secrets: ["API_KEY"], parameters: { pin: { type: "string", secret: true } } });
  let server = await bed.up();
  await set(bed, "API_KEY", "hunter2hunter2");
  const expected = createHash("sha256").update("hunter2hunter2 4711-4711").digest("hex");
  const first = await server.api.ended((await server.api.submit("opens", { parameters: { pin: "4711-4711" } })).id);
  expect(await told(server, first.id)).toContain(expected);

  const rotated = await bed.rigi(["secrets", "rotate-key"]);
  expect(rotated.out).toContain("The key is replaced; the secrets of 1 project are sealed with it.");
  for (let round = 0; round < 8; round += 1) {
    const asked = server.api.fetch("POST", "/api/v1/system/rotate-key").catch(() => undefined);
    await new Promise((done) => setTimeout(done, round * 2));
    await server.kill9();
    await asked;
    server = await bed.up();
    // What the run was given is sealed with the key of that time, the secret with that of now.
    const again = await server.api.call<{ id: string }>("POST", `/api/v1/runs/${first.id}/retry`, {});
    expect((await server.api.ended(again.id)).state).toBe("succeeded");
    expect(await told(server, again.id)).toContain(expected);
    expect(existsSync(join(server.data, "secret.key.next"))).toBe(false);
  }
  expect(readdirSync(server.data).filter((name) => name.startsWith("secret.")).sort()).toEqual(["secret.check", "secret.key"]);
});

test("what Fast-Flow has encrypted is opened with its key", async ({ bed }) => {
  // Made with the key of the specification's own example.
  const token = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";
  bed.pipeline("old", { "main.py": "import os\nprint(len(os.environ['GREETING']), 'ENCRYPTION_KEY' in os.environ)\n", "pipeline.json": { encrypted_env: { GREETING: token } } });
  const server = await bed.up();
  bed.lendEnvironments();
  expect((await bed.rigi(["run", "old"])).err).toContain("the secret `ENCRYPTION_KEY` is not set");
  await set(bed, "ENCRYPTION_KEY", "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
  const run = await server.api.ended((await server.api.submit("old")).id);
  expect(await told(server, run.id)).toContain("5 False");
  await set(bed, "ENCRYPTION_KEY", "dw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=");
  const wrong = await server.api.ended((await server.api.submit("old")).id);
  expect(wrong).toMatchObject({ state: "failed", reason: "secret-missing", attempt: 1 });
  expect(wrong.message).toContain("`encrypted_env.GREETING`");
});

test("on the page: set, replaced, imported and deleted, by keyboard too, and no value is shown", async ({ bed, page }) => {
  const server = await bed.up();
  const said = complaints(page);
  await signIn(page, server);
  await page.goto(`${server.api.url}/settings`);
  const list = page.getByRole("list", { name: "Secrets" });
  await expect(page.getByText("There are none yet.")).toBeVisible();

  await page.getByRole("button", { name: "Set a secret" }).focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("textbox", { name: "Name" })).toBeFocused();
  await page.keyboard.type("API_KEY");
  await page.keyboard.press("Tab");
  await page.keyboard.type("hunt");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("alert").filter({ hasText: "fewer than 6 characters" })).toBeVisible();
  await page.keyboard.type("er2hunter2");
  await page.keyboard.press("Enter");
  await expect(list.getByRole("listitem").filter({ hasText: "API_KEY" })).toContainText(/version 1, set .* by you/);
  await expect(page.getByLabel("Value", { exact: true })).toHaveCount(0);
  await picture(page, "secrets");

  await page.getByRole("button", { name: "Replace API_KEY" }).click();
  await page.keyboard.type("another value");
  await page.keyboard.press("Enter");
  await expect(list).toContainText("version 2");
  // Set elsewhere, it comes by itself.
  await set(bed, "FROM_CLI", "hunter2hunter2");
  await expect(list).toContainText("FROM_CLI");

  const file = (text: string) => ({ name: ".env", mimeType: "text/plain", buffer: Buffer.from(text) });
  const picker = page.getByLabel("File of lines NAME=value");
  await picker.setInputFiles(file("A=hunter22\nB=x\n"));
  await expect(page.getByRole("status")).toContainText("line 2: the value has fewer than 6 characters");
  await picker.setInputFiles(file("A=hunter22\nB=hunter33\n"));
  await expect(list.getByRole("listitem")).toHaveCount(4);

  await page.getByRole("button", { name: "Delete B" }).click();
  await page.getByRole("button", { name: "Keep" }).click();
  await page.getByRole("button", { name: "Delete B" }).click();
  await page.getByRole("button", { name: "Delete B" }).click();
  await expect(list.getByRole("listitem")).toHaveCount(3);
  expect(await page.content()).not.toContain("hunter");
  expect(said).toEqual([]);
});
