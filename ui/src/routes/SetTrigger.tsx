/** Makes a trigger beside a pipeline's spec, or changes one that was made so. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";

import { pipelineQuery, pipelinesQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { triggerQuery } from "../api/triggers";
import type { PipelineTriggerView } from "../api/types";
import { PipelinePicker } from "../components/form/PipelinePicker";
import { Page, type Crumb } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { TriggerForm } from "../components/triggers/TriggerForm";
import { useTriggerRefusal } from "../components/triggers/useTriggerRefusal";
import { notify } from "../lib/notices";
import { nameOf } from "../lib/triggers";

const making = getRouteApi("/triggers/-/new");
const changing = getRouteApi("/triggers/$pipeline/$id/change");

const LIST: Crumb = { text: "Triggers", link: { to: "/triggers" } };

export function MakeTrigger() {
  const { pipeline: name } = making.useSearch();
  const navigate = useNavigate();
  const { data: pipelines, error: listError, refetch } = useQuery(pipelinesQuery);
  // Where there is but one, it is that.
  const chosen = name ?? (pipelines?.length === 1 ? pipelines[0]?.name : undefined);
  const { data: pipeline, error } = useQuery({ ...pipelineQuery(chosen ?? ""), enabled: chosen !== undefined });
  const refusal = useTriggerRefusal("make");
  const crumbs = [LIST, { text: "New" }];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (listError && !pipelines) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={listError} retry={() => void refetch()} />
      </Page>
    );
  }
  const onSet = (trigger: PipelineTriggerView) => {
    notify(`${nameOf(trigger)} is made.`);
    void navigate({ to: "/triggers/$pipeline/$id", params: { pipeline: trigger.pipeline, id: trigger.id } });
  };
  const choose = (pipeline: string) => void navigate({ to: "/triggers/-/new", search: { pipeline }, replace: true });
  const names = (pipelines ?? []).map((one) => one.name);
  return (
    <Page fill crumbs={crumbs} head={<PipelinePicker of="trigger" names={names} value={chosen ?? null} onChoose={choose} />}>
      {error && !pipeline && <Failure error={error} />}
      {pipeline && <TriggerForm key={pipeline.name} pipeline={pipeline} from={null} onSet={onSet} />}
    </Page>
  );
}

export function ChangeTrigger() {
  const { pipeline: name, id } = changing.useParams();
  const navigate = useNavigate();
  const { edit } = useRights();
  const pipeline = useQuery(pipelineQuery(name));
  const trigger = useQuery({ ...triggerQuery(name, id), enabled: edit });
  const crumbs: Crumb[] = [
    LIST,
    { text: `${name}/${id}`, link: { to: "/triggers/$pipeline/$id", params: { pipeline: name, id } } },
    { text: "Change" },
  ];
  const refusal = useTriggerRefusal("make");
  const failed = [pipeline, trigger].find((query) => query.error && !query.data);
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!pipeline.data || !trigger.data) return <Page crumbs={crumbs}>{null}</Page>;
  if (trigger.data.source !== "made") {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="spark" title="It is in the spec">
          <p className="dim">The spec of {name} says it, and is changed for it. It can be paused here.</p>
        </Empty>
      </Page>
    );
  }
  const onSet = () => {
    notify(`${name}/${id} is changed.`);
    void navigate({ to: "/triggers/$pipeline/$id", params: { pipeline: name, id } });
  };
  return (
    <Page fill crumbs={crumbs}>
      <TriggerForm key={`${name}/${id}`} pipeline={pipeline.data} from={trigger.data} onSet={onSet} />
    </Page>
  );
}
