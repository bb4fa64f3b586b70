/** Trouble that goes on, and what is over: one line, however often it happened. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { incidentsQuery, openIncidentsQuery } from "../../api/notices";
import type { IncidentView } from "../../api/types";
import { count, duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { shortId } from "../../lib/runText";
import { troubleWord } from "../../lib/telling";
import { Icon } from "../Icon";
import { Section } from "../Page";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Failure } from "../States";
import { Ago, At } from "../Time";
import classes from "./Notices.module.css";

export function Incidents() {
  const { data: open, error, refetch } = useQuery(openIncidentsQuery);
  const all = useInfiniteQuery(incidentsQuery);
  const over = useMemo(() => all.data?.pages.flatMap((page) => page.items).filter((one) => one.closed_at != null) ?? [], [all.data]);
  if (error && !open) return <Failure error={error} retry={() => void refetch()} />;
  if (!open) return null;
  return (
    <>
      <Section title="Going on">
        {open.length > 0 ? (
          <Table label="Going on" columns={columns("open")} rows={open} keyOf={({ id }) => id} />
        ) : (
          <p className={classes.none}>Nothing. Trouble that a rule is about stands here from its begin until it is over.</p>
        )}
      </Section>
      {over.length > 0 && (
        <Section title="Over">
          <Table label="Over" columns={columns("over")} rows={over} keyOf={({ id }) => id} />
        </Section>
      )}
      {all.hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={all.isFetchingNextPage} onClick={() => void all.fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
    </>
  );
}

function columns(which: "open" | "over"): Column<IncidentView>[] {
  return [
    {
      title: "What",
      head: true,
      cell: ({ kind, pipeline }) => (
        <span className={classes.state}>
          {which === "over" ? (
            <StateIcon state="succeeded" label={false} />
          ) : kind === "failed" ? (
            <StateIcon state="failed" label={false} />
          ) : (
            <span className="tone-warn">
              <Icon name="warning" />
            </span>
          )}
          {pipeline ? (
            <Link to="/pipelines/$name" params={{ name: pipeline }} className={classes.name}>
              {pipeline}
            </Link>
          ) : (
            kind === "storage" && <span>The storage</span>
          )}
          <span className={which === "over" ? "dim" : ""}>{troubleWord(kind)}</span>
        </span>
      ),
    },
    { title: "Since", cell: ({ opened_at }) => <At at={opened_at} /> },
    { title: "How long", wide: true, cell: (one) => <Length incident={one} /> },
    { title: "How often", cell: (one) => <span className="num">{one.count === 1 ? "once" : `${count(one.count)} times`}</span> },
    {
      title: "Last",
      narrow: true,
      cell: ({ last_at, last_run }) =>
        last_run ? (
          <Link to="/runs/$id" params={{ id: last_run }} className="link">
            run {shortId(last_run)}
          </Link>
        ) : (
          <span className="dim">
            <Ago at={last_at} />
          </span>
        ),
    },
  ];
}

function Length({ incident: { opened_at, closed_at } }: { incident: IncidentView }) {
  const now = useNow();
  const end = closed_at ? Date.parse(closed_at) : now;
  return <span className="num">{duration(Math.max(0, end - Date.parse(opened_at)))}</span>;
}
