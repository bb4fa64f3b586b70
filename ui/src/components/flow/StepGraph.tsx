/** The steps of a flow as a drawing, from left to right: what comes after what, and how far each is. */
import { useMemo, type CSSProperties } from "react";

import { layoutSteps, NODE, pathOf, type Edge } from "../../lib/flow/layout";
import { asks, conditionOf, itemsOf, orderOf, stepWord, timeOf, type Planned, type Step } from "../../lib/flow/steps";
import { useNow } from "../../lib/now";
import classes from "./Flow.module.css";
import { StepLink, StepMark } from "./StepMark";

interface StepGraphProps {
  steps: readonly Planned[] | readonly Step[];
  /** The run that they are of; without it they are drawn as the spec has them. */
  flow?: string;
}

/** What an edge says stands this far before its end. */
const SAID = 84;

export function StepGraph({ steps, flow }: StepGraphProps) {
  // What does not change with states is laid out once.
  const shape = JSON.stringify(steps.map((step) => [step.name, step.needs, conditionOf(step)]));
  const layout = useMemo(() => {
    const drawn = JSON.parse(shape) as [string, string[], string | null][];
    return layoutSteps(drawn.map(([name, needs, said]) => ({ name, needs, labelled: said !== null })));
  }, [shape]);
  const byName = new Map<string, Planned | Step>(steps.map((step) => [step.name, step]));
  const now = useNow(steps.some((step) => "state" in step && step.state === "running"));
  return (
    <div className={classes.drawing} tabIndex={0} role="group" aria-label="Steps, drawn" data-scroll-restoration-id="steps-drawing">
      <div className={classes.canvas} style={{ width: layout.width, height: layout.height }}>
        <svg width={layout.width} height={layout.height} className={classes.edges} aria-hidden>
          {layout.edges.map((edge) => (
            <Line key={`${edge.from} ${edge.to}`} edge={edge} from={byName.get(edge.from)} to={byName.get(edge.to)} />
          ))}
        </svg>
        {layout.places.map(({ name, x, y }) => {
          const step = byName.get(name);
          if (!step) return null;
          const condition = conditionOf(step);
          return (
            <div key={name}>
              {condition && (
                <span className={classes.condition} style={{ left: x - 10, top: y + NODE.height / 2 }} aria-hidden>
                  {condition}
                </span>
              )}
              <Node step={step} flow={flow} now={now} style={{ left: x, top: y, width: NODE.width, height: NODE.height }} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

function Line({ edge, from, to }: { edge: Edge; from: Planned | Step | undefined; to: Planned | Step | undefined }) {
  if (!to) return null;
  const [x, y] = edge.points.at(-1) ?? [0, 0];
  const went = from && "state" in from && "state" in to && to.state !== "waiting" && to.state !== "skipped";
  const past = "state" in to && to.state === "skipped";
  return (
    <path
      d={`${pathOf(edge, conditionOf(to) ? SAID : 8)}M${x - 6} ${y - 3.5}l5 3.5 -5 3.5`}
      className={classes.edge}
      data-went={went || undefined}
      data-past={past || undefined}
    />
  );
}

function Node({ step, flow, now, style }: { step: Planned | Step; flow: string | undefined; now: number; style: CSSProperties }) {
  const fans = step.fans_out || undefined;
  if (!("state" in step) || flow === undefined) {
    return (
      <div className={classes.node} style={style} data-fans={fans} title={`${step.does}\n${orderOf(step)}`}>
        <span className={classes.nodeName}>
          <span className="ellipsis">{step.name}</span>
          <Kind step={step} />
        </span>
        <span className={classes.nodeWords}>{step.does}</span>
        <span className="sr">{`${step.fans_out ? "for each of several, " : ""}${orderOf(step)}`}</span>
      </div>
    );
  }
  const time = timeOf(step, now);
  const items = itemsOf(step);
  const words = [time || stepWord(step), items].filter(Boolean).join(" · ");
  const said = [step.name, stepWord(step).toLowerCase(), time, items, step.optional && "optional", orderOf(step)];
  return (
    <StepLink
      flow={flow}
      step={step}
      className={classes.node}
      style={style}
      label={said.filter(Boolean).join(", ")}
      title={[step.description ?? step.does, orderOf(step), step.message].filter(Boolean).join("\n")}
    >
      <span className={classes.nodeBack} data-state={asks(step) ? "asks" : step.state} data-fans={fans} aria-hidden />
      <span className={classes.nodeName} aria-hidden>
        <StepMark step={step} size={14} />
        <span className="ellipsis">{step.name}</span>
        <Kind step={step} />
      </span>
      <span className={classes.nodeWords} data-under aria-hidden>
        {words}
      </span>
    </StepLink>
  );
}

/** What is out of the ordinary about it. */
function Kind({ step }: { step: Planned }) {
  const word = step.optional ? "optional" : step.kind === "approval" || step.kind === "pipeline" ? step.kind : step.when ? "when" : "";
  return word ? <span className={classes.kind}>{word}</span> : null;
}
