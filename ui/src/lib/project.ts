/**
 * Which project this page is of, as its address says, and where that project's things are. A page stays with one project from its
 * loading on; another project is another page, so that nothing of the one can be shown, kept or sent as the other's.
 */

/** The project that is always there: its addresses do not name it. */
export const DEFAULT_PROJECT = "default";

/** What a project has of its own in the API. */
const OWN = new RegExp(
  `^/api/v1/(?=(?:${[
    "pipelines",
    "runs",
    "uploads",
    "events",
    "members",
    "invitations",
    "activity",
    "schedules",
    "fires",
    "secrets",
    "requests",
    "triggers",
    "datasets",
    "contents",
    "webhooks",
    "repositories",
    "channels",
    "rules",
    "notices",
    "incidents",
    "notice-keys",
    "backfills",
    "starts",
    "storage-keys",
    "storage-use",
  ].join("|")})(?:[/?]|$))`,
);
/** Pages that every project has. */
const PLACES = [
  "pipelines",
  "runs",
  "data",
  "schedules",
  "triggers",
  "webhooks",
  "notices",
  "repositories",
  "backfills",
  "members",
  "project",
  "administration",
  "account",
  "joining",
  "settings",
];

/** The project that an address of the page names. */
export function projectOf(pathname: string): string {
  const name = /^\/projects\/([^/]+)/.exec(pathname)?.[1];
  return name === undefined ? DEFAULT_PROJECT : decode(name);
}

/** The project of this page. */
export const project = typeof location === "undefined" ? DEFAULT_PROJECT : projectOf(location.pathname);

/** The id of the page's project: names come and go, another project may take one. */
let ownId: string | undefined;

/** The page's project among all, by its name when it is first seen and by its id from then on. */
export function findOwn<T extends { id: string; name: string }>(all: readonly T[]): T | null {
  ownId ??= all.find(({ name }) => name === project)?.id;
  return all.find(({ id }) => id === ownId) ?? null;
}

/** Where a page of a project is: `/runs` or `/projects/lab/runs`. */
export function pagePath(path: string, of = project): string {
  return of === DEFAULT_PROJECT ? path : `/projects/${encodeURIComponent(of)}${path}`;
}

/** Where something of the API is: what a project has of its own is below it. */
export function apiPath(path: string, of = project): string {
  return of === DEFAULT_PROJECT ? path : path.replace(OWN, `/api/v1/projects/${encodeURIComponent(of)}/`);
}

/** An address as it is written: without the project that is always there. */
export function canonicalPath(pathname: string): string {
  if (!pathname.startsWith("/projects/") || projectOf(pathname) !== DEFAULT_PROJECT) return pathname;
  return pathname.replace(/^\/projects\/[^/]+\/?/, "/");
}

/** Where another project has what this address shows; of single things, which it may not have, their list. */
export function counterpart(pathname: string, of: string): string {
  const [first = ""] = pathname
    .replace(/^\/projects\/[^/]+/, "")
    .split("/")
    .filter(Boolean);
  return pagePath(PLACES.includes(first) ? `/${first}` : "/", of);
}

/** Where this address leads when its project is called otherwise. */
export function renamedPath(pathname: string, name: string): string {
  return pagePath(pathname.replace(/^\/projects\/[^/]+\/?/, "/"), name);
}

function decode(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
