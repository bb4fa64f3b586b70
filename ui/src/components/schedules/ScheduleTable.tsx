/** Schedules in columns: which, when, next, last, how it stands. */
import { Link } from "@tanstack/react-router";

import { useRights } from "../../api/rights";
import type { ScheduleView } from "../../api/types";
import { zoneOf } from "../../lib/schedule";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";
import classes from "./Schedules.module.css";
import { Next, PauseButton, Rhythm, Standing } from "./Standing";

interface ScheduleTableProps {
  schedules: readonly ScheduleView[];
  /** The page is about their pipeline. */
  withoutPipeline?: boolean;
  current?: string | null;
}

export const nameOf = ({ pipeline, id }: Pick<ScheduleView, "pipeline" | "id">) => `${pipeline}/${id}`;

export function ScheduleTable({ schedules, withoutPipeline = false, current }: ScheduleTableProps) {
  const { edit, archived } = useRights();
  const columns: Column<ScheduleView>[] = [
    {
      title: "Schedule",
      head: true,
      cell: (one) => (
        <Link to="/schedules/$pipeline/$id" params={{ pipeline: one.pipeline, id: one.id }} className={classes.name}>
          {!withoutPipeline && <span className="dim">{one.pipeline} / </span>}
          {one.id}
        </Link>
      ),
    },
    { title: "When", cell: (one) => <Rhythm schedule={one} /> },
    { title: "Next", cell: (one) => <Next schedule={one} zone={zoneOf(one)} /> },
    { title: "Last", wide: true, cell: ({ last }) => (last ? <Ago at={last} /> : <span className="dim">–</span>) },
    { title: "State", cell: (one) => <Standing schedule={one} brief /> },
    ...(edit && !archived
      ? [{ title: "Pause", quiet: true, narrow: true, cell: (one: ScheduleView) => <PauseButton schedule={one} /> }]
      : []),
  ];
  return <Table label="Schedules" columns={columns} rows={schedules} keyOf={nameOf} current={current} />;
}

/** Says who may, to whoever may not. */
export function WhoMay() {
  const { edit, archived } = useRights();
  if (edit && !archived) return null;
  return (
    <p className={classes.who}>{archived ? "Archived: nothing of it is due." : "Editors and owners make, pause and remove schedules."}</p>
  );
}
