/** The pages and their addresses. Each page is loaded when it is first gone to. */
import type { QueryClient } from "@tanstack/react-query";
import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from "@tanstack/react-router";

import { pipelineQuery, pipelinesQuery, runQuery } from "./api/queries";
import { repositoriesQuery, repositoryQuery } from "./api/repositories";
import { schedulesQuery } from "./api/schedules";
import { Shell } from "./components/Shell";
import { Failure } from "./components/States";
import { pagePath } from "./lib/project";
import { compact, many, one, parseSearch, stringifySearch, type Raw } from "./lib/search";
import { buildData } from "./routerData";
import { buildNotices, buildTriggers, buildWebhooks } from "./routerTriggers";
import { NotFound } from "./routes/NotFound";

export interface RunsSearch {
  state?: string;
  pipeline?: string;
  label?: string[];
  q?: string;
}

export type RunTab = "steps" | "log" | "outputs" | "parameters" | "events" | "code";

/** The page shows what went wrong; here it was only asked for early. */
function shown(): void {}

export interface AdministrationSearch {
  tab?: string;
  q?: string;
  actor?: string;
  action?: string;
  project?: string;
  since?: string;
  until?: string;
}

export type Root = ReturnType<typeof createRoot>;

const createRoot = () => createRootRoute({ component: Shell, notFoundComponent: NotFound });

/** Who is what, in this page's project and everywhere; what the project is. */
function buildPeople(root: Root) {
  const members = createRoute({
    getParentRoute: () => root,
    path: "/members",
    validateSearch: (raw: Raw) => compact({ tab: one(raw.tab) }),
    component: lazyRouteComponent(() => import("./routes/Members"), "Members"),
  });
  const administration = createRoute({
    getParentRoute: () => root,
    path: "/administration",
    validateSearch: (raw: Raw): AdministrationSearch =>
      compact({
        tab: one(raw.tab),
        q: one(raw.q),
        actor: one(raw.actor),
        action: one(raw.action),
        project: one(raw.project),
        since: one(raw.since),
        until: one(raw.until),
      }),
    component: lazyRouteComponent(() => import("./routes/Administration"), "Administration"),
  });
  const person = createRoute({
    getParentRoute: () => root,
    path: "/administration/people/$id",
    component: lazyRouteComponent(() => import("./routes/Person"), "Person"),
  });
  const group = createRoute({
    getParentRoute: () => root,
    path: "/administration/groups/$id",
    component: lazyRouteComponent(() => import("./routes/Group"), "Group"),
  });
  const project = createRoute({
    getParentRoute: () => root,
    path: "/project",
    validateSearch: (raw: Raw) => compact({ tab: one(raw.tab) }),
    component: lazyRouteComponent(() => import("./routes/Project"), "Project"),
  });
  const joining = createRoute({
    getParentRoute: () => root,
    path: "/joining",
    component: lazyRouteComponent(() => import("./routes/Joining"), "Joining"),
  });
  return [members, administration, person, group, project, joining] as const;
}

export interface SchedulesSearch {
  /** `calendar`, `backfills`, `starts`; else the list. */
  view?: string;
  /** `month`; else a week. */
  by?: string;
  /** A day of it. */
  at?: string;
  zone?: string;
  /** The day or hour whose times are listed: `2026-11-30`, `2026-11-30T14`. */
  open?: string;
  /** Around this pipeline stands what starts what. */
  of?: string;
}

/** What starts runs by itself. */
function buildSchedules(root: Root, cache: QueryClient) {
  const schedules = createRoute({
    getParentRoute: () => root,
    path: "/schedules",
    validateSearch: (raw: Raw): SchedulesSearch =>
      compact({ view: one(raw.view), by: one(raw.by), at: one(raw.at), zone: one(raw.zone), open: one(raw.open), of: one(raw.of) }),
    loader: () => void cache.query(schedulesQuery).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Schedules"), "Schedules"),
  });
  const made = createRoute({
    getParentRoute: () => root,
    path: "/schedules/new",
    validateSearch: (raw: Raw) => compact({ pipeline: one(raw.pipeline) }),
    component: lazyRouteComponent(() => import("./routes/SetSchedule"), "MakeSchedule"),
  });
  const schedule = createRoute({
    getParentRoute: () => root,
    path: "/schedules/$pipeline/$id",
    component: lazyRouteComponent(() => import("./routes/Schedule"), "Schedule"),
  });
  const change = createRoute({
    getParentRoute: () => root,
    path: "/schedules/$pipeline/$id/change",
    component: lazyRouteComponent(() => import("./routes/SetSchedule"), "ChangeSchedule"),
  });
  const backfill = createRoute({
    getParentRoute: () => root,
    path: "/schedules/$pipeline/$id/backfill",
    component: lazyRouteComponent(() => import("./routes/StartBackfill"), "StartBackfill"),
  });
  const backfills = createRoute({
    getParentRoute: () => root,
    path: "/backfills/$id",
    component: lazyRouteComponent(() => import("./routes/Backfill"), "Backfill"),
  });
  return [schedules, made, schedule, change, backfill, backfills] as const;
}

