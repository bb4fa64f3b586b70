/** What was told to whom, and what became of it: sent, tried again, given up; that last can be tried once more. */
import { Button, SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { toldQuery, useRetryNotice } from "../../api/notices";
import { useRights } from "../../api/rights";
import type { NoticeView } from "../../api/types";
import { plural } from "../../lib/format";
import { noticeState, toldWord } from "../../lib/telling";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Failure } from "../States";
import { Ago, At } from "../Time";
import classes from "./Notices.module.css";

const STATES = [
  { value: "", label: "All" },
  { value: "waiting", label: "Waiting" },
  { value: "sent", label: "Sent" },
  { value: "dead", label: "Given up" },
];

interface ToldProps {
  /** To this one alone; the page is about it. */
  channel?: string;
  state?: string | undefined;
  /** Shows those in a state; without it all are shown. */
  onState?: (state: string) => void;
}

export function ToldList({ channel, state, onState }: ToldProps) {
  const query = useInfiniteQuery(toldQuery({ channel, state }));
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const all = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const { pending, retry } = useRetryNotice();
  const { archived } = useRights();
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <>
      {onState && (
        <div className={classes.filters}>
          <SegmentedControl aria-label="State" data={STATES} value={state ?? ""} onChange={onState} />
        </div>
      )}
      {data && all.length === 0 && (
        <p className={classes.none}>
          {state ? "There is none." : "Nothing was told yet. Each word is listed here with what became of it."}
        </p>
      )}
      {all.length > 0 && (
        <Table
          label="What was told"
          columns={columns(channel === undefined, archived ? null : retry, pending)}
          rows={all}
          keyOf={({ id }) => id}
        />
      )}
      {hasNextPage && (
        <p className={classes.older}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
    </>
  );
}

function columns(named: boolean, retry: ((id: string) => void) | null, pending: string | null): Column<NoticeView>[] {
  return [
    {
      title: "What",
      head: true,
      cell: ({ title, text, run }) => (
        <>
          {run ? (
            <Link to="/runs/$id" params={{ id: run }} className={classes.name}>
              {title}
            </Link>
          ) : (
            title
          )}
          {text && <span className={classes.text}>{text}</span>}
        </>
      ),
    },
    {
      title: "By",
      wide: true,
      cell: ({ rule, kind }) =>
        rule ? (
          <Link to="/notices/rules/$rule/change" params={{ rule }} className={classes.name}>
            {rule}
          </Link>
        ) : (
          <span className="dim">{toldWord(kind)}</span>
        ),
    },
    ...(named
      ? [
          {
            title: "To",
            cell: ({ channel }: NoticeView) => (
              <Link to="/notices/channels/$channel" params={{ channel }} className={classes.name}>
                {channel}
              </Link>
            ),
          },
        ]
      : []),
    { title: "State", cell: (notice) => <Standing notice={notice} /> },
    { title: "Written", wide: true, narrow: true, cell: ({ created_at }) => <At at={created_at} /> },
    ...(retry
      ? [
          {
            title: "Try again",
            quiet: true,
            narrow: true,
            cell: ({ id, state, title, channel }: NoticeView) =>
              state === "dead" && (
                <Button
                  variant="default"
                  size="compact-sm"
                  loading={pending === id}
                  aria-label={`Try ${title} to ${channel} again`}
                  onClick={() => retry(id)}
                >
                  Try again
                </Button>
              ),
          },
        ]
      : []),
  ];
}

function Standing({ notice }: { notice: NoticeView }) {
  const { word, shape } = noticeState(notice);
  const { state, error, tries, next_at } = notice;
  return (
    <span className={classes.state}>
      <StateIcon state={shape} label={false} still />
      <span>
        <span className={state === "dead" ? "tone-bad" : error && state === "waiting" ? "tone-warn" : ""}>{word}</span>
        {state === "waiting" && next_at && (
          <span className="dim">
            {" "}
            <Ago at={next_at} />
          </span>
        )}
        {error && state !== "sent" && (
          <span className={classes.text}>
            {plural(tries, "try", "tries")}: {error}
          </span>
        )}
      </span>
    </span>
  );
}
