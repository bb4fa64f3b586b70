/** Parameters of the runs that a schedule starts. */
import { Textarea } from "@mantine/core";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/PasswordInput.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Switch.css";

import fields from "../form/Form.module.css";
import { FieldRow, ParameterField } from "../form/ParameterField";
import { ParameterGroups } from "../form/ParameterGroups";
import { Section } from "../Page";
import type { ScheduleFormState } from "./useScheduleForm";

/** The part of a form that holds them. */
type ParametersForm = Pick<ScheduleFormState, "parameters" | "atParameter" | "forgiveParameter" | "touch">;

export function ParametersPart({ form }: { form: ParametersForm }) {
  const { parameters } = form;
  if (parameters.fields.length === 0 && !parameters.takesExtra) return null;
  return (
    <Section title="Parameters">
      <ParameterGroups fields={parameters.fields} schema={parameters.schema} isWrong={({ name }) => form.atParameter(name) !== null}>
        {(field) => (
          <ParameterField
            field={field}
            raw={parameters.raws[field.name] ?? ""}
            mistake={form.atParameter(field.name)}
            onChange={(raw) => {
              form.forgiveParameter(field.name);
              parameters.setRaw(field.name, raw);
            }}
            onLeave={() => form.touch(`/parameters/${field.name}`)}
          />
        )}
      </ParameterGroups>
      {parameters.takesExtra && (
        <FieldRow
          id="schedule-extra"
          label={parameters.fields.length > 0 ? "others" : "values"}
          help="Parameters that the spec does not name: one JSON object, or nothing."
          mistake={form.atParameter("")}
        >
          <Textarea
            id="schedule-extra"
            aria-describedby="schedule-extra-mistake schedule-extra-help"
            value={parameters.extra}
            onChange={(event) => {
              form.forgiveParameter("");
              parameters.setExtra(event.currentTarget.value);
            }}
            error={form.atParameter("") !== null}
            autosize
            minRows={2}
            maxRows={16}
            spellCheck={false}
            placeholder={'{"name": "value"}'}
            classNames={{ input: fields.code ?? "" }}
          />
        </FieldRow>
      )}
    </Section>
  );
}
