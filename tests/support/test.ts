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

/** A test whose outcome the database may change: on both. Any other runs on SQLite alone. */
export const onBoth = { tag: "@both" };

/** A test that is about PostgreSQL. */
export const onPostgres = { tag: "@postgres" };

export type { Bed, Server };
export { expect } from "@playwright/test";
