/** A data folder, a database or a port that cannot be used: the server says so at once, and touches nothing. */
import { openSync, ftruncateSync, closeSync, statSync, readFileSync, readdirSync, rmSync, writeFileSync, mkdirSync, existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

import { call } from "../support/bed";
import { binary, inCi } from "../support/places";
import { sql } from "../support/postgres";
import { expect, onBoth, onPostgres, test, type Bed } from "../support/test";

/** A start that must be refused, within a bound. */
async function refusedStart(bed: Bed, args: string[] = [], env: NodeJS.ProcessEnv = {}) {
  return bed.rigi(["up", bed.pipelines, "--port", "0", ...args], { env, ms: 20_000 });
}

/** One statement in a SQLite file; Python has the library everywhere. */
async function sqlite(file: string, statement: string): Promise<void> {
  const script = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()";
  const said = await call("python3", ["-c", script, file, statement], { env: process.env });
  expect(said.code, said.err).toBe(0);
}

/** A data folder that a server has used. */
async function used(bed: Bed): Promise<string> {
  bed.shell("good", "echo fine");
  const server = await bed.up();
  const run = await server.api.ended((await server.api.submit("good")).id);
  await server.stop();
  return run.id;
}

test("a truncated database", async ({ bed }) => {
  await used(bed);
  const file = join(bed.data, "rigi.db");
  // Else all of it is in the write-ahead log, and nothing is lost with the file.
  await sqlite(file, "PRAGMA wal_checkpoint(TRUNCATE)");
  const half = Math.floor(statSync(file).size / 2);
  const handle = openSync(file, "r+");
  ftruncateSync(handle, half);
  closeSync(handle);
  const said = await refusedStart(bed);
  expect(said.code, said.out + said.err).toBe(70);
  expect(said.err).toContain("database-damaged");
  expect(statSync(file).size).toBe(half);
});

test("a database file that is none", async ({ bed }) => {
  await used(bed);
  const file = join(bed.data, "rigi.db");
  await sqlite(file, "PRAGMA wal_checkpoint(TRUNCATE)");
  writeFileSync(file, "this is no database, and long enough to be looked at as one".repeat(100));
  const said = await refusedStart(bed);
  expect(said.code, said.out + said.err).toBe(70);
  expect(said.err).toContain("database-damaged");
  expect(readFileSync(file, "utf8")).toContain("this is no database");
});

test("a newer database", onBoth, async ({ bed, database }) => {
  const id = await used(bed);
  const statement = "INSERT INTO schema_versions (number, name) VALUES (999, 'from the future')";
  const url = (await bed.env()).RIGI_DATABASE__URL;
  const back = "DELETE FROM schema_versions WHERE number = 999";
  const change = async (text: string): Promise<void> => {
    if (database === "postgres") {
      await sql(url!, text);
      return;
    }
    await sqlite(join(bed.data, "rigi.db"), text);
  };
  await change(statement);
  const said = await refusedStart(bed);
  expect(said.code, said.out + said.err).toBe(70);
  expect(said.err).toContain("database-newer");
  // Nothing was changed: with the newer mark gone, everything is there.
  await change(back);
  const server = await bed.up();
  expect((await server.api.run(id)).state).toBe("succeeded");
});

test("a database that does not answer, and an address that is none", async ({ bed }) => {
  bed.shell("good", "true");
  const port = await new Promise<number>((done) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => done(typeof address === "object" && address ? address.port : 0));
    });
  });
  const silent = await refusedStart(bed, [], { RIGI_DATABASE__URL: `postgres://nobody:very-secret@127.0.0.1:${port}/none` });
  expect(silent.code, silent.err).toBe(69);
  expect(silent.err).toContain("storage-unavailable");
  expect(silent.err).not.toContain("very-secret");
  const none = await refusedStart(bed, [], { RIGI_DATABASE__URL: "mysql://x" });
  expect([69, 78], none.err).toContain(none.code);
});

test("a read-only data folder", onBoth, async ({ bed }) => {
  test.skip(process.getuid?.() !== 0 && !inCi, "mounting needs root");
  await used(bed);
  const script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && shift && exec "$@"';
  const args = ["-m", "sh", "-c", script, "sh", bed.data, binary(), "up", bed.pipelines, "--data", bed.data, "--port", "0"];
  const said = await call("unshare", args, { env: await bed.env(), ms: 20_000 });
  expect(said.code, said.out + said.err).toBe(73);
  expect(said.err).toContain("data-folder-read-only");
  expect(said.err).toContain("--data");
});

test("a data folder where a file is", async ({ bed }) => {
  const file = join(bed.root, "file");
  writeFileSync(file, "mine");
  const said = await bed.rigi(["up", bed.pipelines, "--port", "0", "--data", file]);
  expect(said.code).not.toBe(0);
  expect(said.err).toContain(file);
  expect(readFileSync(file, "utf8")).toBe("mine");
});

