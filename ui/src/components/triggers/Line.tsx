/** A line of text in a trigger's form. */
import { TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";

import classes from "./Triggers.module.css";
import type { TriggerFormState } from "./useTriggerForm";

type LineName = "id" | "files" | "interval" | "settle" | "key" | "within" | "when";

interface LineProps {
  id: string;
  form: TriggerFormState;
  name: LineName;
  placeholder?: string;
  width?: number;
  code?: boolean;
}

export function Line({ id, form, name, placeholder, width, code = false }: LineProps) {
  return (
    <TextInput
      id={id}
      {...(width === undefined ? {} : { w: width })}
      autoComplete="off"
      spellCheck={false}
      placeholder={placeholder}
      aria-describedby={`${id}-mistake ${id}-help`}
      error={form.at(name) !== null}
      value={form.written[name]}
      classNames={{ input: (code && classes.expression) || "" }}
      onChange={(event) => form.set({ [name]: event.currentTarget.value })}
      onBlur={() => form.touch(name)}
    />
  );
}
