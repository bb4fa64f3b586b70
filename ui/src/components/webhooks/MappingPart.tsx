/** What of a body becomes which parameter. */
import { Textarea, TextInput } from "@mantine/core";

import { describeRule, textOf, type Field } from "../../lib/schema/fields";
import fields from "../form/Form.module.css";
import { FieldRow } from "../form/ParameterField";
import { Section } from "../Page";
import type { WebhookFormState } from "./useWebhookForm";
import classes from "./Webhooks.module.css";

export function MappingPart({ form }: { form: WebhookFormState }) {
  if (form.fields.length === 0 && !form.takesOthers) return null;
  return (
    <Section title="Parameters">
      <p className={classes.names}>
        Values, or what is in the body: <code>{"${body.repository.name}"}</code>, <code>{"${headers.x_github_event}"}</code>,{" "}
        <code>{"${event}"}</code>, <code>{"${id}"}</code>. What is not there keeps its default.
      </p>
      {form.fields.map((field) => (
        <ValueField key={field.name} form={form} field={field} />
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
            placeholder={'{"name": "${body.name}"}'}
            classNames={{ input: fields.code ?? "" }}
          />
        </FieldRow>
      )}
    </Section>
  );
}

function ValueField({ form, field }: { form: WebhookFormState; field: Field }) {
  const place = `/parameters/${field.name}`;
  const id = `hook-parameter-${field.name}`;
  const secret = field.kind === "secret" ? "It is secret: where it is made of the body, no body is kept." : "";
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
        placeholder={standard || "${body.…}"}
        classNames={{ input: classes.expression ?? "" }}
      />
    </FieldRow>
  );
}
