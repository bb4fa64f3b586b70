/** What starts runs by itself: every schedule of the project, when it is due next, and how it stands; and all of it by day and hour. */
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense } from "react";

import { useRights } from "../api/rights";
import { schedulesQuery } from "../api/schedules";
import type { ScheduleView } from "../api/types";
import { Page } from "../components/Page";
import { useWalk } from "../components/people/useWalk";
import { MakeButton } from "../components/schedules/MakeButton";
import { nameOf, ScheduleTable, WhoMay } from "../components/schedules/ScheduleTable";
import classes from "../components/schedules/Schedules.module.css";
import { Empty, Failure } from "../components/States";
import { TabView } from "../components/TabView";
import { useKeys } from "../lib/keys";

const Calendar = lazy(() => import("../components/schedules/Calendar").then((module) => ({ default: module.Calendar })));

const BackfillList = lazy(() => import("../components/backfills/BackfillList").then((module) => ({ default: module.BackfillList })));
const StartsView = lazy(() => import("../components/starts/StartsView").then((module) => ({ default: module.StartsView })));

const route = getRouteApi("/schedules");
const TABS = [
  { value: "list", label: "List" },
  { value: "calendar", label: "Calendar" },
  { value: "backfills", label: "Backfills" },
  { value: "starts", label: "What starts what" },
] as const;
type View = (typeof TABS)[number]["value"];

export function Schedules() {
  const navigate = useNavigate();
  const { view, of } = route.useSearch();
  const { data, error, refetch } = useQuery(schedulesQuery);
  const { edit, archived } = useRights();
  const may = edit && !archived;
  const value = TABS.find((tab) => tab.value === view)?.value ?? "list";
  const open = (next: View) => void navigate({ to: "/schedules", search: next === "list" ? {} : { view: next }, replace: true });
  useKeys("Schedules", [
    ...(may ? [{ keys: "n", label: "Make a schedule", run: () => void navigate({ to: "/schedules/new" }) }] : []),
    { keys: "l", label: "List", run: () => open("list") },
    { keys: "c", label: "Calendar", run: () => open("calendar") },
    { keys: "b", label: "Backfills", run: () => open("backfills") },
    { keys: "w", label: "What starts what", run: () => open("starts") },
  ]);
  const crumbs = [{ text: "Schedules" }];
  // What was made up for, and what follows what, is there without schedules too.
  if (!data || (data.length === 0 && (value === "list" || value === "calendar"))) {
    return (
      <Page crumbs={crumbs}>
        {error && !data && <Failure error={error} retry={() => void refetch()} />}
        {data && <None may={may} />}
      </Page>
    );
  }
  return (
    <Page fill crumbs={crumbs} actions={may && <MakeButton />}>
      <TabView label="Schedules" value={value} onChange={open} tabs={TABS}>
        <Suspense>
          {value === "list" && <List schedules={data} />}
          {value === "calendar" && <Calendar schedules={data} />}
          {value === "backfills" && <BackfillList />}
          {value === "starts" && <StartsView of={of} />}
        </Suspense>
      </TabView>
    </Page>
  );
}

function List({ schedules }: { schedules: readonly ScheduleView[] }) {
  const navigate = useNavigate();
  const current = useWalk("List", schedules.map(nameOf), (name) => {
    const found = schedules.find((one) => nameOf(one) === name);
    if (found) void navigate({ to: "/schedules/$pipeline/$id", params: { pipeline: found.pipeline, id: found.id } });
  });
  return (
    <div className={classes.scroll} tabIndex={0} role="region" aria-label="List" data-scroll-restoration-id="schedules">
      <ScheduleTable schedules={schedules} current={current} />
      <WhoMay />
    </div>
  );
}

function None({ may }: { may: boolean }) {
  return (
    <Empty icon="clock" title="Nothing is due">
      <p className="dim">A schedule starts runs of a pipeline by itself. Its spec says when:</p>
      <pre className={classes.spec}>{'schedule: "0 6 * * *" # every day at 6:00 UTC'}</pre>
      <p className="dim">{may ? "Or make one here, beside the spec." : "Editors and owners make others here, beside the spec."}</p>
      {may && <MakeButton />}
      <p>
        <Link to="/schedules" search={{ view: "starts" }} className="link">
          What starts what
        </Link>
      </p>
    </Empty>
  );
}
