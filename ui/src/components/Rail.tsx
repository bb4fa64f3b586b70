/** The rail: where one can go, what goes on there, and who one is. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";

import { accountQuery } from "../api/account";
import { useRequests } from "../api/joining";
import { useOwn as useOwnProject } from "../api/projects";
import { allProjectsQuery, useSystem } from "../api/queries";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import { askToSignIn } from "../api/session";
import { count } from "../lib/format";
import { commandKey } from "../lib/keys";
import { setServerTime } from "../lib/now";
import { DEFAULT_PROJECT, project } from "../lib/project";
import { AccountPlace } from "./AccountPlace";
import { Brand } from "./Brand";
import { Icon, type IconName } from "./Icon";
import { MorePlace } from "./MorePlace";
import { ProjectSwitcher } from "./ProjectSwitcher";
import classes from "./Shell.module.css";

const PLACES = [
  { to: "/", icon: "home", text: "Home" },
  { to: "/pipelines", icon: "pipelines", text: "Pipelines" },
  { to: "/runs", icon: "runs", text: "Runs" },
  { to: "/schedules", icon: "clock", text: "Schedules" },
  { to: "/data", icon: "data", text: "Data", wide: true },
] as const;

/** What goes on in this page's project; where it is the only one of one person, that is the server. */
function useOwn() {
  const { data: system } = useSystem();
  useEffect(() => {
    if (system) setServerTime(Date.parse(system.now));
  }, [system]);
  const { data: projects, failureCount } = useQuery(allProjectsQuery);
  const { people, visitor } = useRights();
  const listed = useOwnProject();
  const several = projects ? projects.length > 1 : project !== DEFAULT_PROJECT;
  const apart = several || people || visitor || project !== DEFAULT_PROJECT;
  const own = apart ? listed : system && { ...system, ...system.runs };
  return {
    projects,
    several,
    settled: project !== DEFAULT_PROJECT || projects !== undefined || failureCount > 0,
    open: own ? own.active + own.queued + ("retrying" in own ? own.retrying : 0) : 0,
    mistakes: own?.pipelines_with_mistakes ?? 0,
  };
}

export function Rail({ onSearch, onKeys }: { onSearch: () => void; onKeys: () => void }) {
  const { projects, several, settled, open, mistakes } = useOwn();
  const rights = useRights();
  const { data: account, isPending } = useQuery({ ...accountQuery, enabled: !rights.visitor });
  const { people } = rights;
  const speaks = useSpeaksOfProjects();
  const administration = speaks && rights.administer;
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
      <ul className={classes.places} data-unsettled={!settled || isPending || undefined} data-people={people || undefined}>
        {several && <ProjectSwitcher projects={projects} />}
        {PLACES.map((place) => (
          <Place key={place.to} {...place} badge={place.to === "/runs" ? open : 0} mistakes={place.to === "/pipelines" ? mistakes : 0} />
        ))}
        {rights.edit && <Place to="/triggers" icon="spark" text="Triggers" wide />}
        {rights.edit && <Place to="/webhooks" icon="hook" text="Webhooks" wide />}
        {rights.edit && <Place to="/notices" icon="bell" text="Notices" wide />}
        {rights.role && <Place to="/repositories" icon="branch" text="Repositories" wide />}
        {people && rights.role && <Members />}
        {(speaks || people) && rights.role && <Place to="/project" icon="gauge" text={speaks ? "Project" : "Usage"} wide />}
        <li className={classes.phoneOnly}>
          <button type="button" className={classes.place} onClick={onSearch}>
            <Icon name="search" />
            <span>Search</span>
          </button>
        </li>
        {administration && <Place to="/administration" icon="shield" text="Administration" wide last />}
        <Place to="/settings" icon="settings" text="Settings" wide={people || rights.edit} last={!administration} />
        {!people && rights.edit && <MorePlace />}
        {people && account && <AccountPlace account={account} />}
        {rights.visitor && <SignInPlace />}
      </ul>
      <button type="button" className={classes.keys} onClick={onKeys}>
        <kbd>?</kbd> Keys
      </button>
    </nav>
  );
}

function Members() {
  const { data } = useRequests();
  return <Place to="/members" icon="people" text="Members" badge={data?.length ?? 0} badgeWord="asking to join" wide />;
}

/** In place of the account of whoever has none here. */
function SignInPlace() {
  return (
    <li>
      <button type="button" className={classes.place} onClick={askToSignIn}>
        <Icon name="person" />
        <span>Sign in</span>
      </button>
    </li>
  );
}

interface PlaceProps {
  to:
    | "/"
    | "/pipelines"
    | "/runs"
    | "/schedules"
    | "/triggers"
    | "/data"
    | "/webhooks"
    | "/notices"
    | "/repositories"
    | "/members"
    | "/project"
    | "/administration"
    | "/settings";
  icon: IconName;
  text: string;
  badge?: number;
  badgeWord?: string;
  mistakes?: number;
  last?: boolean;
  /** On a phone it is in the menu of the account. */
  wide?: boolean;
}

function Place({ to, icon, text, badge = 0, badgeWord = "going on or waiting", mistakes = 0, last = false, wide = false }: PlaceProps) {
  return (
    <li className={last ? classes.last : undefined} data-wide={wide || undefined}>
      <Link to={to} className={classes.place} activeOptions={{ exact: to === "/", includeSearch: false }}>
        <Icon name={icon} />
        <span>{text}</span>
        {badge > 0 && (
          <span className={classes.badge}>
            {count(badge)}
            <span className="sr"> {badgeWord}</span>
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
