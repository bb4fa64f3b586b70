/** Backfills: runs for due times that are past, and how far each is. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { backfillsQuery } from "../../api/backfills";
import type { BackfillView } from "../../api/types";
import { inProject } from "../../lib/command";
import { shortId } from "../../lib/runText";
import { Table, type Column } from "../people/Table";
import { useWalk } from "../people/useWalk";
import { Empty, Failure } from "../States";
import { Ago } from "../Time";
import classes from "./Backfills.module.css";
import { BackfillStanding, ProgressBar } from "./Progress";
import { Range } from "./Times";

export function BackfillList() {
  const navigate = useNavigate();
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(backfillsQuery);
  const all = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const current = useWalk(
    "Backfills",
    all.map(({ id }) => id),
    (id) => void navigate({ to: "/backfills/$id", params: { id } }),
  );
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (data && all.length === 0) return <None />;
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="Backfills" data-scroll-restoration-id="backfills">
      <Table label="Backfills" columns={COLUMNS} rows={all} keyOf={({ id }) => id} current={current} />
      {hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
    </div>
  );
}

const COLUMNS: Column<BackfillView>[] = [
  {
    title: "Backfill",
    head: true,
    cell: ({ id, pipeline, schedule }) => (
      <Link to="/backfills/$id" params={{ id }} className={classes.name}>
        <span className="dim">{pipeline} / </span>
        {schedule} <span className="dim mono">{shortId(id)}</span>
      </Link>
    ),
  },
  {
    title: "Of",
    wide: true,
    cell: ({ from, to }) => (
      <span className="dim">
        <Range from={from} to={to} />
      </span>
    ),
  },
  { title: "How far", cell: (one) => <ProgressBar backfill={one} /> },
  { title: "State", cell: (one) => <BackfillStanding backfill={one} /> },
  {
    title: "Made",
    wide: true,
    narrow: true,
    cell: ({ made_at }) => (
      <span className="dim">
        <Ago at={made_at} />
      </span>
    ),
  },
];

function None() {
  return (
    <Empty icon="retry" title="Nothing is made up for">
      <p className="dim">
        A backfill starts one run for each due time of a range: of a schedule that is new, was paused, or whose code was mended. Each run
        knows its due time. It begins on the page of a schedule, or in a terminal:
      </p>
      <pre className={classes.spec}>{inProject("rigi backfills start PIPELINE/SCHEDULE --from 2026-01-01 --to 2026-02-01 --dry-run")}</pre>
    </Empty>
  );
}
