/** Keys for boto3, `aws s3` and what else speaks S3: a window with one's own, and one to make another. */
import { Button, Checkbox } from "@mantine/core";
import "@mantine/core/styles/Checkbox.css";
import "@mantine/core/styles/InlineInput.css";
import { useState } from "react";

import { useRights } from "../../api/rights";
import { makeStorageKey, removeStorageKey, useStorageKeysChange, type StorageKeyView } from "../../api/storageKeys";
import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Confirm, FormWindow, type Question } from "../people/Confirm";
import { Once } from "../people/Once";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";

interface StorageKeysProps {
  known: readonly StorageKeyView[];
  opened: boolean;
  onClose: () => void;
}

export function StorageKeys({ known, opened, onClose }: StorageKeysProps) {
  const [making, setMaking] = useState(false);
  const close = () => {
    setMaking(false);
    onClose();
  };
  return (
    <FormWindow title={making ? "Make a storage key" : "Storage keys"} opened={opened} onClose={close} size={620} held={making}>
      {making ? <MakeKey onClose={() => setMaking(false)} /> : <Known known={known} onMake={() => setMaking(true)} />}
    </FormWindow>
  );
}

function Known({ known, onMake }: { known: readonly StorageKeyView[]; onMake: () => void }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const remove = useStorageKeysChange(removeStorageKey);
  const ask = (name: string) =>
    setQuestion({
      title: `Take the key ${name} back?`,
      text: <p>Programs that use it are refused from now on.</p>,
      action: "Take it back",
      run: async () => {
        await remove.mutateAsync(name);
        notify(`The key ${name} opens nothing any more.`);
      },
    });
  const columns: Column<StorageKeyView>[] = [
    { title: "Key", head: true, cell: ({ name }) => name },
    { title: "Rights", cell: ({ rights }) => (rights === "write" ? "reads, writes uploads/" : "reads") },
    { title: "Ends", cell: ({ until }) => (until ? <Ago at={until} /> : "never") },
    { title: "Last used", cell: ({ used_at }) => (used_at ? <Ago at={used_at} /> : <span className="dim">not yet</span>) },
    {
      title: "Take back",
      quiet: true,
      narrow: true,
      cell: ({ name }) => (
        <Button variant="default" size="compact-sm" aria-label={`Take the key ${name} back`} onClick={() => ask(name)}>
          Take back
        </Button>
      ),
    },
  ];
  return (
    <div className={people.dialog}>
      <p className="dim">
        With a key, boto3, <code>aws s3</code>, PyArrow and fsspec read this project’s uploads, datasets and what runs left.
      </p>
      {known.length > 0 && <Table label="Storage keys" columns={columns} rows={known} keyOf={({ name }) => name} />}
      <div className={people.ways}>
        <Button onClick={onMake}>Make a key</Button>
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </div>
  );
}

function MakeKey({ onClose }: { onClose: () => void }) {
  const { start } = useRights();
  const [name, setName] = useState("");
  const [write, setWrite] = useState(false);
  const [life, setLife] = useState("");
  const make = useStorageKeysChange(makeStorageKey);
  const form = useSending(() =>
    make.mutateAsync({
      name: name.trim(),
      rights: write ? "write" : "read",
      ...(life.trim() ? { expires_in: life.trim() } : {}),
    }),
  );
  if (form.result) {
    const { key, secret_access_key, endpoint, storage } = form.result;
    const lines = [
      ["AWS_ACCESS_KEY_ID", key.access_key_id],
      ["AWS_SECRET_ACCESS_KEY", secret_access_key],
      ["AWS_ENDPOINT_URL", endpoint || location.origin],
      ["AWS_REGION", "us-east-1"],
      ["RIGI_STORAGE", storage],
    ];
    return (
      <Once text={lines.map(([variable, value]) => `export ${variable}=${value}`).join("\n")} what="key" onDone={onClose}>
        <p>
          The key {key.name}, as variables for a terminal. Files are below <code>{storage}</code>.
        </p>
      </Once>
    );
  }
  return (
    <form className={people.dialog} onSubmit={form.send} aria-label="Make a storage key">
      <TextField
        label="Name"
        description="Of the program or machine that has it."
        placeholder="laptop"
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      <TextField
        label="Ends after"
        description="A time such as 30d; 90 days unless told, “none” is never."
        placeholder="90d"
        autoComplete="off"
        value={life}
        onChange={(event) => setLife(event.currentTarget.value)}
        mistake={form.at("/expires_in")}
      />
      {start && (
        <Checkbox label="It also writes, below uploads/" checked={write} onChange={(event) => setWrite(event.currentTarget.checked)} />
      )}
      <FormProblem error={form.error} beside={["/name", "/expires_in"]} />
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Make it
        </Button>
      </div>
    </form>
  );
}
