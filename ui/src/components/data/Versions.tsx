/** The versions of a dataset: how each came to be, the tags that lead to it, and what can be done with it. */
import { Button, Menu } from "@mantine/core";
import "@mantine/core/styles/Menu.css";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { removeVersion } from "../../api/datasets";
import { keys } from "../../api/keys";
import { useRights } from "../../api/rights";
import type { DatasetVersionView, DatasetView } from "../../api/types";
import { tagsOf } from "../../lib/dataset";
import { bytes, count } from "../../lib/format";
import { notify } from "../../lib/notices";
import { byWord } from "../../lib/people";
import { shortId } from "../../lib/runText";
import { Confirm, FormWindow, type Question } from "../people/Confirm";
import { RowMenu } from "../people/RowMenu";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";
import classes from "./Data.module.css";
import { TagForm } from "./TagForm";

interface VersionsProps {
  dataset: DatasetView;
  versions: readonly DatasetVersionView[];
  more: (() => void) | null;
}

export function Versions({ dataset, versions, more }: VersionsProps) {
  const { start, edit, archived } = useRights();
  const [question, setQuestion] = useState<Question | null>(null);
  const [tagged, setTagged] = useState<number | null>(null);
  const cache = useQueryClient();
  const { name } = dataset;
  const ask = (one: DatasetVersionView) =>
    setQuestion({
      title: `Remove ${name}@${one.version}?`,
      text: <Freed dataset={dataset} one={one} />,
      action: "Remove it",
      run: async () => {
        await removeVersion(name, one.version);
        notify(`${name}@${one.version} is removed.`);
        void cache.invalidateQueries({ queryKey: keys.datasets });
      },
    });
  const removes = edit && !archived && !dataset.protected;
  const ways: Column<DatasetVersionView> = {
    title: "More",
    quiet: true,
    narrow: true,
    cell: (one) => (
      <RowMenu of={`version ${one.version}`}>
        {start && <Menu.Item onClick={() => setTagged(one.version)}>Tag</Menu.Item>}
        {removes && (
          <Menu.Item className="tone-bad" onClick={() => ask(one)}>
            Remove
          </Menu.Item>
        )}
      </RowMenu>
    ),
  };
  return (
    <>
      <Table
        label="Versions"
        columns={start || removes ? [...columnsOf(dataset), ways] : columnsOf(dataset)}
        rows={versions}
        keyOf={({ version }) => String(version)}
      />
      {more && (
        <div className={classes.more}>
          <Button variant="default" onClick={more}>
            Show older
          </Button>
        </div>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <FormWindow title={`Tag ${name}@${tagged ?? ""}`} opened={tagged !== null} onClose={() => setTagged(null)}>
        <TagForm dataset={dataset} version={tagged ?? 0} onDone={() => setTagged(null)} />
      </FormWindow>
    </>
  );
}

function columnsOf(dataset: DatasetView): Column<DatasetVersionView>[] {
  return [
    {
      title: "Version",
      head: true,
      cell: ({ version, note }) => (
        <>
          <span className={classes.labels}>
            <Link to="/data/$" params={{ _splat: dataset.name }} search={{ version: String(version) }} className={classes.name}>
              {version}
            </Link>
            {tagsOf(dataset, version).map((tag) => (
              <span key={tag} className={classes.tag} data-plain>
                {tag}
              </span>
            ))}
          </span>
          {note && <span className={classes.below}>{note}</span>}
        </>
      ),
    },
    { title: "From", cell: (one) => <From one={one} /> },
    { title: "Made", narrow: true, cell: ({ made_at }) => <Ago at={made_at} /> },
    { title: "Files", narrow: true, wide: true, cell: ({ files }) => <span className={classes.number}>{count(files)}</span> },
    { title: "Size", narrow: true, cell: ({ bytes: size }) => <span className={classes.number}>{bytes(size)}</span> },
  ];
}

/** Who or what made it. */
function From({ one }: { one: DatasetVersionView }) {
  if (one.run) {
    return (
      <>
        <code>{one.output}</code> of run{" "}
        <Link to="/runs/$id" params={{ id: one.run }} className="link mono">
          {shortId(one.run)}
        </Link>
      </>
    );
  }
  return (
    <>
      {one.made_from === "change" ? "a change" : "an upload"} by {byWord(one.made_by)}
    </>
  );
}

function Freed({ dataset, one }: { dataset: DatasetView; one: DatasetVersionView }) {
  const tags = tagsOf(dataset, one.version);
  return (
    <>
      {tags.length > 0 && <p>The {tags.length === 1 ? `tag ${tags[0] ?? ""} goes` : `tags ${tags.join(", ")} go`} with it.</p>}
      <p>
        At most {bytes(one.bytes)} are freed, at the next collection: contents that another version, dataset or run has too stay. Its number
        is not given again.
      </p>
    </>
  );
}
