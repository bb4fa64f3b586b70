/** What starts runs by itself: every schedule of the project, when it is due next, and how it stands. */
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { useRights } from "../api/rights";
import { schedulesQuery } from "../api/schedules";
import { Page } from "../components/Page";
import { useWalk } from "../components/people/useWalk";
import { MakeButton } from "../components/schedules/MakeButton";
import { nameOf, ScheduleTable, WhoMay } from "../components/schedules/ScheduleTable";
import classes from "../components/schedules/Schedules.module.css";
import { Empty, Failure } from "../components/States";
import { useKeys } from "../lib/keys";

export function Schedules() {
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(schedulesQuery);
  const { edit, archived } = useRights();
  const may = edit && !archived;
  const current = useWalk("Schedules", (data ?? []).map(nameOf), (name) => {
    const found = data?.find((one) => nameOf(one) === name);
    if (found) void navigate({ to: "/schedules/$pipeline/$id", params: { pipeline: found.pipeline, id: found.id } });
  });
  useKeys("Schedules", may ? [{ keys: "n", label: "Make a schedule", run: () => void navigate({ to: "/schedules/new" }) }] : []);
  return (
    <Page crumbs={[{ text: "Schedules" }]} actions={may && (data?.length ?? 0) > 0 && <MakeButton />}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && <None may={may} />}
      {data && data.length > 0 && (
        <>
          <ScheduleTable schedules={data} current={current} />
          <WhoMay />
        </>
      )}
    </Page>
  );
}

function None({ may }: { may: boolean }) {
  return (
    <Empty icon="clock" title="Nothing is due">
      <p className="dim">A schedule starts runs of a pipeline by itself. Its spec says when:</p>
      <pre className={classes.spec}>{'schedule: "0 6 * * *" # every day at 6:00 UTC'}</pre>
      <p className="dim">{may ? "Or make one here, beside the spec." : "Editors and owners make others here, beside the spec."}</p>
      {may && <MakeButton />}
    </Empty>
  );
}
