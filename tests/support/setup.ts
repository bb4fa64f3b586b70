/** Once before all tests: a PostgreSQL of our own, and uv where every server finds it. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

import type { FullConfig } from "@playwright/test";

import { binary, made, repository, results, testCache } from "./places";

export default function setup(config: FullConfig): (() => void) | undefined {
  console.log(`binary: ${binary()}`);
  made(results);
  made(join(testCache, "uv-cache"));
  process.env.RIGI_TEST_UV = uv();
  const wanted = config.projects.some((project) => project.name.includes("postgres"));
  if (!wanted || process.env.RIGI_TEST_POSTGRES) return undefined;
  const script = join(repository, "tests/postgres.sh");
  const said = execFileSync(script, ["start"], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  const [folder, url] = said.trim().split("\n").slice(-2);
  process.env.RIGI_TEST_POSTGRES = url;
  return () => {
    execFileSync(script, ["stop", folder ?? ""], { stdio: "inherit" });
  };
}

/** The uv of the machine, else one that is installed once beside the tests' cache. */
function uv(): string {
  const found = spawnSync("sh", ["-c", "command -v uv"], { encoding: "utf8" }).stdout.trim();
  if (found) return found;
  const tools = join(testCache, "tools");
  const program = join(tools, "bin/uv");
  if (!existsSync(program)) {
    execFileSync("python3", ["-m", "venv", tools], { stdio: "inherit" });
    execFileSync(join(tools, "bin/pip"), ["install", "--quiet", "uv"], { stdio: "inherit" });
  }
  return program;
}
