/** This page's project: what it uses of what it may have, and what it is. Whoever has one alone does not meet the word. */
import { Button } from "@mantine/core";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { useOwn } from "../api/projects";
import { useRights, useSpeaksOfProjects } from "../api/rights";
import { Page } from "../components/Page";
import classes from "../components/people/People.module.css";
import { Details } from "../components/project/Details";
import { QuotaWindow } from "../components/project/QuotaWindow";
import { Usage } from "../components/project/Usage";
import { TabView } from "../components/TabView";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/project");
const TABS = ["usage", "details"] as const;
type ProjectTab = (typeof TABS)[number];

export function Project() {
  const { tab } = route.useSearch();
  const navigate = useNavigate();
  const speaks = useSpeaksOfProjects();
  const { administer } = useRights();
  const own = useOwn();
  const [setting, setSetting] = useState(false);
  const value = TABS.find((one) => one === tab) ?? "usage";
  const open = (next: ProjectTab) => void navigate({ to: "/project", search: next === "usage" ? {} : { tab: next }, replace: true });
  const title = speaks ? "Project" : "Usage";
  useKeys(title, [
    { keys: "u", label: "Usage", run: () => open("usage") },
    { keys: "d", label: "Details", run: () => open("details") },
    ...(administer ? [{ keys: "q", label: "Set quotas", run: () => setSetting(true) }] : []),
  ]);
  const crumbs = [{ text: title }];
  if (!own) return <Page crumbs={crumbs}>{null}</Page>;
  const actions = administer && value === "usage" && (
    <Button variant="default" onClick={() => setSetting(true)}>
      Set quotas
    </Button>
  );
  return (
    <Page fill crumbs={crumbs} actions={actions}>
      <TabView
        label={title}
        value={value}
        onChange={open}
        tabs={[
          { value: "usage", label: "Usage" },
          { value: "details", label: "Details" },
        ]}
      >
        <div className={classes.scroll} tabIndex={0} role="region" aria-label={value === "usage" ? "Usage" : "Details"}>
          {value === "usage" && <Usage />}
          {value === "details" && <Details own={own} />}
        </div>
      </TabView>
      <QuotaWindow of={own} opened={setting} onClose={() => setSetting(false)} />
    </Page>
  );
}
