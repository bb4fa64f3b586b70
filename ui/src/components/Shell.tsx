/** The page around every page: the rail, the line that tells when the server is away, notices, keys. */
import { useMantineColorScheme } from "@mantine/core";
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";

import { accountQuery, waysInQuery } from "../api/account";
import { useLine } from "../api/LiveContext";
import { ownQuery, useOwn } from "../api/projects";
import { allProjectsQuery } from "../api/queries";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import { useStanding, useVisitor, visit, wasSignedIn } from "../api/session";
import { useKeys } from "../lib/keys";
import { notify } from "../lib/notices";
import { counterpart, DEFAULT_PROJECT, pagePath, project, renamedPath } from "../lib/project";
import { ArchivedLine } from "./Archived";
import { DeletedProject } from "./DeletedProject";
import { NoRole } from "./NoRole";
import { Notices } from "./Notices";
import { Rail } from "./Rail";
import classes from "./Shell.module.css";
import { SignedOut } from "./SignedOut";
import { UnknownProject } from "./UnknownProject";
import { isClosed, SignInFirst, VisitorLine } from "./Visitor";

const Palette = lazy(() => import("./Palette"));
const SignIn = lazy(() => import("./door/SignIn"));
const KeyHelp = lazy(() => import("./KeyHelp"));

type Overlay = "palette" | "keys" | null;

export function Shell() {
  const { session } = useStanding();
  const [overlay, setOverlay] = useState<Overlay>(null);
  useShellKeys(setOverlay);
  if (session === "out") return <Outside />;
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <Rail onSearch={() => setOverlay("palette")} onKeys={() => setOverlay("keys")} />
      <main id="main" tabIndex={-1} className={classes.main}>
        <Line />
        <Inside />
      </main>
      <Notices />
      <Suspense>
        {overlay === "palette" && <Palette onClose={() => setOverlay(null)} onKeys={() => setOverlay("keys")} />}
        {overlay === "keys" && <KeyHelp onClose={() => setOverlay(null)} />}
      </Suspense>
    </div>
  );
}

/** The server does not know this browser. */
function Outside() {
  const { data: ways, isPending } = useQuery(waysInQuery);
  const { asked, closed } = useStanding();
  // Whoever was never in may look at what is public; whoever was is told that their session has ended.
  const visits = ways?.people === true && !asked && !closed && !wasSignedIn() && (ways.public ?? []).includes(project);
  useEffect(() => {
    if (visits) visit();
  }, [visits]);
  if (isPending || visits) return null;
  if (!ways?.people) return <SignedOut />;
  return (
    <Suspense>
      <SignIn ways={ways} ended={wasSignedIn()} closed={closed} />
    </Suspense>
  );
}

/** Pages that are of no project. */
const OF_NONE = /\/(?:account|administration|device|joining)(?:\/|$)/;

function Inside() {
  const { data: all, isPending } = useQuery(allProjectsQuery);
  const there = all?.filter(({ state }) => state !== "deleted");
  // Whoever has none but such as are deleted can bring those back.
  const projects = there?.length === 0 ? all : there;
  const pathname = useLocation({ select: (where) => where.pathname });
  const own = useOwn();
  const visitor = useVisitor();
  const account = useQuery({ ...accountQuery, enabled: !visitor });
  const lost = own === null;
  const elsewhere = useOnlyElsewhere(lost ? projects : undefined, pathname);
  // By a name that it had, a project is in no list.
  const former = useQuery({ ...ownQuery, enabled: lost && project !== DEFAULT_PROJECT });
  const found = own ?? former.data;
  const renamed = useRenamed(found?.name, own != null, pathname);
  // What one may do, and what the project takes, is known before the first button is drawn.
  if (account.isPending || isPending || elsewhere || renamed || former.isLoading) return null;
  if (visitor && isClosed(pathname)) return <SignInFirst />;
  if (OF_NONE.test(pathname) || (RUN.test(pathname) && !visitor)) return <Outlet />;
  if (found?.state === "deleted") return <DeletedProject deleted={found} />;
  if (lost && projects) return projects.length === 0 ? <NoRole /> : <UnknownProject projects={projects} />;
  return (
    <>
      {visitor && <VisitorLine />}
      <ArchivedLine />
      <Outlet />
    </>
  );
}

