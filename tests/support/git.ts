/** Git repositories of a test's own, and hosts of them: `git http-backend` behind HTTP, `sshd` behind SSH. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";

import { repository as root } from "./places";
import type { Bed } from "./test";

export const TOKEN = "s3cret-token-of-tests";

const ENV = {
  ...process.env,
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_AUTHOR_NAME: "Ann",
  GIT_AUTHOR_EMAIL: "ann@example.org",
  GIT_COMMITTER_NAME: "Ann",
  GIT_COMMITTER_EMAIL: "ann@example.org",
};

/** What a server is to be told so that it asks this machine. */
export const LOCAL = { RIGI_GIT__PROTOCOLS: "https,ssh,http", RIGI_GIT__INSIDE: "127.0.0.1", RIGI_GIT__TIMEOUT: "20s" };

/** A repository with a folder to work in; what is pushed lies in the host's folder. */
export class Repository {
  readonly work: string;

  constructor(
    private readonly bed: Bed,
    readonly name: string,
  ) {
    this.work = bed.folder(`work-${name}`);
    this.git("init", "-q", "-b", "main");
    execFileSync("git", ["init", "-q", "--bare", "-b", "main", this.bare], { env: ENV });
  }

  get bare(): string {
    return join(this.bed.folder("hosted"), `${this.name}.git`);
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.work, env: ENV, encoding: "utf8", maxBuffer: 1 << 28 }).trim();
  }

  /** Runs it with something to read. */
  feed(input: string | Uint8Array, ...args: string[]): string {
    return execFileSync("git", args, { cwd: this.work, env: ENV, input, encoding: "utf8" }).trim();
  }

  write(files: Record<string, string | null>): void {
    for (const [path, content] of Object.entries(files)) {
      const file = join(this.work, path);
      if (content === null) rmSync(file, { recursive: true });
      else {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, content);
      }
    }
  }

  /** Writes these, commits, and pushes; `null` removes. */
  push(files: Record<string, string | null>, message = "Change", branch = "main"): string {
    this.write(files);
    this.git("add", "-A");
    this.git("commit", "-q", "-m", message);
    this.git("push", "-q", "--force", this.bare, `HEAD:refs/heads/${branch}`);
    return this.git("rev-parse", "HEAD");
  }

  /** Pushes a commit of this tree, whatever is in it: straight into the host's folder, where nobody checks it. */
  plant(tree: string, branch = "main"): string {
    const commit = this.git("commit-tree", tree, "-m", "Planted");
    execFileSync("cp", ["-r", `${this.work}/.git/objects/.`, join(this.bare, "objects")]);
    execFileSync("git", ["--git-dir", this.bare, "update-ref", `refs/heads/${branch}`, commit], { env: ENV });
    return commit;
  }

  blob(content: string | Uint8Array): string {
    return this.feed(content, "hash-object", "-w", "--stdin");
  }

  /** A tree of these entries as they stand: names that `git` itself would not write. */
  tree(entries: [mode: string, name: string, id: string][]): string {
    const raw = entries.map(([mode, name, id]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, "hex")]));
    return this.feed(Buffer.concat(raw), "hash-object", "-w", "-t", "tree", "--literally", "--stdin");
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    child.stdout?.setEncoding("utf8").once("data", (text: string) => done(text.trim()));
    child.once("exit", () => fail(new Error("it ended")));
  });
}

/** A host by HTTP; its address. */
export async function hostByHttp(bed: Bed): Promise<string> {
  const child = spawn("python3", [join(root, "tests/support/git_server.py"), bed.folder("hosted")], { stdio: ["ignore", "pipe", "ignore"] });
  bed.atEnd(() => child.kill("SIGKILL"));
  return `http://127.0.0.1:${await firstLine(child)}`;
}

const SSHD = "/usr/sbin/sshd";

export const hasSshd = existsSync(SSHD);

/** A host by SSH for whoever has this public key. */
export class SshHost {
  private child: ChildProcess | undefined;
  private readonly folder: string;
  port = 0;

  constructor(
    private readonly bed: Bed,
    private readonly name = "ssh",
  ) {
    this.folder = bed.folder(name);
    bed.atEnd(() => this.stop());
  }

  newHostKey(): void {
    for (const end of ["", ".pub"]) rmSync(join(this.folder, `host_key${end}`), { force: true });
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(this.folder, "host_key")]);
  }

  fingerprint(): string {
    const said = execFileSync("ssh-keygen", ["-lf", join(this.folder, "host_key.pub")], { encoding: "utf8" });
    return said.split(" ")[1] ?? "";
  }

  async start(publicKey: string): Promise<string> {
    if (!existsSync(join(this.folder, "host_key"))) this.newHostKey();
    this.port ||= await freePort();
    writeFileSync(join(this.folder, "authorized_keys"), `${publicKey}\n`, { mode: 0o600 });
    mkdirSync("/run/sshd", { recursive: true });
    const config = [
      `Port ${this.port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(this.folder, "host_key")}`,
      `AuthorizedKeysFile ${join(this.folder, "authorized_keys")}`,
      `PidFile ${join(this.folder, "pid")}`,
      "StrictModes no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "UsePAM no",
    ];
    writeFileSync(join(this.folder, "config"), config.join("\n"));
    const child = spawn(SSHD, ["-D", "-e", "-f", join(this.folder, "config")], { stdio: ["ignore", "ignore", "pipe"] });
    this.child = child;
    await new Promise<void>((done, fail) => {
      let said = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (text.includes("listening")) done();
      });
      child.once("exit", () => fail(new Error(`sshd ended: ${said}`)));
    });
    return `ssh://${userInfo().username}@127.0.0.1:${this.port}${this.bed.folder("hosted")}`;
  }

  stop(): void {
    this.child?.kill("SIGKILL");
    this.child = undefined;
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  return typeof address === "object" && address ? address.port : 0;
}
