/** A mail server of the test's own, and what it is told. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { Bed } from "./bed";
import { repository } from "./places";

export interface Letter {
  to: string[];
  from: string;
  headers: Record<string, string>;
  text: string;
  html: string;
  encrypted: boolean;
  login: string | null;
  /** It was taken, and nothing was said of it. */
  lost: boolean;
}

interface Said extends Partial<Letter> {
  port?: number;
  ready?: boolean;
  connected?: string;
  refused?: string;
  reply?: string;
}

export interface MailStart {
  port?: number;
  encryption?: "starttls" | "tls";
  login?: [string, string];
}

const script = join(repository, "tests/smtp.sh");

export class MailServer {
  readonly said: Said[] = [];
  private waiting: (() => void)[] = [];

  private constructor(
    private readonly child: ChildProcess,
    private readonly certificate: string | undefined,
    private readonly start: MailStart,
  ) {}

  static async start(bed: Bed, start: MailStart = {}): Promise<MailServer> {
    execFileSync("bash", [script, "fetch"], { timeout: 300_000 });
    const args: string[] = [];
    let certificate: string | undefined;
    if (start.encryption) {
      certificate = join(bed.root, "mail.pem");
      const key = join(bed.root, "mail.key");
      const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"];
      execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", key, "-out", certificate, ...names], {
        stdio: "ignore",
      });
      args.push(`--${start.encryption}`, certificate, key);
    }
    if (start.login) args.push("--login", ...start.login);
    if (start.port) args.push("--port", String(start.port));
    const child = spawn("bash", [script, "run", ...args], { stdio: ["pipe", "pipe", "inherit"] });
    const server = new MailServer(child, certificate, start);
    bed.atEnd(() => child.kill("SIGKILL"));
    createInterface({ input: child.stdout }).on("line", (line) => {
      server.said.push(JSON.parse(line) as Said);
      server.waiting.splice(0).forEach((go) => go());
    });
    await server.until("it listens", () => server.said.find(({ port }) => port !== undefined));
    return server;
  }

  get port(): number {
    return this.said.find(({ port }) => port !== undefined)!.port!;
  }

  /** The variables with which a server mails by it. */
  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const { encryption, login } = this.start;
    return {
      RIGI_MAIL__HOST: encryption ? "localhost" : "127.0.0.1",
      RIGI_MAIL__PORT: String(this.port),
      RIGI_MAIL__TLS: encryption ?? "none",
      RIGI_MAIL__FROM: "Rigi <rigi@example.org>",
      RIGI_MAIL__TIMEOUT: "2s",
      ...(this.certificate ? { RIGI_MAIL__CA_FILE: this.certificate } : {}),
      ...(login ? { RIGI_MAIL__USER: login[0], RIGI_MAIL__PASSWORD: login[1] } : {}),
      ...more,
    };
  }

  /** Messages that it has taken. */
  get letters(): Letter[] {
    return this.said.filter((one): one is Letter => one.to !== undefined);
  }

  /** The next message to an address, or the one that is there already. */
  letter(to: string, about: RegExp): Promise<Letter> {
    return this.until(`a mail to ${to} about ${String(about)}`, () =>
      this.letters.find((one) => one.to.includes(to) && about.test(one.headers.Subject ?? "")),
    );
  }

  /** Has it refuse, hang or lie from now on. */
  async order(order: { mode?: "take" | "hang" | "garbage" | "close" | "lose"; refuse?: Record<string, string[]> }): Promise<void> {
    const before = this.said.filter(({ ready }) => ready).length;
    this.child.stdin!.write(`${JSON.stringify(order)}\n`);
    await this.until("it has heard", () => this.said.filter(({ ready }) => ready).length > before || undefined);
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.child.once("close", done));
    this.child.kill("SIGKILL");
    await ended;
  }

  /** Waits for what it says, with a bound. */
  async until<T>(what: string, look: () => T | undefined, ms = 30_000): Promise<T> {
    const deadline = Date.now() + ms;
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`not within ${ms} ms: ${what}; it said ${JSON.stringify(this.said.slice(-20))}`);
      await new Promise<void>((go) => {
        const timer = setTimeout(go, left);
        this.waiting.push(() => {
          clearTimeout(timer);
          go();
        });
      });
    }
  }
}

/** The link in a mail. */
export function linkIn(letter: Letter): string {
  const link = /^https?:\/\/\S+\/join#\S+$/m.exec(letter.text)?.[0];
  if (!link) throw new Error(`there is no link in:\n${letter.text}`);
  return link;
}
