/** Datasets in columns: which, how large the newest version is, when something changed. */
import { Link } from "@tanstack/react-router";

import type { DatasetView } from "../../api/types";
import { bytes, count } from "../../lib/format";
import { plainLine } from "../../lib/plainLine";
import { Icon } from "../Icon";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";
import classes from "./Data.module.css";

const COLUMNS: Column<DatasetView>[] = [
  {
    title: "Dataset",
    head: true,
    cell: ({ name, description, protected: kept }) => (
      <>
        <span className={classes.named}>
          <Link to="/data/$" params={{ _splat: name }} className={classes.name}>
            {name}
          </Link>
          {kept && (
            <span title="Protected: nothing of it is removed">
              <Icon name="shield" size={14} />
              <span className="sr">protected</span>
            </span>
          )}
        </span>
        {description && <span className={classes.below}>{plainLine(description)}</span>}
      </>
    ),
  },
  { title: "Labels", wide: true, cell: ({ labels }) => <Labels labels={labels} /> },
  { title: "Version", narrow: true, cell: ({ newest }) => <span className={classes.number}>{newest ? newest.version : "none"}</span> },
  {
    title: "Files",
    narrow: true,
    wide: true,
    cell: ({ newest }) => <span className={classes.number}>{newest && count(newest.files)}</span>,
  },
  { title: "Size", narrow: true, cell: ({ newest }) => <span className={classes.number}>{newest && bytes(newest.bytes)}</span> },
  { title: "Changed", narrow: true, cell: ({ changed_at }) => <Ago at={changed_at} /> },
];

export function DatasetTable({ datasets, current }: { datasets: readonly DatasetView[]; current: string | null }) {
  return <Table label="Datasets" columns={COLUMNS} rows={datasets} keyOf={({ name }) => name} current={current} />;
}

export function Labels({ labels }: { labels: DatasetView["labels"] }) {
  return (
    <span className={classes.labels}>
      {Object.entries(labels).map(([key, value]) => (
        <span key={key} className={classes.label}>
          {key}={value}
        </span>
      ))}
    </span>
  );
}
