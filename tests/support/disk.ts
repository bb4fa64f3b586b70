/** A small disk of a test's own, in a mount namespace of its own: nobody else sees it, and it is gone with its processes. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { call } from "./bed";

export interface Size {
  /** Mebibytes. */
  size: number;
  /** `memory` is quick; `image` is a file with ext4, which the kernel can make read-only. */
  on: "memory" | "image";
}

const MOUNT = {
  memory: 'mount -t tmpfs -o "size=$2m" tmpfs "$1"',
  image: 'mkfs.ext4 -q -F "$1.image" && mount -o loop,errors=remount-ro "$1.image" "$1"',
};

export class Disk {
  private constructor(
    readonly path: string,
    private readonly keeper: ChildProcess,
  ) {}

  static async mount(path: string, { size, on }: Size): Promise<Disk> {
    mkdirSync(path, { recursive: true });
    if (on === "image") {
      writeFileSync(`${path}.image`, "");
      truncateSync(`${path}.image`, size * 2 ** 20);
    }
    const script = `${MOUNT[on]} && mkdir -m 700 "$1/data" && echo mounted && read end`;
    const args = ["--mount", "--propagation", "private", "sh", "-c", script, "sh", path, String(size)];
    const keeper = spawn("unshare", args, { stdio: ["pipe", "pipe", "inherit"] });
    await new Promise<void>((done, fail) => {
      createInterface({ input: keeper.stdout }).once("line", () => done());
      keeper.once("exit", (code) => fail(new Error(`${path} was not mounted: ${code}`)));
    });
    return new Disk(path, keeper);
  }

  /** The data folder on it, as those see it who are inside. */
  get data(): string {
    return join(this.path, "data");
  }

  /** The same path as seen from outside. */
  seen(path: string): string {
    return `/proc/${this.keeper.pid}/root${path}`;
  }

  /** What a command begins with that is to see the disk. */
  get within(): string[] {
    return ["nsenter", `--mount=/proc/${this.keeper.pid}/ns/mnt`, "--"];
  }

  async run(...command: string[]): Promise<string> {
    const [program, ...args] = [...this.within, ...command];
    const said = await call(program!, args, { env: process.env });
    if (said.code !== 0) throw new Error(`${command.join(" ")}: ${said.err}`);
    return said.out;
  }

  /** Takes all room there is. */
  async fill(): Promise<void> {
    // It ends with the disk full: that is what it is for.
    await call("sh", ["-c", 'cat /dev/zero >"$1"', "sh", this.seen(join(this.path, "filler"))], { env: process.env });
  }

  free(): void {
    rmSync(this.seen(join(this.path, "filler")));
  }

  unmount(): void {
    this.keeper.kill("SIGKILL");
  }
}
