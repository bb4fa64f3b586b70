/** PostgreSQL servers of a test's own, to be restarted and failed over. */
import { chownSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execFileSync } from "node:child_process";

import { call } from "./bed";
import { sql } from "./postgres";

const versions = "/usr/lib/postgresql";

function program(name: string): string {
  const newest = readdirSync(versions).sort((a, b) => Number(b) - Number(a))[0];
  return join(versions, newest ?? "", "bin", name);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address ? address.port : 0;
}

export class Postgres {
  private constructor(
    private readonly folder: string,
    readonly port: number,
  ) {}

  get url(): string {
    return `postgres://rigi@127.0.0.1:${this.port}/postgres`;
  }

  private get data(): string {
    return join(this.folder, "data");
  }

  private static async place(): Promise<Postgres> {
    const folder = mkdtempSync(join(tmpdir(), "rigi-postgres-"));
    if (process.getuid?.() === 0) {
      const id = (what: string): number => Number(execFileSync("id", [what, "postgres"], { encoding: "utf8" }));
      chownSync(folder, id("-u"), id("-g"));
    }
    return new Postgres(folder, await freePort());
  }

  static async primary(): Promise<Postgres> {
    const server = await Postgres.place();
    await server.call("initdb", "-D", server.data, "-U", "rigi", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync");
    await server.start();
    return server;
  }

  /** A copy that follows, and without which nothing is acknowledged by the primary from now on. */
  static async standby(primary: Postgres): Promise<Postgres> {
    const server = await Postgres.place();
    await server.call("pg_basebackup", "-d", `${primary.url}?application_name=standby`, "-D", server.data, "-R", "-X", "stream", "-c", "fast", "--no-sync");
    await server.start();
    await sql(primary.url, "ALTER SYSTEM SET synchronous_standby_names = 'standby'");
    await sql(primary.url, "SELECT pg_reload_conf()");
    return server;
  }

  /** PostgreSQL refuses to run as root. */
  private async call(name: string, ...args: string[]): Promise<void> {
    const command = [program(name), ...args];
    const [first, ...rest] = process.getuid?.() === 0 ? ["runuser", "-u", "postgres", "--", ...command] : command;
    const said = await call(first!, rest, { env: process.env, cwd: this.folder });
    if (said.code !== 0) throw new Error(`${command.join(" ")}: ${said.out}${said.err}`);
  }

  start(): Promise<void> {
    const options = `-c listen_addresses=127.0.0.1 -p ${this.port} -k ${this.folder} -c max_connections=50 -c shared_buffers=32MB`;
    return this.call("pg_ctl", "-D", this.data, "-l", join(this.folder, "log"), "-w", "-o", options, "start");
  }

  /** `fast` says goodbye to every session; `immediate` is a crash. */
  stop(how: "fast" | "immediate"): Promise<void> {
    return this.call("pg_ctl", "-D", this.data, "-m", how, "-w", "stop");
  }

  promote(): Promise<void> {
    return this.call("pg_ctl", "-D", this.data, "-w", "promote");
  }

  async remove(): Promise<void> {
    await this.stop("immediate").catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}
