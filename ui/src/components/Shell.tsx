/** The page around every page: the rail, the line that tells when the server is away, notices, keys. */
import { useMantineColorScheme } from "@mantine/core";
import { useIsFetching, useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";

import { useLine } from "../api/LiveContext";
import { projectsQuery, systemQuery } from "../api/queries";
import { useSignedIn } from "../api/session";
import { count } from "../lib/format";
import { commandKey, useKeys } from "../lib/keys";
import { setServerTime } from "../lib/now";
import { DEFAULT_PROJECT, project } from "../lib/project";
import { Brand } from "./Brand";
import { Icon, type IconName } from "./Icon";
import { Notices } from "./Notices";
import { ProjectSwitcher } from "./ProjectSwitcher";
import classes from "./Shell.module.css";
import { SignedOut } from "./SignedOut";
import { UnknownProject } from "./UnknownProject";

const Palette = lazy(() => import("./Palette"));
const KeyHelp = lazy(() => import("./KeyHelp"));

const PLACES = [
  { to: "/", icon: "home", text: "Home" },
  { to: "/pipelines", icon: "pipelines", text: "Pipelines" },
  { to: "/runs", icon: "runs", text: "Runs" },
] as const;

type Overlay = "palette" | "keys" | null;

export function Shell() {
  const signedIn = useSignedIn();
  const [overlay, setOverlay] = useState<Overlay>(null);
  useShellKeys(setOverlay);
  const { data: projects } = useQuery(projectsQuery);
  if (!signedIn) return <SignedOut />;
  return (
    <div className={classes.shell}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <Rail onSearch={() => setOverlay("palette")} onKeys={() => setOverlay("keys")} />
      <main id="main" tabIndex={-1} className={classes.main}>
        <Line />
        {projects?.every(({ name }) => name !== project) ? <UnknownProject projects={projects} /> : <Outlet />}
      </main>
      <Notices />
      <Suspense>
        {overlay === "palette" && <Palette onClose={() => setOverlay(null)} onKeys={() => setOverlay("keys")} />}
        {overlay === "keys" && <KeyHelp onClose={() => setOverlay(null)} />}
      </Suspense>
    </div>
  );
}

function useShellKeys(setOverlay: (overlay: Overlay) => void): void {
  const navigate = useNavigate();
  const { toggleColorScheme } = useMantineColorScheme();
  useKeys("Everywhere", [
    { keys: "g h", label: "Home", run: () => void navigate({ to: "/" }) },
    { keys: "g p", label: "Pipelines", run: () => void navigate({ to: "/pipelines" }) },
    { keys: "g r", label: "Runs", run: () => void navigate({ to: "/runs" }) },
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

function Rail({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  const { data: system } = useQuery(systemQuery);
  useEffect(() => {
    if (system) setServerTime(Date.parse(system.now));
  }, [system]);
  const { data: projects, failureCount } = useQuery(projectsQuery);
  const settled = project !== DEFAULT_PROJECT || projects !== undefined || failureCount > 0;
  const several = project !== DEFAULT_PROJECT || (projects?.length ?? 0) > 1;
  const own = several ? projects?.find(({ name }) => name === project) : system && { ...system, ...system.runs };
  const open = own ? own.active + own.queued + ("retrying" in own ? own.retrying : 0) : 0;
  return (
    <nav className={classes.rail} aria-label="Main">
      <div className={classes.top}>
        <Link to="/" className={classes.brand} aria-label="Rigi, home">
          <Brand />
        </Link>
        <button type="button" className={classes.search} onClick={onSearch} aria-label="Search and commands" title="Search and commands">
          <Icon name="search" size={14} />
          <kbd>{commandKey}K</kbd>
        </button>
      </div>
      <ul className={classes.places} data-unsettled={!settled || undefined}>
        {several && <ProjectSwitcher projects={projects} />}
        {PLACES.map((place) => (
          <Place
            key={place.to}
            {...place}
            badge={place.to === "/runs" ? open : 0}
            mistakes={place.to === "/pipelines" ? (own?.pipelines_with_mistakes ?? 0) : 0}
          />
        ))}
        <li className={classes.phoneOnly}>
          <button type="button" className={classes.place} onClick={onSearch}>
            <Icon name="search" />
            <span>Search</span>
          </button>
        </li>
        <Place to="/settings" icon="settings" text="Settings" badge={0} mistakes={0} last />
      </ul>
      <button type="button" className={classes.keys} onClick={onKeys}>
        <kbd>?</kbd> Keys
      </button>
    </nav>
  );
}

interface PlaceProps {
  to: "/" | "/pipelines" | "/runs" | "/settings";
  icon: IconName;
  text: string;
  badge: number;
  mistakes: number;
  last?: boolean;
}

function Place({ to, icon, text, badge, mistakes, last = false }: PlaceProps) {
  return (
    <li className={last ? classes.last : undefined}>
      <Link to={to} className={classes.place} activeOptions={{ exact: to === "/", includeSearch: false }}>
        <Icon name={icon} />
        <span>{text}</span>
        {badge > 0 && (
          <span className={classes.badge}>
            {count(badge)}
            <span className="sr"> going on or waiting</span>
          </span>
        )}
        {mistakes > 0 && (
          <span className={`${classes.badge ?? ""} tone-bad`} title="Pipelines with mistakes">
            {count(mistakes)}
            <span className="sr"> with mistakes</span>
          </span>
        )}
      </Link>
    </li>
  );
}

/** Moves while newer data is on its way; amber while the server is away. */
function Line() {
  const line = useLine();
  const fetching = useIsFetching();
  return <div className={classes.line} data-busy={fetching > 0 || undefined} data-offline={!line.online || undefined} />;
}
