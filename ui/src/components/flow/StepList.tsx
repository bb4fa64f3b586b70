/** The steps of a flow as a list: each with its state and why. */
import { asks, itemsOf, orderOf, stepWord, timeOf, type Step } from "../../lib/flow/steps";
import { useNow } from "../../lib/now";
import { stateTone } from "../../lib/states";
import { Ticked } from "../Ticked";
import classes from "./Flow.module.css";
import { StepLink, StepMark } from "./StepMark";

export function StepList({ flow, steps }: { flow: string; steps: readonly Step[] }) {
  const now = useNow(steps.some(({ state }) => state === "running"));
  return (
    <ul className={classes.list} aria-label="Steps" tabIndex={0} data-scroll-restoration-id="steps-list">
      {steps.map((step) => (
        <li key={step.name}>
          <Row flow={flow} step={step} now={now} />
        </li>
      ))}
    </ul>
  );
}

function Row({ flow, step, now }: { flow: string; step: Step; now: number }) {
  const time = timeOf(step, now);
  const items = itemsOf(step);
  const word = stepWord(step);
  const label = [step.name, word.toLowerCase(), step.message, items, time, step.optional && "optional", orderOf(step)];
  const asking = asks(step) && step.message != null;
  return (
    <StepLink flow={flow} step={step} className={classes.row} label={label.filter(Boolean).join(", ")}>
      <StepMark step={step} />
      <span className={classes.rowName} aria-hidden>
        <span className="ellipsis">{step.name}</span>
        {step.optional && <span className={classes.kind}>optional</span>}
      </span>
      <span className={classes.rowWhy} aria-hidden>
        {!asking && <span className={step.state === "succeeded" ? "dim" : `tone-${stateTone(step.state)}`}>{word}</span>}
        {step.message && (
          <span className={asking ? "tone-warn" : ""}>
            {asking ? "" : ": "}
            <Ticked text={step.message} />
          </span>
        )}
        {items && <span className="dim"> · {items}</span>}
      </span>
      <span className={classes.rowOrder} aria-hidden>
        {orderOf(step)}
      </span>
      <span className={classes.rowTime} aria-hidden>
        {time}
      </span>
    </StepLink>
  );
}
