/** Triggers: what starts runs when something has happened, with what happened last. */
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";

import { useRights } from "../api/rights";
import { triggersQuery } from "../api/triggers";
import type { PipelineTriggerView } from "../api/types";
import { Page } from "../components/Page";
import { useWalk } from "../components/people/useWalk";
import { Empty, Failure } from "../components/States";
import classes from "../components/triggers/Triggers.module.css";
import { MakeTriggerButton, TriggerTable } from "../components/triggers/TriggerTable";
import { useTriggerRefusal } from "../components/triggers/useTriggerRefusal";
import { useKeys } from "../lib/keys";
import { nameOf } from "../lib/triggers";

export function Triggers() {
  const navigate = useNavigate();
  const { edit, archived } = useRights();
  const { data, error, refetch } = useQuery({ ...triggersQuery, enabled: edit });
  const refusal = useTriggerRefusal("see");
  useKeys(
    "Triggers",
    edit && !archived ? [{ keys: "n", label: "Make a trigger", run: () => void navigate({ to: "/triggers/-/new" }) }] : [],
  );
  const crumbs = [{ text: "Triggers" }];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (!data || data.length === 0) {
    return (
      <Page crumbs={crumbs}>
        {error && !data && <Failure error={error} retry={() => void refetch()} />}
        {data && <None may={!archived} />}
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs} actions={!archived && <MakeTriggerButton />}>
      <List triggers={data} />
    </Page>
  );
}

function List({ triggers }: { triggers: readonly PipelineTriggerView[] }) {
  const navigate = useNavigate();
  const current = useWalk("List", triggers.map(nameOf), (name) => {
    const found = triggers.find((one) => nameOf(one) === name);
    if (found) void navigate({ to: "/triggers/$pipeline/$id", params: { pipeline: found.pipeline, id: found.id } });
  });
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="List" data-scroll-restoration-id="triggers">
      <TriggerTable triggers={triggers} current={current} />
    </div>
  );
}

const EXAMPLE = `triggers:
  - {id: inbox, files: "/data/in/*.csv", input: table}
  - {id: orders, sensor: check-orders}
  - {id: both, after: [extract, clean], key: "\${run.due}"}`;

function None({ may }: { may: boolean }) {
  return (
    <Empty icon="spark" title="Nothing is waited for">
      <p className="dim">
        A trigger starts runs when something has happened: a file has come, a sensor has said a line, several pipelines have ended. A
        pipeline&rsquo;s spec says what it waits for:
      </p>
      <pre className={classes.spec}>{EXAMPLE}</pre>
      {may && (
        <>
          <p className="dim">Or make one here, beside the spec.</p>
          <MakeTriggerButton />
        </>
      )}
      <p>
        <Link to="/schedules" search={{ view: "starts" }} className="link">
          What starts what
        </Link>
      </p>
    </Empty>
  );
}
