/** Starts runs for due times of a schedule that are past. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { pipelineQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { scheduleQuery } from "../api/schedules";
import { BackfillForm } from "../components/backfills/BackfillForm";
import { Page, type Crumb } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { isPreset } from "../lib/schedule";

const route = getRouteApi("/schedules/$pipeline/$id/backfill");

export function StartBackfill() {
  const { pipeline: name, id } = route.useParams();
  const { run, role, archived } = useRights();
  const pipeline = useQuery(pipelineQuery(name));
  const schedule = useQuery(scheduleQuery(name, id));
  const crumbs: Crumb[] = [
    { text: "Schedules", link: { to: "/schedules" } },
    { text: `${name}/${id}`, link: { to: "/schedules/$pipeline/$id", params: { pipeline: name, id } } },
    { text: "Backfill" },
  ];
  const failed = [pipeline, schedule].find((query) => query.error && !query.data);
  if (!run || archived) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="retry" title={archived ? "Nothing starts in what is archived" : `A ${role ?? "visitor"} starts no runs`}>
          <p className="dim">{archived ? "What ran here can be read. An owner opens it again." : "Runners, editors and owners do."}</p>
        </Empty>
      </Page>
    );
  }
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!pipeline.data || !schedule.data) return <Page crumbs={crumbs}>{null}</Page>;
  if (isPreset(schedule.data)) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="retry" title="It has no due times" />
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs}>
      <BackfillForm key={`${name}/${id}`} pipeline={pipeline.data} schedule={schedule.data} />
    </Page>
  );
}
