/** One schedule: how it stands, what it does, when it is due, and what became of its times. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "../api/keys";
import { pipelineQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { removeSchedule, scheduleQuery } from "../api/schedules";
import type { ScheduleView } from "../api/types";
import { Page } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { ComingTimes, Rules } from "../components/schedules/Explained";
import { Fires } from "../components/schedules/Fires";
import { WhoMay } from "../components/schedules/ScheduleTable";
import { PauseButton, Rhythm, Standing } from "../components/schedules/Standing";
import { Failure } from "../components/States";
import { labelLine } from "../lib/labels";
import { notify } from "../lib/notices";
import { isPreset, saidBy, standingOf, zoneOf } from "../lib/schedule";
import { textOf } from "../lib/schema/fields";

const route = getRouteApi("/schedules/$pipeline/$id");

export function Schedule() {
  const { pipeline, id } = route.useParams();
  const { data: schedule, error, refetch } = useQuery(scheduleQuery(pipeline, id));
  const { edit, run, archived } = useRights();
  const crumbs = [
    { text: "Schedules", link: { to: "/schedules" } as const },
    { text: pipeline, link: { to: "/pipelines/$name", params: { name: pipeline } } as const },
    { text: id },
  ];
  if (!schedule) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  const preset = isPreset(schedule);
  return (
    <Page
      crumbs={crumbs}
      actions={
        !archived && (
          <>
            {run && !preset && <BackfillButton schedule={schedule} />}
            {edit && <Ways schedule={schedule} />}
          </>
        )
      }
    >
      <Facts schedule={schedule} />
      <WhoMay />
      {!preset && <ComingTimes pipeline={pipeline} id={id} still={standingOf(schedule).word !== "On"} />}
      {!preset && <Fires pipeline={pipeline} id={id} zone={zoneOf(schedule)} />}
    </Page>
  );
}

/** Runs for due times that are past. */
function BackfillButton({ schedule: { pipeline, id } }: { schedule: ScheduleView }) {
  return (
    <Button
      variant="default"
      title="Runs for due times that are past"
      renderRoot={(props) => <Link to="/schedules/$pipeline/$id/backfill" params={{ pipeline, id }} {...props} />}
    >
      Backfill
    </Button>
  );
}

function Ways({ schedule }: { schedule: ScheduleView }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { pipeline, id } = schedule;
  const ask = () =>
    setQuestion({
      title: `Remove ${pipeline}/${id}?`,
      text: <p>It starts nothing any more. Runs that it has started go on, and stay.</p>,
      action: "Remove it",
      run: async () => {
        await removeSchedule(schedule);
        notify(`${pipeline}/${id} is removed.`);
        await navigate({ to: "/schedules" });
        void cache.invalidateQueries({ queryKey: keys.schedules });
      },
    });
  return (
    <>
      {schedule.source === "made" && (
        <>
          <Button variant="default" className="tone-bad" onClick={ask}>
            Remove
          </Button>
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/schedules/$pipeline/$id/change" params={{ pipeline, id }} {...props} />}
          >
            Change
          </Button>
        </>
      )}
      <PauseButton schedule={schedule} size="xs" />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Facts({ schedule }: { schedule: ScheduleView }) {
  const { pipeline, id, source, rhythm } = schedule;
  const said = saidBy(schedule);
  const parameters = Object.entries(said.parameters ?? {});
  const labels = labelLine(said.labels ?? {});
  return (
    <>
      <Field label="State">
        <Standing schedule={schedule} />
      </Field>
      {!isPreset(schedule) && (
        <Field label="Due">
          <Rhythm schedule={schedule} />
          {said.cron !== undefined && (
            <span className="dim">
              {" "}
              · <code>{said.cron}</code>
            </span>
          )}
          {said.once_at !== undefined && <span className="dim">, {rhythm.replace(/^once, /, "")}</span>}
          {said.start !== undefined && <span className="dim">, not before {said.start}</span>}
          {said.end !== undefined && <span className="dim">, not after {said.end}</span>}
        </Field>
      )}
      {!isPreset(schedule) && <Rules pipeline={pipeline} id={id} />}
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
      {labels && <Field label="Labels">{labels}</Field>}
      {said.target !== undefined && <Field label="Target">{said.target}</Field>}
      <Field label="Said by">
        {source === "made" ? "It was made beside the spec, and is changed here." : <OfSpec pipeline={pipeline} />}
      </Field>
    </>
  );
}

function OfSpec({ pipeline }: { pipeline: string }) {
  const { data } = useQuery(pipelineQuery(pipeline));
  return (
    <p>
      <Link to="/pipelines/$name" params={{ name: pipeline }} search={{ tab: "spec" }} className="link">
        The spec of {pipeline}
      </Link>
      {data?.spec_file && (
        <>
          , <code>{data.spec_file}</code>
        </>
      )}
      : it is changed and removed there. A pause holds whatever the spec says.
    </p>
  );
}
