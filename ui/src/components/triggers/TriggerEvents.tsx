/** What has happened for a trigger, the newest first, as it happens, and what became of each. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { triggerEventsQuery } from "../../api/triggers";
import type { PipelineTriggerView, TriggerEventView } from "../../api/types";
import { eventWords } from "../../lib/triggers";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { useStates } from "../schedules/Fires";
import { Failure } from "../States";
import { Ago, At } from "../Time";
import { Became } from "./Standing";
import classes from "./Triggers.module.css";

const NOTHING: Readonly<Record<string, string>> = {
  files: "Each file that comes or changes is told here",
  sensor: "Each line that the sensor says is told here",
  after: "Each time that all of them have ended is told here",
};

export function TriggerEvents({ trigger }: { trigger: PipelineTriggerView }) {
  const { pipeline, id, kind } = trigger;
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(triggerEventsQuery(pipeline, id));
  const events = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const states = useStates(pipeline);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const columns: Column<TriggerEventView>[] = [
    { title: "Event", head: true, cell: ({ event }) => <EventName kind={kind} event={event} /> },
    {
      title: "What became of it",
      cell: (event) => <Became event={event} when={trigger.trigger.when} state={event.run ? states.get(event.run) : undefined} />,
    },
    { title: "Seen", wide: true, narrow: true, cell: ({ at }) => <At at={at} /> },
    {
      title: "How long ago",
      quiet: true,
      narrow: true,
      cell: ({ at }) => (
        <span className="dim">
          <Ago at={at} />
        </span>
      ),
    },
  ];
  return (
    <Section title="What happened">
      {data && events.length === 0 && (
        <p className={people.none}>
          Nothing yet. {NOTHING[kind] ?? "Each event is told here"}: the run that it became, or why there is none.
        </p>
      )}
      {events.length > 0 && <Table label="What happened" columns={columns} rows={events} keyOf={({ event }) => event} />}
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

function EventName({ kind, event }: { kind: string; event: string }) {
  const { text, detail } = eventWords(kind, event);
  return (
    <span title={event}>
      <span className={classes.event}>{text}</span>
      {detail && <span className="dim"> · {detail}</span>}
    </span>
  );
}
