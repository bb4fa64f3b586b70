/** A test's own place: pipelines, data folders, servers, the command line; all of it gone at the end. */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { Disk, type Size } from "./disk";
import { keep, lend } from "./environments";
import { binary, testCache } from "./places";
import { makeDatabase } from "./postgres";
import { endAllOf } from "./processes";
import { Server, type Start } from "./server";

export interface Said {
  code: number;
  out: string;
  err: string;
}

export interface CallOptions {
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  input?: string;
  ms?: number;
}

export class Bed {
  readonly root = mkdtempSync(join(tmpdir(), "rigi-test-"));
  readonly pipelines = this.folder("pipelines");
  readonly data = this.folder("data");
  readonly home = this.folder("home");
  private databaseUrl: string | undefined;
  private readonly servers: Server[] = [];
  private readonly leftovers: (() => unknown)[] = [];

  constructor(readonly database: "sqlite" | "postgres") {}

  folder(name: string): string {
    const folder = join(this.root, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Writes a pipeline; a text is a file's content, an object becomes JSON. */
  pipeline(name: string, files: Record<string, string | Uint8Array | object>): string {
    const folder = join(this.pipelines, name);
    mkdirSync(folder, { recursive: true });
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, path);
      mkdirSync(dirname(file), { recursive: true });
      const raw = typeof content === "string" || content instanceof Uint8Array;
      writeFileSync(file, raw ? content : JSON.stringify(content, null, 2));
    }
    return folder;
  }

  /** A pipeline that is a shell command. */
  shell(name: string, script: string, spec: object = {}): string {
    return this.pipeline(name, { "pipeline.json": { command: ["sh", "-c", script], ...spec } });
  }

  copyPipelines(from: string): void {
    cpSync(from, this.pipelines, { recursive: true, filter: (path) => !path.includes("/.rigi") });
  }

  /** The variables that every process of this test gets. */
  async env(more: NodeJS.ProcessEnv = {}): Promise<NodeJS.ProcessEnv> {
    if (this.database === "postgres") this.databaseUrl ??= await makeDatabase();
    const own: NodeJS.ProcessEnv = {
      HOME: this.home,
      XDG_STATE_HOME: join(this.home, "state"),
      XDG_CACHE_HOME: join(this.home, "cache"),
      XDG_RUNTIME_DIR: this.home,
      XDG_CONFIG_HOME: join(this.home, "config"),
      RIGI_PYTHON__UV: process.env.RIGI_TEST_UV,
      // What is downloaded is shared by all tests.
      UV_CACHE_DIR: join(testCache, "uv-cache"),
      ...(this.databaseUrl ? { RIGI_DATABASE__URL: this.databaseUrl } : {}),
    };
    const inherited = Object.entries(process.env).filter(([name]) => !/^(RIGI_|XDG_|NO_COLOR|FORCE_COLOR|COLUMNS|PW_|npm_)/.test(name));
    const all = { ...Object.fromEntries(inherited), ...own, ...more };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  }

  async up(options: Partial<Start> = {}): Promise<Server> {
    const server = await Server.start({ pipelines: this.pipelines, data: this.data, ...options, env: await this.env(options.env) });
    this.servers.push(server);
    return server;
  }

  /** Calls the command line. */
  async rigi(args: string[], options: CallOptions = {}): Promise<Said> {
    return call(binary(), args, { cwd: this.root, ms: 60_000, ...options, env: await this.env({ RIGI_DATA: this.data, ...options.env }) });
  }

  /** A disk of this test's own; its `data` is the folder to start a server on. */
  async disk(size: Size): Promise<Disk> {
    const disk = await Disk.mount(join(this.root, "disk"), size);
    this.atEnd(() => disk.unmount());
    return disk;
  }

  /** Has its servers find the Python environments that other tests have built, and leaves those that they build. */
  lendEnvironments(data = this.data): void {
    lend(data);
    this.atEnd(() => keep(data));
  }

  /** Has something done when the test has ended and its processes are gone. */
  atEnd(tidy: () => unknown): void {
    this.leftovers.push(tidy);
  }

  async remove(): Promise<void> {
    // A server that ends in peace takes its supervisor and its control groups along.
    await Promise.all(this.servers.map((server) => server.leave(3000)));
    await endAllOf(this.root);
    for (const tidy of this.leftovers.reverse()) await tidy();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Runs a program to its end, which has a bound. */
export function call(program: string, args: string[], options: CallOptions): Promise<Said> {
  return new Promise((done, fail) => {
    const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
    const said = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said.err += text));
    child.stdin.on("error", () => undefined).end(options.input ?? "");
    const bound = options.ms ?? 60_000;
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(new Error(`${args.join(" ")} did not end within ${bound} ms:\n${said.out}\n${said.err}`));
    }, bound);
    child.on("error", fail);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      const finish = (): void => done({ code: code ?? (signal ? 128 : -1), ...said });
      // What the command left in the background may hold its output open: then it is not waited for.
      const patience = setTimeout(finish, 1000);
      child.on("close", () => {
        clearTimeout(patience);
        finish();
      });
    });
  });
}
