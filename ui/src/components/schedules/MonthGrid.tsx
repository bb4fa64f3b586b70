/** A month: a cell for each day, with its hours as a strip. */
import { memo, useEffect, useRef, useState } from "react";

import { sum, total, type Tally } from "../../lib/calendar";
import classes from "./Calendar.module.css";
import { Chips, inWords, onArrow } from "./CalendarCell";
import type { Place } from "./useCalendar";
import { dayName, type GridProps } from "./WeekGrid";

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

export function MonthGrid({ place, ...props }: GridProps) {
  const latest = useRef(place);
  useEffect(() => {
    latest.current = place;
  });
  return <Month {...props} today={place.today} month={place.day.slice(0, 7)} latest={latest} />;
}

interface MonthProps extends Omit<GridProps, "place"> {
  today: string;
  month: string;
  latest: { current: Place };
}

const Month = memo(function Month({ frame, cells, label, today, month, latest }: MonthProps) {
  const [entered, setEntered] = useState<string | null>(null);
  const entry = [entered, today].find((day) => day !== null && frame.days.includes(day)) ?? frame.days[0];
  const weeks = Array.from({ length: frame.days.length / 7 }, (_, week) => week);
  // Strips can be compared: the fullest hour of all is the highest.
  const most = Math.max(1, ...cells.map(total));
  return (
    <div className={classes.frame} onKeyDown={(event) => onArrow(event, latest.current)} tabIndex={0} role="region" aria-label="Calendar">
      <table className={classes.month} aria-label={label}>
        <thead>
          <tr>
            {WEEKDAYS.map((day) => (
              <th key={day} scope="col">
                {day}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {weeks.map((y) => (
            <tr key={y}>
              {frame.days.slice(y * 7, y * 7 + 7).map((day, x) => {
                const hours = cells.slice((y * 7 + x) * 24, (y * 7 + x + 1) * 24);
                const tally = sum(hours);
                return (
                  <td key={day} data-today={day === today || undefined} data-other={!day.startsWith(month) || undefined}>
                    <button
                      type="button"
                      data-x={x}
                      data-y={y}
                      className={classes.date}
                      tabIndex={day === entry ? 0 : -1}
                      aria-current={day === today ? "date" : undefined}
                      aria-label={`${dayName(day)}: ${inWords(tally)}`}
                      onFocus={() => setEntered(day)}
                      onClick={() => latest.current.set({ open: day })}
                    >
                      <span className={classes.dateNumber}>{Number(day.slice(8))}</span>
                      <Chips tally={tally} />
                      {total(tally) > 0 && <Hours hours={hours} most={most} />}
                    </button>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
});

/** The 24 hours of a day: how much is due in each; what was missed stands out. */
function Hours({ hours, most }: { hours: readonly Tally[]; most: number }) {
  return (
    <svg className={classes.strip} viewBox="0 0 96 16" preserveAspectRatio="none" aria-hidden>
      {hours.map((tally, hour) => {
        const all = total(tally);
        if (all === 0) return null;
        const height = 3 + (13 * Math.log1p(all)) / Math.log1p(most);
        const kind = tally.missed > 0 ? "missed" : tally.coming > 0 ? "coming" : tally.run > 0 ? "run" : "skipped";
        return <rect key={hour} data-kind={kind} x={hour * 4} y={16 - height} width="3" height={height} />;
      })}
    </svg>
  );
}
