/** What is due within a day or an hour, as lines: each time, or where there are many of one schedule in an hour, all of them in one. */
import type { FireView, ScheduleView } from "../api/types";
import type { Ahead } from "./calendar";

const HOUR = 3_600_000;
/** Times of one schedule in an hour that have a line each. */
const EACH = 4;

export interface DueRow {
  key: string;
  at: number;
  pipeline: string;
  id: string;
  kind: "coming" | "run" | "skipped" | "missed";
  /** How many it stands for. */
  count: number;
  /** What became of it; of many, of the last. */
  fire?: FireView;
}

interface Coming {
  schedule: Pick<ScheduleView, "pipeline" | "id">;
  ahead: Ahead;
}

export function dueRows(start: number, end: number, coming: readonly Coming[], fires: readonly FireView[]): DueRow[] {
  const rows = [...comingRows(start, end, coming), ...fireRows(start, end, fires)];
  return rows.sort((one, other) => one.at - other.at || (one.key < other.key ? -1 : 1));
}

function comingRows(start: number, end: number, coming: readonly Coming[]): DueRow[] {
  return coming.flatMap(({ schedule: { pipeline, id }, ahead }) => {
    const row = (at: number, count: number): DueRow => ({ key: `${at} ${pipeline}/${id}`, at, pipeline, id, kind: "coming", count });
    const counts = new Map<number, number>();
    ahead.each(start, end, (at, count) => {
      const hour = Math.floor((at - start) / HOUR);
      counts.set(hour, (counts.get(hour) ?? 0) + count);
    });
    return [...counts].flatMap(([hour, count]) => {
      const from = start + hour * HOUR;
      const times = ahead.list(from, Math.min(end, from + HOUR), count > EACH ? 1 : EACH);
      return count > EACH ? [row(times[0] ?? from, count)] : times.map((at) => row(at, 1));
    });
  });
}

function fireRows(start: number, end: number, fires: readonly FireView[]): DueRow[] {
  const groups = new Map<string, FireView[]>();
  for (const fire of fires) {
    const at = Date.parse(fire.due);
    if (at < start || at >= end) continue;
    const key = `${Math.floor((at - start) / HOUR)} ${fire.outcome} ${fire.pipeline}/${fire.schedule}`;
    const group = groups.get(key);
    if (group) group.push(fire);
    else groups.set(key, [fire]);
  }
  return [...groups.values()].flatMap((group) => {
    const row = (fire: FireView, at: string, count: number): DueRow => ({
      key: `${fire.due} ${fire.outcome} ${fire.pipeline}/${fire.schedule}`,
      at: Date.parse(at),
      pipeline: fire.pipeline,
      id: fire.schedule,
      kind: fire.outcome === "run" || fire.outcome === "skipped" ? fire.outcome : "missed",
      count,
      fire,
    });
    const [last] = group;
    // The newest come first.
    if (last && group.length > EACH) return [row(last, group.at(-1)?.due ?? last.due, group.length)];
    return group.map((fire) => row(fire, fire.due, 1));
  });
}
