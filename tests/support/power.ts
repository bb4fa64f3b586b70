/** Power loss: what was not synced is gone. The copies that `tests/faults/powerloss.c` made become a data folder again. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { library } from "./preload";

/**
 * What the disk keeps beyond what was synced: nothing, as the standard promises; or the names of all files without their
 * content, as file systems do that write names first.
 */
export type Kept = "nothing" | "names";

function identify(path: string): string {
  const { ino, birthtimeNs } = statSync(path, { bigint: true });
  return `${ino}-${birthtimeNs / 1_000_000_000n}.${birthtimeNs % 1_000_000_000n}`;
}

export class Power {
  constructor(
    private readonly disk: string,
    private readonly shadow: string,
  ) {
    mkdirSync(shadow, { recursive: true });
    if (existsSync(disk)) this.keep(disk);
  }

  /** What is there before anything is written was there for long: the disk has it. */
  private keep(folder: string): void {
    const names = readdirSync(folder, { withFileTypes: true }).map((entry) => {
      const path = join(folder, entry.name);
      const kind = entry.isDirectory() ? "d" : entry.isFile() ? "f" : "o";
      if (kind === "d") this.keep(path);
      if (kind === "f") copyFileSync(path, join(this.shadow, `file-${identify(path)}`));
      return `${kind} ${(statSync(path).mode & 0o7777).toString(8)} ${identify(path)} ${entry.name}\n`;
    });
    writeFileSync(join(this.shadow, `folder-${identify(folder)}`), names.join(""));
  }

  get env(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: library("powerloss"), POWER_DISK: this.disk, POWER_SHADOW: this.shadow };
  }

  /** Puts together what is left, once everything that wrote has ended. */
  restore(to: string, kept: Kept): void {
    if (kept === "names") this.namesOf(this.disk, to);
    else this.folder(identify(this.disk), to);
  }

  private file(id: string, to: string, mode: number): void {
    const copy = join(this.shadow, `file-${id}`);
    writeFileSync(to, existsSync(copy) ? readFileSync(copy) : "", { mode });
  }

  private folder(id: string, to: string): void {
    mkdirSync(to, { recursive: true, mode: 0o700 });
    const copy = join(this.shadow, `folder-${id}`);
    if (!existsSync(copy)) return;
    for (const line of readFileSync(copy, "utf8").split("\n").filter(Boolean)) {
      const [, kind, mode, inner, name] = /^(.) (\d+) (\S+) (.*)$/.exec(line)!;
      if (kind === "d") this.folder(inner!, join(to, name!));
      if (kind === "f") this.file(inner!, join(to, name!), Number.parseInt(mode!, 8));
    }
  }

  private namesOf(from: string, to: string): void {
    mkdirSync(to, { recursive: true, mode: 0o700 });
    for (const entry of readdirSync(from, { withFileTypes: true })) {
      const [source, target] = [join(from, entry.name), join(to, entry.name)];
      if (entry.isDirectory()) this.namesOf(source, target);
      if (entry.isFile()) this.file(identify(source), target, statSync(source).mode & 0o7777);
    }
  }
}
