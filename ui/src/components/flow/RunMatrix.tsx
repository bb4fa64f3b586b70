/** The last runs of a flow beside each other: a line for each step, a column for each run, the newest at the right. */
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { stepsQuery } from "../../api/flows";
import { runsQuery } from "../../api/queries";
import type { RunSummary, StepView } from "../../api/types";
import { itemsOf, stepWord, timeOf, type Planned } from "../../lib/flow/steps";
import { ago } from "../../lib/format";
import { useNow } from "../../lib/now";
import { stateLabel } from "../../lib/states";
import { StateIcon } from "../StateIcon";
import { Failure } from "../States";
import classes from "./Matrix.module.css";
import { StepLink, StepMark } from "./StepMark";

const RUNS = 20;
const NO_STEPS: StepView[] = [];

export function RunMatrix({ pipeline, steps }: { pipeline: string; steps: readonly Planned[] }) {
  const { data, error, refetch } = useInfiniteQuery(runsQuery({ pipeline }));
  const runs = (data?.pages.flatMap((page) => page.items) ?? []).slice(0, RUNS).reverse();
  const ofRuns = useQueries({ queries: runs.map(({ id }) => stepsQuery(id)), combine: (all) => all.map(({ data }) => data ?? NO_STEPS) });
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (data && runs.length === 0)
    return <p className={classes.none}>It has never run. Once it has, each step shows here with how it went.</p>;
  const known = new Set(steps.map(({ name }) => name));
  const former = [...new Set(ofRuns.flat().map(({ name }) => name))].filter((name) => !known.has(name));
  return (
    <div className={classes.scroll} tabIndex={0} role="group" aria-label="Steps by run">
      <table className={classes.matrix}>
        <thead>
          <tr>
            <td />
            {runs.map((run) => (
              <RunHeading key={run.id} run={run} />
            ))}
          </tr>
        </thead>
        <tbody>
          {[...known, ...former].map((name) => (
            <tr key={name}>
              <th scope="row" title={known.has(name) ? undefined : "Its spec has it no more"} className={known.has(name) ? "" : "dim"}>
                {name}
              </th>
              {runs.map((run, index) => (
                <Cell key={run.id} run={run} step={ofRuns[index]?.find((step) => step.name === name)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunHeading({ run }: { run: RunSummary }) {
  const now = useNow(false);
  const label = `run ${run.short}, ${stateLabel(run.state).toLowerCase()}, ${ago(Date.parse(run.created_at), now)}`;
  return (
    <th scope="col">
      <Link to="/runs/$id" params={{ id: run.id }} className={classes.cell} aria-label={label} title={label}>
        <span className={classes.short} aria-hidden>
          {run.short}
        </span>
        <StateIcon state={run.state} size={14} label={false} still />
      </Link>
    </th>
  );
}

function Cell({ run, step }: { run: RunSummary; step: StepView | undefined }) {
  const now = useNow(false);
  if (!step) return <td />;
  const words = [stepWord(step).toLowerCase(), step.message, itemsOf(step), timeOf(step, now)].filter(Boolean).join(", ");
  const label = `${step.name} of run ${run.short}: ${words}`;
  return (
    <td>
      <StepLink flow={run.id} step={step} className={classes.cell} label={label} title={label}>
        <StepMark step={step} size={14} />
      </StepLink>
    </td>
  );
}
