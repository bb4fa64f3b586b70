/** Pipelines, runs, pages and actions, found by typing. */
import { useMantineColorScheme } from "@mantine/core";
import { Spotlight, createSpotlight } from "@mantine/spotlight";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Modal.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/ScrollArea.css";
import "@mantine/spotlight/styles.css";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useEffect, useState, type ReactNode } from "react";

import { signOut } from "../api/account";
import { datasetsQuery } from "../api/datasets";
import { asProblem } from "../api/problem";
import { pipelinesQuery, projectsQuery, runsQuery } from "../api/queries";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import { askToSignIn } from "../api/session";
import { notify } from "../lib/notices";
import { useNow } from "../lib/now";
import { plainLine } from "../lib/plainLine";
import { counterpart, project } from "../lib/project";
import { goingOn, stateDetail, stateShort } from "../lib/runText";
import { plainWords } from "../lib/told";
import { Icon, type IconName } from "./Icon";
import { StateIcon } from "./StateIcon";
import classes from "./Palette.module.css";

/** What scrolls can be reached by keyboard; the list is a scroll area, though its type does not say so. */
const LIST: object = { viewportProps: { tabIndex: 0 } };

interface Item {
  id: string;
  label: string;
  detail?: string | undefined;
  icon: ReactNode;
  run: () => void;
}