test("a port in use", async ({ bed }) => {
  bed.shell("good", "true");
  const other = createServer();
  const port = await new Promise<number>((done) => {
    other.listen(0, "127.0.0.1", () => {
      const address = other.address();
      done(typeof address === "object" && address ? address.port : 0);
    });
  });
  try {
    const said = await bed.rigi(["up", bed.pipelines, "--port", String(port)]);
    expect(said.code, said.err).toBe(75);
    expect(said.err).toContain("port-in-use");
    expect(said.err).toContain(String(port));
    expect(said.err).toContain("--port");
    expect(existsSync(join(bed.data, "server.json"))).toBe(false);
  } finally {
    other.close();
  }
});

test("a second server on the same data folder, and on the same database", onBoth, async ({ bed, database }) => {
  bed.shell("good", "echo fine");
  const server = await bed.up();
  const second = await refusedStart(bed);
  expect(second.code, second.err).toBe(75);
  expect(second.err).toContain("data-folder-in-use");
  expect(second.err).toContain(server.api.url);
  if (database === "postgres") {
    const elsewhere = await refusedStart(bed, ["--data", bed.folder("other")]);
    expect(elsewhere.code, elsewhere.err).toBe(75);
  }
  // The first one is not disturbed.
  expect((await server.api.ended((await server.api.submit("good")).id)).state).toBe("succeeded");
});

test("two servers share a PostgreSQL database, each in a schema of its own", onPostgres, async ({ bed }) => {
  bed.shell("good", "echo fine");
  const url = (await bed.env()).RIGI_DATABASE__URL;
  const start = (schema: string) => bed.up({ data: bed.folder(schema), env: { RIGI_DATABASE__URL: `${url}?schema=${schema}` } });
  const [one, two] = [await start("one"), await start("two")];
  expect((await one.api.ended((await one.api.submit("good")).id)).state).toBe("succeeded");
  expect(await one.api.count()).toBe(1);
  expect(await two.api.count()).toBe(0);
});

test("a pipelines folder that is none, and a configuration with mistakes", async ({ bed }) => {
  const nowhere = await bed.rigi(["up", join(bed.root, "nowhere"), "--port", "0"]);
  expect(nowhere.code).toBe(66);
  mkdirSync(bed.pipelines, { recursive: true });
  writeFileSync(join(bed.pipelines, "rigi.toml"), '[limits]\nrunns = 3\ntimeout = "30"\n');
  const said = await refusedStart(bed, [], { RIGI_SERVER__PROT: "1" });
  expect(said.code, said.err).toBe(78);
  expect(said.err).toContain("rigi.toml:2:1");
  expect(said.err).toContain("`limits.runs`");
  expect(said.err).toContain("RIGI_SERVER__PROT");
});

test("an address that lets other machines in is refused without sign-in", async ({ bed }) => {
  const said = await refusedStart(bed, ["--bind", "0.0.0.0"]);
  expect(said.code).toBe(78);
});

test("the data folder is closed to others", async ({ bed }) => {
  const server = await bed.up();
  expect(statSync(bed.data).mode & 0o777).toBe(0o700);
  for (const file of ["token", "server.json"]) expect(statSync(join(bed.data, file)).mode & 0o777, file).toBe(0o600);
  const without = await fetch(`${server.api.url}/api/v1/runs`);
  expect(without.status).toBe(401);
  const foreign = await call("curl", ["-s", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Host: evil.example", `${server.api.url}/livez`], { env: process.env });
  expect(foreign.out).toBe("403");
});

test("a data folder that lost its database or its key", onBoth, async ({ bed, database }) => {
  const run = await used(bed);
  const key = readFileSync(join(bed.data, "secret.key"));
  rmSync(join(bed.data, "secret.key"));
  let said = await refusedStart(bed);
  expect(said.code, said.out + said.err).toBe(75);
  expect(said.err).toContain("data-folder-incomplete");
  expect(said.err).toContain("--renew key");
  expect(existsSync(join(bed.data, "secret.key"))).toBe(false);
  writeFileSync(join(bed.data, "secret.key"), key);
  const server = await bed.up();
  expect((await server.api.run(run)).state).toBe("succeeded");
  await server.stop();
  if (database === "postgres") return;
  for (const name of ["rigi.db", "rigi.db-wal", "rigi.db-shm"]) rmSync(join(bed.data, name), { force: true });
  said = await refusedStart(bed);
  expect(said.code, said.out + said.err).toBe(75);
  expect(said.err).toContain("--renew database");
  expect(existsSync(join(bed.data, "rigi.db"))).toBe(false);
  // Told so, it begins anew; files that the former database knew are not collected.
  const blobs = (): number => readdirSync(join(bed.data, "objects", "default", "blobs")).length;
  const before = blobs();
  const anew = await bed.up({ args: ["--renew", "database"], env: { RIGI_RETENTION__COLLECT_AFTER: "0s" } });
  expect(await anew.api.runs()).toEqual([]);
  const collected = await bed.rigi(["gc"]);
  expect(collected.code, collected.err).toBe(0);
  expect(blobs()).toBe(before);
});
