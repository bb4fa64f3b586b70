/** What goes on, what failed lately, what is wrong with pipelines. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { RunFilter } from "../api/keys";
import { pipelinesQuery, runsQuery, systemQuery } from "../api/queries";
import type { PipelineSummary } from "../api/types";
import { FirstSteps } from "../components/FirstSteps";
import { Mistakes } from "../components/Mistakes";
import { Page, Section } from "../components/Page";
import { PipelineRow } from "../components/PipelineRow";
import { RunRow } from "../components/RunRow";
import { Banner, Failure } from "../components/States";
import { isEnd } from "../lib/states";
import classes from "./Home.module.css";

const OPEN: RunFilter = { state: "starting,running,retrying,queued" };
const FAILED: RunFilter = { state: "failed,timed_out" };

export function Home() {
  const pipelines = useQuery(pipelinesQuery);
  const { data: system } = useQuery(systemQuery);
  if (pipelines.error && !pipelines.data) {
    return (
      <Page crumbs={[{ text: "Home" }]}>
        <Failure error={pipelines.error} retry={() => void pipelines.refetch()} />
      </Page>
    );
  }
  const list = pipelines.data ?? [];
  const broken = list.filter((pipeline) => pipeline.mistakes.length > 0);
  return (
    <Page crumbs={[{ text: "Home" }]}>
      {system?.warnings.map((warning) => (
        <Banner key={warning} tone="warn">
          {warning}
        </Banner>
      ))}
      {pipelines.data?.length === 0 ? (
        <FirstSteps folder={system?.pipelines_folder} />
      ) : (
        <>
          <OpenRuns />
          <FailedRuns />
          {broken.length > 0 && (
            <Section title="Pipelines with mistakes">
              {broken.map((pipeline) => (
                <BrokenPipeline key={pipeline.name} pipeline={pipeline} />
              ))}
            </Section>
          )}
          <LatelyUsed pipelines={list} />
        </>
      )}
    </Page>
  );
}

function OpenRuns() {
  const { data } = useInfiniteQuery(runsQuery(OPEN, 20));
  const runs = (data?.pages[0]?.items ?? []).filter((run) => !isEnd(run.state)).slice(0, 20);
  const order = ["running", "starting", "retrying", "queued"];
  const sorted = [...runs].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return (
    <Section title="Now" aside={<Link to="/runs" search={OPEN} className="link">All</Link>}>
      {sorted.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
      {data && sorted.length === 0 && <p className={classes.none}>Nothing runs and nothing waits.</p>}
      {!data && <div className={classes.reserve} />}
    </Section>
  );
}

function FailedRuns() {
  const { data } = useInfiniteQuery(runsQuery(FAILED, 8));
  const runs = (data?.pages[0]?.items ?? []).slice(0, 8);
  return (
    <Section title="Failed lately" aside={<Link to="/runs" search={FAILED} className="link">All</Link>}>
      {runs.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
      {data && runs.length === 0 && <p className={classes.none}>No run has failed.</p>}
      {!data && <div className={classes.reserve} />}
    </Section>
  );
}

function BrokenPipeline({ pipeline }: { pipeline: PipelineSummary }) {
  return (
    <div className={classes.broken}>
      <Link to="/pipelines/$name" params={{ name: pipeline.name }} className={classes.brokenName}>
        {pipeline.name}
      </Link>
      <Mistakes mistakes={pipeline.mistakes.slice(0, 3)} />
    </div>
  );
}

/** The pipelines that ran last, to go on with. */
function LatelyUsed({ pipelines }: { pipelines: PipelineSummary[] }) {
  const last = (pipeline: PipelineSummary) => pipeline.recent.at(-1)?.created_at ?? "";
  const used = pipelines
    .filter((pipeline) => pipeline.mistakes.length === 0)
    .sort((a, b) => last(b).localeCompare(last(a)))
    .slice(0, 5);
  if (used.length === 0) return null;
  return (
    <Section title="Pipelines" aside={<Link to="/pipelines" className="link">All {pipelines.length}</Link>}>
      {used.map((pipeline) => (
        <PipelineRow key={pipeline.name} pipeline={pipeline} />
      ))}
    </Section>
  );
}
