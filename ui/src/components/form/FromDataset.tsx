/** An input from a dataset: which, which version, and which part of it. */
import { Button, Select } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { datasetQuery, datasetsQuery, versionsQuery } from "../../api/datasets";
import { referenceTo } from "../../lib/dataset";
import data from "../data/Data.module.css";
import { FormWindow } from "../people/Confirm";
import people from "../people/People.module.css";
import { ChoiceField, TextField } from "./Fields";

export function FromDataset({ input, onChosen }: { input: string; onChosen: (reference: string) => void }) {
  const [opened, setOpened] = useState(false);
  return (
    <div className={data.from}>
      <button type="button" className={data.plain} aria-label={`From a dataset, for ${input}`} onClick={() => setOpened(true)}>
        From a dataset
      </button>
      <FormWindow title={`A dataset for ${input}`} opened={opened} onClose={() => setOpened(false)}>
        <Chooser
          onChosen={(reference) => {
            onChosen(reference);
            setOpened(false);
          }}
        />
      </FormWindow>
    </div>
  );
}

function Chooser({ onChosen }: { onChosen: (reference: string) => void }) {
  const [search, setSearch] = useState("");
  const [name, setName] = useState<string | null>(null);
  const [version, setVersion] = useState("latest");
  const [path, setPath] = useState("");
  const list = useInfiniteQuery({
    ...datasetsQuery(search === name ? "" : search.trim().toLowerCase(), 50),
    placeholderData: keepPreviousData,
  });
  const dataset = useQuery({ ...datasetQuery(name ?? ""), enabled: name !== null });
  const versions = useInfiniteQuery({ ...versionsQuery(name ?? ""), enabled: name !== null });
  const found = list.data?.pages[0]?.items.map((one) => one.name) ?? [];
  const numbers = versions.data?.pages[0]?.items.map((one) => one.version) ?? [];
  return (
    <div className={people.dialog}>
      <Select
        label="Dataset"
        placeholder="Its name, or how it begins"
        data-autofocus
        searchable
        data={name !== null && !found.includes(name) ? [name, ...found] : found}
        nothingFoundMessage={list.data ? "There is none" : "Looking…"}
        value={name}
        searchValue={search}
        onSearchChange={setSearch}
        onChange={(next) => {
          setName(next);
          setVersion("latest");
        }}
        comboboxProps={{ withinPortal: true }}
      />
      <ChoiceField
        label="Version"
        disabled={name === null}
        value={version}
        onChange={(event) => setVersion(event.currentTarget.value)}
        data={[
          { value: "latest", label: "the newest" },
          ...Object.entries(dataset.data?.tags ?? {}).map(([tag, number]) => ({ value: tag, label: `${tag} (version ${number})` })),
          ...numbers.map((number) => ({ value: String(number), label: `version ${number}` })),
        ]}
      />
      <TextField
        label="Part of it"
        description="A folder or a file; all of it unless told."
        placeholder="2024/may.csv"
        autoComplete="off"
        spellCheck={false}
        value={path}
        onChange={(event) => setPath(event.currentTarget.value)}
      />
      <div className={people.ways}>
        <Button disabled={name === null} onClick={() => name !== null && onChosen(referenceTo(name, version, path.trim()))}>
          Take it
        </Button>
      </div>
    </div>
  );
}
