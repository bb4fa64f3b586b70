/** One trigger: how it stands, what it says, what is there of what it waits for, and what happened. */
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { keys } from "../api/keys";
import { pipelineQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { removeTrigger, triggerQuery } from "../api/triggers";
import type { PipelineTriggerView } from "../api/types";
import { Page } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { Failure } from "../components/States";
import { SensorCursor } from "../components/triggers/SensorCursor";
import { PauseTrigger, TriggerStanding } from "../components/triggers/Standing";
import { TriggerEvents } from "../components/triggers/TriggerEvents";
import classes from "../components/triggers/Triggers.module.css";
import { useTriggerRefusal } from "../components/triggers/useTriggerRefusal";
import { WaitingEnds } from "../components/triggers/WaitingEnds";
import { notify } from "../lib/notices";
import { textOf } from "../lib/schema/fields";
import { nameOf } from "../lib/triggers";

const route = getRouteApi("/triggers/$pipeline/$id");

export function Trigger() {
  const { pipeline, id } = route.useParams();
  const { edit, archived } = useRights();
  const { data: trigger, error, refetch } = useQuery({ ...triggerQuery(pipeline, id), enabled: edit });
  const refusal = useTriggerRefusal("see");
  const crumbs = [
    { text: "Triggers", link: { to: "/triggers" } as const },
    { text: pipeline, link: { to: "/pipelines/$name", params: { name: pipeline } } as const },
    { text: id },
  ];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (!trigger) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page crumbs={crumbs} actions={!archived && <Ways trigger={trigger} />}>
      <Facts trigger={trigger} fixed={archived} />
      {trigger.kind === "after" && <WaitingEnds trigger={trigger} />}
      <TriggerEvents trigger={trigger} />
    </Page>
  );
}

function Ways({ trigger }: { trigger: PipelineTriggerView }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const navigate = useNavigate();
  const cache = useQueryClient();
  const { pipeline, id } = trigger;
  const name = nameOf(trigger);
  const ask = () =>
    setQuestion({
      title: `Remove ${name}?`,
      text: <p>It starts nothing any more. Runs that it has started go on, and stay.</p>,
      action: "Remove it",
      run: async () => {
        await removeTrigger(pipeline, id);
        notify(`${name} is removed.`);
        await navigate({ to: "/triggers" });
        void cache.invalidateQueries({ queryKey: keys.triggers });
      },
    });
  return (
    <>
      {trigger.source === "made" && (
        <>
          <Button variant="default" className="tone-bad" onClick={ask}>
            Remove
          </Button>
          <Button
            variant="default"
            renderRoot={(props) => <Link to="/triggers/$pipeline/$id/change" params={{ pipeline, id }} {...props} />}
          >
            Change
          </Button>
        </>
      )}
      <PauseTrigger trigger={trigger} size="xs" />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </>
  );
}

function Facts({ trigger, fixed }: { trigger: PipelineTriggerView; fixed: boolean }) {
  const { pipeline, source, trigger: said } = trigger;
  const parameters = Object.entries<unknown>(said.parameters ?? {});
  return (
    <div className={classes.facts}>
      <Field label="State">
        <TriggerStanding trigger={trigger} />
      </Field>
      <WaitsFor trigger={trigger} fixed={fixed} />
      <Field label="Starts">
        <PipelineLink name={pipeline} />
        {said.schedule && <p className="dim">as its schedule {said.schedule} would</p>}
      </Field>
      <Field label="When">{said.when ? <code>{said.when}</code> : <span className="dim">whatever happens of it</span>}</Field>
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
      <Field label="Said by">
        {source === "made" ? "It was made beside the spec, and is changed here." : <OfSpec pipeline={pipeline} />}
      </Field>
    </div>
  );
}

const ENDS: Readonly<Record<string, string>> = { success: "succeeded", failure: "failed", end: "ended" };

/** What it waits for, by its kind. */
function WaitsFor({ trigger: { kind, trigger: said }, fixed }: { trigger: PipelineTriggerView; fixed: boolean }) {
  if (kind === "files") {
    return (
      <>
        <Field label="Files">
          <code>{said.files}</code>
        </Field>
        <Field label="A run">
          {said.each === "batch" ? "for all that have come together" : "for each of them"}
          {said.input && (
            <span className="dim">
              , which is given what is in {said.each === "batch" ? "them" : "it"} as <code>{said.input}</code>
            </span>
          )}
        </Field>
        <Field label="Looks">
          every {said.interval} <span className="dim">for files that have not changed for {said.settle}; </span>
          <span className="dim">
            {said.existing === "start" ? "those that were there at first start runs too" : "those that were there at first count as seen"}
          </span>
        </Field>
      </>
    );
  }
  if (kind === "sensor") {
    return (
      <>
        <Field label="Sensor">
          <PipelineLink name={said.sensor ?? ""} />
          <p className="dim">each line that its runs say on standard output is an event</p>
        </Field>
        <Field label="Cursor">
          <SensorCursor sensor={said.sensor ?? ""} fixed={fixed} />
        </Field>
      </>
    );
  }
  const { after = [], on, key, within } = said;
  return (
    <>
      <Field label="Waits for">
        <div className={classes.ends}>
          {after.map((name) => (
            <PipelineLink key={name} name={name} />
          ))}
        </div>
        <p className="dim">
          {after.length > 1 ? "each has had a run that" : "it has had a run that"} {ENDS[on ?? "success"]}
        </p>
      </Field>
      {key && (
        <Field label="Together by">
          <code>{key}</code>
        </Field>
      )}
      {within && <Field label="An end counts">for {within}</Field>}
    </>
  );
}

function PipelineLink({ name }: { name: string }) {
  return (
    <Link to="/pipelines/$name" params={{ name }} className="link">
      {name}
    </Link>
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
