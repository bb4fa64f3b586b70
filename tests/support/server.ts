/** A server under test: started with a bound on its start, ended by its pid. */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { Api } from "./api";
import { binary, loadedBinary } from "./places";
import { isAlive, supervisorOf } from "./processes";

export interface Start {
  pipelines: string;
  data: string;
  env: NodeJS.ProcessEnv;
  args?: string[];
  /** Another binary than the one under test. */
  program?: string | undefined;
  /** What the command begins with: another namespace, other limits. */
  within?: string[];
  /** The data folder as this process sees it. */
  seen?: string;
}

interface ServerFile {
  url: string;
  /** Where commands of this machine reach it, if not there. */
  local?: string | null;
  token: string;
  pid: number;
}

export class Server {
  private constructor(
    readonly data: string,
    readonly child: ChildProcess,
    /** What it said on standard output until it was ready, and since. */
    readonly said: string[],
    readonly complaints: string[],
    readonly api: Api,
    /** The link that it printed. */
    readonly link: string,
  ) {}

  static async start(start: Start): Promise<Server> {
    const own = start.args ?? [];
    const args = ["up", start.pipelines, "--data", start.data, ...(own.includes("--port") ? [] : ["--port", "0"]), ...own];
    const [program, ...before] = [...(start.within ?? []), start.program ?? (start.env.LD_PRELOAD ? loadedBinary() : binary())];
    const child = spawn(program!, [...before, ...args], { env: start.env, stdio: ["ignore", "pipe", "pipe"] });
    const [said, complaints]: [string[], string[]] = [[], []];
    createInterface({ input: child.stderr! }).on("line", (line) => complaints.push(line));
    const link = await new Promise<string>((ready, fail) => {
      const timer = setTimeout(() => fail(new Error(`not ready within 30 s:\n${said.join("\n")}\n${complaints.join("\n")}`)), 30_000);
      createInterface({ input: child.stdout! }).on("line", (line) => {
        said.push(line);
        const found = / is ready in \d+ ms: (\S+)/.exec(line)?.[1];
        if (found) {
          clearTimeout(timer);
          ready(found);
        }
      });
      child.once("close", (code) => {
        clearTimeout(timer);
        fail(new Error(`it ended with ${code}:\n${said.join("\n")}\n${complaints.join("\n")}`));
      });
    });
    const file = JSON.parse(readFileSync(join(start.seen ?? start.data, "server.json"), "utf8")) as ServerFile;
    return new Server(start.data, child, said, complaints, new Api(file.local ?? file.url, file.token), link);
  }

  get pid(): number {
    return this.child.pid!;
  }

  get supervisor(): number {
    const pid = supervisorOf(this.data);
    if (pid === undefined) throw new Error("there is no supervisor");
    return pid;
  }

  /** Resolves with its exit status when it has ended. */
  ended(): Promise<number | null> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.resolve(this.child.exitCode);
    return new Promise((done) => this.child.once("exit", (code) => done(code)));
  }

  /** As power loss of the process: no farewell. */
  async kill9(): Promise<void> {
    this.child.kill("SIGKILL");
    await this.ended();
  }

  /** As an operator does. Returns the exit status. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    return this.ended();
  }

  /** Asks it to stop, and waits so long at most. */
  async leave(ms: number): Promise<void> {
    if (!isAlive(this.pid)) return;
    const supervisor = supervisorOf(this.data);
    this.child.kill("SIGTERM");
    const deadline = Date.now() + ms;
    while (Date.now() < deadline && [this.pid, supervisor].some((pid) => pid !== undefined && isAlive(pid))) {
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}
