/** When each step of a flow waited and ran: a line for each, on one scale. */
import { asks, itemsOf, stepWord, timeOf, type Step } from "../../lib/flow/steps";
import { timelineOf, type Bar } from "../../lib/flow/times";
import { duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { stateTone } from "../../lib/states";
import classes from "./Flow.module.css";
import { StepLink, StepMark } from "./StepMark";

interface StepTimesProps {
  flow: { id: string; created_at: string; ended_at?: string | null | undefined };
  steps: readonly Step[];
}

export function StepTimes({ flow, steps }: StepTimesProps) {
  const now = useNow(!flow.ended_at);
  const { begin, end, bars, ticks } = timelineOf(steps, Date.parse(flow.created_at), flow.ended_at ? Date.parse(flow.ended_at) : null, now);
  const part = (ms: number) => `${(ms / (end - begin)) * 100}%`;
  const byName = new Map(bars.map((bar) => [bar.name, bar]));
  return (
    <div className={classes.times} role="region" aria-label="Times of the steps" tabIndex={0} data-scroll-restoration-id="steps-times">
      <div className={classes.scale} aria-hidden>
        <div>
          {ticks.map(({ at, text }) => (
            <span key={at} style={{ left: part(at) }}>
              {text}
            </span>
          ))}
        </div>
      </div>
      <ul className={classes.timeRows}>
        <li className={classes.lines} aria-hidden>
          <div>
            {ticks.map(({ at }) => (
              <span key={at} style={{ left: part(at) }} />
            ))}
          </div>
        </li>
        {steps.map((step) => (
          <li key={step.name}>
            <TimeRow flow={flow.id} step={step} bar={byName.get(step.name)} begin={begin} now={now} part={part} />
          </li>
        ))}
      </ul>
      <p className={classes.legend} aria-hidden>
        <span className={classes.legendWaited} /> could begin, and waited
        <span className={classes.legendRan} /> ran
      </p>
    </div>
  );
}

interface TimeRowProps {
  flow: string;
  step: Step;
  bar: Bar | undefined;
  begin: number;
  now: number;
  part: (ms: number) => string;
}

function TimeRow({ flow, step, bar, begin, now, part }: TimeRowProps) {
  const time = timeOf(step, now);
  const waited = bar?.waited ? bar.waited[1] - bar.waited[0] : 0;
  const said = [
    step.name,
    stepWord(step).toLowerCase(),
    waited >= 1000 && `waited ${duration(waited)}`,
    time && `ran ${time}`,
    itemsOf(step),
  ];
  const span = (range: readonly [number, number]) => ({ left: part(range[0] - begin), width: part(range[1] - range[0]) });
  return (
    <StepLink flow={flow} step={step} className={classes.timeRow} label={said.filter(Boolean).join(", ")} title={step.message ?? undefined}>
      <span className={classes.timeName} aria-hidden>
        <StepMark step={step} size={14} />
        <span className="ellipsis">{step.name}</span>
      </span>
      <span className={classes.track} aria-hidden>
        {bar?.waited && <span className={classes.waited} data-asks={asks(step) || undefined} style={span(bar.waited)} />}
        {bar?.ran && (
          <span
            className={`${classes.ran ?? ""} tone-${stateTone(step.state)}`}
            data-open={step.state === "running" || undefined}
            style={span(bar.ran)}
          />
        )}
      </span>
      <span className={classes.timeText} aria-hidden>
        {time || (step.state === "running" || step.state === "waiting" ? "" : stepWord(step))}
      </span>
    </StepLink>
  );
}
