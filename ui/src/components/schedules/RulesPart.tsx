/** What a schedule does about what overlaps, what is late, and what fails. */
import { NativeSelect } from "@mantine/core";

import type { Written } from "../../lib/scheduleForm";
import { FieldRow } from "../form/ParameterField";
import { Section } from "../Page";
import { Line } from "./FormFields";
import classes from "./Schedules.module.css";
import type { ScheduleFormState } from "./useScheduleForm";

const OVERLAPS = [
  { value: "queue", label: "the next one waits, one at most" },
  { value: "skip", label: "the next one is skipped" },
  { value: "replace", label: "it is stopped, and the next one starts" },
  { value: "allow", label: "both run" },
];
const CATCH_UPS = [
  { value: "latest", label: "the newest is made up for" },
  { value: "all", label: "so many are made up for" },
  { value: "skip", label: "nothing is made up for" },
];

export function RulesPart({ form }: { form: ScheduleFormState }) {
  return (
    <Section title="Rules">
      <FieldRow id="schedule-overlap" label="overlap" title="Overlap" help="While a run of it has not ended." mistake={form.at("overlap")}>
        <Choice id="schedule-overlap" form={form} name="overlap" data={OVERLAPS} />
      </FieldRow>
      <FieldRow
        id="schedule-catch-up"
        label="catch_up"
        title="Catch up"
        help="Of what was due while nothing could start: the server was down, or the schedule paused."
        mistake={form.at("catchUp")}
      >
        <div className={classes.pair}>
          <Choice id="schedule-catch-up" form={form} name="catchUp" data={CATCH_UPS} />
          {form.written.catchUp === "all" && (
            <Line id="schedule-catch-up-most" form={form} name="catchUpMost" width={88} label="How many at most" />
          )}
        </div>
      </FieldRow>
      <FieldRow
        id="schedule-within"
        label="start_within"
        title="Start within"
        help="What cannot start within this time is missed."
        mistake={form.at("startWithin")}
      >
        <Line id="schedule-within" form={form} name="startWithin" placeholder="any time" width={240} />
      </FieldRow>
      <FieldRow
        id="schedule-jitter"
        label="jitter"
        title="Jitter"
        help="Each starts at a moment of its own within this time, so that not all start at once."
        mistake={form.at("jitter")}
      >
        <Line id="schedule-jitter" form={form} name="jitter" placeholder="none" width={240} />
      </FieldRow>
      <FieldRow
        id="schedule-stop"
        label="stop_after"
        title="Stop after"
        help="After so many runs in a row that failed it is paused."
        mistake={form.at("stopAfter")}
      >
        <Line id="schedule-stop" form={form} name="stopAfter" placeholder="never" width={240} />
      </FieldRow>
    </Section>
  );
}

interface ChoiceProps {
  id: string;
  form: ScheduleFormState;
  name: keyof Written;
  data: { value: string; label: string }[];
}

function Choice({ id, form, name, data }: ChoiceProps) {
  return (
    <NativeSelect
      id={id}
      size="xs"
      aria-describedby={`${id}-mistake ${id}-help`}
      data={data}
      value={form.written[name]}
      onChange={(event) => form.set({ [name]: event.currentTarget.value })}
      w={320}
    />
  );
}
