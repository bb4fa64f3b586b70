/** How a trigger stands, what became of an event, and the button that has it pause or go on. */
import { Button } from "@mantine/core";

import { usePauseTrigger } from "../../api/triggers";
import type { PipelineTriggerView, TriggerEventView } from "../../api/types";
import { nameOf, outcomeOf, reasonOf, standingOf } from "../../lib/triggers";
import { RunOrReason } from "../RunOrReason";
import schedules from "../schedules/Schedules.module.css";
import { Ticked } from "../Ticked";
import { Ago } from "../Time";
import classes from "./Triggers.module.css";

/** Shapes tell the state too. */
const SHAPES = {
  On: "m3 8.600 3.400 3.400L13 4.800",
  Paused: "M5.500 3.500v9M10.500 3.500v9",
  Off: "M3.500 8h9",
  Problem: "M8 2.600 14 13H2zM8 6.500v3M8 11.300v.01",
};

export function TriggerStanding({ trigger }: { trigger: PipelineTriggerView }) {
  const { word, tone, why } = standingOf(trigger);
  return (
    <span>
      <span className={`${schedules.standing ?? ""} tone-${tone}`}>
        <svg
          viewBox="0 0 16 16"
          width={14}
          height={14}
          fill="none"
          stroke="currentColor"
          strokeWidth={word === "Problem" ? 1.5 : 2}
          strokeLinecap="round"
          aria-hidden
        >
          <path d={SHAPES[word]} />
        </svg>
        {word}
      </span>
      {why && (
        <span className={`${schedules.why ?? ""} ${classes.why ?? ""}`}>
          {" "}
          <Ticked text={why} />
          {word === "Paused" && trigger.paused && (
            <>
              , <Ago at={trigger.paused.at} />
            </>
          )}
        </span>
      )}
    </span>
  );
}

export function PauseTrigger({ trigger, size = "compact-sm" }: { trigger: PipelineTriggerView; size?: string }) {
  const pause = usePauseTrigger(trigger);
  const word = trigger.paused ? "Resume" : "Pause";
  return (
    <Button
      variant="default"
      size={size}
      className={schedules.way ?? ""}
      loading={pause.isPending}
      aria-label={size === "compact-sm" ? `${word} ${nameOf(trigger)}` : undefined}
      onClick={() => pause.mutate()}
    >
      {word}
    </Button>
  );
}

interface BecameProps {
  event: TriggerEventView;
  /** What was to hold. */
  when: string | null | undefined;
  /** Of its run, where it is known. */
  state: string | undefined;
}

/** What became of an event. */
export function Became({ event, when, state }: BecameProps) {
  return <RunOrReason run={event.run} state={state} outcome={outcomeOf(event)} reason={reasonOf(event, when)} />;
}
