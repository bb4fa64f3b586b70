/** Projects that one may ask to be in. */
import { useQuery } from "@tanstack/react-query";

import { joinableQuery } from "../api/joining";
import { useRights } from "../api/rights";
import { Page } from "../components/Page";
import { JoinableList } from "../components/people/Joinable";
import classes from "../components/people/People.module.css";
import { Empty, Failure } from "../components/States";

export function Joining() {
  const { people } = useRights();
  const { data, error, refetch } = useQuery({ ...joinableQuery, enabled: people });
  const crumbs = [{ text: "Join a project" }];
  if (!people) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="people" title="You have this server for yourself">
          <p className="dim">
            To let others in, start it with <code>rigi up --team</code>.
          </p>
        </Empty>
      </Page>
    );
  }
  return (
    <Page crumbs={crumbs}>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data?.length === 0 && (
        <Empty icon="folder" title="There is no project to ask for">
          <p className="dim">
            A project stands here whose owner lets people ask, as long as you have no role in it. Into others you are let by an invitation
            of an owner.
          </p>
        </Empty>
      )}
      {data && data.length > 0 && (
        <>
          <p className={classes.none}>You see their names alone until an owner lets you in.</p>
          <JoinableList projects={data} />
        </>
      )}
    </Page>
  );
}
