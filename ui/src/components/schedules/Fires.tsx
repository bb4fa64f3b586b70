/** What became of a schedule's due times: a run, skipped or missed, with why. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { runsQuery } from "../../api/queries";
import { firesQuery } from "../../api/schedules";
import type { FireView } from "../../api/types";
import { stateLabel } from "../../lib/states";
import { useNow } from "../../lib/now";
import { dueClock } from "../../lib/schedule";
import { usePrefs } from "../../lib/prefs";
import { Icon } from "../Icon";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Failure } from "../States";
import { Ago } from "../Time";
import { Told } from "../Told";
import classes from "./Schedules.module.css";

interface FiresProps {
  pipeline: string;
  id: string;
  zone: string | undefined;
}

export function Fires({ pipeline, id, zone }: FiresProps) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(firesQuery(pipeline, id));
  const fires = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const states = useStates(pipeline);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  // All of them with seconds, or none.
  const by = fires.some(({ due }) => Date.parse(due) % 60_000 !== 0) ? "second" : "minute";
  const columns: Column<FireView>[] = [
    { title: "Due", head: true, cell: ({ due }) => <When at={due} zone={zone} by={by} /> },
    { title: "What became of it", cell: (fire) => <Fate fire={fire} state={fire.run ? states.get(fire.run) : undefined} /> },
    { title: "How long ago", quiet: true, narrow: true, cell: ({ due }) => <span className="dim">{<Ago at={due} />}</span> },
  ];
  return (
    <Section title="Due times so far">
      {data && fires.length === 0 && (
        <p className={people.none}>None yet. Each one is told here: the run that it became, or why there is none.</p>
      )}
      {fires.length > 0 && <Table label="Due times so far" columns={columns} rows={fires} keyOf={({ due }) => due} />}
      {hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
    </Section>
  );
}

function When({ at, zone, by }: { at: string; zone: string | undefined; by: "second" | "minute" }) {
  const now = useNow();
  const prefs = usePrefs();
  return (
    <time dateTime={at} title={at}>
      {dueClock(Date.parse(at), now, zone ?? (prefs.zone || undefined), by)}
    </time>
  );
}

/** States of the newest runs, of one pipeline or of all, which are followed as they change. */
export function useStates(pipeline?: string): ReadonlyMap<string, string> {
  const { data } = useInfiniteQuery(runsQuery({ pipeline }));
  return useMemo(() => new Map(data?.pages.flatMap((page) => page.items.map((run) => [run.id, run.state] as const)) ?? []), [data]);
}

export function Fate({ fire: { outcome, reason, run }, state }: { fire: FireView; state: string | undefined }) {
  if (outcome === "run" && run) {
    return (
      <span className={classes.fate}>
        {state ? <StateIcon state={state} label={false} /> : <Icon name="runs" />}
        <span>
          <Link to="/runs/$id" params={{ id: run }} className="link">
            run {run.slice(-4)}
          </Link>
          {state && <span className="dim"> · {stateLabel(state)}</span>}
        </span>
      </span>
    );
  }
  const missed = outcome === "missed";
  return (
    <span className={classes.fate}>
      {missed ? (
        <span className="tone-warn">
          <Icon name="clock" />
        </span>
      ) : (
        <StateIcon state="skipped" label={false} />
      )}
      <p>
        <span className={missed ? "tone-warn" : ""}>{missed ? "Missed" : "Skipped"}</span>
        {reason && (
          <span className="dim">
            : <Told text={reason} />
          </span>
        )}
      </p>
    </span>
  );
}
