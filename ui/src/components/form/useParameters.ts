/** Parameters of a pipeline in a form that says which values runs are to have, and leaves the others to their defaults. */
import { useMemo, useState } from "react";

import { readJson, writeJson } from "../../lib/json";
import { fieldsOf, isObject, isOpen, type Schema } from "../../lib/schema/fields";
import { collect, initialRaws, mistakeOf, type Raw } from "../../lib/schema/values";

const NONE: Record<string, unknown> = {};

export function useParameters(schema: unknown, given: Record<string, unknown> = NONE) {
  // What is secret is not written where others read it.
  const fields = useMemo(() => fieldsOf(schema).filter(({ kind }) => kind !== "secret"), [schema]);
  const [raws, setRaws] = useState(() => initialRaws(fields, given));
  const others = Object.fromEntries(Object.entries(given).filter(([name]) => fields.every((field) => field.name !== name)));
  const [extra, setExtra] = useState(() => (Object.keys(others).length > 0 ? writeJson(others, 2) : ""));
  const defaults = useMemo(() => collect(fields, initialRaws(fields)), [fields]);
  const root: Schema = isObject(schema) ? schema : {};
  const wrong: Record<string, string> = {};
  for (const field of fields) {
    const mistake = mistakeOf(field, raws[field.name] ?? "", root, given[field.name]);
    if (mistake) wrong[field.name] = mistake;
  }
  const more = read(extra);
  if (more === null) wrong[""] = "is not a JSON object";
  const values = Object.entries({ ...more, ...collect(fields, raws, given) });
  return {
    schema,
    fields,
    raws,
    extra,
    setExtra,
    /** By name of the field; "" is what the schema does not name. */
    wrong,
    /** What the schema does not name can be given only where it allows for more. */
    takesExtra: isOpen(schema) && (fields.length === 0 || extra !== ""),
    /** What was given before, and what is another than the default. */
    told: Object.fromEntries(values.filter(([name, value]) => name in given || writeJson(defaults[name]) !== writeJson(value))),
    setRaw: (name: string, raw: Raw) => setRaws((known) => ({ ...known, [name]: raw })),
  };
}

export type ParametersState = ReturnType<typeof useParameters>;

function read(text: string): Record<string, unknown> | null {
  if (text.trim() === "") return {};
  try {
    const value = readJson(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
