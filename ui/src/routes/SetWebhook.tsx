/** Makes a webhook, and shows its secret once; or changes one. */
import { Select } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { pipelineQuery, pipelinesQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { webhookQuery } from "../api/webhooks";
import type { WebhookView } from "../api/types";
import { FieldRow } from "../components/form/ParameterField";
import { Page, type Crumb } from "../components/Page";
import { Failure } from "../components/States";
import { SecretOnce } from "../components/webhooks/SecretOnce";
import { useHookRefusal } from "../components/webhooks/useHookRefusal";
import { WebhookForm } from "../components/webhooks/WebhookForm";
import { notify } from "../lib/notices";

const making = getRouteApi("/webhooks/-/new");
const changing = getRouteApi("/webhooks/$name/change");

const LIST: Crumb = { text: "Webhooks", link: { to: "/webhooks" } };

export function MakeWebhook() {
  const { pipeline: name } = making.useSearch();
  const navigate = useNavigate();
  const [made, setMade] = useState<WebhookView | null>(null);
  const { data: pipelines, error: listError, refetch } = useQuery(pipelinesQuery);
  // Where there is but one, it is that.
  const chosen = name ?? (pipelines?.length === 1 ? pipelines[0]?.name : undefined);
  const { data: pipeline, error } = useQuery({ ...pipelineQuery(chosen ?? ""), enabled: chosen !== undefined });
  const refusal = useHookRefusal("make");
  const crumbs = [LIST, { text: made ? made.name : "New" }];
  const go = (hook: WebhookView) => void navigate({ to: "/webhooks/$name", params: { name: hook.name }, replace: made !== null });
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (made) {
    return (
      <Page crumbs={crumbs}>
        <SecretOnce hook={made} onDone={() => go(made)} />
      </Page>
    );
  }
  if (listError && !pipelines) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={listError} retry={() => void refetch()} />
      </Page>
    );
  }
  const onSet = (hook: WebhookView) => {
    notify(`${hook.name} is made.`);
    // One whose sender had a secret has nothing to show.
    if (hook.secret) setMade(hook);
    else go(hook);
  };
  const pick = (next: string) => void navigate({ to: "/webhooks/-/new", search: { pipeline: next }, replace: true });
  return (
    <Page fill crumbs={crumbs} head={<Picker names={(pipelines ?? []).map((one) => one.name)} value={chosen ?? null} onPick={pick} />}>
      {error && !pipeline && <Failure error={error} />}
      {pipeline && <WebhookForm key={pipeline.name} pipeline={pipeline} from={null} onSet={onSet} />}
    </Page>
  );
}

function Picker({ names, value, onPick }: { names: string[]; value: string | null; onPick: (name: string) => void }) {
  return (
    <FieldRow id="hook-pipeline" label="pipeline" title="Pipeline" help="Whose runs it starts.">
      <Select
        id="hook-pipeline"
        data={names}
        value={value}
        onChange={(name) => name && onPick(name)}
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

export function ChangeWebhook() {
  const { name } = changing.useParams();
  const navigate = useNavigate();
  const { edit } = useRights();
  const hook = useQuery({ ...webhookQuery(name), enabled: edit });
  const [picked, setPicked] = useState<string | null>(null);
  const { data: pipelines } = useQuery(pipelinesQuery);
  const chosen = picked ?? hook.data?.pipeline;
  const pipeline = useQuery({ ...pipelineQuery(chosen ?? ""), enabled: chosen !== undefined });
  const crumbs: Crumb[] = [LIST, { text: name, link: { to: "/webhooks/$name", params: { name } } }, { text: "Change" }];
  const refusal = useHookRefusal("make");
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (hook.error && !hook.data) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={hook.error} retry={() => void hook.refetch()} />
      </Page>
    );
  }
  if (!hook.data || chosen === undefined) return <Page crumbs={crumbs}>{null}</Page>;
  const onSet = () => {
    notify(`${name} is changed.`);
    void navigate({ to: "/webhooks/$name", params: { name } });
  };
  return (
    <Page fill crumbs={crumbs} head={<Picker names={(pipelines ?? []).map((one) => one.name)} value={chosen} onPick={setPicked} />}>
      {pipeline.error && !pipeline.data && <Failure error={pipeline.error} retry={() => void pipeline.refetch()} />}
      {pipeline.data && <WebhookForm key={`${name} ${chosen}`} pipeline={pipeline.data} from={hook.data} onSet={onSet} />}
    </Page>
  );
}
