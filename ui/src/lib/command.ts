/** The same in a terminal. */
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
}

export function runCommand({ pipeline, parameters, inputs = {}, labels = {}, priority }: RunCommand): string {
  const words = ["rigi", "run", quote(pipeline)];
  for (const [name, value] of Object.entries(parameters)) words.push("-p", quote(`${name}=${textOf(value)}`));
  for (const [name, files] of Object.entries(inputs)) for (const file of files) words.push("-i", quote(`${name}=${file}`));
  for (const [name, value] of Object.entries(labels)) words.push("-l", quote(`${name}=${value}`));
  if (priority !== undefined) words.push("--priority", String(priority));
  return words.join(" ");
}

/** The request as one for curl; who sends it adds their token. */
export function curlCommand(method: string, url: string, body?: unknown): string {
  const words = ["curl", "-X", method, quote(url), "-H", quote("Authorization: Bearer TOKEN")];
  if (body !== undefined) words.push("-H", quote("Content-Type: application/json"), "-d", quote(JSON.stringify(body)));
  return words.join(" ");
}
