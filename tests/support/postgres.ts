/** A database for each test, on the server that the setup started. */
import { randomBytes } from "node:crypto";

import { call } from "./bed";

/** One statement, by psql; the answer without decoration. */
export async function sql(url: string, statement: string): Promise<string> {
  const said = await call("psql", ["--no-psqlrc", "-qtAX", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], { env: process.env });
  if (said.code !== 0) throw new Error(`${statement}: ${said.err}`);
  return said.out.trim();
}

/** Makes an empty database and returns its URL. */
export async function makeDatabase(): Promise<string> {
  const server = process.env.RIGI_TEST_POSTGRES;
  if (!server) throw new Error("RIGI_TEST_POSTGRES is not set");
  const name = `t${randomBytes(8).toString("hex")}`;
  await sql(server, `CREATE DATABASE ${name} TEMPLATE template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}
