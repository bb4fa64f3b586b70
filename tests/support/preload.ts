/** Faults below a program's libc: libraries of `tests/faults`, built once and laid in between by LD_PRELOAD. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { made, repository, testCache } from "./places";

/** The library of this name, built if it is not. */
export function library(name: string): string {
  const source = join(repository, "tests/faults", `${name}.c`);
  const digest = createHash("sha256").update(readFileSync(source)).digest("hex").slice(0, 12);
  const file = join(made(join(testCache, "faults")), `${name}-${digest}.so`);
  if (!existsSync(file)) {
    const draft = `${file}.${process.pid}`;
    execFileSync("cc", ["-Wall", "-Werror", "-O1", "-shared", "-fPIC", "-o", draft, source], { stdio: "inherit" });
    renameSync(draft, file);
  }
  return file;
}

/** Calls that fail: see `tests/faults/faults.c`. */
export class Faults {
  private readonly file: string;

  constructor(folder: string) {
    this.file = join(folder, "faults");
    this.set();
  }

  get env(): NodeJS.ProcessEnv {
    return { LD_PRELOAD: library("faults"), FAULTS_FILE: this.file };
  }

  /** From now on these faults and no others. */
  set(...lines: string[]): void {
    // Replaced as a whole: nobody reads half of it.
    writeFileSync(`${this.file}.new`, `${lines.join("\n")}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
}
