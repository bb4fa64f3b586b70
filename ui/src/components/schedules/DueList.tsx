/** All that is due on a day or within an hour, beside the calendar. */
import { Button, Drawer } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Drawer.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { bounds, isDay } from "../../lib/calendar";
import { dueRows, type DueRow } from "../../lib/dueRows";
import { count, plural } from "../../lib/format";
import { wallTime } from "../../lib/zones";
import classes from "./Calendar.module.css";
import { KindIcon } from "./CalendarCell";
import { Fate, useStates } from "./Fires";
import type { Due, Place } from "./useCalendar";
import { dayName } from "./WeekGrid";

/** Lines that are shown before more are asked for. */
const STEP = 200;

export function DueList({ place, due }: { place: Place; due: Due }) {
  const [day, hour] = (place.open ?? "").split("T");
  const opened = isDay(day) && (hour === undefined || /^[01]\d$|^2[0-3]$/.test(hour));
  const title = opened ? `${dayName(day)}${hour === undefined ? "" : `, ${hour}:00`}` : "";
  return (
    <Drawer opened={opened} onClose={() => place.set({ open: "" })} size={480} title={title} closeButtonProps={{ "aria-label": "Close" }}>
      {opened && <Lines key={place.open} of={place.open ?? ""} zone={place.zone} due={due} />}
    </Drawer>
  );
}

function Lines({ of, zone, due }: { of: string; zone: string; due: Due }) {
  const [most, setMost] = useState(STEP);
  const { start, end } = useMemo(() => bounds(of, zone), [of, zone]);
  const rows = useMemo(() => dueRows(start, end, due.coming, due.fires), [start, end, due.coming, due.fires]);
  const states = useStates();
  if (rows.length === 0) return <p className="dim">Nothing is due.</p>;
  return (
    <div className={classes.drawer}>
      <p className="dim">By the clock of {zone}.</p>
      <table aria-label="Due times">
        <tbody>
          {rows.slice(0, most).map((row) => (
            <tr key={row.key}>
              <th scope="row">{wallTime(new Date(row.at).toISOString(), zone).slice(11)}</th>
              <td>
                <Link to="/schedules/$pipeline/$id" params={{ pipeline: row.pipeline, id: row.id }} className="link">
                  {row.pipeline} / {row.id}
                </Link>
              </td>
              <td>
                <What row={row} state={row.fire?.run ? states.get(row.fire.run) : undefined} zone={zone} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > most && (
        <p className={classes.more}>
          <Button variant="default" size="compact-sm" onClick={() => setMost(most + STEP)}>
            More of {count(rows.length)}
          </Button>
        </p>
      )}
    </div>
  );
}

const MANY: Record<DueRow["kind"], (n: number) => string> = {
  coming: (n) => `${count(n)} times within the hour`,
  run: (n) => plural(n, "run"),
  skipped: (n) => `${count(n)} skipped`,
  missed: (n) => `${count(n)} missed`,
};

function What({ row, state, zone }: { row: DueRow; state: string | undefined; zone: string }) {
  const { kind, fire } = row;
  if (row.count === 1 && fire) return <Fate fire={fire} state={state} />;
  return (
    <span className={`${classes.kind ?? ""} dim`}>
      <KindIcon kind={kind} />
      {row.count === 1 ? "to come" : MANY[kind](row.count)}
      {row.count > 1 && fire && `, to ${wallTime(fire.due, zone).slice(11)}`}
    </span>
  );
}
