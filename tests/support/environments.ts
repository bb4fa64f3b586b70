/**
 * Python environments of the binary under test: what one test has built is there for the next that asks for it. Building the
 * larger ones costs half a minute of a core. Another binary begins anew, so that its own way of building is always tried.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";

import { binary, made, testCache } from "./places";

let found: string | undefined;

const DAY = 86_400_000;

/** The folder of those that this binary has built; those of others are removed after a day. */
function store(): string {
  if (found) return found;
  const all = made(join(testCache, "environments"));
  const own = createHash("sha256").update(readFileSync(binary())).digest("hex").slice(0, 16);
  for (const other of readdirSync(all)) {
    const path = join(all, other);
    if (!other.startsWith(own) && Date.now() - statSync(path).mtimeMs > DAY) rmSync(path, { recursive: true, force: true });
  }
  return (found = made(join(all, own)));
}

/** Files are linked, not copied: no run changes them. */
function link(from: string, to: string): void {
  execFileSync("cp", ["-al", from, to], { stdio: ["ignore", "ignore", "inherit"] });
}

/** Puts all that were built into a data folder that has none yet. */
export function lend(data: string): void {
  const folder = made(join(data, "environments"));
  for (const hash of readdirSync(store())) if (!existsSync(join(folder, hash))) link(join(store(), hash), join(folder, hash));
}

/** Keeps those of a data folder that are whole. */
export function keep(data: string): void {
  const folder = join(data, "environments");
  if (!existsSync(folder)) return;
  for (const hash of readdirSync(folder)) {
    if (existsSync(join(store(), hash)) || !existsSync(join(folder, hash, "complete"))) continue;
    const half = `${store()}.${hash}.${process.pid}`;
    link(join(folder, hash), half);
    try {
      renameSync(half, join(store(), hash));
    } catch {
      // Another test was faster.
      rmSync(half, { recursive: true, force: true });
    }
  }
}
