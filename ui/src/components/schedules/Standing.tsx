/** How a schedule stands, when it is due, and the button that has it pause or go on. */
import { Button } from "@mantine/core";

import { usePause } from "../../api/schedules";
import type { ScheduleView } from "../../api/types";
import { isPreset, rhythmOf, standingOf } from "../../lib/schedule";
import { Ticked } from "../Ticked";
import { Ago } from "../Time";
import { Due } from "./Due";
import classes from "./Schedules.module.css";

/** Shapes tell the state too. */
const SHAPES: Readonly<Record<string, string>> = {
  On: "m3 8.600 3.400 3.400L13 4.800",
  Paused: "M5.500 3.500v9M10.500 3.500v9",
  Off: "M3.500 8h9",
  Over: "M8 13.250a5.250 5.250 0 1 0 0-10.500 5.250 5.250 0 0 0 0 10.500Z",
  Preset: "M3 4h10M3 8h10M3 12h6",
};

export function Standing({ schedule, brief = false }: { schedule: ScheduleView; brief?: boolean }) {
  const { word, tone, why } = standingOf(schedule);
  return (
    <span>
      <span className={`${classes.standing ?? ""} tone-${tone}`}>
        <svg viewBox="0 0 16 16" width={14} height={14} fill="none" stroke="currentColor" strokeWidth={2} strokeLinecap="round" aria-hidden>
          <path d={SHAPES[word]} />
        </svg>
        {word}
      </span>
      {why && !(brief && isPreset(schedule)) && (
        <span className={classes.why}>
          {" "}
          <Ticked text={why} />
          {schedule.paused && schedule.off == null && (
            <>
              , <Ago at={schedule.paused.at} />
            </>
          )}
        </span>
      )}
    </span>
  );
}

/** When it is due, in words and with its zone; the cron text where there are none. */
export function Rhythm({ schedule }: { schedule: ScheduleView }) {
  const { words, zone, code } = rhythmOf(schedule);
  return (
    <span title={isPreset(schedule) ? undefined : schedule.rhythm}>
      {code ? <code>{code}</code> : words}
      {zone && <span className={classes.zone}>, {zone}</span>}
    </span>
  );
}

export function Next({ schedule, zone }: { schedule: ScheduleView; zone?: string | undefined }) {
  const [next] = schedule.next;
  return next ? <Due at={next} zone={zone} /> : <span className="dim">–</span>;
}

/** For whoever may; a preset has nothing to pause. */
export function PauseButton({ schedule, size = "compact-sm" }: { schedule: ScheduleView; size?: string }) {
  const pause = usePause(schedule);
  if (isPreset(schedule)) return null;
  const word = schedule.paused ? "Resume" : "Pause";
  return (
    <Button
      variant="default"
      size={size}
      className={classes.way ?? ""}
      loading={pause.isPending}
      aria-label={size === "compact-sm" ? `${word} ${schedule.pipeline}/${schedule.id}` : undefined}
      onClick={() => pause.mutate()}
    >
      {word}
    </Button>
  );
}
