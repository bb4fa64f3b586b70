/** One's account: name, password, second factor, where one is signed in, tokens. */
import { useQuery } from "@tanstack/react-query";

import { accountQuery, makeToken, removeToken, sessionsQuery, tokensQuery, useAccountChange, waysInQuery } from "../api/account";
import { Factor } from "../components/account/Factor";
import { Password, You } from "../components/account/Identity";
import { Sessions } from "../components/account/Sessions";
import { BrowserSettings } from "../components/BrowserSettings";
import { Page, Section } from "../components/Page";
import { Tokens } from "../components/people/Tokens";
import { Empty, Failure } from "../components/States";

export function Account() {
  const { data: account, error, refetch } = useQuery(accountQuery);
  const people = account?.id != null;
  // All of it at once: what comes later would push the rest away.
  const rest = [useQuery({ ...sessionsQuery, enabled: people }), useQuery({ ...tokensQuery, enabled: people }), useQuery(waysInQuery)];
  const crumbs = [{ text: "Your account" }];
  if (error && !account) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={error} retry={() => void refetch()} />
      </Page>
    );
  }
  if (!account) return <Page crumbs={crumbs}>{null}</Page>;
  if (!people) {
    return (
      <Page crumbs={crumbs}>
        <Empty icon="person" title="There are no accounts on this server">
          <p className="dim">
            You have it for yourself. For others, start it with <code>rigi up --team</code>.
          </p>
        </Empty>
      </Page>
    );
  }
  if (rest.some((query) => query.isPending)) return <Page crumbs={crumbs}>{null}</Page>;
  return (
    <Page crumbs={crumbs}>
      <You account={account} />
      <Section title="Signing in">
        <Password account={account} />
        <Factor account={account} />
      </Section>
      <Sessions />
      <OwnTokens />
      <BrowserSettings />
    </Page>
  );
}

function OwnTokens() {
  const { data } = useQuery(tokensQuery);
  const make = useAccountChange(makeToken);
  const remove = useAccountChange(removeToken);
  if (!data) return null;
  return <Tokens tokens={data} owner={null} make={(body) => make.mutateAsync(body)} remove={(id) => remove.mutateAsync(id)} />;
}
