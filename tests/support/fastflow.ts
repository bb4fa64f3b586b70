/** An installation of Fast-Flow for a test: its database, its pipelines and its logs. */
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { call, type Bed } from "./bed";
import { repository } from "./places";
import { makeDatabase } from "./postgres";

const FIXTURES = join(repository, "tests", "fixtures", "fastflow");

export const KEY = "YSBrZXkgb2YgYSBmaXh0dXJlOiBubyBzZWNyZXQgb2s=";

export interface Installation {
  /** As its `DATABASE_URL` has it. */
  url: string;
  pipelines: string;
  logs: string;
}

/** Puts one into the bed. Its database is of the kind that the bed has. */
export async function installation(bed: Bed): Promise<Installation> {
  const root = bed.folder("fastflow");
  for (const part of ["pipelines", "logs"]) cpSync(join(FIXTURES, part), join(root, part), { recursive: true });
  const url = bed.database === "postgres" ? await postgres() : await sqlite(join(root, "fastflow.db"));
  return { url, pipelines: join(root, "pipelines"), logs: join(root, "logs") };
}

async function sqlite(file: string): Promise<string> {
  const script = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.stdin.read())";
  const said = await call("python3", ["-c", script, file], { env: process.env, input: readFileSync(join(FIXTURES, "sqlite.sql"), "utf8") });
  if (said.code !== 0) throw new Error(said.err);
  return `sqlite:///${file}`;
}

async function postgres(): Promise<string> {
  const url = await makeDatabase();
  const said = await call("psql", ["--no-psqlrc", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", join(FIXTURES, "postgres.sql")], { env: process.env });
  if (said.code !== 0) throw new Error(said.err);
  return url.replace("postgres://", "postgresql+psycopg2://");
}
