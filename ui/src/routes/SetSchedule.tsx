/** Makes a schedule beside a pipeline's spec, or changes one that was made so. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";

import { pipelineQuery, pipelinesQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { scheduleQuery } from "../api/schedules";
import { PipelinePicker } from "../components/form/PipelinePicker";
import { Page, type Crumb } from "../components/Page";
import { ScheduleForm } from "../components/schedules/ScheduleForm";
import { Empty, Failure } from "../components/States";

const making = getRouteApi("/schedules/new");
const changing = getRouteApi("/schedules/$pipeline/$id/change");

const LIST: Crumb = { text: "Schedules", link: { to: "/schedules" } };

export function MakeSchedule() {
  const { pipeline: name } = making.useSearch();
  const navigate = useNavigate();
  const crumbs = [LIST, { text: "New" }];
  const { data: pipelines, error: listError, refetch } = useQuery(pipelinesQuery);
  // Where there is but one, it is that.
  const chosen = name ?? (pipelines?.length === 1 ? pipelines[0]?.name : undefined);
  const { data: pipeline, error } = useQuery({ ...pipelineQuery(chosen ?? ""), enabled: chosen !== undefined });
  const refusal = useRefusal();
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (listError && !pipelines) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={listError} retry={() => void refetch()} />
      </Page>
    );
  }
  const choose = (pipeline: string) => void navigate({ to: "/schedules/new", search: { pipeline }, replace: true });
  const names = (pipelines ?? []).map((one) => one.name);
  const picker = <PipelinePicker of="schedule" names={names} value={chosen ?? null} onChoose={choose} />;
  return (
    <Page fill crumbs={crumbs} head={picker}>
      {error && !pipeline && <Failure error={error} />}
      {pipeline && <ScheduleForm key={pipeline.name} pipeline={pipeline} from={null} />}
    </Page>
  );
}

export function ChangeSchedule() {
  const { pipeline: name, id } = changing.useParams();
  const pipeline = useQuery(pipelineQuery(name));
  const schedule = useQuery(scheduleQuery(name, id));
  const crumbs: Crumb[] = [
    LIST,
    { text: `${name}/${id}`, link: { to: "/schedules/$pipeline/$id", params: { pipeline: name, id } } },
    { text: "Change" },
  ];
  const refusal = useRefusal();
  const failed = [pipeline, schedule].find((query) => query.error && !query.data);
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!pipeline.data || !schedule.data) return <Page crumbs={crumbs}>{null}</Page>;
  if (schedule.data.source !== "made") {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="clock" title="It is in the spec">
          <p className="dim">The spec of {name} says it, and is changed for it. It can be paused here.</p>
        </Empty>
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs}>
      <ScheduleForm key={`${name}/${id}`} pipeline={pipeline.data} from={schedule.data} />
    </Page>
  );
}

/** For whoever may make none. */
function useRefusal() {
  const { edit, archived, role } = useRights();
  if (!edit) {
    return (
      <Empty icon="clock" title={role ? `A ${role} makes no schedules` : "You make no schedules here"}>
        <p className="dim">Editors and owners do. An owner gives roles.</p>
      </Empty>
    );
  }
  if (!archived) return null;
  return (
    <Empty icon="clock" title="Nothing is due in what is archived">
      <p className="dim">What ran here can be read. An owner opens it again.</p>
    </Empty>
  );
}
