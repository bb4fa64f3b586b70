/** The examples of the repository, unchanged. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { examples as folder } from "../../support/places";
import { OK, type Scenario } from "../scenario";

const BUILD = 600_000;
const SAMPLE = join(folder, "word-count/sample");

export const examples: Scenario[] = [
  {
    name: "example-co2-trend",
    pipeline: "co2-trend",
    server: "online",
    ms: BUILD,
    submit: { parameters: { start: 1990, resamples: 10 } },
    expect: { ...OK },
  },
  {
    name: "example-penguins",
    pipeline: "penguins",
    server: "online",
    ms: BUILD,
    submit: { parameters: { measure: "body_mass_g", island: "Dream" } },
    // The executed notebook and its page have the times of their cells.
    apart: ["files"],
    look: async ({ api, run, facts }) => {
      const files = await api.artifacts(run.id);
      facts.files = files.map((file) => file.path).sort();
      facts.sums = files.filter((file) => /\.(csv|png)$/.test(file.path)).map((file) => `${file.sha256} ${file.path}`).sort();
    },
    expect: { ...OK },
  },
  {
    name: "example-word-count",
    pipeline: "word-count",
    server: "online",
    submit: async (api) => {
      const names = readdirSync(SAMPLE).sort();
      const texts = [];
      for (const name of names) texts.push({ upload: await api.upload(name, readFileSync(join(SAMPLE, name))), name });
      return { inputs: { texts }, parameters: { top: 5 } };
    },
    expect: { ...OK },
  },
  {
    name: "example-flaky",
    pipeline: "flaky",
    server: "online",
    ms: BUILD,
    expect: {
      state: "succeeded",
      attempts: [{ state: "failed", reason: "exit-code", exit_code: 1 }, { state: "failed", reason: "exit-code", exit_code: 1 }, { state: "succeeded", exit_code: 0 }],
    },
  },
  { name: "example-fast-flow-report", pipeline: "fast-flow-report", server: "online", ms: BUILD, expect: { ...OK } },
];
