/** The form: presets, parameters, inputs, more; at its foot Start and the same for a terminal. */
import { Button, NumberInput, SegmentedControl, Switch, TagsInput, Textarea } from "@mantine/core";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/NumberInput.css";
import "@mantine/core/styles/PasswordInput.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import "@mantine/core/styles/SegmentedControl.css";
import "@mantine/core/styles/Switch.css";
import { useQuery } from "@tanstack/react-query";

import { schedulesOfQuery } from "../../api/schedules";
import type { PipelineView, RunView } from "../../api/types";
import { commandKey } from "../../lib/keys";
import { plural } from "../../lib/format";
import { Command } from "../CopyButton";
import { Section } from "../Page";
import { Banner } from "../States";
import { Icon } from "../Icon";
import { Ticked } from "../Ticked";
import { FileField } from "./FileField";
import classes from "./Form.module.css";
import { FieldRow, ParameterField } from "./ParameterField";
import { ParameterGroups } from "./ParameterGroups";
import { FormFrame } from "./FormFrame";
import foot from "./StartForm.module.css";
import { useStartForm, type Given, type StartFormState } from "./useStartForm";

interface StartFormProps {
  pipeline: PipelineView;
  from: RunView | null;
  link: Given;
}

export function StartForm({ pipeline, from, link }: StartFormProps) {
  const form = useStartForm(pipeline, from, link);
  const inputs = Object.entries(pipeline.inputs);
  const presets = Object.entries(pipeline.presets);
  return (
    <FormFrame label={from ? "Rerun" : "Start"} submit={form.submit} marked="[aria-invalid=true], [data-error]">
      <div className={foot.scroll}>
        {form.problem && form.problem.items.length === 0 && <ProblemBanner form={form} />}
        {presets.length > 0 && (
          <div className={foot.presets}>
            <span className="dim">Presets</span>
            {presets.map(([name, view]) => (
              <Button
                key={name}
                variant="default"
                size="compact-sm"
                title={view.description ?? undefined}
                onClick={() => form.usePreset(name)}
              >
                {name}
              </Button>
            ))}
          </div>
        )}
        {!from && <Entries pipeline={pipeline} form={form} />}
        {(form.fields.length > 0 || form.takesExtra) && (
          <Section title="Parameters">
            <ParameterGroups
              fields={form.fields}
              schema={pipeline.parameters}
              isWrong={({ name }) => form.mistakeAt(`/parameters/${name}`, name) !== null}
            >
              {(field) => (
                <ParameterField
                  field={field}
                  raw={form.raws[field.name] ?? ""}
                  mistake={form.mistakeAt(`/parameters/${field.name}`, field.name)}
                  onChange={(raw) => form.setRaw(field.name, raw)}
                  onLeave={() => form.touch(field.name)}
                />
              )}
            </ParameterGroups>
            {form.takesExtra && <ExtraField form={form} named={form.fields.length > 0} />}
          </Section>
        )}
        {inputs.length > 0 && (
          <Section title="Inputs">
            {inputs.map(([name, input]) => (
              <FileField
                key={name}
                name={name}
                input={input}
                files={form.files[name] ?? []}
                kept={form.kept(name)}
                mistake={form.mistakeAt(`/inputs/${name}`, name)}
                onChange={(change) => form.setFiles(name, change)}
              />
            ))}
          </Section>
        )}
        {form.fields.length === 0 && inputs.length === 0 && !form.takesExtra && (
          <p className={foot.nothing}>It takes no parameters and no files.</p>
        )}
        <More form={form} from={from} flow={pipeline.kind === "flow"} />
      </div>
      <Foot form={form} runnable={pipeline.runnable || from !== null} again={from !== null} />
    </FormFrame>
  );
}

/** Runs can be started as an entry of the spec's `schedules` would: with its parameters, limits and environment. */
function Entries({ pipeline, form }: { pipeline: PipelineView; form: StartFormState }) {
  const { data } = useQuery(schedulesOfQuery(pipeline.name));
  const entries = (data ?? []).filter(({ source }) => source === "spec");
  if (entries.length === 0) return null;
  return (
    <div className={foot.presets}>
      <span className="dim">As its schedule would</span>
      {entries.map((entry) => (
        <Button
          key={entry.id}
          variant="default"
          size="compact-sm"
          className={foot.entry ?? ""}
          aria-pressed={form.as === entry.id}
          title="With its parameters, limits, retries and environment"
          onClick={() => form.useEntry(entry)}
        >
          as {entry.id}
        </Button>
      ))}
    </div>
  );
}

