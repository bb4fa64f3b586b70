/** Tests run on SQLite, and on PostgreSQL those that say so (`support/test.ts`); the browser is the one that the system has. */
import { defineConfig } from "@playwright/test";

import { inCi } from "./support/places";
import type { Options } from "./support/test";

const databases = (process.env.RIGI_TEST_DATABASE ?? "sqlite,postgres").split(",") as Options["database"][];

const tagged = { sqlite: { grepInvert: /@postgres/ }, postgres: { grep: /@both|@postgres/ } };

export default defineConfig<Options>({
  testDir: "e2e",
  outputDir: "results/failures",
  globalSetup: "./support/setup.ts",
  timeout: 120_000,
  expect: { timeout: 20_000 },
  // Every test has servers and processes of its own; more at a time than cores would measure the machine, not Rigi.
  workers: Number(process.env.RIGI_TEST_WORKERS ?? 2),
  fullyParallel: true,
  // A machine that others load at the same time may break a bound once; what is wrong breaks it twice, and is told as flaky.
  retries: inCi ? 1 : 0,
  forbidOnly: inCi,
  reporter: [["list"], ["./support/counts.ts"], ["json", { outputFile: "results/report.json" }]],
  use: {
    browserName: "chromium",
    screenshot: "only-on-failure",
    // A trace of everything doubles the time of a browser: only what is tried again has one.
    trace: "on-first-retry",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: databases.map((database) => ({ name: database, use: { database }, ...tagged[database] })),
});
