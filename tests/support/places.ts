/** Where things are that tests use. */
import { existsSync, mkdirSync, readdirSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";

export const inCi = process.env.CI === "true" || process.env.CI === "1";
export const repository = resolve(import.meta.dirname, "../..");
export const examples = join(repository, "examples");
export const results = join(repository, "tests/results");

const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "rigi");

/** Kept from one run of the tests to the next: what uv downloads. */
export const testCache = join(cache, "tests");

/** The binary under test: `RIGI_BIN`, else the one that was built last. */
export function binary(): string {
  if (process.env.RIGI_BIN) return resolve(process.env.RIGI_BIN);
  const target = process.env.CARGO_TARGET_DIR ?? join(cache, "target");
  // A build for a named platform, as that of the release, lies in a folder of its own.
  const platforms = existsSync(target) ? readdirSync(target).filter((name) => name.includes("-")) : [];
  const folders = ["", ...platforms].flatMap((platform) => ["release", "debug"].map((profile) => join(target, platform, profile)));
  const built = folders.map((folder) => join(folder, "rigi")).filter((file) => existsSync(file));
  const [found] = built.sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (!found) throw new Error(`there is no rigi binary in ${target}: build it with \`make build\`, or name it in RIGI_BIN`);
  return found;
}

/**
 * The same program with a C library that is loaded: between it and a static one nothing can be laid. `RIGI_LOADED_BIN`,
 * else the binary under test.
 */
export function loadedBinary(): string {
  return process.env.RIGI_LOADED_BIN ? resolve(process.env.RIGI_LOADED_BIN) : binary();
}

/** A folder that is there. */
export function made(folder: string): string {
  mkdirSync(folder, { recursive: true });
  return folder;
}
