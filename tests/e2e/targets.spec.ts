/** Targets and storage as the server that runs has them, wherever and however it is asked. */
import { join } from "node:path";

import { expect, test } from "../support/test";

const FAR = {
  RIGI_TARGETS__FAR__KIND: "container",
  RIGI_TARGETS__FAR__ADDRESS: "tcp://127.0.0.1:1",
  RIGI_TARGETS__FAR__IMAGE: "nobody/nothing:1",
  RIGI_RUNNERS__URL: "http://127.0.0.1:1",
};

interface Line {
  what: string;
  ok: boolean;
  message: string;
}

test("targets and storage are those of the running server; --offline goes by the configuration here", async ({ bed }) => {
  const names = async (...args: string[]): Promise<string[]> => (await bed.rigi(["targets", "list", "-o", "name", ...args])).out.trim().split("\n");
  expect(await names()).not.toContain("far");
  const server = await bed.up({ env: FAR });
  expect(await names()).toContain("far");
  expect(await names("--offline")).not.toContain("far");
  expect((await bed.rigi(["targets", "list", "--folder", bed.pipelines, "-o", "name"])).out).toContain("far");

  const far = await bed.rigi(["targets", "check", "far", "-o", "json"]);
  expect(far.code).not.toBe(0);
  expect((JSON.parse(far.out) as Line[])[0]).toMatchObject({ what: "engine", ok: false });
  const nothing = await bed.rigi(["targets", "check", "nothere"]);
  expect(nothing).toMatchObject({ code: 66 });
  expect(nothing.err).toContain("there is no target `nothere`");
  expect((await bed.rigi(["targets", "check", "process"])).out).toContain("rigi doctor");

  const storage = await bed.rigi(["storage", "check", "-o", "json"]);
  expect((JSON.parse(storage.out) as Line[]).every((line) => line.ok), storage.out).toBe(true);
  const elsewhere = join(bed.root, "elsewhere");
  const other = await bed.rigi(["storage", "check", "--offline"], { env: { RIGI_STORAGE__URL: elsewhere } });
  expect(other.out).toContain(elsewhere);
  expect(storage.out).not.toContain(elsewhere);
  await server.stop();
  const alone = await bed.rigi(["targets", "list"]);
  expect(alone.err).toContain("this is by the configuration there");
});

test("with an address in RIGI_URL the token of the folder in RIGI_DATA is taken", async ({ bed }) => {
  const { api } = await bed.up();
  const call = (env: NodeJS.ProcessEnv): Promise<{ code: number; err: string }> => bed.rigi(["runs", "list"], { env, cwd: bed.home });
  expect(await call({ RIGI_URL: api.url, RIGI_DATA: bed.data })).toMatchObject({ code: 0 });
  const none = await call({ RIGI_URL: api.url, RIGI_DATA: join(bed.root, "empty") });
  expect(none).toMatchObject({ code: 77 });
  expect(none.err).toContain("RIGI_TOKEN");
});
