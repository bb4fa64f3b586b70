/** Of which pipeline something is made. */
import { Select } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";

import { FieldRow } from "./ParameterField";

interface PipelinePickerProps {
  /** What is made: fields of several forms have ids of their own. */
  of: string;
  names: string[];
  value: string | null;
  onChoose: (pipeline: string) => void;
}

export function PipelinePicker({ of, names, value, onChoose }: PipelinePickerProps) {
  const id = `${of}-pipeline`;
  return (
    <FieldRow id={id} label="pipeline" title="Pipeline" help="Whose runs it starts.">
      <Select
        id={id}
        data={names}
        value={value}
        onChange={(name) => name && onChoose(name)}
        searchable
        allowDeselect={false}
        limit={100}
        placeholder="Choose one"
        nothingFoundMessage="No pipeline is called so"
        w={280}
      />
    </FieldRow>
  );
}
