/** What became of something that may start a run: the run, with its state where that is known, or why there is none. */
import { Link } from "@tanstack/react-router";

import { stateLabel } from "../lib/states";
import { Icon } from "./Icon";
import classes from "./RunOrReason.module.css";
import { StateIcon } from "./StateIcon";
import { Told } from "./Told";

interface RunOrReasonProps {
  run: string | null | undefined;
  /** Of its run, where it is known. */
  state: string | undefined;
  /** Where there is none. */
  outcome: { word: string; tone: string; state: string };
  reason: string | null | undefined;
}

export function RunOrReason({ run, state, outcome, reason }: RunOrReasonProps) {
  if (run) {
    return (
      <span className={classes.outcome}>
        {state ? <StateIcon state={state} label={false} /> : <Icon name="runs" />}
        <span>
          <Link to="/runs/$id" params={{ id: run }} className="link">
            run {run.slice(-4)}
          </Link>
          {state && <span className="dim"> · {stateLabel(state)}</span>}
        </span>
      </span>
    );
  }
  return (
    <span className={classes.outcome}>
      <StateIcon state={outcome.state} label={false} />
      <p>
        <span className={`tone-${outcome.tone}`}>{outcome.word}</span>
        {reason && (
          <span className="dim">
            : <Told text={reason} />
          </span>
        )}
      </p>
    </span>
  );
}
