/** Once before all scenarios: what every suite needs, and what the targets that are asked for run on, of our own. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { FullConfig } from "@playwright/test";

import { Minio } from "../support/minio";
import start from "../support/setup";
import { binary, made, testCache } from "../support/places";
import { Cluster, IMAGES } from "./cluster";
import { docker } from "./house";
import { installKueue } from "./kueue";
import { registry } from "./listeners";
import { scenarios } from "./scenarios";
import { unknownInThird } from "./third";

type Tidy = (() => unknown)[];

export default async function setup(config: FullConfig): Promise<() => Promise<void>> {
  const strangers = unknownInThird(scenarios);
  if (strangers.length > 0) throw new Error(`third.ts: there is no scenario ${strangers.join(", ")}`);
  const tidy: Tidy = [];
  const leave = async (): Promise<void> => {
    for (const one of tidy.splice(0).reverse()) await one();
  };
  const wants = (target: string): boolean => config.projects.some((project) => project.name.startsWith(target));
  try {
    const ended = start(config);
    if (ended) tidy.push(ended);
    if (wants("container")) process.env.RIGI_TEST_DOCKER ??= engine(tidy);
    if (wants("kubernetes") && !process.env.RIGI_TEST_KUBECONFIG) await cluster(tidy);
    if (!process.env.RIGI_TEST_S3 && config.projects.some((project) => project.name.endsWith("+s3"))) {
      // Where pods reach it too.
      const minio = Minio.start(process.env.RIGI_TEST_ADDRESS);
      process.env.RIGI_TEST_S3 = minio.named;
      tidy.push(() => minio.stop());
    }
  } catch (error) {
    await leave();
    throw error;
  }
  return leave;
}

/** Starts a container engine; gives its socket. */
function engine(tidy: Tidy): string {
  const [folder, socket] = docker("start").trim().split("\n").slice(-2);
  tidy.push(() => void docker("stop", folder!));
  return socket!;
}

/** Starts a cluster, with images of the binary under test. */
async function cluster(tidy: Tidy): Promise<void> {
  const began = Date.now();
  const own = Cluster.up(1, IMAGES.worker);
  tidy.push(() => own.down());
  const images = builtImages();
  own.load(images.worker, join(testCache, "images.tar"));
  await installKueue(own);
  await registry((end) => tidy.push(end), own.address);
  process.env.RIGI_TEST_KUBECONFIG = own.kubeconfig;
  process.env.RIGI_TEST_ADDRESS = own.address;
  process.env.RIGI_TEST_IMAGE = own.image;
  process.env.RIGI_TEST_CLUSTER = own.number;
  process.env.RIGI_TEST_SMALL_IMAGE = images.small;
  console.log(`cluster: ready after ${Math.round((Date.now() - began) / 1000)} s`);
}

/** The images of attempts on clusters, as files: made by the binary itself on an engine; kept until one of its parts changes. */
function builtImages(): { worker: string; small: string } {
  const folder = made(join(testCache, "cluster"));
  const images = { worker: join(folder, "worker.tar"), small: join(folder, "small.tar") };
  const note = join(folder, "made");
  const hash = createHash("sha256").update(readFileSync(binary())).update(readFileSync(join(testCache, "images.tar.made")));
  const parts = hash.digest("hex");
  if (existsSync(note) && readFileSync(note, "utf8") === parts) return images;
  const tidy: Tidy = [];
  const socket = process.env.RIGI_TEST_DOCKER ?? engine(tidy);
  try {
    const build = (base: string, tag: string, file: string, ...more: string[]): void => {
      const args = ["image", "build", "--socket", socket, "--base", base, "--tag", tag, "--save", file, ...more];
      // No uv but the one that is named.
      execFileSync(binary(), args, { stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, PATH: "" } });
    };
    build("rigi-test/worker:1", IMAGES.worker, images.worker, "--uv", process.env.RIGI_TEST_UV!);
    build("rigi-test/plain:1", IMAGES.small, images.small);
  } finally {
    for (const one of tidy) one();
  }
  writeFileSync(note, parts);
  return images;
}
