/** Makes a trigger beside a pipeline's spec, or changes one that was made so. */
import { Select } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";

import { pipelineQuery, pipelinesQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { triggerQuery } from "../api/triggers";
import type { PipelineTriggerView } from "../api/types";
import { FieldRow } from "../components/form/ParameterField";
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
  return (
    <Page fill crumbs={crumbs} head={<Picker names={(pipelines ?? []).map((one) => one.name)} value={chosen ?? null} />}>
      {error && !pipeline && <Failure error={error} />}
      {pipeline && <TriggerForm key={pipeline.name} pipeline={pipeline} from={null} onSet={onSet} />}
    </Page>
  );
}

function Picker({ names, value }: { names: string[]; value: string | null }) {
  const navigate = useNavigate();
  return (
    <FieldRow id="trigger-pipeline" label="pipeline" title="Pipeline" help="Whose runs it starts.">
      <Select
        id="trigger-pipeline"
        data={names}
        value={value}
        onChange={(name) => name && void navigate({ to: "/triggers/-/new", search: { pipeline: name }, replace: true })}
        searchable
        allowDeselect={false}
        limit={100}
        placeholder="Choose one"
        nothingFoundMessage="No pipeline is called so"
        w={280}
      />
    </FieldRow>
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
