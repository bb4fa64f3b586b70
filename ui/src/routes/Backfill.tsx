/** One backfill: how far it is, what it does, and the run of each due time. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";

import { backfillQuery, useBackfillDeed } from "../api/backfills";
import { useRights } from "../api/rights";
import { scheduleQuery } from "../api/schedules";
import type { BackfillView } from "../api/types";
import { BackfillStanding, ProgressBar } from "../components/backfills/Progress";
import { BackfillTimes, Range } from "../components/backfills/Times";
import { Page, type Crumb } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { Failure } from "../components/States";
import { Ago } from "../components/Time";
import { canRetry } from "../lib/backfill";
import { useKeys } from "../lib/keys";
import { byWord } from "../lib/people";
import { shortId } from "../lib/runText";
import { zoneOf } from "../lib/schedule";
import { textOf } from "../lib/schema/fields";

const route = getRouteApi("/backfills/$id");

export function Backfill() {
  const { id } = route.useParams();
  const { data: backfill, error, refetch } = useQuery(backfillQuery(id));
  const { run, archived } = useRights();
  const crumbs: Crumb[] = [
    { text: "Schedules", link: { to: "/schedules" } },
    { text: "Backfills", link: { to: "/schedules", search: { view: "backfills" } } },
    { text: `backfill ${shortId(id)}` },
  ];
  if (!backfill) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page crumbs={crumbs} actions={run && <Ways backfill={backfill} fixed={archived} />}>
      <Facts backfill={backfill} />
    </Page>
  );
}

function Ways({ backfill, fixed }: { backfill: BackfillView; fixed: boolean }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const deed = useBackfillDeed(backfill);
  const { state } = backfill;
  const open = state === "running" || state === "paused";
  const pause = state === "running" ? "pause" : "resume";
  const again = canRetry(backfill) && !fixed;
  const ask = () =>
    setQuestion({
      title: "Cancel the backfill?",
      text: <p>Nothing more of it starts, and its runs that go on are asked to stop. What has ended stays.</p>,
      action: "Cancel it",
      run: () => deed.mutateAsync("cancel"),
    });
  useKeys("Backfill", [
    ...(open && !fixed ? [{ keys: "p", label: state === "running" ? "Pause" : "Go on", run: () => deed.mutate(pause) }] : []),
    ...(open ? [{ keys: "c", label: "Cancel", run: ask }] : []),
    ...(again ? [{ keys: "f", label: "Retry the failed ones", run: () => deed.mutate("retry") }] : []),
  ]);
  return (
    <>
      {again && (
        <Button
          variant={open ? "default" : "filled"}
          loading={deed.isPending && deed.variables === "retry"}
          onClick={() => deed.mutate("retry")}
          title="A run once more for each due time of which one failed, was stopped, or could not be made"
        >
          Retry the failed ones
        </Button>
      )}
      {open && !fixed && (
        <Button variant="default" loading={deed.isPending && deed.variables === pause} onClick={() => deed.mutate(pause)}>
          {state === "running" ? "Pause" : "Go on"}
        </Button>
      )}
      {open && (
        <Button variant="default" className="tone-bad" onClick={ask}>
          Cancel
        </Button>
      )}
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Facts({ backfill }: { backfill: BackfillView }) {
  const { id, pipeline, schedule, from, to, order, parallel, made_at, made_by, ended_at } = backfill;
  const { data } = useQuery({ ...scheduleQuery(pipeline, schedule), retry: false });
  const parameters = Object.entries(backfill.parameters);
  return (
    <>
      <Field label="State">
        <BackfillStanding backfill={backfill} />
      </Field>
      <Field label="How far">
        <ProgressBar backfill={backfill} large />
      </Field>
      <Field label="Schedule">
        <Link to="/schedules/$pipeline/$id" params={{ pipeline, id: schedule }} className="link">
          {pipeline} / {schedule}
        </Link>
      </Field>
      <Field label="Due times">
        <Range from={from} to={to} zone={data && zoneOf(data)} />
        <span className="dim">
          , {order === "newest" ? "the newest first" : "the oldest first"}, {parallel} at a time
        </span>
      </Field>
      {parameters.length > 0 && (
        <Field label="Parameters">
          {parameters.map(([name, value]) => (
            <p key={name}>
              <code>
                {name} = {textOf(value)}
              </code>
            </p>
          ))}
        </Field>
      )}
      <Field label="Made">
        <Ago at={made_at} /> by {byWord(made_by)}
        {ended_at && (
          <span className="dim">
            , ended <Ago at={ended_at} />
          </span>
        )}
      </Field>
      <BackfillTimes id={id} zone={data && zoneOf(data)} />
    </>
  );
}
