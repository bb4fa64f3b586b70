/** Every pipeline of the folder. */
import { TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";

import { pipelinesQuery, useSystem } from "../api/queries";
import { useRights } from "../api/rights";
import type { PipelineSummary } from "../api/types";
import { FirstSteps } from "../components/FirstSteps";
import { Icon } from "../components/Icon";
import { Page } from "../components/Page";
import { PipelineRow } from "../components/PipelineRow";
import { Empty, Failure } from "../components/States";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/pipelines");

function matches(pipeline: PipelineSummary, q: string): boolean {
  const text = [pipeline.name, pipeline.summary ?? "", ...pipeline.tags].join(" ").toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

export function Pipelines() {
  const { q = "" } = route.useSearch();
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(pipelinesQuery);
  const { data: system } = useSystem();
  const search = useRef<HTMLInputElement>(null);
  const shown = (data ?? []).filter((pipeline) => matches(pipeline, q));
  const current = useWalk(shown, () => search.current?.focus());
  const field = (
    <TextInput
      ref={search}
      type="search"
      aria-label="Search pipelines"
      placeholder="Search"
      leftSection={<Icon name="search" size={14} />}
      rightSection={<kbd>/</kbd>}
      w={220}
      value={q}
      onChange={(event) =>
        void navigate({ to: "/pipelines", search: event.currentTarget.value ? { q: event.currentTarget.value } : {}, replace: true })
      }
      onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
    />
  );
  const actions = (
    <>
      <Link to="/process-types" className="link">
        What they take
      </Link>
      {field}
    </>
  );
  return (
    <Page crumbs={[{ text: "Pipelines" }]} actions={actions}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && <FirstSteps folder={system?.pipelines_folder} />}
      {data && data.length > 0 && shown.length === 0 && (
        <Empty icon="search" title={`No pipeline fits “${q}”`}>
          <p className="dim">Names, summaries and tags are searched.</p>
        </Empty>
      )}
      {shown.map((pipeline) => (
        <PipelineRow key={pipeline.name} pipeline={pipeline} current={pipeline.name === current} />
      ))}
    </Page>
  );
}

function useWalk(shown: PipelineSummary[], onSearch: () => void): string | null {
  const navigate = useNavigate();
  const [current, setCurrent] = useState<string | null>(null);
  const { start: mayStart } = useRights();
  const step = (by: 1 | -1) => {
    const at = shown.findIndex(({ name }) => name === current);
    setCurrent(shown[at < 0 ? 0 : Math.min(shown.length - 1, Math.max(0, at + by))]?.name ?? null);
  };
  const open = (to: "/pipelines/$name" | "/pipelines/$name/start") => {
    if (current) void navigate({ to, params: { name: current } });
  };
  useKeys("Pipelines", [
    { keys: "/", label: "Search", run: onSearch },
    { keys: "j", label: "Next", run: () => step(1) },
    { keys: "k", label: "Previous", run: () => step(-1) },
    { keys: "Enter", label: "Open", run: () => open("/pipelines/$name") },
    ...(mayStart ? [{ keys: "s", label: "Start", run: () => open("/pipelines/$name/start") }] : []),
  ]);
  return current;
}
