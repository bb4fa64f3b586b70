/** What a scenario is, and what is seen of it. */
import { createHash } from "node:crypto";

import type { Api, Run } from "../support/api";
import type { Bed } from "../support/bed";
import type { Engine } from "../support/engine";
import type { Minio } from "../support/minio";
import type { Server } from "../support/server";
import type { Tenant } from "./cluster";

export type Target = "process" | "container" | "kubernetes";
export type Storage = "sqlite+folder" | "postgres+folder" | "sqlite+s3" | "postgres+s3";

/** Those that are asked for. */
export const storages = (process.env.STORAGES || "sqlite+folder").split(",") as Storage[];

/** Where scenarios run. */
export interface Place {
  target: Target;
  storage: Storage;
}

export interface SeenAttempt {
  state: string;
  reason?: string | undefined;
  exit_code?: number | undefined;
}

/** Lines as they are; more of them than people read, by their sum. */
export type Text = string[] | { lines: number; sha256: string };

export interface SeenLog {
  out?: Text;
  err?: Text;
  /** What Rigi itself says in it. */
  system?: Text;
}

export interface SeenFile {
  path: string;
  size: number;
  sha256: string;
}

export type SeenFiles = SeenFile[] | { files: number; bytes: number; sha256: string };

/** All that may not differ from target to target. Paths, ids and times are taken out of texts. */
export interface Seen {
  /** Of a submission that was refused. */
  refused?: { status: number; code: string };
  state?: string;
  reason?: string | undefined;
  exit_code?: number | undefined;
  message?: string | undefined;
  attempts?: SeenAttempt[];
  /** One for each attempt. */
  logs?: SeenLog[];
  files?: SeenFiles;
  /** What the scenario itself looked at. */
  facts?: Record<string, unknown>;
}

/** A scenario while it happens. */
export interface Stage {
  place: Place;
  bed: Bed;
  /** A new one after a restart. */
  server: Server;
  api: Api;
  /** Of the target `kubernetes`: where its Jobs are. */
  tenant: Tenant;
  /** Of the target `container`. */
  engine: Engine;
  /** Of its own engine, where it has one: its folder. */
  engineFolder?: string | undefined;
  /** Of its own MinIO, where it has one. */
  minio?: Minio | undefined;
  /** The first run. */
  run: Run;
  facts: Record<string, unknown>;
  submit(request?: Record<string, unknown>): Promise<Run>;
  /** Starts its own server again, told this beside. */
  restart(env?: NodeJS.ProcessEnv): Promise<void>;
  /** Waits until `look` finds something; what it looks at is told by nobody. */
  poll<T>(look: () => Promise<T | undefined>, what: string, ms?: number): Promise<T>;
}

export type Files = Record<string, string | Uint8Array | object>;

export interface Scenario {
  /** Also the name of its pipeline. */
  name: string;
  /** Sh, as a command; or else all files. */
  shell?: string;
  /** Fields of the spec, beside the command. */
  spec?: object;
  files?: Files | ((prepared: unknown) => Files);
  /** Those of its files that are programs. */
  executable?: string[];
  /** Pipelines beside it. */
  beside?: Record<string, Files>;
  /** A pipeline that is there already, such as an example. */
  pipeline?: string;
  submit?: Record<string, unknown> | ((api: Api) => Promise<Record<string, unknown>>);
  /** What is done before the first run is submitted. */
  before?: (stage: Stage) => Promise<void>;
  /** What is done while it runs. */
  act?: (stage: Stage) => Promise<void>;
  /** What is looked at when it has ended. */
  look?: (stage: Stage) => Promise<void>;
  /** What must be seen, literally; what is not named is compared with the other targets only. */
  expect: Seen;
  /** The targets that it is about; else all. */
  only?: Target[];
  /**
   * `shared`: with others at a time; `online`: the same with a network for attempts; `own`: its own server; `engine`: and its own
   * engine; `cluster`: and a cluster whose parts may be ended, with images that have no Python.
   */
  server?: "shared" | "online" | "own" | "engine" | "cluster";
  /** What must be there before the server starts; what it gives is given to `files`. `address` is this machine, as attempts see it. */
  prepare?: (atEnd: (tidy: () => unknown) => void, address: string) => Promise<unknown>;
  /** Further arguments of its own server. */
  args?: string[];
  /** About files in a bucket: with a MinIO of its own where it is `own`; other storages are left out. */
  bucket?: "shared" | "own";
  /** Takes long: only with CONFORMANCE_LONG=1. */
  long?: boolean;
  /** Bound on its end. */
  ms?: number;
  /** What differs with good reason in what was seen: not compared. */
  apart?: (keyof Seen)[];
}

export function sha256(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

/** Up to so many lines or files are shown one by one. */
export const SHOWN = 60;

/** Lines as `Seen` has them. */
export function text(lines: string[]): Text {
  return lines.length <= SHOWN && lines.every((line) => line.length <= 2000) ? lines : { lines: lines.length, sha256: sha256(lines.join("\n")) };
}

/** A file as `Seen` has it. */
export function file(path: string, content: string | Uint8Array): SeenFile {
  return { path, size: Buffer.byteLength(content), sha256: sha256(content) };
}

/** Files as `Seen` has them. */
export function files(list: SeenFile[]): SeenFiles {
  const sorted = [...list].sort((a, b) => (a.path < b.path ? -1 : 1));
  if (sorted.length <= SHOWN) return sorted;
  const bytes = sorted.reduce((sum, one) => sum + one.size, 0);
  return { files: sorted.length, bytes, sha256: sha256(sorted.map((one) => `${one.sha256} ${one.path}`).join("\n")) };
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

/** One attempt that ended well. */
export const OK: Seen = { state: "succeeded", exit_code: 0, attempts: [{ state: "succeeded", exit_code: 0 }] };

/** One attempt that ended well, having said this. */
export function said(...lines: string[]): Seen {
  return { ...OK, logs: [{ out: text(lines) }] };
}

/** One attempt that failed. */
export function failed(reason: string, exit_code?: number): Seen {
  const how = { state: "failed", reason, ...(exit_code === undefined ? {} : { exit_code }) };
  return { ...how, attempts: [how] };
}

/** Whether words say it; words that do not, so that they are seen. */
export function says(words: string | undefined, pattern: RegExp): true | string {
  return pattern.test(words ?? "") || (words ?? "");
}
