/** What somebody sees who has an account and no role anywhere. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { accountQuery } from "../api/account";
import { CopyButton } from "./CopyButton";
import { Page } from "./Page";
import { JoinableBelow } from "./people/Joinable";
import { Empty } from "./States";

export function NoRole() {
  const { data: account } = useQuery(accountQuery);
  const known = account?.mail ?? account?.name;
  return (
    <Page crumbs={[{ text: "Home" }]}>
      <Empty icon="people" title="Nobody has let you in yet">
        <p>
          You have an account, and no role with which you would see anything. Whoever owns what you want to see gives you one, or sends you
          an invitation.
        </p>
        {known && (
          <p className="dim">
            They find you by <code>{known}</code> <CopyButton text={known} label="Copy it" />
          </p>
        )}
        <Button variant="default" onClick={() => location.reload()}>
          Look again
        </Button>
      </Empty>
      <JoinableBelow />
    </Page>
  );
}
