/** A week: a column for each day, a row for each hour. */
import { memo, useEffect, useRef, useState } from "react";

import { sum, total, type Frame, type Tally } from "../../lib/calendar";
import classes from "./Calendar.module.css";
import { Chips, inWords, onArrow } from "./CalendarCell";
import type { Place } from "./useCalendar";

export interface GridProps {
  frame: Frame;
  cells: readonly Tally[];
  label: string;
  place: Place;
}

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const two = (n: number) => String(n).padStart(2, "0");
const NONE: Tally = { coming: 0, run: 0, skipped: 0, missed: 0 };

const names = new Intl.DateTimeFormat("en-GB", { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });

/** "Mon 30 Nov". */
export function dayName(day: string): string {
  return names.format(Date.parse(`${day}T00:00:00Z`)).replace(",", "");
}

export function WeekGrid({ place, ...props }: GridProps) {
  const { today, hour } = place;
  // Its hour changes once an hour, and all else when something is due: not every second.
  const latest = useRef(place);
  useEffect(() => {
    latest.current = place;
  });
  return <Week {...props} today={today} now={hour} latest={latest} />;
}

interface WeekProps extends Omit<GridProps, "place"> {
  today: string;
  now: string;
  latest: { current: Place };
}

const Week = memo(function Week({ frame, cells, label, today, now, latest }: WeekProps) {
  const frameRef = useRef<HTMLDivElement>(null);
  const [entered, setEntered] = useState<string | null>(null);
  const first = cells.findIndex((cell) => total(cell) > 0);
  const at = (index: number) => `${frame.days[Math.floor(index / 24)] ?? ""}T${two(index % 24)}`;
  const entry = entered ?? (first < 0 ? null : at(first));
  // The hours that are now or come next are on the screen.
  useEffect(() => {
    const box = frameRef.current;
    const row = box?.querySelector<HTMLElement>("[data-now]") ?? box?.querySelector<HTMLElement>("button[data-x]");
    const head = box?.querySelector("thead")?.offsetHeight ?? 0;
    if (box && row) box.scrollTop = Math.max(0, (row.closest("tr")?.offsetTop ?? 0) - head - 2 * (row.closest("tr")?.offsetHeight ?? 0));
  }, [frame]);
  const open = (what: string) => latest.current.set({ open: what });
  return (
    <div
      ref={frameRef}
      className={classes.frame}
      onKeyDown={(event) => onArrow(event, latest.current)}
      tabIndex={0}
      role="region"
      aria-label="Calendar"
    >
      <table className={classes.week} aria-label={label}>
        <thead>
          <tr>
            <td />
            {frame.days.map((day, x) => (
              <th key={day} scope="col" aria-current={day === today ? "date" : undefined}>
                <button
                  type="button"
                  className={classes.day}
                  aria-label={`${dayName(day)}: ${inWords(sum(cells.slice(x * 24, x * 24 + 24)))}`}
                  onClick={() => open(day)}
                >
                  {dayName(day).split(" ")[0]} <b>{Number(day.slice(8))}</b>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {HOURS.map((hour) => (
            <tr key={hour} data-now={now.endsWith(`T${two(hour)}`) && frame.days.includes(today) ? "" : undefined}>
              <th scope="row">{two(hour)}:00</th>
              {frame.days.map((day, x) => {
                const tally = cells[x * 24 + hour] ?? NONE;
                const what = `${day}T${two(hour)}`;
                return (
                  <td key={day} data-on={what === now || undefined} data-today={day === today || undefined}>
                    {total(tally) > 0 && (
                      <button
                        type="button"
                        data-x={x}
                        data-y={hour}
                        className={classes.hour}
                        tabIndex={what === entry ? 0 : -1}
                        aria-label={`${dayName(day)}, ${two(hour)}:00: ${inWords(tally)}`}
                        onFocus={() => setEntered(what)}
                        onClick={() => open(what)}
                      >
                        <Chips tally={tally} />
                      </button>
                    )}
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