export default function Palette({ onClose, onKeys }: { onClose: () => void; onKeys: () => void }) {
  const [[store, actions]] = useState(createSpotlight);
  const [query, setQuery] = useState("");
  const q = useDeferredValue(query.trim());
  useEffect(() => {
    actions.open();
  }, [actions]);
  const groups = [
    { label: "Pipelines", items: usePipelineItems(q) },
    { label: "Runs", items: useRunItems(q) },
    { label: "Data", items: useDataItems(q) },
    { label: "Projects", items: useProjectItems(q) },
    { label: "Go to", items: usePlaceItems(q, onKeys) },
  ].filter((group) => group.items.length > 0);
  return (
    <Spotlight.Root
      store={store}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={onClose}
      shortcut={null}
      lockScroll={false}
      // From the top: in the middle the field would move with each result.
      centered={false}
      attributes={{ content: { "aria-label": "Search and commands" } }}
      overlayProps={{ color: "#0b1214", backgroundOpacity: 0.3, blur: 0 }}
      yOffset="12vh"
      maxHeight="min(440px, 70vh)"
      scrollable
      transitionProps={{ duration: 100 }}
    >
      <Spotlight.Search
        className={classes.search}
        placeholder="A pipeline, a run, a page"
        aria-label="Search"
        leftSection={<Icon name="search" />}
      />
      <Spotlight.ActionsList {...LIST}>
        {groups.map((group) => (
          <Spotlight.ActionsGroup key={group.label} label={group.label}>
            {group.items.map((item) => (
              <Spotlight.Action key={item.id} onClick={item.run} className={classes.item}>
                {item.icon}
                <span className={classes.label}>{item.label}</span>
                {item.detail && <span className={classes.detail}>{item.detail}</span>}
              </Spotlight.Action>
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {groups.length === 0 && <Spotlight.Empty>Nothing is called “{q}”. Runs are found by their id.</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}

function usePipelineItems(q: string): Item[] {
  const navigate = useNavigate();
  const { data } = useQuery(pipelinesQuery);
  const { start: mayStart } = useRights();
  const found = (data ?? []).filter((pipeline) => pipeline.name.toLowerCase().includes(q.toLowerCase())).slice(0, q ? 6 : 4);
  return found.flatMap((pipeline) => {
    const open: Item = {
      id: `pipeline ${pipeline.name}`,
      label: pipeline.name,
      detail: pipeline.summary ? plainLine(pipeline.summary) : undefined,
      icon: <Icon name="pipelines" />,
      run: () => void navigate({ to: "/pipelines/$name", params: { name: pipeline.name } }),
    };
    if (!q || !pipeline.runnable || !mayStart || found.length > 3) return [open];
    const start: Item = {
      id: `start ${pipeline.name}`,
      label: `Start ${pipeline.name}`,
      icon: <Icon name="play" />,
      run: () => void navigate({ to: "/pipelines/$name/start", params: { name: pipeline.name } }),
    };
    return [open, start];
  });
}

function useRunItems(q: string): Item[] {
  const navigate = useNavigate();
  const now = useNow(false);
  const { data } = useInfiniteQuery({ ...runsQuery(q ? { q } : {}, 6), placeholderData: keepPreviousData });
  return (data?.pages[0]?.items ?? []).slice(0, 6).map((run) => ({
    id: run.id,
    label: `${run.short} ${run.pipeline}`,
    detail: [stateShort(run, now), plainWords(stateDetail(run, now))].filter(Boolean).join(" · "),
    icon: <StateIcon state={run.state} />,
    run: () => void navigate({ to: "/runs/$id", params: { id: run.id } }),
  }));
}

/** Datasets whose names begin so; none are in the way before something is typed. */
function useDataItems(q: string): Item[] {
  const navigate = useNavigate();
  const prefix = q.toLowerCase();
  const { data } = useInfiniteQuery({ ...datasetsQuery(prefix, 6), enabled: q !== "", placeholderData: keepPreviousData });
  const found = q ? (data?.pages[0]?.items ?? []).filter(({ name }) => name.startsWith(prefix)) : [];
  return found.map(({ name, description }) => ({
    id: `dataset ${name}`,
    label: name,
    detail: description ? plainLine(description) : undefined,
    icon: <Icon name="data" />,
    run: () => void navigate({ to: "/data/$", params: { _splat: name } }),
  }));
}

/** The other projects: a few, and where something is typed those that fit. */
function useProjectItems(q: string): Item[] {
  const { data } = useQuery(projectsQuery);
  const found = (data ?? []).filter(({ name }) => name !== project && name.includes(q.toLowerCase()));
  return found.slice(0, q ? 6 : 3).map((other) => ({
    id: `project ${other.name}`,
    label: other.name,
    detail: goingOn(other),
    icon: <Icon name="folder" />,
    run: () => location.assign(counterpart(location.pathname, other.name)),
  }));
}

function usePlaceItems(q: string, onKeys: () => void): Item[] {
  const navigate = useNavigate();
  const { setColorScheme } = useMantineColorScheme();
  const { edit, start } = useRights();
  const item = (label: string, icon: IconName, run: () => void, detail?: string): Item => ({
    id: label,
    label,
    detail,
    icon: <Icon name={icon} />,
    run,
  });
  const all = [
    item("Home", "home", () => void navigate({ to: "/" }), "g h"),
    item("All pipelines", "pipelines", () => void navigate({ to: "/pipelines" }), "g p"),
    item("All runs", "runs", () => void navigate({ to: "/runs" }), "g r"),
    item("Failed runs", "runs", () => void navigate({ to: "/runs", search: { state: "failed,timed_out" } })),
    item("Data", "data", () => void navigate({ to: "/data" }), "g d"),
    ...(start ? [item("Upload data", "upload", () => void navigate({ to: "/data/-/upload" }))] : []),
    item("Schedules", "clock", () => void navigate({ to: "/schedules" }), "g c"),
    item("Backfills", "retry", () => void navigate({ to: "/schedules", search: { view: "backfills" } })),
    item("What starts what", "pipelines", () => void navigate({ to: "/schedules", search: { view: "starts" } })),
    ...(edit
      ? [
          item("Triggers", "spark", () => void navigate({ to: "/triggers" }), "g e"),
          item("Webhooks", "hook", () => void navigate({ to: "/webhooks" }), "g w"),
          item("Notices", "bell", () => void navigate({ to: "/notices" }), "g n"),
        ]
      : []),
    item("Repositories", "branch", () => void navigate({ to: "/repositories" }), "g t"),
    ...usePeopleItems(item),
    item("Settings", "settings", () => void navigate({ to: "/settings" }), "g s"),
    item("Light theme", "settings", () => setColorScheme("light")),
    item("Dark theme", "settings", () => setColorScheme("dark")),
    item("Keys", "keyboard", onKeys, "?"),
  ];
  return all.filter(({ label }) => label.toLowerCase().includes(q.toLowerCase()));
}

/** Where there are people: who is in, one's account, and for administrators everybody. */
function usePeopleItems(item: (label: string, icon: IconName, run: () => void, detail?: string) => Item): Item[] {
  const navigate = useNavigate();
  const { people, role, administer, visitor } = useRights();
  const speaks = useSpeaksOfProjects();
  if (visitor) return [item("Sign in", "person", askToSignIn)];
  if (!people && !speaks) return [];
  const administration = (tab?: string) => () => void navigate({ to: "/administration", search: tab ? { tab } : {} });
  const leave = () => void signOut().catch((error: unknown) => notify(`Not signed out: ${asProblem(error).message}`, "bad"));
  const own = role ? [item(speaks ? "Project" : "Usage", "gauge", () => void navigate({ to: "/project" }), "g o")] : [];
  const projects = speaks && administer ? [item("All projects", "shield", administration("projects"))] : [];
  if (!people) return [...own, ...projects];
  return [
    ...(role ? [item("Members", "people", () => void navigate({ to: "/members" }), "g m")] : []),
    ...own,
    ...(administer
      ? [
          item("People", "shield", administration(), "g a"),
          item("Groups", "shield", administration("groups")),
          ...projects,
          item("Mail", "shield", administration("mail")),
          item("Audit", "shield", administration("audit")),
        ]
      : []),
    ...(administer ? [] : [item("Join a project", "folder", () => void navigate({ to: "/joining" }))]),
    item("Your account", "person", () => void navigate({ to: "/account" }), "g u"),
    item("Sign out", "close", leave),
  ];
}
