/** The due times of a backfill, in their order, and the run of each or why there is none. */
import { Button, SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { backfillTimesQuery } from "../../api/backfills";
import type { BackfillTimeView } from "../../api/types";
import { dueWords, rangeWords } from "../../lib/backfill";
import { usePrefs } from "../../lib/prefs";
import { shortId } from "../../lib/runText";
import { stateLabel } from "../../lib/states";
import { Section } from "../Page";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Failure } from "../States";
import { Told } from "../Told";
import classes from "./Backfills.module.css";

const WHICH = [
  { value: "all", label: "All" },
  { value: "failed", label: "Gone wrong" },
];

export function BackfillTimes({ id, zone }: { id: string; zone: string | undefined }) {
  const [which, setWhich] = useState("all");
  const query = useInfiniteQuery(backfillTimesQuery(id, which === "failed"));
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const times = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const columns: Column<BackfillTimeView>[] = [
    { title: "Due", head: true, cell: ({ due }) => <When at={due} zone={zone} /> },
    { title: "What became of it", cell: (time) => <Fate time={time} /> },
  ];
  return (
    <Section
      title="Due times"
      aside={<SegmentedControl aria-label="Which due times" data={WHICH} value={which} onChange={(next) => setWhich(next)} />}
    >
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data && times.length === 0 && <p className={classes.none}>{which === "failed" ? "None went wrong." : "There are none."}</p>}
      {times.length > 0 && <Table label="Due times" columns={columns} rows={times} keyOf={({ due }) => due} />}
      {hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More
          </Button>
        </p>
      )}
    </Section>
  );
}

export function When({ at, zone }: { at: string; zone: string | undefined }) {
  const prefs = usePrefs();
  return (
    <time dateTime={at} title={at}>
      {dueWords(Date.parse(at), zone ?? (prefs.zone || undefined))}
    </time>
  );
}

/** The days of a backfill. */
export function Range({ from, to, zone }: { from: string; to: string; zone?: string | undefined }) {
  const prefs = usePrefs();
  return (
    <span title={`from ${from}, before ${to}`}>{rangeWords(Date.parse(from), Date.parse(to), zone ?? (prefs.zone || undefined))}</span>
  );
}

function Fate({ time: { state, run, run_state, reason } }: { time: BackfillTimeView }) {
  if (run) {
    return (
      <span className={classes.outcome}>
        <StateIcon state={run_state ?? "lost"} label={false} />
        <span>
          {run_state ? (
            <Link to="/runs/$id" params={{ id: run }} className="link">
              run {shortId(run)}
            </Link>
          ) : (
            `run ${shortId(run)}`
          )}
          <span className="dim"> · {run_state ? stateLabel(run_state) : "not kept any more"}</span>
        </span>
      </span>
    );
  }
  const [shape, word, tone]: [string, string, string] =
    state === "refused"
      ? ["failed", "Refused", "tone-bad"]
      : state === "skipped"
        ? ["skipped", "Not wanted any more", ""]
        : ["queued", "Waits", "dim"];
  return (
    <span className={classes.outcome}>
      <StateIcon state={shape} label={false} />
      <p>
        <span className={tone}>{word}</span>
        {reason && (
          <span className="dim">
            : <Told text={reason} />
          </span>
        )}
      </p>
    </span>
  );
}
