/** A pipeline: how its runs went, what it takes, what it is. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useLayoutEffect, useMemo, useRef, useState } from "react";

import { pipelineQuery, runsQuery } from "../api/queries";
import { useRights } from "../api/rights";
import { schedulesOfQuery } from "../api/schedules";
import type { PipelineView, ScheduleView } from "../api/types";
import { ARCHIVED } from "../components/Archived";
import { SchedulesOf, WhatComes } from "../components/schedules/OfPipeline";
import { CodeLine } from "../components/CodeLine";
import { CodeView } from "../components/CodeView";
import { FlowPlan } from "../components/flow/FlowPlan";
import { Icon } from "../components/Icon";
import { Markdown } from "../components/Markdown";
import { Mistakes } from "../components/Mistakes";
import { Page } from "../components/Page";
import { PackagesOf } from "../components/packages/PackagesOf";
import { RunList } from "../components/RunList";
import { Banner, Empty, Failure } from "../components/States";
import { Strip } from "../components/Strip";
import { TabView } from "../components/TabView";
import { TakesView } from "../components/TakesView";
import { atATime } from "../lib/atATime";
import { inProject, quote } from "../lib/command";
import { duration } from "../lib/format";
import { highlight } from "../lib/highlight";
import { useKeys } from "../lib/keys";
import { specText } from "../lib/specText";
import { isEnd } from "../lib/states";
import classes from "./Pipeline.module.css";

const route = getRouteApi("/pipelines/$name");
const TABS = ["runs", "steps", "schedules", "parameters", "packages", "code", "spec"] as const;
type PipelineTab = (typeof TABS)[number];

export function Pipeline() {
  const { name } = route.useParams();
  const { tab, file } = route.useSearch();
  const navigate = useNavigate();
  const { data: pipeline, error, refetch } = useQuery(pipelineQuery(name));
  const { data: schedules } = useQuery(schedulesOfQuery(name));
  const value = TABS.find((one) => one === tab) ?? "runs";
  const { start: mayStart, visitor } = useRights();
  const start = () => void (pipeline?.runnable && navigate({ to: "/pipelines/$name/start", params: { name } }));
  useKeys("Pipeline", mayStart ? [{ keys: "s", label: "Start", run: start }] : []);
  const crumbs = [{ text: "Pipelines", link: { to: "/pipelines" } as const }, { text: name }];
  if (!pipeline) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  const setTab = (next: PipelineTab) =>
    void navigate({ to: "/pipelines/$name", params: { name }, search: next === "runs" ? {} : { tab: next }, replace: true });
  return (
    <Page fill crumbs={crumbs} actions={<StartButton pipeline={pipeline} />} head={<Head pipeline={pipeline} schedules={schedules} />}>
      <TabView
        label="Pipeline"
        value={value}
        onChange={setTab}
        tabs={[
          { value: "runs", label: "Runs" },
          ...(pipeline.kind === "flow" || value === "steps" ? [{ value: "steps", label: "Steps" } as const] : []),
          { value: "schedules", label: "Schedules", count: schedules?.length },
          { value: "parameters", label: "Parameters" },
          ...(visitor ? [] : [{ value: "packages", label: "Packages" } as const]),
          { value: "code", label: "Code" },
          { value: "spec", label: "Spec" },
        ]}
      >
        {value === "runs" && <RunsOf pipeline={pipeline} />}
        {value === "steps" && <FlowPlan pipeline={pipeline} />}
        {value === "schedules" && <SchedulesOf pipeline={name} schedules={schedules} />}
        {value === "parameters" && <TakesView pipeline={pipeline} />}
        {value === "packages" && <PackagesOf pipeline={name} />}
        {value === "code" && (
          <CodeView
            owner={{ pipeline: name }}
            file={file}
            onFile={(next) =>
              void navigate({ to: "/pipelines/$name", params: { name }, search: { tab: "code", file: next }, replace: true })
            }
          />
        )}
        {value === "spec" && <SpecView pipeline={pipeline} />}
      </TabView>
    </Page>
  );
}

function StartButton({ pipeline }: { pipeline: PipelineView }) {
  const { run, archived } = useRights();
  if (!pipeline.runnable)
    return <span className="dim">{pipeline.mistakes.length > 0 ? "Cannot start: it has a mistake" : "Switched off in its spec"}</span>;
  if (!run) return null;
  if (archived) {
    return (
      <Button leftSection={<Icon name="play" size={14} />} disabled title={ARCHIVED}>
        Start
      </Button>
    );
  }
  return (
    <Button
      leftSection={<Icon name="play" size={14} />}
      renderRoot={(props) => <Link to="/pipelines/$name/start" params={{ name: pipeline.name }} {...props} />}
    >
      Start
    </Button>
  );
}

function Head({ pipeline, schedules }: { pipeline: PipelineView; schedules: ScheduleView[] | undefined }) {
  return (
    <div className={classes.head}>
      {pipeline.mistakes.length > 0 && (
        <Banner tone="bad">
          <Mistakes mistakes={pipeline.mistakes} />
        </Banner>
      )}
      {pipeline.warnings.length > 0 && (
        <Banner tone="warn">
          <Mistakes mistakes={pipeline.warnings} />
        </Banner>
      )}
      <div className={classes.facts}>
        <div className={classes.words}>
          <Description text={pipeline.description ?? pipeline.summary ?? "It has no description."} />
          <p className="dim">
            {factsOf(pipeline).join(" · ")}
            <WhatComes schedules={schedules} />
          </p>
        </div>
        <Strip marks={pipeline.recent} height={40} links />
      </div>
    </div>
  );
}

/** The first lines of it; the rest where it is asked for. */
function Description({ text }: { text: string }) {
  const box = useRef<HTMLDivElement>(null);
  const [long, setLong] = useState(false);
  const [whole, setWhole] = useState(false);
  useLayoutEffect(() => {
    const element = box.current;
    if (element) setLong(element.scrollHeight > element.clientHeight + 2);
  }, [text]);
  return (
    <div>
      <div ref={box} className={classes.description} data-whole={whole || undefined} data-long={long || undefined}>
        <Markdown text={text} />
      </div>
      {(long || whole) && (
        <button type="button" className={classes.more} aria-expanded={whole} onClick={() => setWhole(!whole)}>
          {whole ? "Less" : "More"}
        </button>
      )}
    </div>
  );
}