function ProblemBanner({ form }: { form: StartFormState }) {
  if (!form.problem) return null;
  return (
    <Banner tone="bad">
      <p role="alert">
        <Ticked text={form.problem.message} />
      </p>
      {form.problem.cure && (
        <p className="dim">
          <Ticked text={form.problem.cure} />
        </p>
      )}
    </Banner>
  );
}

function ExtraField({ form, named }: { form: StartFormState; named: boolean }) {
  const help = named
    ? "Parameters that the spec does not name."
    : "The spec names no parameters, so any may be given. One JSON object, or nothing.";
  return (
    <FieldRow id="parameters-extra" label={named ? "others" : "values"} help={help} mistake={form.mistakeAt("/parameters", "")}>
      <Textarea
        id="parameters-extra"
        value={form.extra}
        onChange={(event) => form.setExtra(event.currentTarget.value)}
        autosize
        minRows={2}
        maxRows={16}
        spellCheck={false}
        placeholder={'{"name": "value"}'}
        classNames={{ input: classes.code ?? "" }}
      />
    </FieldRow>
  );
}

function More({ form, from, flow }: { form: StartFormState; from: RunView | null; flow: boolean }) {
  const { more, setMore } = form;
  return (
    <details className={foot.more} open={from !== null}>
      <summary>
        <Icon name="chevron" size={14} /> More
      </summary>
      {from && (
        <FieldRow id="code" label="code" help="What the run ran, or what the folder holds now.">
          <SegmentedControl
            aria-labelledby="code-label"
            id="code"
            data={[
              { value: "same", label: `The same (${from.version.slice(0, 7)})` },
              { value: "current", label: "The folder's now" },
            ]}
            value={form.code}
            onChange={(value) => form.setCode(value)}
          />
        </FieldRow>
      )}
      {flow && (
        <FieldRow
          id="no-cache"
          label="no_cache"
          title="Execute all steps"
          help="Former results of steps do not count, whatever their `cache` says."
        >
          <Switch
            id="no-cache"
            aria-describedby="no-cache-help"
            checked={more.noCache}
            onChange={(event) => setMore({ ...more, noCache: event.currentTarget.checked })}
          />
        </FieldRow>
      )}
      <FieldRow id="labels" label="labels" rule="name=value" help="To find the run by later." mistake={form.mistakeAt("/labels", "labels")}>
        <TagsInput
          id="labels"
          value={more.labels}
          onChange={(labels) => setMore({ ...more, labels })}
          placeholder={more.labels.length === 0 ? "Write one, then Enter" : ""}
          splitChars={[","]}
          onBlur={() => form.touch("labels")}
        />
      </FieldRow>
      {!from && (
        <FieldRow
          id="priority"
          label="priority"
          rule="-100 to 100, the pipeline's own unless told"
          help="Of the runs that wait, the highest starts first."
        >
          <NumberInput
            id="priority"
            value={more.priority}
            onChange={(value) => setMore({ ...more, priority: String(value) })}
            min={-100}
            max={100}
            allowDecimal={false}
            w={120}
          />
        </FieldRow>
      )}
    </details>
  );
}

function Foot({ form, runnable, again }: { form: StartFormState; runnable: boolean; again: boolean }) {
  return (
    <footer className={foot.foot}>
      <div className={foot.command}>
        <Command text={form.command} />
      </div>
      <div className={foot.send}>
        <span className={foot.count} role="status">
          {form.mistakeCount > 0 ? plural(form.mistakeCount, "mistake") : ""}
        </span>
        <Button
          type="submit"
          size="sm"
          loading={form.sending}
          disabled={!runnable}
          leftSection={<Icon name={again ? "rerun" : "play"} size={14} />}
          title={`${commandKey}Enter`}
        >
          {again ? "Rerun" : "Start"}
        </Button>
      </div>
    </footer>
  );
}
