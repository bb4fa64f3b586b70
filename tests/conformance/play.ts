/** Plays one scenario to its end, and tells what was seen. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

import type { Run } from "../support/api";
import { Engine } from "../support/engine";
import { Minio } from "../support/minio";
import { processesOf } from "../support/processes";
import type { Tenant } from "./cluster";
import { docker, type House, type Room, write } from "./house";
import { seenOf } from "./normal";
import type { Scenario, Seen, Stage } from "./scenario";

/**
 * What is left of an attempt is removed at once when it has ended, but not before its end is told; a node takes its time, and so does a
 * disk that environments of gigabytes are being written to.
 */
const TIDY = { process: 20_000, container: 90_000, kubernetes: 60_000 };

async function poll<T>(look: () => Promise<T | undefined>, what: string, ms = 30_000): Promise<T> {
  const deadline = Date.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await pause(50);
  }
}

/** Until its end, and all that is left of it. */
export async function play(house: House, scenario: Scenario): Promise<Seen> {
  const kind = scenario.server ?? "shared";
  if (kind === "shared" || kind === "online") {
    const room = await house.shared(kind);
    return perform(house, scenario, { ...room, socket: house.socket() });
  }
  const bed = house.bed();
  try {
    const tenant = await house.tenant(bed, kind === "cluster" ? house.fragile() : undefined);
    const prepared = await scenario.prepare?.((tidy) => bed.atEnd(tidy), tenant?.cluster.address ?? "127.0.0.1");
    write(bed, scenario, prepared);
    let [socket, engineFolder] = [house.socket(), undefined as string | undefined];
    if (kind === "engine") {
      const [folder, own] = docker("start").trim().split("\n");
      bed.atEnd(() => docker("stop", folder!));
      [socket, engineFolder] = [own!, folder];
    }
    const minio = scenario.bucket === "own" ? Minio.start() : undefined;
    if (minio) bed.atEnd(() => minio.stop());
    const server = await house.start({ bed, tenant, socket, minio, args: scenario.args ?? [] });
    return await perform(house, scenario, { bed, server, tenant, socket, engineFolder, minio });
  } finally {
    await bed.remove();
  }
}

type Where = Pick<Stage, "bed" | "server" | "engineFolder" | "minio"> & { socket: string; tenant?: Tenant | undefined };

async function perform(house: House, scenario: Scenario, where: Where): Promise<Seen> {
  const { bed, socket, engineFolder, tenant } = where;
  const pipeline = scenario.pipeline ?? scenario.name;
  const started: string[] = [];
  const stage: Stage = {
    place: house.place,
    bed,
    engine: new Engine(socket),
    engineFolder,
    minio: where.minio,
    server: where.server,
    get api() {
      return this.server.api;
    },
    get tenant() {
      if (!tenant) throw new Error("this target has no namespace");
      return tenant;
    },
    run: undefined as unknown as Run,
    facts: {},
    async submit(request = {}) {
      const run = await this.api.submit(pipeline, request);
      started.push(run.id);
      return run;
    },
    async restart(env = {}) {
      this.server = await house.start({ bed, tenant, socket, args: scenario.args ?? [], env });
    },
    poll,
  };
  await scenario.before?.(stage);
  const request = typeof scenario.submit === "function" ? await scenario.submit(stage.api) : (scenario.submit ?? {});
  if (scenario.expect.refused) {
    const { status, code } = await stage.api.refused("POST", `/api/v1/pipelines/${pipeline}/runs`, request);
    return { refused: { status, code } };
  }
  stage.run = await stage.submit(request);
  await scenario.act?.(stage);
  for (const id of started) await stage.api.ended(id, scenario.ms ?? 60_000);
  const seen = await seenOf(stage.api, stage.run.id, scenario.apart);
  await scenario.look?.(stage);
  if (Object.keys(stage.facts).length > 0) seen.facts = stage.facts;
  await nothingIsLeft(house, { bed, server: stage.server, tenant }, started, socket);
  return seen;
}

/** What a folder holds, some of it. */
function inside(folder: string): string[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  return entries.slice(0, 20).map((entry) => join(entry.parentPath, entry.name));
}

async function nothingIsLeft(house: House, room: Room, runs: string[], socket: string): Promise<void> {
  let left: string[] = [];
  const look = async (): Promise<true | undefined> => {
    left = (await house.leftovers(room, socket)).filter((one) => !one.startsWith("containers/container/cache"));
    left.push(...runs.flatMap((id) => processesOf(`RIGI_RUN_ID=${id}`).map((pid) => `process ${pid}`)));
    return left.length === 0 ? true : undefined;
  };
  await poll(look, "what is left", TIDY[house.place.target]).catch((error: unknown) => {
    const within = left.filter((one) => one.startsWith("containers/")).flatMap((one) => inside(join(room.bed.data, one)));
    throw new Error(`${String(error)}: ${[...left, ...within].join(", ")}\n${room.server.complaints.slice(-20).join("\n")}`);
  });
}
