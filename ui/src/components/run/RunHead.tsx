/** The top of a run: state, reason, prospect, phases, usage. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, type ReactNode } from "react";

import { attemptsQuery } from "../../api/queries";
import { useRights } from "../../api/rights";
import type { RunView } from "../../api/types";
import { cureOf } from "../../lib/cures";
import { count, roughly } from "../../lib/format";
import { useNow } from "../../lib/now";
import { hasMany, totalOf, type Span } from "../../lib/phases";
import { apiPath } from "../../lib/project";
import { attemptWord, backfillOf, exitWord, remaining, shortId, startedBy, stateDetail, stateHeading } from "../../lib/runText";
import { triggerOf } from "../../lib/triggers";
import { isEnd, stateLabel, stateTone } from "../../lib/states";
import { givenDatasets } from "../data/RunDatasets";
import { Approval } from "../flow/Approval";
import { WhyNotCached } from "../flow/WhyNotCached";
import { Icon } from "../Icon";
import { StateIcon } from "../StateIcon";
import { Ticked } from "../Ticked";
import { At } from "../Time";
import { Told } from "../Told";
import { PhaseBar } from "./PhaseBar";
import classes from "./Run.module.css";

const NONE: readonly Span[] = [];
const UsageCharts = lazy(() => import("./UsageCharts"));

export function RunHead({ run, attempt }: { run: RunView; attempt: number }) {
  const ended = isEnd(run.state);
  const now = useNow(!ended);
  // What it says of its progress stands beside the bar, where it may change its length.
  const left = [run.attempt > 1 ? attemptWord(run) : null, remaining(run, now, run.expected_ms)].filter(Boolean).join(", ");
  const detail = run.state === "running" ? left : stateDetail(run, now, run.expected_ms);
  const { data: attempts } = useQuery({ ...attemptsQuery(run.id), enabled: hasMany(run) });
  const spans = attempts?.items ?? NONE;
  const asked = run.approval != null && !ended && run.attempt > 0;
  const cure = ended ? cureOf(run) : null;
  return (
    <div className={classes.head}>
      <div className={classes.state} role="status">
        {asked ? (
          <span className="tone-warn">
            <Icon name="person" size={20} />
          </span>
        ) : (
          <StateIcon state={run.state} size={20} />
        )}
        <p className={classes.heading}>
          <span className={`tone-${asked ? "warn" : stateTone(run.state)}`}>
            {asked ? "Asks for an answer" : run.approval ? stateLabel(run.state) : stateHeading(run, now, totalOf(run, spans, now))}
          </span>
          {detail && !run.approval && (
            <span className={classes.detail}>
              {run.state === "running" ? ", " : ": "}
              <Told text={detail} />
            </span>
          )}
        </p>
      </div>
      {cure && (
        <p className={classes.cure}>
          <Ticked text={cure} />
        </p>
      )}
      {run.state === "queued" && <Waiting run={run} />}
      <Facts run={run} started={spans[0]?.started_at ?? run.started_at} />
      {run.approval && <Approval run={run} approval={run.approval} />}
      {!run.approval && (
        <div className={classes.measures}>
          <PhaseBar run={run} spans={spans} now={now} />
          <Suspense fallback={<div className={classes.chartsReserve} />}>
            {run.attempt > 0 && !run.flow ? <UsageCharts key={attempt} run={run} attempt={attempt} /> : null}
          </Suspense>
        </div>
      )}
    </div>
  );
}

function Waiting({ run }: { run: RunView }) {
  if (!run.queue) return null;
  const { position, limit } = run.queue;
  // Those before it and those that run now leave in groups as large as the limit.
  const wait = run.expected_ms ? run.expected_ms * Math.ceil(position / Math.max(1, limit ?? 1)) : null;
  const own = run.reason !== "global-limit";
  return (
    <p className={classes.cure}>
      {position === 1 ? "It is next" : `${count(position - 1)} before it`}
      {wait !== null && `; it may start in about ${roughly(wait)}`}.{" "}
      <Link to="/runs" search={{ ...(own ? { pipeline: run.pipeline } : {}), state: "starting,running,retrying" }} className="link">
        {own ? `What runs of ${run.pipeline}` : "What runs now"}
      </Link>
    </p>
  );
}

function RunLink({ id }: { id: string }) {
  return (
    <Link to="/runs/$id" params={{ id }} className="link mono">
      {shortId(id)}
    </Link>
  );
}

/** What started it: a person, a schedule, or the end of another run, which it leads to. */
function Trigger({ run }: { run: RunView }) {
  const { edit } = useRights();
  const trigger = triggerOf(run.trigger);
  if (trigger) return <ByTrigger run={run} trigger={trigger} />;
  if (!run.started_by) {
    const { kind, by } = run.trigger;
    const backfill = backfillOf(run.trigger);
    if (backfill) {
      return (
        <>
          by{" "}
          <Link to="/backfills/$id" params={{ id: backfill }} className="link">
            {startedBy(run.trigger)}
          </Link>
        </>
      );
    }
    if (kind !== "webhook" || !edit) return <>by {startedBy(run.trigger)}</>;
    return (
      <>
        by{" "}
        <Link to="/webhooks/$name" params={{ name: by }} className="link">
          {startedBy(run.trigger)}
        </Link>
      </>
    );
  }
  return (
    <>
      {run.trigger.kind === "restart" ? "again after" : "after"} <RunLink id={run.started_by} />
    </>
  );
}

