/** How many runs of a pipeline may be active at a time, as its spec says, in words. */
import { isNumeric } from "./json";
import { isObject } from "./schema/fields";

const OVERLAPS: Readonly<Record<string, string>> = {
  queue: "others wait",
  skip: "others are skipped",
  replace: "the next one stops the oldest",
};

/** "1 at a time"; with a key "2 at a time with the same {customer}, others are skipped". Nothing where the spec limits nothing. */
export function atATime(spec: unknown): string[] {
  if (!isObject(spec)) return [];
  const facts: string[] = [];
  if (isNumeric(spec.max_instances)) facts.push(`${String(spec.max_instances)} at a time`);
  const { concurrency } = spec;
  if (!isObject(concurrency)) return facts;
  const { key = "", limit, overlap = "queue", shared } = concurrency;
  if (!isNumeric(limit)) return facts;
  const same = typeof key === "string" && key !== "" ? ` with the same ${key.replaceAll("${params.", "{")}` : "";
  const across = shared === true ? " over all pipelines that share it" : "";
  facts.push(`${String(limit)} at a time${same}${across}, ${OVERLAPS[String(overlap)] ?? String(overlap)}`);
  return facts;
}
