/** Fields in the sections of their tool, those for everybody apart from those for people who know it well. */
import { isObject, type Field } from "./fields";

export interface FieldSection {
  /** `algorithm:fit`; empty: none. */
  name: string;
  about: string;
  fields: Field[];
}

export interface FieldSections {
  basic: FieldSection[];
  advanced: FieldSection[];
}

/** In the order of the schema, what is in no section first; `schema` may say what its sections are (`x-sections`). */
export function sectionsOf(fields: Field[], schema?: unknown): FieldSections {
  const words = isObject(schema) && isObject(schema["x-sections"]) ? schema["x-sections"] : {};
  const about = (name: string): string => {
    const said = words[name];
    return typeof said === "string" ? said : "";
  };
  const gather = (some: Field[]): FieldSection[] => {
    const found = new Map<string, FieldSection>();
    for (const field of some) {
      const section = found.get(field.section) ?? { name: field.section, about: about(field.section), fields: [] };
      section.fields.push(field);
      found.set(field.section, section);
    }
    return [...found.values()].sort((a, b) => Number(a.name !== "") - Number(b.name !== ""));
  };
  return { basic: gather(fields.filter(({ advanced }) => !advanced)), advanced: gather(fields.filter(({ advanced }) => advanced)) };
}

/** `algorithm:fit` as people read it. */
export function sectionTitle(name: string): string {
  return name.split(":").join(" › ");
}