/** Where pipelines come from beside the folder. */
function buildRepositories(root: Root, cache: QueryClient) {
  const repositories = createRoute({
    getParentRoute: () => root,
    path: "/repositories",
    loader: () => void cache.query(repositoriesQuery).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Repositories"), "Repositories"),
  });
  const added = createRoute({
    getParentRoute: () => root,
    path: "/repositories/new",
    component: lazyRouteComponent(() => import("./routes/SetRepository"), "AddRepository"),
  });
  const repository = createRoute({
    getParentRoute: () => root,
    path: "/repositories/$name",
    loader: ({ params }) => void cache.query(repositoryQuery(params.name)).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Repository"), "Repository"),
  });
  const change = createRoute({
    getParentRoute: () => root,
    path: "/repositories/$name/change",
    component: lazyRouteComponent(() => import("./routes/SetRepository"), "ChangeRepository"),
  });
  return [repositories, added, repository, change] as const;
}

function buildTree(cache: QueryClient) {
  const root = createRoot();
  const home = createRoute({ getParentRoute: () => root, path: "/", component: lazyRouteComponent(() => import("./routes/Home"), "Home") });
  const pipelines = createRoute({
    getParentRoute: () => root,
    path: "/pipelines",
    validateSearch: (raw: Raw) => compact({ q: one(raw.q) }),
    loader: () => void cache.query(pipelinesQuery).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Pipelines"), "Pipelines"),
  });
  const processTypes = createRoute({
    getParentRoute: () => root,
    path: "/process-types",
    validateSearch: (raw: Raw) => compact({ q: one(raw.q) }),
    component: lazyRouteComponent(() => import("./routes/ProcessTypes"), "ProcessTypes"),
  });
  const pipeline = createRoute({
    getParentRoute: () => root,
    path: "/pipelines/$name",
    validateSearch: (raw: Raw) => compact({ tab: one(raw.tab), file: one(raw.file) }),
    loader: ({ params }) => void cache.query(pipelineQuery(params.name)).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Pipeline"), "Pipeline"),
  });
  const start = createRoute({
    getParentRoute: () => root,
    path: "/pipelines/$name/start",
    validateSearch: (raw: Raw) =>
      compact({ from: one(raw.from), preset: one(raw.preset), dataset: one(raw.dataset), input: one(raw.input) }),
    loader: ({ params }) => void cache.query(pipelineQuery(params.name)).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Start"), "Start"),
  });
  const runs = createRoute({
    getParentRoute: () => root,
    path: "/runs",
    validateSearch: (raw: Raw): RunsSearch =>
      compact({ state: one(raw.state), pipeline: one(raw.pipeline), label: many(raw.label), q: one(raw.q) }),
    component: lazyRouteComponent(() => import("./routes/Runs"), "Runs"),
  });
  const run = createRoute({
    getParentRoute: () => root,
    path: "/runs/$id",
    validateSearch: (raw: Raw) =>
      compact({
        tab: one(raw.tab),
        attempt: one(raw.attempt),
        file: one(raw.file),
        line: one(raw.line),
        view: one(raw.view),
        step: one(raw.step),
        items: one(raw.items),
      }),
    loader: ({ params }) => void cache.query(runQuery(params.id)).catch(shown),
    component: lazyRouteComponent(() => import("./routes/Run"), "Run"),
  });
  const settings = createRoute({
    getParentRoute: () => root,
    path: "/settings",
    component: lazyRouteComponent(() => import("./routes/Settings"), "Settings"),
  });
  const account = createRoute({
    getParentRoute: () => root,
    path: "/account",
    component: lazyRouteComponent(() => import("./routes/Account"), "Account"),
  });
  const device = createRoute({
    getParentRoute: () => root,
    path: "/device",
    validateSearch: (raw: Raw) => compact({ code: one(raw.code) }),
    component: lazyRouteComponent(() => import("./routes/Device"), "Device"),
  });
  return root.addChildren([
    home,
    pipelines,
    processTypes,
    pipeline,
    start,
    runs,
    run,
    settings,
    account,
    device,
    ...buildSchedules(root, cache),
    ...buildTriggers(root),
    ...buildData(root),
    ...buildWebhooks(root),
    ...buildNotices(root),
    ...buildRepositories(root, cache),
    ...buildPeople(root),
  ]);
}

export function createPageRouter(cache: QueryClient) {
  return createRouter({
    routeTree: buildTree(cache),
    // Every link leads to a page of the same project.
    basepath: pagePath("/"),
    defaultPreload: "intent",
    // Back leads to where one was, in each part of a page that scrolls.
    scrollRestoration: true,
    parseSearch,
    stringifySearch,
    defaultErrorComponent: ({ error, reset }) => <Failure error={error} retry={reset} />,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createPageRouter>;
  }
}