/**
 * A page under a name that its project had goes on under the one that it has: at once where it was just opened. One that is being
 * worked with stays until somebody goes on: the former name leads to the project, and what was typed is kept. True while it leaves.
 */
function useRenamed(name: string | undefined, listed: boolean, pathname: string): boolean {
  const [opened, setOpened] = useState<string | null>(null);
  const other = name !== undefined && name !== project;
  // Where it was when the other name came to be known.
  if (listed && !other && opened !== pathname) setOpened(pathname);
  const leave = other && opened !== pathname;
  useEffect(() => {
    if (leave) location.replace(renamedPath(location.pathname, name) + location.search + location.hash);
    else if (other) notify(`${project} is called ${name} now.`);
  }, [leave, other, name]);
  return leave;
}

/** A run by its whole id, whose page finds out of which project it is. */
const RUN = /^\/runs\/run_\w{26}$/;

/** Whoever has no role where addresses without a name lead to is taken to where they have one. */
function useOnlyElsewhere(projects: readonly { name: string }[] | undefined, pathname: string): boolean {
  const [first, ...others] = projects ?? [];
  const leads = project === DEFAULT_PROJECT && first !== undefined && !(RUN.test(pathname) && others.length > 0);
  const name = first?.name;
  useEffect(() => {
    if (!leads || name === undefined) return;
    // A link that somebody sent may be to a page of the one project that there is.
    const path = others.length === 0 ? pagePath(location.pathname, name) : counterpart(location.pathname, name);
    location.replace(path + (others.length === 0 ? location.search + location.hash : ""));
  }, [leads, name, others.length]);
  return leads;
}

function useShellKeys(setOverlay: (overlay: Overlay) => void): void {
  const navigate = useNavigate();
  const rights = useRights();
  const speaks = useSpeaksOfProjects();
  const { toggleColorScheme } = useMantineColorScheme();
  useKeys("Everywhere", [
    { keys: "g h", label: "Home", run: () => void navigate({ to: "/" }) },
    { keys: "g p", label: "Pipelines", run: () => void navigate({ to: "/pipelines" }) },
    { keys: "g r", label: "Runs", run: () => void navigate({ to: "/runs" }) },
    { keys: "g d", label: "Data", run: () => void navigate({ to: "/data" }) },
    { keys: "g c", label: "Schedules", run: () => void navigate({ to: "/schedules" }) },
    ...(rights.edit
      ? [
          { keys: "g e", label: "Triggers", run: () => void navigate({ to: "/triggers" }) },
          { keys: "g w", label: "Webhooks", run: () => void navigate({ to: "/webhooks" }) },
          { keys: "g n", label: "Notices", run: () => void navigate({ to: "/notices" }) },
        ]
      : []),
    { keys: "g t", label: "Repositories", run: () => void navigate({ to: "/repositories" }) },
    ...(rights.people && rights.role ? [{ keys: "g m", label: "Members", run: () => void navigate({ to: "/members" }) }] : []),
    ...((rights.people || speaks) && rights.role
      ? [{ keys: "g o", label: speaks ? "Project" : "Usage", run: () => void navigate({ to: "/project" }) }]
      : []),
    ...(speaks && rights.administer ? [{ keys: "g a", label: "Administration", run: () => void navigate({ to: "/administration" }) }] : []),
    ...(rights.people ? [{ keys: "g u", label: "Your account", run: () => void navigate({ to: "/account" }) }] : []),
    { keys: "g s", label: "Settings", run: () => void navigate({ to: "/settings" }) },
    { keys: "t", label: "Light or dark", run: toggleColorScheme },
    { keys: "?", label: "These keys", run: () => setOverlay("keys") },
  ]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key.toLowerCase() !== "k" || !(event.metaKey || event.ctrlKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      setOverlay("palette");
    };
    window.addEventListener("keydown", onKey);
    return () => window.removeEventListener("keydown", onKey);
  }, [setOverlay]);
}

/** Moves while newer data is on its way; amber while the server is away. */
function Line() {
  const line = useLine();
  const fetching = useIsFetching();
  return <div className={classes.line} data-busy={fetching > 0 || undefined} data-offline={!line.online || undefined} />;
}
