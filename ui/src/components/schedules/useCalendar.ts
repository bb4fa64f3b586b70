/** What the calendar shows: which days by whose clock, as the address says, and what is due on them. */
import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { firesSinceQuery, timesQuery } from "../../api/schedules";
import type { FireView, ScheduleView } from "../../api/types";
import { aheadOf, dayOf, frameOf, isDay, shifted, tallies, type Ahead, type Frame, type Span, type Tally } from "../../lib/calendar";
import { useNow } from "../../lib/now";
import { usePrefs } from "../../lib/prefs";
import { isZone, ownZone } from "../../lib/zones";
import type { SchedulesSearch } from "../../router";

const route = getRouteApi("/schedules");

export interface Place {
  by: Span;
  day: string;
  today: string;
  /** Now, by the clock that is looked at: "2026-11-30T14". */
  hour: string;
  zone: string;
  open: string | undefined;
  set: (change: SchedulesSearch) => void;
  step: (by: 1 | -1) => void;
}

/** Where in time one is. */
export function usePlace(): Place {
  const search = route.useSearch();
  const navigate = useNavigate();
  const prefs = usePrefs();
  const now = useNow();
  const own = prefs.zone || ownZone();
  const zone = search.zone && isZone(search.zone) ? search.zone : own;
  const by: Span = search.by === "month" ? "month" : "week";
  const today = dayOf(now, zone);
  const day = isDay(search.at) ? search.at : today;
  const set = (change: SchedulesSearch) => {
    // Off the address as it is by then: keys may be quicker than the page.
    const search = (known: SchedulesSearch) => {
      const next = { ...known, view: "calendar", ...change };
      if (next.by === "week") delete next.by;
      if (next.at === today) delete next.at;
      if (next.zone === own) delete next.zone;
      if (!next.open) delete next.open;
      return next;
    };
    void navigate({ to: "/schedules", search, replace: true });
  };
  return {
    by,
    day,
    today,
    hour: hourOf(now, zone),
    zone,
    open: search.open,
    set,
    step: (step) => set({ at: shifted(day, by, step), open: "" }),
  };
}

function hourOf(at: number, zone: string): string {
  const time = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", hourCycle: "h23" }).format(at);
  return `${dayOf(at, zone)}T${time.padStart(2, "0")}`;
}

/** Times that the list of schedules tells of each, and those that are told of one alone. */
const [TOLD, TOLD_OF_ONE] = [3, 100];
/** Schedules whose times are asked for one by one, at most. */
const ASKED = 40;

/** One schedule and what comes of it. */
export interface Coming {
  schedule: ScheduleView;
  ahead: Ahead;
}

export interface Due {
  coming: readonly Coming[];
  fires: readonly FireView[];
  cells: readonly Tally[];
  /** Schedules of which more may come than is shown. */
  partial: number;
  /** What was due before is not shown: there is too much. */
  before: string | null;
  error: unknown;
  retry: () => void;
}

export function useFrame({ day, by, zone }: Place): Frame {
  return useMemo(() => frameOf(day, by, zone), [day, by, zone]);
}

const NO_FIRES: readonly FireView[] = [];

export function useDue(frame: Frame, { today }: Place, schedules: readonly ScheduleView[]): Due {
  const known = useMemo(() => comingOf(schedules), [schedules]);
  // What cannot be told from its text is asked for.
  const asked = useMemo(() => known.filter((one) => !isWhole(one, one.schedule.next, TOLD, frame.end)).slice(0, ASKED), [known, frame]);
  const answers = useQueries({
    queries: asked.map(({ schedule }) => timesQuery(schedule.pipeline, schedule.id)),
    combine: (all) => all.map(({ data }) => data),
  });
  const { coming, partial } = useMemo(() => {
    const told = new Map(asked.map(({ schedule }, i) => [schedule, answers[i]]));
    const coming = known.map((one) => {
      const times = told.get(one.schedule);
      const ahead = times && aheadOf(one.schedule, times);
      return ahead ? { ...one, ahead } : one;
    });
    const cut = known.filter((one) => {
      const times = told.get(one.schedule);
      return !isWhole(one, times ?? one.schedule.next, times ? TOLD_OF_ONE : TOLD, frame.end);
    });
    return { coming, partial: cut.length };
  }, [known, asked, answers, frame]);
  // Of days to come nothing has become yet.
  const past = (frame.days[0] ?? "") <= today;
  // What is known of other days stays until these are read: what is not of them is left out.
  const { data, error, refetch } = useQuery({ ...firesSinceQuery(frame.start), enabled: past, placeholderData: keepPreviousData });
  const fires = data?.fires ?? NO_FIRES;
  const cells = useMemo(
    () =>
      tallies(
        frame,
        coming.map(({ ahead }) => ahead),
        fires,
      ),
    [frame, coming, fires],
  );
  const before = data?.before != null && Date.parse(data.before) > frame.start ? data.before : null;
  return { coming, fires, cells, partial, before, error: data ? null : error, retry: () => void refetch() };
}

function comingOf(schedules: readonly ScheduleView[]): Coming[] {
  return schedules.flatMap((schedule) => {
    const ahead = aheadOf(schedule);
    return ahead ? [{ schedule, ahead }] : [];
  });
}

/** Whether all that is due of it until a moment is known, of `told` times where `asked` were asked for. */
function isWhole({ ahead }: Coming, told: readonly string[], asked: number, end: number): boolean {
  return ahead.exact || told.length < asked || Date.parse(told.at(-1) ?? "") >= end;
}
