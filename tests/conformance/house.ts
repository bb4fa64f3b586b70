/** The servers that scenarios share, for one target and storage: started when first asked for. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { test as base } from "@playwright/test";

import { Bed } from "../support/bed";
import { Engine } from "../support/engine";
import { bucketSettings, type Minio } from "../support/minio";
import { examples, made, repository, testCache } from "../support/places";
import type { Server } from "../support/server";
import { Cluster, IMAGES, Tenant } from "./cluster";
import { scenarios } from "./scenarios";
import type { Place, Scenario } from "./scenario";

export const WORKER = "rigi-test/worker:1";
export const PLAIN = "rigi-test/plain:1";

export interface Room {
  bed: Bed;
  server: Server;
  /** Of the target `kubernetes`: where its Jobs are. */
  tenant?: Tenant | undefined;
}

/** What a server is told of an engine. */
function settings(socket: string, online: boolean): NodeJS.ProcessEnv {
  return {
    RIGI_TARGETS__DEFAULT: "container",
    RIGI_TARGETS__CONTAINER__SOCKET: socket,
    RIGI_TARGETS__CONTAINER__IMAGE: WORKER,
    RIGI_TARGETS__CONTAINER__NETWORK: online ? "host" : "none",
  };
}

/** The files of a scenario's pipelines. */
export function write(bed: Bed, scenario: Scenario, prepared: unknown): void {
  const own = typeof scenario.files === "function" ? scenario.files(prepared) : scenario.files;
  const spec = scenario.shell === undefined ? scenario.spec : { command: ["sh", "-c", scenario.shell], ...scenario.spec };
  if (!scenario.pipeline) bed.pipeline(scenario.name, { ...(spec ? { "pipeline.json": spec } : {}), ...own });
  for (const path of scenario.executable ?? []) chmodSync(join(bed.pipelines, scenario.name, path), 0o755);
  for (const [name, files] of Object.entries(scenario.beside ?? {})) bed.pipeline(name, files);
}

