/** The schedules of one pipeline, on its page: what comes next, and all of them; and what else starts it. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { useRights } from "../../api/rights";
import type { ScheduleView } from "../../api/types";
import { webhooksQuery } from "../../api/webhooks";
import { firstOf, zoneOf } from "../../lib/schedule";
import { Empty } from "../States";
import { TriggersOf, useTriggersOf } from "../triggers/OfPipeline";
import { MakeTriggerButton } from "../triggers/TriggerTable";
import { WebhooksOf } from "../webhooks/OfPipeline";
import { Due } from "./Due";
import { MakeButton } from "./MakeButton";
import classes from "./Schedules.module.css";
import { ScheduleTable, WhoMay } from "./ScheduleTable";

/** The first time that comes, at the end of a line of facts. */
export function WhatComes({ schedules }: { schedules: ScheduleView[] | undefined }) {
  const first = firstOf(schedules ?? []);
  const [next] = first?.next ?? [];
  if (!first || !next) return null;
  return (
    <>
      {" · next "}
      <Due at={next} zone={zoneOf(first)} said />
      {" by "}
      <Link to="/schedules/$pipeline/$id" params={{ pipeline: first.pipeline, id: first.id }} className="link">
        {first.id}
      </Link>
    </>
  );
}

export function SchedulesOf({ pipeline, schedules }: { pipeline: string; schedules: ScheduleView[] | undefined }) {
  const { edit, archived } = useRights();
  const may = edit && !archived;
  const { data } = useQuery({ ...webhooksQuery, enabled: edit });
  const hooks = data?.some((hook) => hook.pipeline === pipeline) ?? false;
  const triggers = useTriggersOf(pipeline).length > 0;
  if (!schedules) return null;
  if (schedules.length === 0) {
    return (
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="Schedules">
        <TriggersOf pipeline={pipeline} />
        <WebhooksOf pipeline={pipeline} />
        <Empty icon="clock" title={hooks || triggers ? "It has no schedule" : "Nothing starts it by itself"}>
          <p className="dim">Its spec may say when it is due:</p>
          <pre className={classes.spec}>{'schedule: "0 6 * * *" # every day at 6:00 UTC'}</pre>
          {may ? <Makes pipeline={pipeline} /> : <p className="dim">Editors and owners make others here, beside the spec.</p>}
        </Empty>
      </div>
    );
  }
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="Schedules">
      <ScheduleTable schedules={schedules} withoutPipeline />
      {may && (
        <p className={classes.older}>
          <Makes pipeline={pipeline} quiet />
        </p>
      )}
      <WhoMay />
      <TriggersOf pipeline={pipeline} />
      <WebhooksOf pipeline={pipeline} />
    </div>
  );
}

/** What may be made to start it. */
function Makes({ pipeline, quiet = false }: { pipeline: string; quiet?: boolean }) {
  return (
    <span className={classes.pair}>
      <MakeButton pipeline={pipeline} quiet={quiet} />
      <MakeTriggerButton pipeline={pipeline} quiet />
    </span>
  );
}
