/** Notices: trouble that goes on, what was told of it, and who is told of what. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { channelsQuery, noticeKeysQuery, openIncidentsQuery, rulesQuery } from "../api/notices";
import { useRights } from "../api/rights";
import { Channels } from "../components/notices/Channels";
import { ChannelWindow } from "../components/notices/ChannelWindow";
import { Incidents } from "../components/notices/Incidents";
import { Keys } from "../components/notices/Keys";
import classes from "../components/notices/Notices.module.css";
import { Rules } from "../components/notices/Rules";
import { ToldList } from "../components/notices/Told";
import { useNoticesRefusal } from "../components/notices/useNoticesRefusal";
import { Page } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { TabView } from "../components/TabView";
import { inProject } from "../lib/command";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/notices");
const TABS = ["trouble", "told", "rules", "channels", "programs"] as const;
type Tab = (typeof TABS)[number];

export function Notices() {
  const { edit } = useRights();
  const { tab, state } = route.useSearch();
  const navigate = useNavigate();
  const rules = useQuery({ ...rulesQuery, enabled: edit });
  const channels = useQuery({ ...channelsQuery, enabled: edit });
  const keys = useQuery({ ...noticeKeysQuery, enabled: edit });
  const { data: open } = useQuery({ ...openIncidentsQuery, enabled: edit });
  const [making, setMaking] = useState<"channel" | "key" | null>(null);
  const value: Tab = TABS.find((one) => one === tab) ?? "trouble";
  const refusal = useNoticesRefusal("see");
  const to = (next: Tab) => void navigate({ to: "/notices", search: next === "trouble" ? {} : { tab: next }, replace: true });
  useNoticesKeys(to, () => setMaking("channel"));
  const crumbs = [{ text: "Notices" }];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  const failed = [rules, channels, keys].find((query) => query.error && !query.data);
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!rules.data || !channels.data || !keys.data) return <Page crumbs={crumbs}>{null}</Page>;
  const none = rules.data.length + channels.data.length + keys.data.length === 0 && tab === undefined;
  return (
    <Page
      fill={!none}
      crumbs={crumbs}
      actions={
        !none && <Ways tab={value} many={channels.data.length} onChannel={() => setMaking("channel")} onKey={() => setMaking("key")} />
      }
    >
      {none ? (
        <None onChannel={() => setMaking("channel")} />
      ) : (
        <TabView
          label="Notices"
          value={value}
          onChange={to}
          tabs={[
            { value: "trouble", label: "Trouble", count: open?.length },
            { value: "told", label: "Told" },
            { value: "rules", label: "Rules", count: rules.data.length },
            { value: "channels", label: "Channels", count: channels.data.length },
            { value: "programs", label: "Programs", count: keys.data.length },
          ]}
        >
          <div className={classes.scroll} tabIndex={0} role="region" aria-label={value} data-scroll-restoration-id={`notices-${value}`}>
            {value === "trouble" && <Incidents />}
            {value === "told" && (
              <ToldList
                state={state}
                onState={(next) =>
                  void navigate({ to: "/notices", search: { tab: "told", ...(next ? { state: next } : {}) }, replace: true })
                }
              />
            )}
            {value === "rules" && <Rules rules={rules.data} />}
            {value === "channels" && <Channels channels={channels.data} />}
            {value === "programs" && <Keys known={keys.data} making={making === "key"} onClose={() => setMaking(null)} />}
          </div>
        </TabView>
      )}
      <ChannelWindow opened={making === "channel"} onClose={() => setMaking(null)} />
    </Page>
  );
}

function useNoticesKeys(to: (tab: Tab) => void, makeChannel: () => void) {
  const navigate = useNavigate();
  const { edit, archived } = useRights();
  useKeys(
    "Notices",
    edit
      ? [
          ...(archived
            ? []
            : [
                { keys: "n", label: "Make a rule", run: () => void navigate({ to: "/notices/rules/-/new" }) },
                { keys: "c", label: "Make a channel", run: makeChannel },
              ]),
          { keys: "i", label: "Trouble", run: () => to("trouble") },
          { keys: "l", label: "What was told", run: () => to("told") },
        ]
      : [],
  );
}

interface WaysProps {
  tab: Tab;
  /** Channels that there are. */
  many: number;
  onChannel: () => void;
  onKey: () => void;
}

function Ways({ tab, many, onChannel, onKey }: WaysProps) {
  const { archived } = useRights();
  if (archived) return null;
  if (tab === "programs") return <Button onClick={onKey}>Make a key</Button>;
  return (
    <>
      <Button variant={tab === "channels" || many === 0 ? "filled" : "default"} onClick={onChannel}>
        Make a channel
      </Button>
      {many > 0 && (
        <Button variant={tab === "channels" ? "default" : "filled"} renderRoot={(props) => <Link to="/notices/rules/-/new" {...props} />}>
          Make a rule
        </Button>
      )}
    </>
  );
}

function None({ onChannel }: { onChannel: () => void }) {
  const { archived } = useRights();
  const commands = [
    "rigi channels set team --kind slack https://hooks.slack.com/services/…",
    "rigi notices rule failures --on failed,recovered --channel team",
  ];
  return (
    <Empty icon="bell" title="Nobody is told of anything">
      <p className="dim">
        A channel leads to people: by mail, Slack, Teams, Discord, ntfy or a signed webhook. A rule says what they are told of: a pipeline
        that fails, once until it recovers; a due time that was missed; a run that waits too long.
      </p>
      {!archived && (
        <>
          <p className="dim">Begin with a channel, here or in a terminal:</p>
          <pre className={classes.spec}>{commands.map((command) => inProject(command)).join("\n")}</pre>
          <Button onClick={onChannel}>Make a channel</Button>
        </>
      )}
    </Empty>
  );
}
