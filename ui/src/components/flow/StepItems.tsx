/** The items of a step that is done for several: a cell for each, or those in one state with why. */
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";

import { useStepRuns } from "../../api/flows";
import type { RunView, StepRunView, StepView } from "../../api/types";
import { stepWord } from "../../lib/flow/steps";
import { count } from "../../lib/format";
import { RUN_STATES, stateLabel } from "../../lib/states";
import { Icon } from "../Icon";
import { StateIcon } from "../StateIcon";
import { Empty, Failure } from "../States";
import classes from "./Flow.module.css";
import { ItemCells } from "./ItemCells";
import { ItemRows } from "./ItemRows";
import { StepMark } from "./StepMark";

interface StepItemsProps {
  run: RunView;
  step: StepView;
  state: string | undefined;
  onState: (state: string | undefined) => void;
}

export function StepItems({ run, step, state, onState }: StepItemsProps) {
  const { data, error, refetch } = useStepRuns(run.id, step);
  const byState = useMemo(() => {
    const found = new Map<string, StepRunView[]>();
    for (const item of data ?? []) {
      const same = found.get(item.state);
      if (same) same.push(item);
      else found.set(item.state, [item]);
    }
    return found;
  }, [data]);
  const shown = state === undefined ? undefined : (byState.get(state) ?? []);
  const all = Math.max(step.counts.items, data?.length ?? 0);
  return (
    <div className={classes.items}>
      <div className={classes.itemsHead}>
        <Link to="/runs/$id" params={{ id: run.id }} search={{}} className={`link ${classes.back ?? ""}`}>
          <span className={classes.backIcon}>
            <Icon name="chevron" size={12} />
          </span>
          All steps
        </Link>
        <h2 className={classes.itemsTitle}>
          <StepMark step={step} /> {step.name}
          <span className="dim"> · {stepWord(step).toLowerCase()}</span>
        </h2>
        <div className={classes.filters} role="group" aria-label="Items in which state">
          <Filter on={state === undefined} n={all} text="All" choose={() => onState(undefined)} />
          {RUN_STATES.filter((one) => byState.has(one) || one === state).map((one) => (
            <Filter
              key={one}
              state={one}
              on={state === one}
              n={byState.get(one)?.length ?? 0}
              text={stateLabel(one)}
              choose={() => onState(one)}
            />
          ))}
        </div>
      </div>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data && shown === undefined && all > 0 && <ItemCells step={step.name} runs={data} all={all} />}
      {data && all === 0 && (
        <Empty icon="runs" title="It has no items">
          <p className="dim">
            {step.counts.items === 0 && step.state === "waiting"
              ? "They are known when what it needs has ended."
              : "Its list was empty, so there was nothing to do."}
          </p>
        </Empty>
      )}
      {shown && shown.length > 0 && <ItemRows key={state} runs={shown} />}
      {shown?.length === 0 && <p className={classes.none}>None is {stateLabel(state ?? "").toLowerCase()} now.</p>}
    </div>
  );
}

interface FilterProps {
  state?: string;
  on: boolean;
  n: number;
  text: string;
  choose: () => void;
}

function Filter({ state, on, n, text, choose }: FilterProps) {
  return (
    <button type="button" className={classes.filter} aria-pressed={on} onClick={choose}>
      {state && <StateIcon state={state} size={12} label={false} still />}
      {text} <span className="dim num">{count(n)}</span>
    </button>
  );
}
