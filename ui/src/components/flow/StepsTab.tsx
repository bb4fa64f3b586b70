/** How far a flow is: its steps drawn, on a line of time or as a list; or the items of one of them. */
import { SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { stepsQuery } from "../../api/flows";
import { useRights } from "../../api/rights";
import type { RunView } from "../../api/types";
import { asks, type Step } from "../../lib/flow/steps";
import { Empty, Failure } from "../States";
import { Ticked } from "../Ticked";
import { Icon } from "../Icon";
import classes from "./Flow.module.css";
import { StepGraph } from "./StepGraph";
import { StepItems } from "./StepItems";
import { StepList } from "./StepList";
import { StepTimes } from "./StepTimes";

const VIEWS = [
  { value: "drawing", label: "Drawing" },
  { value: "times", label: "Times" },
  { value: "list", label: "List" },
] as const;
export type StepsView = (typeof VIEWS)[number]["value"];

export function viewOf(text: string | undefined): StepsView {
  return VIEWS.find(({ value }) => value === text)?.value ?? "drawing";
}

export function StepsTools({ view, onView }: { view: StepsView; onView: (view: StepsView) => void }) {
  return <SegmentedControl size="xs" aria-label="Show steps as" data={[...VIEWS]} value={view} onChange={(next) => onView(viewOf(next))} />;
}

interface StepsTabProps {
  run: RunView;
  view: StepsView;
  /** Whose items are shown. */
  step: string | undefined;
  state: string | undefined;
  onState: (state: string | undefined) => void;
}

export function StepsTab({ run, view, step, state, onState }: StepsTabProps) {
  const { data: steps, error, refetch } = useQuery(stepsQuery(run.id));
  if (!steps) return error ? <Failure error={error} retry={() => void refetch()} /> : null;
  const open = steps.find(({ name }) => name === step);
  if (open) return <StepItems run={run} step={open} state={state} onState={onState} />;
  if (steps.length === 0) {
    return (
      <Empty icon="pipelines" title="Its steps are not known any more">
        <p className="dim">The code that it ran is not kept. Its end and its outputs are.</p>
      </Empty>
    );
  }
  return (
    <>
      {steps.filter(asks).map((one) => (
        <Asking key={one.name} step={one} />
      ))}
      {view === "drawing" && <StepGraph steps={steps} flow={run.id} />}
      {view === "times" && <StepTimes flow={run} steps={steps} />}
      {view === "list" && <StepList flow={run.id} steps={steps} />}
    </>
  );
}

/** A step that waits for a person is said above all else. */
function Asking({ step }: { step: Step }) {
  const { run } = useRights();
  if (!step.run) return null;
  return (
    <p className={classes.asking}>
      <span className="tone-warn">
        <Icon name="person" />
      </span>
      <span>
        <b>{step.name}</b> {step.message ? <Ticked text={step.message} /> : "waits for an answer"}
      </span>
      <Link to="/runs/$id" params={{ id: step.run }} className="link">
        {run ? "Answer" : "Look at it"}
      </Link>
    </p>
  );
}