function factsOf(pipeline: PipelineView): string[] {
  const facts: string[] = [];
  if (pipeline.kind) facts.push(pipeline.kind);
  facts.push(...atATime(pipeline.spec));
  if (pipeline.expected_ms) facts.push(`takes about ${duration(pipeline.expected_ms)}`);
  const ended = pipeline.recent.filter((mark) => isEnd(mark.state) && mark.state !== "cancelled" && mark.state !== "skipped");
  if (ended.length > 2) facts.push(`${ended.filter((mark) => mark.state === "succeeded").length} of the last ${ended.length} succeeded`);
  if (pipeline.active > 0) facts.push(`${pipeline.active} running`);
  if (pipeline.queued > 0) facts.push(`${pipeline.queued} waiting`);
  if (pipeline.version)
    facts.push(
      `code ${pipeline.version.slice(0, 7)}${pipeline.git?.branch ? ` on ${pipeline.git.branch}` : ""}${pipeline.git?.dirty ? ", changed since the commit" : ""}${pipeline.git?.repository ? ` of ${pipeline.git.repository}` : ""}`,
    );
  for (const tag of pipeline.tags) facts.push(`#${tag}`);
  return facts;
}

function RunsOf({ pipeline: { name, runnable } }: { pipeline: PipelineView }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(runsQuery({ pipeline: name }));
  const runs = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const { run: mayRun, start: mayStart } = useRights();
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (data && runs.length === 0) {
    return (
      <Empty icon="runs" title="It has never run">
        {runnable && !mayRun && <p className="dim">Runners, editors and owners start it. You are a viewer.</p>}
        {runnable && mayStart && (
          <p className="dim">
            Start it here, or in a terminal: <code>{inProject(`rigi run ${quote(name)} --follow`)}</code>
          </p>
        )}
      </Empty>
    );
  }
  return <RunList runs={runs} withoutPipeline hasMore={hasNextPage} loadMore={() => void (!isFetchingNextPage && fetchNextPage())} />;
}

function SpecView({ pipeline }: { pipeline: PipelineView }) {
  if (pipeline.spec == null) return <Empty icon="file" title="The spec cannot be read while it has a mistake" />;
  return (
    <div className={classes.spec} data-scroll-restoration-id="spec" tabIndex={0} role="region" aria-label="Spec">
      <p className="dim">
        {pipeline.spec_file ? (
          <>
            <code>{pipeline.spec_file}</code> as it is read, with the defaults that count; what is not named is not set
          </>
        ) : (
          "The folder has no spec file; these are the defaults"
        )}
      </p>
      <Yaml text={specText(pipeline.spec)} />
    </div>
  );
}

function Yaml({ text }: { text: string }) {
  const lines = useMemo(() => highlight(text, "yaml"), [text]);
  return (
    <pre>
      {lines.map((spans, index) => (
        <div key={index}>
          <CodeLine spans={spans} />
        </div>
      ))}
    </pre>
  );
}
