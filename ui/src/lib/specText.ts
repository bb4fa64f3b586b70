/** A spec as people write one: YAML, lengths of time and sizes with their units, and only what is set. */
import { isNumeric } from "./json";
import { isObject, textOf } from "./schema/fields";

/** Fields whose number is bytes. */
const BYTES = new Set(["memory", "request_memory", "output_size", "log_size", "bytes", "ephemeral_storage"]);
/** Below these, whatever is there is the writer's own. */
const OWN = new Set(["parameters", "env", "labels", "pod_template", "affinity", "tolerations", "node_selector", "presets"]);

export function specText(spec: unknown): string {
  const tidy = tidied(spec, "");
  return isObject(tidy) && Object.keys(tidy).length > 0 ? yaml(tidy, "").join("\n") : "# Nothing but defaults.";
}

/** Without what is not set, and with units. */
function tidied(value: unknown, name: string): unknown {
  if (OWN.has(name)) return isEmpty(value) ? undefined : value;
  if (isDuration(value)) return span(value);
  if (BYTES.has(name) && isNumeric(value)) return size(Number(String(value)));
  if (Array.isArray(value)) return isEmpty(value) ? undefined : value.map((item) => tidied(item, ""));
  if (!isObject(value)) return value ?? undefined;
  const entries = Object.entries(value).map(([key, inner]) => [key, tidied(inner, key)] as const);
  const set = entries.filter(([, inner]) => inner !== undefined);
  return set.length === 0 ? undefined : Object.fromEntries(set);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  return Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}

function isDuration(value: unknown): value is { secs: unknown; nanos: unknown } {
  return isObject(value) && Object.keys(value).length === 2 && isNumeric(value.secs) && isNumeric(value.nanos);
}

/** A length of time as specs take it, in the largest unit that leaves nothing over. */
function span({ secs, nanos }: { secs: unknown; nanos: unknown }): string {
  const [s, ns] = [Number(String(secs)), Number(String(nanos))];
  if (ns > 0) return s === 0 && ns % 1e6 === 0 ? `${ns / 1e6}ms` : `${s + ns / 1e9}s`;
  const unit = (
    [
      ["d", 86_400],
      ["h", 3600],
      ["m", 60],
    ] as const
  ).find(([, length]) => s > 0 && s % length === 0);
  return unit ? `${s / unit[1]}${unit[0]}` : `${s}s`;
}

/** Bytes as specs take them, exactly. */
function size(bytes: number): string | number {
  const unit = (
    [
      ["TiB", 2 ** 40],
      ["GiB", 2 ** 30],
      ["MiB", 2 ** 20],
      ["KiB", 2 ** 10],
    ] as const
  ).find(([, length]) => bytes > 0 && bytes % length === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : bytes;
}

function yaml(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown) => below(`${indent}-`, item, indent, " "));
  if (isObject(value)) return Object.entries(value).flatMap(([key, inner]) => below(`${indent}${scalar(key)}:`, inner, indent, "\n"));
  return [`${indent}${scalar(value)}`];
}

/** A key or a dash, and its value on the same line or below. */
function below(lead: string, value: unknown, indent: string, between: " " | "\n"): string[] {
  const empty = isEmpty(value) && value !== null && value !== undefined;
  if (empty) return [`${lead} ${Array.isArray(value) ? "[]" : "{}"}`];
  if (typeof value === "string" && value.trimEnd().includes("\n")) {
    return [
      `${lead} |${value.endsWith("\n") ? "" : "-"}`,
      ...value
        .replace(/\n$/, "")
        .split("\n")
        .map((line) => (line ? `${indent}  ${line}` : "")),
    ];
  }
  if (!Array.isArray(value) && !isObject(value)) return [`${lead} ${scalar(value)}`];
  const lines = yaml(value, `${indent}  `);
  return between === " " ? [`${lead} ${lines[0]?.trimStart() ?? ""}`, ...lines.slice(1)] : [lead, ...lines];
}

/** A text without quotes only where YAML takes it for a text, too. */
function scalar(value: unknown): string {
  if (typeof value !== "string") return value === undefined ? "null" : textOf(value);
  const plain =
    /^[A-Za-z_./$][\w ./$()+@%=-]*$/.test(value) &&
    !/^(?:true|false|yes|no|on|off|null|~|y|n)$/i.test(value) &&
    value.trim() === value &&
    !value.includes(" #");
  return plain || /^\d+(?:\.\d+)?(?:ms|s|m|h|d|[KMGT]iB)$/.test(value) ? value : JSON.stringify(value);
}
