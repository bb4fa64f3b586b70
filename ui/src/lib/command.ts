/** The same in a terminal. */
import { writeJson } from "./json";
import { DEFAULT_PROJECT, project as ownProject } from "./project";
import { textOf } from "./schema/fields";

/** A word as a POSIX shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

export interface RunCommand {
  pipeline: string;
  parameters: Record<string, unknown>;
  /** File names by input. */
  inputs?: Record<string, string[]>;
  labels?: Record<string, string>;
  priority?: number | undefined;
  /** Entry of the spec's `schedules` whose words count. */
  schedule?: string | null;
  /** Of a flow: former results of its steps do not count. */
  noCache?: boolean;
  /** This page's unless told. */
  project?: string;
}

export function runCommand({ pipeline, parameters, inputs = {}, labels = {}, priority, schedule, noCache, project }: RunCommand): string {
  const words = ["rigi", "run", quote(pipeline), ...parameterWords(parameters), ...inputWords(inputs), ...labelWords(labels)];
  if (priority !== undefined) words.push("--priority", String(priority));
  if (schedule != null) words.push("--schedule", quote(schedule));
  if (noCache) words.push("--no-cache");
  return inProject(words.join(" "), project);
}

export interface RerunCommand {
  /** The run's id, or the end of it. */
  run: string;
  /** What is other than in the run. */
  parameters: Record<string, unknown>;
  /** Names that go back to their defaults. */
  unset?: string[];
  inputs?: Record<string, string[]>;
  labels?: Record<string, string>;
  code: "same" | "current";
  /** Of a flow: former results of its steps do not count. */
  noCache?: boolean;
  /** This page's unless told. */
  project?: string;
}

export function rerunCommand({ run, parameters, unset = [], inputs = {}, labels = {}, code, noCache, project }: RerunCommand): string {
  const words = ["rigi", "runs", "rerun", quote(run), ...parameterWords(parameters)];
  for (const name of unset) words.push("--unset", quote(name));
  words.push(...inputWords(inputs), ...labelWords(labels));
  if (code === "current") words.push("--code", "current");
  if (noCache) words.push("--no-cache");
  return inProject(words.join(" "), project);
}

/** A command in a project, this page's unless told. */
export function inProject(command: string, project = ownProject): string {
  return project === DEFAULT_PROJECT ? command : `${command} --project ${quote(project)}`;
}

function parameterWords(parameters: Record<string, unknown>): string[] {
  return Object.entries(parameters).flatMap(([name, value]) => ["-p", quote(`${name}=${textOf(value)}`)]);
}

function inputWords(inputs: Record<string, string[]>): string[] {
  return Object.entries(inputs).flatMap(([name, files]) => files.flatMap((file) => ["-i", quote(`${name}=${file}`)]));
}

function labelWords(labels: Record<string, string>): string[] {
  return Object.entries(labels).flatMap(([name, value]) => ["-l", quote(`${name}=${value}`)]);
}

/** The request as one for curl; who sends it adds their token. */
export function curlCommand(method: string, url: string, body?: unknown): string {
  const words = ["curl", "-X", method, quote(url), "-H", quote("Authorization: Bearer TOKEN")];
  if (body !== undefined) words.push("-H", quote("Content-Type: application/json"), "-d", quote(writeJson(body)));
  return words.join(" ");
}
