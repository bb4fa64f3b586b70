/** What administrators look after: people, groups, and who did what. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { accountQuery, waysInQuery } from "../api/account";
import { useRights } from "../api/rights";
import { AuditTab } from "../components/people/AuditTab";
import { GroupsTab } from "../components/people/GroupsTab";
import { MailActions, MailTab } from "../components/people/MailTab";
import { MakeWindow, type Making } from "../components/people/Make";
import { VerifyAudit } from "../components/people/VerifyAudit";
import { PeopleTab } from "../components/people/PeopleTab";
import classes from "../components/people/People.module.css";
import { Page } from "../components/Page";
import { Empty } from "../components/States";
import { TabView } from "../components/TabView";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/administration");
const TABS = ["people", "groups", "mail", "audit"] as const;
type AdministrationTab = (typeof TABS)[number];

export function Administration() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { people, administer } = useRights();
  const [making, setMaking] = useState<Making | null>(null);
  const value = TABS.find((one) => one === search.tab) ?? "people";
  const open = (tab: AdministrationTab) => void navigate({ to: "/administration", search: tab === "people" ? {} : { tab }, replace: true });
  const may = people && administer;
  useKeys(
    "Administration",
    may
      ? [
          { keys: "p", label: "People", run: () => open("people") },
          { keys: "o", label: "Groups", run: () => open("groups") },
          { keys: "m", label: "Mail", run: () => open("mail") },
          { keys: "a", label: "Audit", run: () => open("audit") },
          { keys: "n", label: "Add a person", run: () => setMaking("person") },
        ]
      : [],
  );
  const crumbs = [{ text: "Administration" }];
  if (!may) return <NotForYou people={people} />;
  return (
    <Page fill crumbs={crumbs} actions={<Actions tab={value} onMake={setMaking} />}>
      <TabView
        label="Administration"
        value={value}
        onChange={open}
        tabs={[
          { value: "people", label: "People" },
          { value: "groups", label: "Groups" },
          { value: "mail", label: "Mail" },
          { value: "audit", label: "Audit" },
        ]}
      >
        <div className={classes.scroll} tabIndex={0} role="region" aria-label={value} data-scroll-restoration-id="administration">
          {value === "people" && <PeopleTab q={search.q ?? ""} onMakeService={() => setMaking("service")} />}
          {value === "groups" && <GroupsTab onMake={() => setMaking("group")} />}
          {value === "mail" && <MailTab />}
          {value === "audit" && <AuditTab search={search} />}
        </div>
      </TabView>
      <MakeWindow making={making} onClose={() => setMaking(null)} />
    </Page>
  );
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

function Actions({ tab, onMake }: { tab: AdministrationTab; onMake: (what: Making) => void }) {
  if (tab === "audit") return <VerifyAudit />;
  if (tab === "mail") return <OfMail />;
  if (tab === "groups") return <Button onClick={() => onMake("group")}>Make a group</Button>;
  return <Button onClick={() => onMake("person")}>Add a person</Button>;
}
