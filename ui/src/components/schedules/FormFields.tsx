/** Fields of a schedule's form: lines of text, and when it is due. */
import { SegmentedControl, Select, TextInput, type ComboboxItem } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useMemo } from "react";

import { cronWords } from "../../lib/cron";
import type { Kind, Written } from "../../lib/scheduleForm";
import { allZones } from "../../lib/zones";
import { FieldRow } from "../form/ParameterField";
import type { ScheduleFormState } from "./useScheduleForm";

interface LineProps {
  id: string;
  form: ScheduleFormState;
  name: keyof Written;
  placeholder?: string;
  type?: string;
  width?: number;
  label?: string;
}

export function Line({ id, form, name, placeholder, type = "text", width, label }: LineProps) {
  return (
    <TextInput
      id={id}
      type={type}
      {...(type === "datetime-local" ? { step: 1 } : {})}
      {...(width === undefined ? {} : { w: width })}
      {...(label === undefined ? {} : { "aria-label": label })}
      autoComplete="off"
      spellCheck={false}
      placeholder={placeholder}
      aria-describedby={`${id}-mistake ${id}-help`}
      error={form.at(name) !== null}
      value={form.written[name]}
      onChange={(event) => form.set({ [name]: event.currentTarget.value })}
      onBlur={() => form.touch(name)}
    />
  );
}

const KINDS: { value: Kind; label: string }[] = [
  { value: "cron", label: "By the calendar" },
  { value: "interval", label: "At intervals" },
  { value: "once", label: "Once" },
];

export function WhenFields({ form }: { form: ScheduleFormState }) {
  const { kind } = form.written;
  return (
    <>
      <FieldRow id="schedule-kind" label="due" title="Due">
        <SegmentedControl
          id="schedule-kind"
          aria-labelledby="schedule-kind-label"
          data={KINDS}
          value={kind}
          onChange={(value) => form.set({ kind: value })}
        />
      </FieldRow>
      {kind === "cron" && <CronField form={form} />}
      {kind === "interval" && (
        <FieldRow
          id="schedule-interval"
          label="interval"
          title="Every"
          help="Between two starts: `15m`, `1h 30m`, `2d`."
          mistake={form.at("interval")}
        >
          <Line id="schedule-interval" form={form} name="interval" placeholder="for example 15m" width={240} />
        </FieldRow>
      )}
      {kind === "once" && (
        <FieldRow id="schedule-once" label="once_at" title="At" help="By the clock of the zone." mistake={form.at("once")}>
          <Line id="schedule-once" form={form} name="once" type="datetime-local" width={240} />
        </FieldRow>
      )}
      {kind !== "interval" && <ZoneField form={form} />}
    </>
  );
}

function CronField({ form }: { form: ScheduleFormState }) {
  const words = cronWords(form.written.cron);
  return (
    <FieldRow
      id="schedule-cron"
      label="cron"
      title="Cron"
      help="Minute, hour, day of month, month, day of week: `0 6 * * *` is every day at 6:00, `*/15 * * * *` every quarter of an hour, `0 8 * * MON-FRI` on working days, `0 3 L * *` on the last day of each month."
      rule={words ? `This is ${words}.` : ""}
      mistake={form.at("cron")}
    >
      <Line id="schedule-cron" form={form} name="cron" placeholder="for example 0 6 * * *" width={240} />
    </FieldRow>
  );
}

const plain = (text: string) => text.toLowerCase().replaceAll("_", " ");

function ZoneField({ form }: { form: ScheduleFormState }) {
  const { timezone } = form.written;
  const zones = useMemo(() => allZones(timezone ? [timezone] : []), [timezone]);
  return (
    <FieldRow
      id="schedule-zone"
      label="timezone"
      title="Zone"
      help="By its clock it is due. Where that is changed, each time comes once."
      mistake={form.at("timezone")}
    >
      <Select
        id="schedule-zone"
        aria-describedby="schedule-zone-mistake schedule-zone-help"
        data={zones}
        value={timezone || null}
        onChange={(value) => form.set({ timezone: value ?? "" })}
        onBlur={() => form.touch("timezone")}
        error={form.at("timezone") !== null}
        searchable
        selectFirstOptionOnChange
        allowDeselect={false}
        limit={60}
        filter={({ options, search }) => (options as ComboboxItem[]).filter(({ label }) => plain(label).includes(plain(search.trim())))}
        nothingFoundMessage="No zone is called so"
        placeholder="A city, or UTC"
        w={280}
      />
    </FieldRow>
  );
}
