/** What a version has changed since another one. */
import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { diffQuery } from "../../api/datasets";
import type { DatasetDiff } from "../../api/types";
import { bytes, count, plural } from "../../lib/format";
import { Table, type Column } from "../people/Table";
import { Failure } from "../States";
import classes from "./Data.module.css";

type Change = DatasetDiff["changes"][number];

interface ChangesProps {
  name: string;
  version: number;
  from: number | undefined;
  /** Versions before it. */
  others: readonly number[];
  onFrom: (from: number) => void;
}

const COLUMNS: Column<Change>[] = [
  {
    title: "Change",
    narrow: true,
    cell: ({ kind }) => (
      <span className={classes.mark} data-kind={kind}>
        {kind}
      </span>
    ),
  },
  { title: "Path", head: true, cell: ({ path, of }) => (of === "folder" ? `${path}/` : path) },
  {
    title: "Before",
    narrow: true,
    wide: true,
    cell: ({ before }) => <span className={classes.number}>{before != null && bytes(before)}</span>,
  },
  { title: "After", narrow: true, cell: ({ after }) => <span className={classes.number}>{after != null && bytes(after)}</span> },
];

export function Changes({ name, version, from, others, onFrom }: ChangesProps) {
  const { data, error, refetch } = useQuery({ ...diffQuery(name, version, from), enabled: others.length > 0 });
  if (others.length === 0) return <p className={classes.none}>There is no version before {version}.</p>;
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <>
      <div className={classes.tools}>
        <NativeSelect
          size="xs"
          aria-label="Since"
          data={others.map((other) => ({ value: String(other), label: `Since version ${other}` }))}
          value={String(from ?? others[0] ?? "")}
          onChange={(event) => onFrom(Number(event.currentTarget.value))}
        />
        {data && <span className="dim">{summaryOf(data)}</span>}
      </div>
      {data && data.changes.length > 0 && <Table label="Changes" columns={COLUMNS} rows={data.changes} keyOf={({ path }) => path} />}
      {data?.more && <p className={classes.none}>The first {count(data.changes.length)} are shown. There is more than that.</p>}
    </>
  );
}

function summaryOf({ changes, more }: DatasetDiff): string {
  if (changes.length === 0) return "They hold the same.";
  const of = (kind: string) => changes.filter((change) => change.kind === kind).length;
  const parts = ["added", "changed", "removed"].flatMap((kind) => (of(kind) > 0 ? [`${count(of(kind))} ${kind}`] : []));
  return more ? `more than ${plural(changes.length, "change")}` : parts.join(", ");
}
