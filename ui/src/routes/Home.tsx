/** What goes on, what failed lately, what is wrong with pipelines. */
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import type { RunFilter } from "../api/keys";
import { packageAuditsQuery } from "../api/packages";
import { pipelinesQuery, runsQuery, useSystem } from "../api/queries";
import { useVisitor } from "../api/session";
import type { PipelineSummary, RunSummary } from "../api/types";
import { FirstSteps } from "../components/FirstSteps";
import { Mistakes } from "../components/Mistakes";
import { Page, Section } from "../components/Page";
import { PipelineRow } from "../components/PipelineRow";
import { RunRow } from "../components/RunRow";
import { Banner, Failure } from "../components/States";
import { plural } from "../lib/format";
import { outcomeOf } from "../lib/packages";
import { isEnd } from "../lib/states";
import classes from "./Home.module.css";

const OPEN: RunFilter = { state: "starting,running,retrying,queued" };
const FAILED: RunFilter = { state: "failed,timed_out" };

export function Home() {
  const pipelines = useQuery(pipelinesQuery);
  const system = useSystem();
  const visitor = useVisitor();
  const open = useInfiniteQuery(runsQuery(OPEN, 20));
  const failed = useInfiniteQuery(runsQuery(FAILED, 8));
  if (pipelines.error && !pipelines.data) {
    return (
      <Page crumbs={[{ text: "Home" }]}>
        <Failure error={pipelines.error} retry={() => void pipelines.refetch()} />
      </Page>
    );
  }
  // All of it at once: what comes later would push the rest away.
  const ready = [pipelines, open, failed].every((query) => !query.isPending) && (visitor || !system.isPending);
  const list = pipelines.data ?? [];
  const broken = list.filter((pipeline) => pipeline.mistakes.length > 0);
  if (!ready) return <Page crumbs={[{ text: "Home" }]}>{null}</Page>;
  return (
    <Page crumbs={[{ text: "Home" }]}>
      {system.data?.warnings.map((warning) => (
        <Banner key={warning} tone="warn">
          {warning}
        </Banner>
      ))}
      {pipelines.data?.length === 0 ? (
        <FirstSteps folder={system.data?.pipelines_folder} />
      ) : (
        <>
          <OpenRuns runs={open.data?.pages[0]?.items ?? []} more={open.hasNextPage} />
          <FailedRuns runs={failed.data?.pages[0]?.items ?? []} />
          {broken.length > 0 && (
            <Section title="Pipelines with mistakes">
              {broken.map((pipeline) => (
                <BrokenPipeline key={pipeline.name} pipeline={pipeline} />
              ))}
            </Section>
          )}
          <LatelyUsed pipelines={list} />
          {!visitor && <VulnerablePackages />}
        </>
      )}
    </Page>
  );
}

function OpenRuns({ runs, more }: { runs: RunSummary[]; more: boolean }) {
  const going = runs.filter((run) => !isEnd(run.state));
  const order = ["running", "starting", "retrying", "queued"];
  const sorted = going.slice(0, 20).sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  const left = more || going.length > sorted.length;
  return (
    <Section
      title="Now"
      aside={
        <Link to="/runs" search={OPEN} className="link">
          All
        </Link>
      }
    >
      {sorted.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
      {left && (
        <p className={classes.none}>
          The newest {sorted.length};{" "}
          <Link to="/runs" search={OPEN} className="link">
            all that go on or wait
          </Link>
          .
        </p>
      )}
      {sorted.length === 0 && <p className={classes.none}>Nothing runs and nothing waits.</p>}
    </Section>
  );
}

function FailedRuns({ runs }: { runs: RunSummary[] }) {
  const shown = runs.slice(0, 8);
  return (
    <Section
      title="Failed lately"
      aside={
        <Link to="/runs" search={FAILED} className="link">
          All
        </Link>
      }
    >
      {shown.map((run) => (
        <RunRow key={run.id} run={run} />
      ))}
      {shown.length === 0 && <p className={classes.none}>No run has failed.</p>}
    </Section>
  );
}

/** Comes last: it may be known later than the rest, and pushes nothing away. */
function VulnerablePackages() {
  const { data } = useQuery(packageAuditsQuery);
  const vulnerable = data?.filter(({ outcome }) => outcome === "vulnerable") ?? [];
  if (vulnerable.length === 0) return null;
  return (
    <Section title="Pipelines with vulnerable packages">
      {vulnerable.map((audit) => (
        <p key={audit.pipeline} className={classes.broken}>
          <Link to="/pipelines/$name" params={{ name: audit.pipeline }} search={{ tab: "packages" }} className={classes.brokenName}>
            {audit.pipeline}
          </Link>
          <span className="tone-bad">{outcomeOf(audit).word}</span>
        </p>
      ))}
    </Section>
  );
}

function BrokenPipeline({ pipeline }: { pipeline: PipelineSummary }) {
  return (
    <div className={classes.broken}>
      <Link to="/pipelines/$name" params={{ name: pipeline.name }} className={classes.brokenName}>
        {pipeline.name}
      </Link>
      <div>
        <Mistakes mistakes={pipeline.mistakes.slice(0, 3)} />
        {pipeline.mistakes.length > 3 && <p className="dim">and {plural(pipeline.mistakes.length - 3, "other")}</p>}
      </div>
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
    <Section
      title="Pipelines"
      aside={
        <Link to="/pipelines" className="link">
          All {pipelines.length}
        </Link>
      }
    >
      {used.map((pipeline) => (
        <PipelineRow key={pipeline.name} pipeline={pipeline} />
      ))}
    </Section>
  );
}
