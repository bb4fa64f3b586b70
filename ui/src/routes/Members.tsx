/** Who is what here, and why; invitations; who did what. */
import { Button } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";

import { accountQuery } from "../api/account";
import { useRequests } from "../api/joining";
import { activityQuery, invitationsQuery, membersQuery } from "../api/people";
import { useRights } from "../api/rights";
import { Page } from "../components/Page";
import { AddMember } from "../components/people/AddMember";
import { AuditLines } from "../components/people/AuditLines";
import { Invitations, InviteWindow } from "../components/people/Invitations";
import { MemberList } from "../components/people/MemberList";
import classes from "../components/people/People.module.css";
import { Requests } from "../components/people/Requests";
import { Empty, Failure } from "../components/States";
import { TabView } from "../components/TabView";
import { useKeys } from "../lib/keys";

const route = getRouteApi("/members");

export function Members() {
  const { tab } = route.useSearch();
  const navigate = useNavigate();
  const { manage, people } = useRights();
  const [adding, setAdding] = useState(false);
  const [inviting, setInviting] = useState<string | null>(null);
  const value = tab === "activity" && manage ? "activity" : "members";
  const open = (next: "members" | "activity") =>
    void navigate({ to: "/members", search: next === "members" ? {} : { tab: next }, replace: true });
  useKeys(
    "Members",
    manage && people
      ? [
          { keys: "n", label: "Add somebody", run: () => setAdding(true) },
          { keys: "i", label: "Invite somebody", run: () => setInviting("") },
        ]
      : [],
  );
  const crumbs = [{ text: "Members" }];
  if (!people) return <NobodyElse />;
  const actions = manage && (
    <>
      <Button variant="default" onClick={() => setAdding(true)}>
        Add
      </Button>
      <Button onClick={() => setInviting("")}>Invite</Button>
    </>
  );
  return (
    <Page fill crumbs={crumbs} actions={actions}>
      {manage ? (
        <TabView
          label="Members"
          value={value}
          onChange={open}
          tabs={[
            { value: "members", label: "Members" },
            { value: "activity", label: "Activity" },
          ]}
        >
          <div className={classes.scroll} tabIndex={0} role="region" aria-label={value === "members" ? "Members" : "Activity"}>
            {value === "members" ? <List manage onAdd={() => setAdding(true)} /> : <Activity />}
          </div>
        </TabView>
      ) : (
        <div className={classes.scroll} tabIndex={0} role="region" aria-label="Members">
          <List manage={false} />
        </div>
      )}
      <AddMember
        opened={adding}
        onClose={() => setAdding(false)}
        onInvite={(mail) => {
          setAdding(false);
          setInviting(mail);
        }}
      />
      <InviteWindow opened={inviting !== null} onClose={() => setInviting(null)} mail={inviting ?? ""} />
    </Page>
  );
}

function NobodyElse() {
  return (
    <Page crumbs={[{ text: "Members" }]}>
      <Empty icon="people" title="You have this server for yourself">
        <p className="dim">
          To let others in, start it with <code>rigi up --team</code>.
        </p>
      </Empty>
    </Page>
  );
}

function List({ manage, onAdd }: { manage: boolean; onAdd?: () => void }) {
  const { data, error, refetch } = useQuery(membersQuery);
  const { data: account } = useQuery(accountQuery);
  const invitations = useQuery({ ...invitationsQuery, enabled: manage });
  const requests = useRequests();
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  // All of it at once: what comes later would move.
  if (!data || (manage && (invitations.isPending || requests.isPending))) return null;
  return (
    <>
      {manage && <Requests />}
      <div className={classes.list}>
        {data.length > 0 ? (
          <MemberList members={data} manage={manage} own={account?.id} />
        ) : (
          <div className={classes.none}>
            <p>Nobody has a role here yet. Viewers see what runs, runners start it, editors change pipelines, owners decide who is what.</p>
            {onAdd && (
              <p>
                <button type="button" className={classes.plain} onClick={onAdd}>
                  Add somebody who has an account
                </button>
                , or invite them.
              </p>
            )}
          </div>
        )}
        <p className={classes.none}>
          {manage
            ? "Administrators own everything, and are not named here."
            : "Administrators are not named here. Owners decide who is what."}
        </p>
      </div>
      {manage && <Invitations />}
    </>
  );
}

function Activity() {
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(activityQuery);
  const { data: members } = useQuery(membersQuery);
  const { data: account } = useQuery(accountQuery);
  const lines = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const names = useMemo(() => {
    const known = new Map<string, string>();
    for (const line of lines) if (line.actor_id) known.set(line.actor_id, line.actor);
    for (const { id, name } of members ?? []) known.set(id, name);
    if (account?.id) known.set(account.id, account.name);
    return known;
  }, [lines, members, account]);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (lines.length === 0) {
    return (
      <Empty icon="people" title="Nothing has changed yet">
        <p className="dim">Who gives whom which role, who invites and whose tokens are made stands here from then on.</p>
      </Empty>
    );
  }
  return (
    <>
      <AuditLines lines={lines} names={names} />
      {hasNextPage && (
        <div className={classes.tools}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </div>
      )}
    </>
  );
}
