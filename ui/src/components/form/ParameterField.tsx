/** One field of a form, of the kind that its schema asks for, with its help beside it. */
import { MultiSelect, PasswordInput, SegmentedControl, Select, Switch, TagsInput, Textarea, TextInput } from "@mantine/core";
import type { ReactNode } from "react";

import { describeRule, textOf, type Field, type Schema } from "../../lib/schema/fields";
import { stepped, type Raw } from "../../lib/schema/values";
import { Markdown } from "../Markdown";
import { Ticked } from "../Ticked";
import classes from "./Form.module.css";

interface ParameterFieldProps {
  field: Field;
  raw: Raw;
  mistake: string | null;
  onChange: (raw: Raw) => void;
  onLeave: () => void;
}

export function ParameterField({ field, raw, mistake, onChange, onLeave }: ParameterFieldProps) {
  const id = `parameter-${field.name}`;
  return (
    <FieldRow
      id={id}
      label={field.name}
      title={field.title}
      required={field.required}
      rule={describeRule(field)}
      help={field.help}
      mistake={mistake}
    >
      <Control id={id} field={field} raw={raw} mistake={mistake} onChange={onChange} onLeave={onLeave} />
    </FieldRow>
  );
}

interface FieldRowProps {
  id: string;
  label: string;
  title?: string;
  required?: boolean;
  rule?: string;
  help?: string;
  mistake?: string | null;
  children: ReactNode;
}

/** A label, what it labels, and help at its side. */
export function FieldRow({ id, label, title, required = false, rule, help, mistake, children }: FieldRowProps) {
  return (
    <div className={classes.row}>
      <div className={classes.field}>
        <div className={classes.label}>
          <label htmlFor={id} id={`${id}-label`}>
            {title || label}
          </label>
          {title && title.toLowerCase() !== label.toLowerCase() && <code className="dim">{label}</code>}
          {required && <span className={classes.required}>required</span>}
        </div>
        {children}
        <p id={`${id}-mistake`} className={classes.mistake} aria-live="polite">
          {mistake && <Ticked text={`\`${label}\` ${mistake}`} />}
        </p>
      </div>
      <div className={classes.help} id={`${id}-help`}>
        {help && <Markdown text={help} />}
        {rule && <p className="dim">{rule}</p>}
      </div>
    </div>
  );
}

interface ControlProps extends ParameterFieldProps {
  id: string;
}

function Control({ id, field, raw, mistake, onChange, onLeave }: ControlProps) {
  const shared = { id, error: mistake !== null, onBlur: onLeave, "aria-describedby": `${id}-mistake ${id}-help` };
  const text = typeof raw === "string" ? raw : "";
  const onText = (event: React.ChangeEvent<HTMLInputElement | HTMLTextAreaElement>) => onChange(event.currentTarget.value);
  const example = field.schema.examples?.[0];
  const placeholder = example === undefined ? undefined : `for example ${textOf(example)}`;
  switch (field.kind) {
    case "boolean":
      return <Switch {...shared} checked={raw === true} onChange={(event) => onChange(event.currentTarget.checked)} />;
    case "choice":
      return <ChoiceControl id={id} field={field} raw={text} mistake={mistake} onChange={onChange} onLeave={onLeave} />;
    case "integer":
    case "number":
      return (
        // A field of text: those for numbers take letters away and round what is large.
        <TextInput
          {...shared}
          value={text}
          onChange={onText}
          onKeyDown={(event) => {
            const next = event.key === "ArrowUp" ? stepped(text, 1, field) : event.key === "ArrowDown" ? stepped(text, -1, field) : null;
            if (next === null) return;
            event.preventDefault();
            onChange(next);
          }}
          autoComplete="off"
          placeholder={placeholder ?? (field.schema.default === undefined ? undefined : textOf(field.schema.default))}
          w={240}
        />
      );
    case "secret":
      return <PasswordInput {...shared} value={text} onChange={onText} autoComplete="new-password" />;
    case "longtext":
      return <Textarea {...shared} value={text} onChange={onText} autosize minRows={3} maxRows={14} />;
    case "json":
      return (
        <Textarea
          {...shared}
          value={text}
          onChange={onText}
          autosize
          minRows={2}
          maxRows={16}
          spellCheck={false}
          classNames={{ input: classes.code ?? "" }}
          placeholder={placeholder ?? jsonHint(field.schema)}
        />
      );
    case "list":
      return <ListControl id={id} field={field} raw={raw} mistake={mistake} onChange={onChange} onLeave={onLeave} />;
    case "date":
    case "time":
      return (
        <TextInput {...shared} type={field.kind} step={field.kind === "time" ? 1 : undefined} value={text} onChange={onText} w={200} />
      );
    case "datetime":
      return <TextInput {...shared} type="datetime-local" step={1} value={text} onChange={onText} w={240} />;
    default:
      return (
        <TextInput
          {...shared}
          value={text}
          onChange={onText}
          placeholder={placeholder}
          type={field.schema.format === "email" ? "email" : "text"}
        />
      );
  }
}

function ChoiceControl({ id, field, raw, mistake, onChange, onLeave }: ControlProps & { raw: string }) {
  const data = field.choices.map((choice, index) => ({ value: String(index), label: choice.label }));
  const short = data.length <= 4 && data.reduce((sum, { label }) => sum + label.length, 0) < 36 && raw !== "";
  if (short) {
    return <SegmentedControl id={id} aria-labelledby={`${id}-label`} data={data} value={raw} onChange={onChange} onBlur={onLeave} />;
  }
  return (
    <Select
      id={id}
      aria-describedby={`${id}-mistake ${id}-help`}
      data={data}
      value={raw || null}
      onChange={(value) => onChange(value ?? "")}
      onBlur={onLeave}
      error={mistake !== null}
      searchable={data.length > 8}
      limit={200}
      clearable={!field.required && field.schema.default === undefined}
      allowDeselect={false}
      placeholder="Choose one"
    />
  );
}

function ListControl({ id, field, raw, mistake, onChange, onLeave }: ControlProps) {
  const values = Array.isArray(raw) ? raw : [];
  const options = (field.schema.items as Schema).enum;
  const shared = {
    id,
    "aria-describedby": `${id}-mistake ${id}-help`,
    value: values,
    onChange,
    onBlur: onLeave,
    error: mistake !== null,
    clearable: true,
  };
  // A tool may offer thousands: they are searched, and not all drawn.
  if (options) return <MultiSelect {...shared} data={options.map(textOf)} searchable={options.length > 8} limit={200} />;
  return (
    <TagsInput
      {...shared}
      placeholder={values.length === 0 ? "Write one, then Enter" : ""}
      splitChars={[",", ";"]}
      allowDuplicates={!field.schema.uniqueItems}
    />
  );
}

function jsonHint(schema: Schema): string {
  return schema.type === "array" ? "[…]" : schema.type === "object" ? "{…}" : "";
}
