/** Due times by day and hour: those to come, and what became of those that were. A day's or an hour's list opens on click. */
import { Button, SegmentedControl } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/FloatingIndicator.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/SegmentedControl.css";
import { useMemo } from "react";

import type { ScheduleView } from "../../api/types";
import { spanTitle, sum } from "../../lib/calendar";
import { plural } from "../../lib/format";
import { useKeys } from "../../lib/keys";
import { usePrefs } from "../../lib/prefs";
import { zoneOf } from "../../lib/schedule";
import { ownZone } from "../../lib/zones";
import { ChoiceField } from "../form/Fields";
import { Icon } from "../Icon";
import people from "../people/People.module.css";
import { Failure } from "../States";
import { At } from "../Time";
import classes from "./Calendar.module.css";
import { Legend } from "./CalendarCell";
import { DueList } from "./DueList";
import { MonthGrid } from "./MonthGrid";
import { useDue, useFrame, usePlace, type Place } from "./useCalendar";
import { WeekGrid } from "./WeekGrid";

const SPANS = [
  { value: "week", label: "Week" },
  { value: "month", label: "Month" },
];

export function Calendar({ schedules }: { schedules: readonly ScheduleView[] }) {
  const place = usePlace();
  const frame = useFrame(place);
  const due = useDue(frame, place, schedules);
  const all = useMemo(() => sum(due.cells), [due.cells]);
  const title = spanTitle(place.day, place.by);
  useKeys("Calendar", [
    { keys: "w", label: "Week", run: () => place.set({ by: "week" }) },
    { keys: "m", label: "Month", run: () => place.set({ by: "month" }) },
    { keys: "[", label: "Earlier", run: () => place.step(-1) },
    { keys: "]", label: "Later", run: () => place.step(1) },
    { keys: ".", label: "Today", run: () => place.set({ at: place.today }) },
  ]);
  const Grid = place.by === "week" ? WeekGrid : MonthGrid;
  return (
    <>
      <Tools place={place} title={title} schedules={schedules} />
      {due.error ? (
        <Failure error={due.error} retry={due.retry} />
      ) : (
        <>
          <div className={classes.facts}>
            <Legend tally={all} />
            {due.partial > 0 && (
              <span className="dim">{plural(due.partial, "schedule")}: only the times that come first, as the server tells them.</span>
            )}
            {due.before !== null && (
              <span className="dim">
                What was due before <At at={due.before} /> is not shown: it is too much.
              </span>
            )}
          </div>
          <Grid frame={frame} cells={due.cells} label={title} place={place} />
        </>
      )}
      <DueList place={place} due={due} />
    </>
  );
}

function Tools({ place, title, schedules }: { place: Place; title: string; schedules: readonly ScheduleView[] }) {
  return (
    <div className={classes.tools}>
      <div className={classes.steps}>
        <button type="button" className={people.more} aria-label={`Earlier ${place.by}`} onClick={() => place.step(-1)}>
          <span className={classes.back}>
            <Icon name="chevron" />
          </span>
        </button>
        <button type="button" className={people.more} aria-label={`Later ${place.by}`} onClick={() => place.step(1)}>
          <Icon name="chevron" />
        </button>
        <Button variant="default" size="compact-sm" onClick={() => place.set({ at: place.today })}>
          Today
        </Button>
      </div>
      <h2 className={classes.title} aria-live="polite">
        {title}
      </h2>
      <SegmentedControl size="xs" aria-label="By" data={SPANS} value={place.by} onChange={(by) => place.set({ by })} />
      <Zone place={place} schedules={schedules} />
    </div>
  );
}

/** By whose clock: the browser's, UTC, or that of schedules. */
function Zone({ place, schedules }: { place: Place; schedules: readonly ScheduleView[] }) {
  const prefs = usePrefs();
  const own = prefs.zone || ownZone();
  const data = useMemo(() => {
    const said = schedules.map(zoneOf).filter((zone) => zone !== undefined);
    const others = [...new Set(["UTC", ...said, place.zone])].filter((zone) => zone !== own).sort();
    return [{ value: own, label: prefs.zone ? own : `This computer’s (${own})` }, ...others.map((zone) => ({ value: zone, label: zone }))];
  }, [schedules, own, prefs.zone, place.zone]);
  return (
    <ChoiceField
      aria-label="Time zone"
      data={data}
      value={place.zone}
      onChange={(event) => place.set({ zone: event.currentTarget.value, open: "" })}
    />
  );
}
