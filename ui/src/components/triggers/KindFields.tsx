/** Fields of a trigger's form that one kind alone has. */
import { MultiSelect, NativeSelect, SegmentedControl, Select } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useQuery } from "@tanstack/react-query";

import { pipelinesQuery } from "../../api/queries";
import type { PipelineView } from "../../api/types";
import { UNTOLD } from "../../lib/triggerForm";
import { FieldRow } from "../form/ParameterField";
import { Line } from "./Line";
import type { TriggerFormState } from "./useTriggerForm";

export function FilesFields({ form, pipeline }: { form: TriggerFormState; pipeline: PipelineView }) {
  const { written } = form;
  const inputs = Object.keys(pipeline.inputs);
  const known = written.input === "" || inputs.includes(written.input) ? inputs : [...inputs, written.input];
  return (
    <>
      <FieldRow
        id="trigger-files"
        label="files"
        title="Files"
        help="An absolute pattern of the server's machine, or `storage:` and one below the storage: `/data/in/*.csv`, `storage:incoming/**/*.json`."
        mistake={form.at("files")}
      >
        <Line id="trigger-files" form={form} name="files" placeholder="for example /data/in/*.csv" code />
      </FieldRow>
      {known.length > 0 && (
        <FieldRow
          id="trigger-input"
          label="input"
          title="Given as"
          help="The input that is given what is in them. Without one a run knows them by its parameters."
          mistake={form.at("input")}
        >
          <NativeSelect
            id="trigger-input"
            size="xs"
            aria-describedby="trigger-input-mistake trigger-input-help"
            error={form.at("input") !== null}
            data={[{ value: "", label: "no input" }, ...known]}
            value={written.input}
            onChange={(event) => form.set({ input: event.currentTarget.value })}
            w={240}
          />
        </FieldRow>
      )}
      <FieldRow id="trigger-each" label="each" title="A run" help="Of several that come together." mistake={form.at("each")}>
        <SegmentedControl
          id="trigger-each"
          aria-labelledby="trigger-each-label"
          data={[
            { value: "file", label: "For each file" },
            { value: "batch", label: "For all together" },
          ]}
          value={written.each}
          onChange={(each) => form.set({ each })}
        />
      </FieldRow>
      <FieldRow
        id="trigger-existing"
        label="existing"
        title="Those that are there"
        help="When it looks for the first time."
        mistake={form.at("existing")}
      >
        <SegmentedControl
          id="trigger-existing"
          aria-labelledby="trigger-existing-label"
          data={[
            { value: "skip", label: "Count as seen" },
            { value: "start", label: "Start runs" },
          ]}
          value={written.existing}
          onChange={(existing) => form.set({ existing })}
        />
      </FieldRow>
      <FieldRow
        id="trigger-interval"
        label="interval"
        title="Looks every"
        help="A folder of this machine is looked at as soon as it changes, too."
        mistake={form.at("interval")}
      >
        <Line id="trigger-interval" form={form} name="interval" placeholder={UNTOLD.interval} width={120} />
      </FieldRow>
      <FieldRow
        id="trigger-settle"
        label="settle"
        title="Unchanged for"
        help="A file counts when it has not changed for so long: until then somebody may be writing it."
        mistake={form.at("settle")}
      >
        <Line id="trigger-settle" form={form} name="settle" placeholder={UNTOLD.settle} width={120} />
      </FieldRow>
    </>
  );
}

/** The pipelines that can be waited for. */
function useOthers(own: string, chosen: readonly string[]): string[] {
  const { data } = useQuery(pipelinesQuery);
  const names = (data ?? []).map(({ name }) => name).filter((name) => name !== own);
  return [...names, ...chosen.filter((name) => name !== "" && !names.includes(name))];
}

export function SensorField({ form, pipeline }: { form: TriggerFormState; pipeline: string }) {
  const names = useOthers(pipeline, [form.written.sensor]);
  return (
    <FieldRow
      id="trigger-sensor"
      label="sensor"
      title="Sensor"
      help={
        "A pipeline that looks, such as one on a schedule. Each line that its runs say on standard output is an event: a text, or JSON that may have an `id`. " +
        '`{"cursor": …}` alone is where its next run goes on: `RIGI_CURSOR`.'
      }
      mistake={form.at("sensor")}
    >
      <Select
        id="trigger-sensor"
        aria-describedby="trigger-sensor-mistake trigger-sensor-help"
        data={names}
        value={form.written.sensor || null}
        onChange={(sensor) => form.set({ sensor: sensor ?? "" })}
        onBlur={() => form.touch("sensor")}
        error={form.at("sensor") !== null}
        searchable
        allowDeselect={false}
        limit={100}
        placeholder="Choose a pipeline"
        nothingFoundMessage="No other pipeline is called so"
        w={280}
      />
    </FieldRow>
  );
}

export function AfterFields({ form, pipeline }: { form: TriggerFormState; pipeline: string }) {
  const names = useOthers(pipeline, form.written.after);
  return (
    <>
      <FieldRow
        id="trigger-after"
        label="after"
        title="Pipelines"
        help="A run starts when all of them have had a run that ended. Each end counts once."
        mistake={form.at("after")}
      >
        <MultiSelect
          id="trigger-after"
          aria-describedby="trigger-after-mistake trigger-after-help"
          data={names}
          value={form.written.after}
          onChange={(after) => form.set({ after })}
          onBlur={() => form.touch("after")}
          error={form.at("after") !== null}
          searchable
          maxValues={50}
          limit={100}
          placeholder={form.written.after.length === 0 ? "Choose them" : ""}
          nothingFoundMessage="No other pipeline is called so"
        />
      </FieldRow>
      <FieldRow id="trigger-on" label="on" title="Which ends" mistake={form.at("on")}>
        <SegmentedControl
          id="trigger-on"
          aria-labelledby="trigger-on-label"
          data={[
            { value: "success", label: "Successes" },
            { value: "failure", label: "Failures" },
            { value: "end", label: "Both" },
          ]}
          value={form.written.on}
          onChange={(on) => form.set({ on })}
        />
      </FieldRow>
      <FieldRow
        id="trigger-key"
        label="key"
        title="Belong together by"
        help="Runs for which this is the same: `${run.due}`, `${params.day}`. Left empty, all do."
        mistake={form.at("key")}
      >
        <Line id="trigger-key" form={form} name="key" placeholder="for example ${run.due}" code />
      </FieldRow>
      <FieldRow
        id="trigger-within"
        label="within"
        title="An end counts for"
        help="Such as `24h`. Left empty, until the others have ended."
        mistake={form.at("within")}
      >
        <Line id="trigger-within" form={form} name="within" placeholder="for ever" width={120} />
      </FieldRow>
    </>
  );
}