export function docker(...args: string[]): string {
  return execFileSync(join(repository, "tests/docker.sh"), args, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
}

/** What a scenario that failed left running. */
async function removeContainers(bed: Bed, socket: string): Promise<void> {
  const engine = new Engine(socket);
  const all = await engine.labelled("rigi.server").catch(() => []);
  for (const one of all.filter((one) => one.Mounts.some((mount) => mount.Source?.startsWith(bed.root)))) await engine.remove(one.Id);
}

/** Whether a scenario is about this place. */
export function fits(scenario: Scenario, place: Place): boolean {
  return (!scenario.only || scenario.only.includes(place.target)) && (!scenario.bucket || place.storage.endsWith("+s3"));
}

interface Order {
  bed: Bed;
  tenant?: Tenant | undefined;
  /** Attempts have a network. */
  online?: boolean;
  socket?: string;
  args?: string[];
  /** Where its files lie, if not in the MinIO of all. */
  minio?: Minio | undefined;
  /** What it is told beside. */
  env?: NodeJS.ProcessEnv;
}

export class House {
  private readonly rooms = new Map<string, Promise<Room>>();
  private readonly buckets = new WeakMap<Bed, NodeJS.ProcessEnv>();
  private common: Cluster | undefined;
  private ownCluster: Cluster | undefined;

  constructor(readonly place: Place) {}

  /** The server of all scenarios of a kind. */
  shared(kind: "shared" | "online"): Promise<Room> {
    let room = this.rooms.get(kind);
    if (!room) {
      const bed = this.bed();
      const all = scenarios.filter((scenario) => (scenario.server ?? "shared") === kind && fits(scenario, this.place));
      for (const scenario of all) write(bed, scenario, undefined);
      if (kind === "online") bed.copyPipelines(examples);
      if (kind === "online" && this.place.target === "process") bed.lendEnvironments();
      const begin = async (): Promise<Room> => {
        const tenant = await this.tenant(bed);
        return { bed, tenant, server: await this.start({ bed, tenant, online: kind === "online" }) };
      };
      room = begin().then(
        (ready) => ready,
        async (error: unknown) => {
          await bed.remove();
          throw error;
        },
      );
      this.rooms.set(kind, room);
    }
    return room;
  }

  bed(): Bed {
    return new Bed(this.place.storage.startsWith("postgres") ? "postgres" : "sqlite");
  }

  socket(): string {
    return process.env.RIGI_TEST_DOCKER ?? "";
  }

  /** A cluster whose parts may be ended, whole again; it has two nodes, and images without Python. */
  fragile(): Cluster {
    if (this.ownCluster) {
      this.ownCluster.heal();
    } else {
      this.ownCluster = Cluster.up(2, IMAGES.small);
      this.ownCluster.load(process.env.RIGI_TEST_SMALL_IMAGE!);
    }
    return this.ownCluster;
  }

  async tenant(bed: Bed, cluster?: Cluster): Promise<Tenant | undefined> {
    return this.place.target === "kubernetes" ? Tenant.make(cluster ?? this.sharedCluster(), bed) : undefined;
  }

  private sharedCluster(): Cluster {
    this.common ??= Cluster.shared();
    return this.common;
  }

  /** What a server of this bed is told of its storage: the same after a restart. */
  private storage(order: Order): NodeJS.ProcessEnv {
    if (!this.place.storage.endsWith("+s3")) return {};
    let told = this.buckets.get(order.bed);
    if (!told) this.buckets.set(order.bed, (told = bucketSettings(order.minio?.named ?? process.env.RIGI_TEST_S3 ?? "")));
    return told;
  }

  async start(order: Order): Promise<Server> {
    const { bed, tenant, online = true, socket = this.socket(), args = [] } = order;
    if (this.place.target === "container" && online) {
      // What is downloaded is kept from one run of the tests to the next.
      const cache = join(bed.data, "containers/container/cache");
      mkdirSync(cache, { recursive: true, mode: 0o700 });
      const linked = readdirSync(cache).includes("default");
      if (!linked) symlinkSync(made(join(testCache, "container-cache")), join(cache, "default"));
    }
    if (this.place.target === "container") bed.atEnd(() => removeContainers(bed, socket));
    const told = tenant ? tenant.env() : this.place.target === "container" ? settings(socket, online) : {};
    return bed.up({ env: { ...told, ...this.storage(order), ...order.env }, args });
  }

  /** Nothing may be left of what has ended. */
  async leftovers(room: Room, socket = this.socket()): Promise<string[]> {
    const left: string[] = [];
    const inside = (path: string): string[] => {
      try {
        return readdirSync(join(room.bed.data, path)).map((name) => `${path}/${name}`);
      } catch {
        return [];
      }
    };
    left.push(...inside("remote"), ...inside("containers/container").filter((path) => !path.endsWith("/cache")));
    if (room.tenant) left.push(...(await room.tenant.left()));
    if (this.place.target === "container") {
      const found = await new Engine(socket).labelled("rigi.server");
      // Those of other servers are theirs; each attempt's folder has the run's id, as its label.
      const { items } = await room.server.api.get<{ items: { id: string }[] }>("/runs?limit=500");
      const own = new Set(items.map((run) => run.id));
      left.push(...found.filter((one) => own.has((one.Labels["rigi.attempt"] ?? "").split(".")[0]!)).map((one) => `container ${one.Names.join()}`));
    }
    return left;
  }

  async close(): Promise<void> {
    for (const room of await Promise.allSettled(this.rooms.values())) if (room.status === "fulfilled") await room.value.bed.remove();
    this.common?.kube.close();
    this.ownCluster?.down();
  }
}

export const test = base.extend<object, { place: Place; house: House }>({
  place: [{ target: "process", storage: "sqlite+folder" }, { option: true, scope: "worker" }],
  house: [
    async ({ place }, use) => {
      const house = new House(place);
      await use(house);
      await house.close();
    },
    { scope: "worker", timeout: 180_000 },
  ],
});
export { expect } from "@playwright/test";
