/** Fields of a rule's form: lines of text, and the hours in which nobody is told. */
import { Select, TextInput, type ComboboxItem } from "@mantine/core";
import { useMemo } from "react";

import { allZones } from "../../lib/zones";
import { FieldRow } from "../form/ParameterField";
import classes from "./Notices.module.css";
import type { RuleFormState } from "./useRuleForm";

interface LineProps {
  id: string;
  form: RuleFormState;
  name: "name" | "digest" | "quietFrom" | "quietTo" | "waitingAfter";
  placeholder?: string;
  width?: number;
  type?: string;
  label?: string;
}

export function Line({ id, form, name, placeholder, width, type = "text", label }: LineProps) {
  return (
    <TextInput
      id={id}
      type={type}
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

const plain = (text: string) => text.toLowerCase().replaceAll("_", " ");

/** What happens then is told when they are over. */
export function QuietField({ form }: { form: RuleFormState }) {
  const { zone } = form.written;
  const zones = useMemo(() => allZones(zone ? [zone] : []), [zone]);
  return (
    <FieldRow
      id="rule-quiet"
      label="quiet"
      title="Not from, to"
      help="Nobody is told in these hours. What comes then is told when they are over, and nothing is dropped."
      mistake={form.at("quietFrom")}
    >
      <div className={classes.pair}>
        <Line id="rule-quiet" form={form} name="quietFrom" type="time" width={112} />
        <span className="dim">to</span>
        <Line id="rule-quiet-to" form={form} name="quietTo" type="time" width={112} label="To" />
        <Select
          aria-label="Zone"
          data={zones}
          value={zone || null}
          onChange={(value) => form.set({ zone: value ?? "UTC" })}
          searchable
          selectFirstOptionOnChange
          allowDeselect={false}
          limit={60}
          filter={({ options, search }) => (options as ComboboxItem[]).filter(({ label }) => plain(label).includes(plain(search.trim())))}
          nothingFoundMessage="No zone is called so"
          w={144}
        />
      </div>
    </FieldRow>
  );
}
