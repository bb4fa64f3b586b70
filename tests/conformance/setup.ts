/** Once before all scenarios: what every suite needs, and where containers are asked for, an engine of our own. */
import type { FullConfig } from "@playwright/test";

import start from "../support/setup";
import { docker } from "./house";

export default function setup(config: FullConfig): () => void {
  const leave = start(config);
  const tidy = [leave];
  if (!process.env.RIGI_TEST_DOCKER && config.projects.some((project) => project.name.startsWith("container"))) {
    const [folder, socket] = docker("start").trim().split("\n").slice(-2);
    process.env.RIGI_TEST_DOCKER = socket;
    tidy.push(() => void docker("stop", folder!));
  }
  return () => {
    for (const one of tidy.reverse()) one?.();
  };
}
