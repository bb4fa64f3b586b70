/** What of a body, or of what has happened, becomes which parameter. */
import { Textarea, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import { describeRule, textOf, type Field } from "../../lib/schema/fields";
import fields from "../form/Form.module.css";
import { FieldRow } from "../form/ParameterField";
import { Section } from "../Page";
import classes from "./Webhooks.module.css";

/** The form that it is a part of. */
interface MappingForm {
  fields: readonly Field[];
  written: { values: Record<string, string>; others: string };
  takesOthers: boolean;
  at: (place: string) => string | null;
  touch: (place: string) => void;
  set: (change: { others: string }) => void;
  setValue: (name: string, value: string) => void;
}

interface MappingPartProps {
  form: MappingForm;
  /** An expression that stands where nothing does. */
  example: string;
  /** What of a secret parameter. */
  secret?: string;
  /** What may be named. */
  children: ReactNode;
}

export function MappingPart({ form, example, secret = "", children }: MappingPartProps) {
  if (form.fields.length === 0 && !form.takesOthers) return null;
  return (
    <Section title="Parameters">
      <p className={classes.names}>{children}</p>
      {form.fields.map((field) => (
        <ValueField key={field.name} form={form} field={field} example={example} secret={field.kind === "secret" ? secret : ""} />
      ))}
      {form.takesOthers && (
        <FieldRow
          id="hook-others"
          label={form.fields.length > 0 ? "others" : "values"}
          help="Parameters that the spec does not name: one JSON object, or nothing."
          mistake={form.at("/parameters/")}
        >
          <Textarea
            id="hook-others"
            aria-describedby="hook-others-mistake hook-others-help"
            value={form.written.others}
            onChange={(event) => form.set({ others: event.currentTarget.value })}
            onBlur={() => form.touch("/parameters/")}
            error={form.at("/parameters/") !== null}
            autosize
            minRows={2}
            maxRows={16}
            spellCheck={false}
            placeholder={`{"name": "${example}"}`}
            classNames={{ input: fields.code ?? "" }}
          />
        </FieldRow>
      )}
    </Section>
  );
}

interface ValueFieldProps {
  form: MappingForm;
  field: Field;
  example: string;
  secret: string;
}

function ValueField({ form, field, example, secret }: ValueFieldProps) {
  const place = `/parameters/${field.name}`;
  const id = `hook-parameter-${field.name}`;
  const standard = field.schema.default === undefined ? "" : `${textOf(field.schema.default)} unless told`;
  return (
    <FieldRow
      id={id}
      label={field.name}
      title={field.title}
      required={field.required}
      rule={describeRule(field)}
      help={[field.help, secret].filter(Boolean).join("  \n")}
      mistake={form.at(place)}
    >
      <TextInput
        id={id}
        aria-describedby={`${id}-mistake ${id}-help`}
        autoComplete="off"
        spellCheck={false}
        value={form.written.values[field.name] ?? ""}
        onChange={(event) => form.setValue(field.name, event.currentTarget.value)}
        onBlur={() => form.touch(place)}
        error={form.at(place) !== null}
        placeholder={standard || example}
        classNames={{ input: classes.expression ?? "" }}
      />
    </FieldRow>
  );
}
