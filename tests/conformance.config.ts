/** The same pipelines on every target: TARGETS=process,container,kubernetes; STORAGES=sqlite+folder,postgres+folder,sqlite+s3,postgres+s3. */
import { defineConfig } from "@playwright/test";

import { type Place, storages, type Target } from "./conformance/scenario";
import { inCi } from "./support/places";

const asked = (process.env.TARGETS || "process,container").split(",");
// The slowest first: what takes long does not begin when all else has ended.
const targets = (["kubernetes", "container", "process"] as Target[]).filter((target) => asked.includes(target));
// Pods are mostly waited for, engines often.
const workers = targets.includes("kubernetes") ? 4 : targets.includes("container") ? 3 : 2;
const places = targets.flatMap((target) => storages.map((storage): Place => ({ target, storage })));

export default defineConfig<object, { place: Place }>({
  testDir: "conformance",
  outputDir: "results/conformance",
  globalSetup: "./conformance/setup.ts",
  timeout: 120_000,
  workers: Number(process.env.RIGI_TEST_WORKERS ?? workers),
  fullyParallel: true,
  // A machine that others load at the same time may break a bound once; what is wrong breaks it twice.
  retries: inCi ? 1 : 0,
  forbidOnly: inCi,
  reporter: [["list"], ["./conformance/report.ts"], ["./support/counts.ts"]],
  projects: places.map((place) => ({ name: `${place.target} ${place.storage}`, use: { place } })),
});
