/** The one `test` of all suites: a bed for each test, on the database of its project. */
import { test as base } from "@playwright/test";

import { Bed } from "./bed";
import type { Server } from "./server";

export interface Options {
  database: "sqlite" | "postgres";
}

interface Fixtures {
  bed: Bed;
}

export const test = base.extend<Options & Fixtures>({
  database: ["sqlite", { option: true }],
  bed: async ({ database }, use) => {
    const bed = new Bed(database);
    await use(bed);
    await bed.remove();
  },
});

/** Tests of files, specs and the command line that no database takes part in: once is enough. */
export function onlyOnce(database: Options["database"]): void {
  test.skip(database === "postgres" && !process.env.RIGI_TEST_ALL, "the database takes no part in it");
}

export type { Bed, Server };
export { expect } from "@playwright/test";
