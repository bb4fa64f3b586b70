/** What a dataset is for, and the labels that it is found by. */
import { Button, TagsInput, Textarea } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Pill.css";
import "@mantine/core/styles/PillsInput.css";
import "@mantine/core/styles/Popover.css";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { changeDataset } from "../../api/datasets";
import { keys } from "../../api/keys";
import type { DatasetView } from "../../api/types";
import { FormProblem, useSending } from "../form/Fields";
import people from "../people/People.module.css";

export function DescribeForm({ dataset, onDone }: { dataset: DatasetView; onDone: () => void }) {
  const [description, setDescription] = useState(dataset.description ?? "");
  const [labels, setLabels] = useState(Object.entries(dataset.labels).map(([key, value]) => `${key}=${value}`));
  const cache = useQueryClient();
  const form = useSending(
    () => changeDataset(dataset.name, { description, labels: Object.fromEntries(labels.map(parted)) }),
    () => {
      void cache.invalidateQueries({ queryKey: keys.datasets });
      onDone();
    },
  );
  const bad = labels.find((label) => !/^[^=]+=/.test(label));
  return (
    <form className={people.dialog} onSubmit={form.send}>
      <Textarea
        label="Description"
        data-autofocus
        autosize
        minRows={3}
        maxRows={12}
        maxLength={2000}
        value={description}
        onChange={(event) => setDescription(event.currentTarget.value)}
      />
      <TagsInput
        label="Labels"
        placeholder={labels.length === 0 ? "name=value, then Enter" : ""}
        value={labels}
        onChange={setLabels}
        splitChars={[","]}
        error={bad ? `Write it as name=value: ${bad}` : undefined}
      />
      <FormProblem error={form.error} />
      <div className={people.ways}>
        <Button variant="default" onClick={onDone}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending} disabled={bad !== undefined}>
          Say so
        </Button>
      </div>
    </form>
  );
}

function parted(label: string): [string, string] {
  const at = label.indexOf("=");
  return [label.slice(0, at), label.slice(at + 1)];
}