/** What started it has happened: a file has come, a sensor's run has said a line, the last of several pipelines has ended. */
function ByTrigger({ run, trigger: { pipeline, id } }: { run: RunView; trigger: { pipeline: string; id: string } }) {
  const { edit } = useRights();
  const words = startedBy(run.trigger);
  return (
    <>
      by{" "}
      {edit ? (
        <Link to="/triggers/$pipeline/$id" params={{ pipeline, id }} className="link">
          {words}
        </Link>
      ) : (
        words
      )}
      {run.started_by && (
        <>
          , after <RunLink id={run.started_by} />
        </>
      )}
    </>
  );
}

/** Runs that are named of those that it has started. */
const NAMED = 5;

/** The runs that its end has started. */
function Started({ runs }: { runs: string[] }) {
  return (
    <>
      has started{" "}
      {runs.slice(0, NAMED).map((id, index) => (
        <span key={id}>
          {index > 0 && ", "}
          <RunLink id={id} />
        </span>
      ))}
      {runs.length > NAMED && ` and ${count(runs.length - NAMED)} more`}
    </>
  );
}

function Facts({ run, started }: { run: RunView; started: string | null | undefined }) {
  const parts: ReactNode[] = [
    <>
      {started ? "started " : "accepted "}
      <At at={started ?? run.created_at} /> <Trigger run={run} />
    </>,
  ];
  if (run.rerun_of) {
    parts.push(
      <>
        {run.step ? "result of" : "repeats"} <RunLink id={run.rerun_of} />
      </>,
    );
  }
  if (run.step && isEnd(run.state) && run.attempt > 0 && !run.approval) parts.push(<WhyNotCached run={run} />);
  if (run.started && run.started.length > 0) parts.push(<Started runs={run.started} />);
  parts.push(
    <>
      code <Commit run={run} />
      {run.git?.branch && ` on ${run.git.branch}`}
      {run.git?.repository && ` of ${run.git.repository}`}
      {run.git?.dirty && ", with changes"}
    </>,
  );
  if (run.environment) {
    parts.push(
      <a
        href={apiPath(`/api/v1/environments/${encodeURIComponent(run.environment.id)}/log`)}
        target="_blank"
        rel="noreferrer"
        className={classes.plainLink}
        title="How it was prepared"
      >
        {run.environment.label}
      </a>,
    );
  }
  if (run.target !== "process" && run.target !== "flow") parts.push(run.target);
  parts.push(...givenDatasets(run));
  const exit = exitWord(run);
  if (exit) parts.push(exit);
  if (run.attempt > 1 && run.state === "succeeded") parts.push(attemptWord(run));
  for (const [key, value] of Object.entries(run.labels)) {
    parts.push(
      <Link to="/runs" search={{ label: [`${key}=${value}`] }} className={classes.label}>
        {key}={value}
      </Link>,
    );
  }
  return (
    <p className={classes.facts}>
      {parts.map((part, index) => (
        <span key={index}>{part}</span>
      ))}
    </p>
  );
}

/** The commit that a run is of, with its page where it has one. */
function Commit({ run }: { run: RunView }) {
  const short = <span className="mono">{(run.git?.commit ?? run.version).slice(0, 7)}</span>;
  if (!run.git?.page) return short;
  return (
    <a href={run.git.page} target="_blank" rel="noreferrer" className={classes.plainLink} title="The commit at its host">
      {short}
    </a>
  );
}
