/** What a process type takes and gives, in few words. */
import { isObject } from "./fields";

function properties(schema: unknown): [string, Record<string, unknown>][] {
  if (!isObject(schema) || !isObject(schema.properties)) return [];
  return Object.entries(schema.properties).flatMap(([name, port]) =>
    isObject(port) ? [[name, port] as [string, Record<string, unknown>]] : [],
  );
}

/** "in: mzML, mzXML": each input or output that must be there, or all where none must. */
export function portWords(schema: unknown): string[] {
  const needed = isObject(schema) && Array.isArray(schema.required) ? (schema.required as unknown[]) : [];
  const all = properties(schema);
  const shown = needed.length > 0 ? all.filter(([name]) => needed.includes(name)) : all;
  return shown.map(([name, port]) => {
    const formats = Array.isArray(port["x-formats"]) ? port["x-formats"].map(String) : [];
    const some = formats.length > 4 ? [...formats.slice(0, 4), "…"] : formats;
    return some.length > 0 ? `${name}: ${some.join(", ")}` : name;
  });
}

/** How many parameters a form of it has. */
export function parameterCount(schema: unknown): number {
  return properties(schema).filter(([, property]) => property["x-hidden"] !== true).length;
}
