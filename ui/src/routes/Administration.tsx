/** What administrators look after: people, groups, projects, and who did what. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { accountQuery, waysInQuery } from "../api/account";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import { AuditTab } from "../components/people/AuditTab";
import { GroupsTab } from "../components/people/GroupsTab";
import { MailActions, MailTab } from "../components/people/MailTab";
import { MakeWindow, type Making } from "../components/people/Make";
import { VerifyAudit } from "../components/people/VerifyAudit";
import { PeopleTab } from "../components/people/PeopleTab";
import classes from "../components/people/People.module.css";
import { Page } from "../components/Page";
import { ImportProject } from "../components/project/ImportProject";
import { MakeProject } from "../components/project/MakeProject";
import { ProjectsTab } from "../components/project/ProjectsTab";
import { Empty } from "../components/States";
import { TabView, type Tab } from "../components/TabView";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/administration");
type AdministrationTab = "people" | "groups" | "projects" | "mail" | "audit";
const TABS: readonly Tab<AdministrationTab>[] = [
  { value: "people", label: "People" },
  { value: "groups", label: "Groups" },
  { value: "projects", label: "Projects" },
  { value: "mail", label: "Mail" },
  { value: "audit", label: "Audit" },
];
/** What a window is open for. */
type Wanted = Making | "project" | "archive";
/** Where one person has the server. */
const ALONE = TABS.filter(({ value }) => value === "projects");

export function Administration() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { people, administer } = useRights();
  const speaks = useSpeaksOfProjects();
  const [making, setMaking] = useState<Wanted | null>(null);
  const tabs = people ? TABS : ALONE;
  const value = tabs.find((one) => one.value === search.tab)?.value ?? tabs[0]?.value ?? "people";
  const open = (tab: AdministrationTab) => void navigate({ to: "/administration", search: tab === "people" ? {} : { tab }, replace: true });
  const may = speaks && administer;
  useAdministrationKeys(may, people, value, open, setMaking);
  if (!may) return <NotForYou people={people} />;
  return (
    <Page fill crumbs={[{ text: "Administration" }]} actions={<Actions tab={value} onMake={setMaking} />}>
      <TabView label="Administration" value={value} onChange={open} tabs={tabs}>
        <div className={classes.scroll} tabIndex={0} role="region" aria-label={value} data-scroll-restoration-id="administration">
          {value === "people" && <PeopleTab q={search.q ?? ""} onMakeService={() => setMaking("service")} />}
          {value === "groups" && <GroupsTab onMake={() => setMaking("group")} />}
          {value === "projects" && <ProjectsTab />}
          {value === "mail" && <MailTab />}
          {value === "audit" && <AuditTab search={search} />}
        </div>
      </TabView>
      <MakeWindow making={making === "project" || making === "archive" ? null : making} onClose={() => setMaking(null)} />
      <MakeProject opened={making === "project"} onClose={() => setMaking(null)} />
      <ImportProject opened={making === "archive"} onClose={() => setMaking(null)} />
    </Page>
  );
}

function useAdministrationKeys(
  may: boolean,
  people: boolean,
  value: AdministrationTab,
  open: (tab: AdministrationTab) => void,
  make: (what: Wanted) => void,
): void {
  const news = value === "projects" ? ("project" as const) : ("person" as const);
  const tabs = [
    { keys: "p", label: "People", run: () => open("people") },
    { keys: "o", label: "Groups", run: () => open("groups") },
    { keys: "r", label: "Projects", run: () => open("projects") },
    { keys: "m", label: "Mail", run: () => open("mail") },
    { keys: "a", label: "Audit", run: () => open("audit") },
  ];
  const add = { keys: "n", label: news === "project" ? "Make a project" : "Add a person", run: () => make(news) };
  const bring = value === "projects" ? [{ keys: "i", label: "Import a project", run: () => make("archive") }] : [];
  useKeys("Administration", may ? [...(people ? tabs : []), add, ...bring] : []);
}

export function NotForYou({ people }: { people: boolean }) {
  return (
    <Page crumbs={[{ text: "Administration" }]}>
      {people ? (
        <Empty icon="shield" title="This is for administrators">
          <p className="dim">They let people in, and see who did what. Ask one of them.</p>
        </Empty>
      ) : (
        <Empty icon="shield" title="You have this server for yourself">
          <p className="dim">
            To let others in, start it with <code>rigi up --team</code>.
          </p>
        </Empty>
      )}
    </Page>
  );
}

function OfMail() {
  const { data: ways } = useQuery(waysInQuery);
  const { data: account } = useQuery(accountQuery);
  return ways?.mail ? <MailActions own={account?.mail ?? ""} /> : null;
}

function Actions({ tab, onMake }: { tab: AdministrationTab; onMake: (what: Wanted) => void }) {
  if (tab === "audit") return <VerifyAudit />;
  if (tab === "mail") return <OfMail />;
  if (tab === "groups") return <Button onClick={() => onMake("group")}>Make a group</Button>;
  if (tab === "projects") {
    return (
      <>
        <Button variant="default" onClick={() => onMake("archive")}>
          Import
        </Button>
        <Button onClick={() => onMake("project")}>Make a project</Button>
      </>
    );
  }
  return <Button onClick={() => onMake("person")}>Add a person</Button>;
}
