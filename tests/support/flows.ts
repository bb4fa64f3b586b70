/** Flows, and how far they are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Api, Run } from "./api";
import type { Bed } from "./bed";
import { expect } from "./test";

export interface Step {
  name: string;
  state: string;
  message?: string;
  run?: string;
  counts: { items: number; waiting: number; active: number; succeeded: number; failed: number; cancelled: number };
}

export interface StepRun {
  id: string;
  item?: number;
  state: string;
  attempt: number;
  started_at: string;
  ended_at: string;
  result_of?: string;
}

export interface FlowRun extends Run {
  flow: boolean;
  step?: { flow: string; step: string };
  approval?: { role: string; message?: string; answer?: { approved: boolean; by: string; note?: string } };
  started_by?: string;
  started?: string[];
  trigger: { kind: string; by: string };
}

export type Steps = Record<string, Record<string, unknown>>;

export const sh = (script: string): string[] => ["sh", "-c", script];

export function flow(bed: Bed, name: string, steps: Steps, spec: object = {}): string {
  return bed.pipeline(name, { "pipeline.json": { steps, ...spec } });
}

export async function stepsOf(api: Api, run: string): Promise<Step[]> {
  return (await api.get<{ steps: Step[] }>(`/runs/${run}/steps`)).steps;
}

export async function states(api: Api, run: string): Promise<Record<string, string>> {
  return Object.fromEntries((await stepsOf(api, run)).map((step) => [step.name, step.state]));
}

export async function step(api: Api, run: string, name: string): Promise<Step> {
  return (await stepsOf(api, run)).find((one) => one.name === name)!;
}

export async function items(api: Api, run: string, name: string): Promise<StepRun[]> {
  return (await api.get<{ items: StepRun[] }>(`/runs/${run}/steps/${name}`)).items;
}

/** Waits until a step is as wanted. */
export async function untilStep(api: Api, run: string, name: string, fits: (step: Step) => boolean): Promise<Step> {
  const look = async (): Promise<Step | undefined> => {
    const found = await step(api, run, name);
    return fits(found) ? found : undefined;
  };
  return api.watch(look, `step ${name} of ${run}`);
}

/** Waits until a step waits for a person; gives its run. */
export async function untilAsked(api: Api, run: string, name: string): Promise<string> {
  const asked = await untilStep(api, run, name, (one) => one.run !== undefined && /^waits for the answer/.test(one.message ?? ""));
  return asked.run!;
}

/** A file to which every execution adds a line; what it holds, sorted. */
export function marks(bed: Bed): { mark: (word: string) => string; made: () => string[] } {
  const file = join(bed.root, "marks");
  const made = (): string[] => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n").sort() : []);
  return { mark: (word) => `echo "${word}" >> ${file}`, made };
}

export const leaves = (json: string): string => `printf '%s' "${json.replaceAll('"', '\\"')}" > "$RIGI_OUTPUTS/outputs.json"`;
