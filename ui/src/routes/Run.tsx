/** A run: its state and why, how long still, its log, what it left. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";

import { useWatchRun } from "../api/LiveContext";
import { keys } from "../api/keys";
import { asProblem } from "../api/problem";
import { attemptsQuery, homeOfRunQuery, runQuery } from "../api/queries";
import type { RunView } from "../api/types";
import { StepsTab, StepsTools, viewOf } from "../components/flow/StepsTab";
import { CodeView } from "../components/CodeView";
import { LogBody } from "../components/log/LogBody";
import { LogTools } from "../components/log/LogTools";
import { useLogController } from "../components/log/useLogController";
import { Page, type Crumb } from "../components/Page";
import { EventsTab } from "../components/run/EventsTab";
import { OutputsTab } from "../components/run/OutputsTab";
import { ParametersTab } from "../components/run/ParametersTab";
import { RunActions } from "../components/run/RunActions";
import { RunHead } from "../components/run/RunHead";
import classes from "../components/run/Run.module.css";
import { Failure } from "../components/States";
import { TabView, type Tab } from "../components/TabView";
import { useKeys } from "../lib/keys";
import { hasMany } from "../lib/phases";
import { DEFAULT_PROJECT, pagePath, project } from "../lib/project";
import { isEnd } from "../lib/states";
import type { RunTab } from "../router";

const route = getRouteApi("/runs/$id");
/** `run_` and 26 characters; by a part of its id a run is found in its project alone. */
const FULL_ID = 30;

export function Run() {
  const { id } = route.useParams();
  const { data: run, error, refetch } = useQuery(runQuery(id));
  useFullId(id, run);
  const leaving = useElsewhere(id, error);
  const crumbs = useCrumbs(id, run);
  const ready = useReady(run);
  if (!run || !ready)
    return <Page crumbs={crumbs}>{!run && error && !leaving && <Failure error={error} retry={() => void refetch()} />}</Page>;
  return (
    <Page fill crumbs={crumbs} actions={<RunActions run={run} />}>
      <RunBody key={run.id} run={run} />
    </Page>
  );
}

/** From the pipeline to the run; to a step's run by way of the flow that it is of. */
function useCrumbs(id: string, run: RunView | undefined): Crumb[] {
  const place = run?.step;
  const { data: flow } = useQuery({ ...runQuery(place?.flow ?? ""), enabled: place != null });
  const pipeline = place ? flow?.pipeline : run?.pipeline;
  const crumbs: Crumb[] = [{ text: "Pipelines", link: { to: "/pipelines" } }];
  if (pipeline) crumbs.push({ text: pipeline, link: { to: "/pipelines/$name", params: { name: pipeline } } });
  if (!place) return [...crumbs, { text: `run ${run?.short ?? id.slice(-4)}` }];
  const to = { to: "/runs/$id", params: { id: place.flow } } as const;
  crumbs.push({ text: `run ${place.flow.slice(-4)}`, link: to });
  if (place.item == null) return [...crumbs, { text: place.step }];
  return [...crumbs, { text: place.step, link: { ...to, search: { step: place.step } } }, { text: `item ${place.item}` }];
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
  const { tab, attempt, file, line, view, step, items } = route.useSearch();
  const navigate = useNavigate();
  const tabs = tabsOf(run);
  const first = tabs[0]?.value ?? "log";
  const value = tabs.find((one) => one.value === tab)?.value ?? first;
  const chosen = attempt && /^[1-9]\d{0,6}$/.test(attempt) ? Number(attempt) : undefined;
  const log = useLogController(run, chosen, value === "log");
  useWatchRun(run.id, !isEnd(run.state));
  const kept = chosen === undefined ? {} : { attempt: String(chosen) };
  const open = (next: RunTab) => go({ ...(next === first ? {} : { tab: next }), ...kept });
  const go = (search: RunSearch) => void navigate({ to: "/runs/$id", params: { id: run.id }, search, replace: true });
  useKeys("Tabs", [
    ...(run.flow ? [{ keys: "t", label: "Steps", run: () => open("steps") }] : []),
    ...(run.approval ? [] : [{ keys: "l", label: "Log", run: () => open("log") }]),
    ...(run.approval
      ? []
      : [
          { keys: "o", label: "Outputs", run: () => open("outputs") },
          { keys: "p", label: "Parameters", run: () => open("parameters") },
        ]),
    { keys: "e", label: "Events", run: () => open("events") },
  ]);
  const shown = step === undefined && value === "steps";
  const tools = shown ? <StepsTools view={viewOf(view)} onView={(next) => go(next === "drawing" ? {} : { view: next })} /> : null;
  return (
    <div className={classes.body}>
      <RunHead run={run} attempt={chosen ?? run.attempt} />
      <TabView label="Run" value={value} onChange={open} tools={value === "log" ? <LogTools log={log} /> : tools} tabs={tabs}>
        {value === "steps" && (
          <StepsTab
            run={run}
            view={viewOf(view)}
            step={step}
            state={items}
            onState={(state) => go({ ...(step === undefined ? {} : { step }), ...(state === undefined ? {} : { items: state }) })}
          />
        )}
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

type RunSearch = Partial<Record<"tab" | "attempt" | "file" | "view" | "step" | "items", string>>;

/** What a run has: a flow has steps before all, and its log when it has ended; where people are asked, nothing is written. */
function tabsOf(run: RunView): Tab<RunTab>[] {
  const log = { value: "log", label: "Log" } as const;
  const events = { value: "events", label: "Events" } as const;
  if (run.approval) return [events];
  return [
    ...(run.flow ? [{ value: "steps", label: "Steps" } as const, log] : [log]),
    { value: "outputs", label: "Outputs", count: run.artifacts.count },
    { value: "parameters", label: "Parameters" },
    events,
    { value: "code", label: "Code" },
  ];
}
