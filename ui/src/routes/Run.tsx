/** A run: its state and why, how long still, its log, what it left. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { useWatchRun } from "../api/LiveContext";
import { keys } from "../api/keys";
import { asProblem } from "../api/problem";
import { attemptsQuery, homeOfRunQuery, runQuery } from "../api/queries";
import type { RunView } from "../api/types";
import { CodeView } from "../components/CodeView";
import { LogBody } from "../components/log/LogBody";
import { LogTools } from "../components/log/LogTools";
import { useLogController } from "../components/log/useLogController";
import { Page } from "../components/Page";
import { EventsTab } from "../components/run/EventsTab";
import { OutputsTab } from "../components/run/OutputsTab";
import { ParametersTab } from "../components/run/ParametersTab";
import { RunActions } from "../components/run/RunActions";
import { RunHead } from "../components/run/RunHead";
import classes from "../components/run/Run.module.css";
import { Failure } from "../components/States";
import { TabView } from "../components/TabView";
import { useKeys } from "../lib/keys";
import { hasMany } from "../lib/phases";
import { DEFAULT_PROJECT, pagePath, project } from "../lib/project";
import { isEnd } from "../lib/states";
import type { RunTab } from "../router";

const route = getRouteApi("/runs/$id");
/** `run_` and 26 characters; by a part of its id a run is found in its project alone. */
const FULL_ID = 30;
const TABS: readonly RunTab[] = ["log", "outputs", "parameters", "events", "code"];

export function Run() {
  const { id } = route.useParams();
  const { data: run, error, refetch } = useQuery(runQuery(id));
  useFullId(id, run);
  const leaving = useElsewhere(id, error);
  const crumbs = [
    { text: "Pipelines", link: { to: "/pipelines" } as const },
    ...(run ? [{ text: run.pipeline, link: { to: "/pipelines/$name", params: { name: run.pipeline } } as const }] : []),
    { text: `run ${run?.short ?? id.slice(-4)}` },
  ];
  const ready = useReady(run);
  if (!run || !ready)
    return <Page crumbs={crumbs}>{!run && error && !leaving && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page fill crumbs={crumbs} actions={<RunActions run={run} />}>
      <RunBody key={run.id} run={run} />
    </Page>
  );
}

/** False until what the top of a run says over its attempts is known, so that it does not grow later. */
function useReady(run: RunView | undefined): boolean {
  const many = run !== undefined && hasMany(run);
  const { isPending } = useQuery({ ...attemptsQuery(run?.id ?? ""), enabled: many });
  const [shown, setShown] = useState<string | null>(null);
  const ready = run !== undefined && (shown === run.id || !many || !isPending);
  if (ready && shown !== run.id) setShown(run.id);
  return ready;
}

/** Events name runs by their full id: an address with a part of it is made whole. */
function useFullId(id: string, run: RunView | undefined): void {
  const navigate = useNavigate();
  const cache = useQueryClient();
  useEffect(() => {
    if (!run || run.id === id) return;
    cache.setQueryData<RunView>(keys.run(run.id), run);
    void navigate({ to: "/runs/$id", params: { id: run.id }, search: (search) => search, hash: (hash) => hash ?? "", replace: true });
  }, [id, run, cache, navigate]);
}

/** A run of another project at an address that names none: the way there. True while it is looked for and gone to. */
function useElsewhere(id: string, error: unknown): boolean {
  const lost = project === DEFAULT_PROJECT && error !== null && asProblem(error).status === 404 && id.length === FULL_ID;
  const { data: home, isLoading } = useQuery({ ...homeOfRunQuery(id), enabled: lost });
  useEffect(() => {
    if (lost && home) location.replace(pagePath(location.pathname, home) + location.search + location.hash);
  }, [lost, home]);
  return lost && (isLoading || typeof home === "string");
}

function RunBody({ run }: { run: RunView }) {
  const { tab, attempt, file, line } = route.useSearch();
  const navigate = useNavigate();
  const value = TABS.find((one) => one === tab) ?? "log";
  const chosen = attempt && /^[1-9]\d{0,6}$/.test(attempt) ? Number(attempt) : undefined;
  const log = useLogController(run, chosen, value === "log");
  useWatchRun(run.id, !isEnd(run.state));
  const kept = chosen === undefined ? {} : { attempt: String(chosen) };
  const open = (next: RunTab) => go({ ...(next === "log" ? {} : { tab: next }), ...kept });
  const go = (search: { tab?: string; attempt?: string; file?: string }) =>
    void navigate({ to: "/runs/$id", params: { id: run.id }, search, replace: true });
  useKeys("Tabs", [
    { keys: "l", label: "Log", run: () => open("log") },
    { keys: "o", label: "Outputs", run: () => open("outputs") },
    { keys: "p", label: "Parameters", run: () => open("parameters") },
    { keys: "e", label: "Events", run: () => open("events") },
  ]);
  return (
    <div className={classes.body}>
      <RunHead run={run} attempt={chosen ?? run.attempt} />
      <TabView
        label="Run"
        value={value}
        onChange={open}
        tools={value === "log" ? <LogTools log={log} /> : null}
        tabs={[
          { value: "log", label: "Log" },
          { value: "outputs", label: "Outputs", count: run.artifacts.count },
          { value: "parameters", label: "Parameters" },
          { value: "events", label: "Events" },
          { value: "code", label: "Code" },
        ]}
      >
        {value === "log" && <LogBody log={log} />}
        {value === "outputs" && <OutputsTab run={run} />}
        {value === "parameters" && <ParametersTab run={run} />}
        {value === "events" && (
          <EventsTab run={run} onAttempt={(number) => go(number === run.attempt ? {} : { attempt: String(number) })} />
        )}
        {value === "code" && (
          <CodeView
            owner={{ run: run.id }}
            file={file}
            line={line === undefined ? undefined : Number(line)}
            onFile={(path) => go({ tab: "code", file: path, ...kept })}
          />
        )}
      </TabView>
    </div>
  );
}
