/** Makes or changes a trigger: what it waits for, when a run starts, and what of it becomes its parameters. */
import { Button, NativeSelect, SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { schedulesOfQuery } from "../../api/schedules";
import type { PipelineTriggerView, PipelineView } from "../../api/types";
import { plural } from "../../lib/format";
import { commandKey } from "../../lib/keys";
import { KINDS, kindOf, type TriggerKind } from "../../lib/triggers";
import { Command } from "../CopyButton";
import { FormProblem } from "../form/Fields";
import { FormFrame } from "../form/FormFrame";
import { FieldRow } from "../form/ParameterField";
import foot from "../form/StartForm.module.css";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { MappingPart } from "../webhooks/MappingPart";
import { AfterFields, FilesFields, SensorField } from "./KindFields";
import { Line } from "./Line";
import { useTriggerForm, type TriggerFormState } from "./useTriggerForm";

interface TriggerFormProps {
  pipeline: PipelineView;
  /** The one that is changed. */
  from: PipelineTriggerView | null;
  onSet: (trigger: PipelineTriggerView) => void;
}

export function TriggerForm({ pipeline, from, onSet }: TriggerFormProps) {
  const form = useTriggerForm(pipeline, from, onSet);
  const kind = kindOf(form.written.kind);
  return (
    <FormFrame label={from ? "Change" : "Make a trigger"} submit={form.submit} autoComplete="off">
      <div className={foot.scroll} tabIndex={0} role="region" aria-label="Fields">
        {form.problem && (
          <div className={people.head}>
            <FormProblem error={form.problem} />
          </div>
        )}
        <Section title="What it waits for">
          {!from && (
            <FieldRow id="trigger-id" label="id" title="Name" help="Such as `inbox`." mistake={form.at("id")}>
              <Line id="trigger-id" form={form} name="id" width={280} />
            </FieldRow>
          )}
          <KindField form={form} />
          {kind.value === "files" && <FilesFields form={form} pipeline={pipeline} />}
          {kind.value === "sensor" && <SensorField form={form} pipeline={pipeline.name} />}
          {kind.value === "after" && <AfterFields form={form} pipeline={pipeline.name} />}
        </Section>
        <WhenPart form={form} pipeline={pipeline} />
        <MappingPart form={form} example={kind.parameter}>
          <NamesOf kind={kind.value} batch={form.written.each === "batch"} /> What is not there keeps its default.
        </MappingPart>
      </div>
      <footer className={foot.foot}>
        <div className={foot.command}>{form.command && <Command text={form.command} />}</div>
        <div className={foot.send}>
          <span className={foot.count} role="status">
            {form.mistakes > 0 ? plural(form.mistakes, "mistake") : ""}
          </span>
          {from && (
            <Button
              variant="default"
              size="sm"
              renderRoot={(props) => <Link to="/triggers/$pipeline/$id" params={{ pipeline: from.pipeline, id: from.id }} {...props} />}
            >
              Leave it
            </Button>
          )}
          <Button type="submit" size="sm" loading={form.sending} title={`${commandKey}Enter`}>
            {from ? "Change" : "Make it"}
          </Button>
        </div>
      </footer>
    </FormFrame>
  );
}

function KindField({ form }: { form: TriggerFormState }) {
  return (
    <FieldRow id="trigger-kind" label="waits for" title="Waits for">
      <SegmentedControl
        id="trigger-kind"
        aria-labelledby="trigger-kind-label"
        data={KINDS.map(({ value, name }) => ({ value, label: name }))}
        value={form.written.kind}
        onChange={(value) => form.set({ kind: value })}
      />
    </FieldRow>
  );
}

/** What an expression may name, by what is waited for. */
function NamesOf({ kind, batch }: { kind: TriggerKind; batch: boolean }) {
  if (kind === "sensor") {
    return (
      <>
        Values, or what the line says: <code>{"${event.total}"}</code>, <code>{"${event.text}"}</code> of one that is no JSON,{" "}
        <code>{"${id}"}</code>.
      </>
    );
  }
  if (kind === "after") {
    return (
      <>
        Values, or what is known of the runs: <code>{"${runs.extract.outputs.rows}"}</code>, <code>{"${run.due}"}</code> of the last,{" "}
        <code>{"${key}"}</code>.
      </>
    );
  }
  return batch ? (
    <>
      Values, or what is known of the files: <code>{"${files[0].name}"}</code>, <code>{"${files}"}</code>, <code>{"${id}"}</code>.
    </>
  ) : (
    <>
      Values, or what is known of the file: <code>{"${file.path}"}</code>, <code>{"${file.name}"}</code>, <code>{"${file.size}"}</code>,{" "}
      <code>{"${file.modified}"}</code>.
    </>
  );
}

function WhenPart({ form, pipeline }: { form: TriggerFormState; pipeline: PipelineView }) {
  const { data } = useQuery(schedulesOfQuery(pipeline.name));
  const entries = (data ?? []).filter(({ source }) => source === "spec").map(({ id }) => id);
  const { kind, each, schedule } = form.written;
  const known = schedule === "" || entries.includes(schedule) ? entries : [...entries, schedule];
  const names = kindOf(kind).names.map((name) => (name === "file" && each === "batch" ? "files" : name));
  const example = kind === "files" && each === "batch" ? "files[0].size > 0" : kindOf(kind).when;
  return (
    <Section title="When">
      <FieldRow
        id="trigger-when"
        label="when"
        title="Only when"
        help={`Other events are ignored. It knows ${names.map((name) => `\`${name}\``).join(", ")}.`}
        mistake={form.at("when")}
      >
        <Line id="trigger-when" form={form} name="when" placeholder={`for example ${example}`} code />
      </FieldRow>
      {known.length > 0 && (
        <FieldRow
          id="trigger-schedule"
          label="schedule"
          title="As"
          help="Runs have the limits, retries, environment and parameters of this entry of the spec's `schedules`."
          mistake={form.at("schedule")}
        >
          <NativeSelect
            id="trigger-schedule"
            size="xs"
            aria-describedby="trigger-schedule-mistake trigger-schedule-help"
            data={[{ value: "", label: "the pipeline says" }, ...known]}
            value={schedule}
            onChange={(event) => form.set({ schedule: event.currentTarget.value })}
            w={240}
          />
        </FieldRow>
      )}
    </Section>
  );
}
