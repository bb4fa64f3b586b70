/** One channel: where it leads, which rules tell it, and what became of what was sent there. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { channelsQuery, removeChannel, rulesQuery, useNoticesChange } from "../api/notices";
import { useRights } from "../api/rights";
import type { ChannelView } from "../api/types";
import { TestButton } from "../components/notices/Channels";
import { ChannelWindow } from "../components/notices/ChannelWindow";
import { ToldList } from "../components/notices/Told";
import { useNoticesRefusal } from "../components/notices/useNoticesRefusal";
import { Page, Section, type Crumb } from "../components/Page";
import { Confirm, type Question } from "../components/people/Confirm";
import { Field } from "../components/people/Field";
import { Empty, Failure } from "../components/States";
import { Ago } from "../components/Time";
import { notify } from "../lib/notices";
import { byWord } from "../lib/people";
import { channelKind, tellsOf } from "../lib/telling";

const route = getRouteApi("/notices/channels/$channel");

export function Channel() {
  const { channel: name } = route.useParams();
  const { edit, archived } = useRights();
  const { data, error, refetch } = useQuery({ ...channelsQuery, enabled: edit });
  const refusal = useNoticesRefusal("see");
  const crumbs: Crumb[] = [
    { text: "Notices", link: { to: "/notices" } },
    { text: "Channels", link: { to: "/notices", search: { tab: "channels" } } },
    { text: name },
  ];
  if (refusal) return <Page crumbs={crumbs}>{refusal}</Page>;
  if (!data) return <Page crumbs={crumbs}>{error && <Failure error={error} retry={() => void refetch()} />}</Page>;
  const channel = data.find((one) => one.name === name);
  return (
    <Page crumbs={crumbs} actions={channel && !archived && <Ways channel={channel} />}>
      {channel ? (
        <Facts channel={channel} />
      ) : (
        <Empty icon="bell" title={`There is no channel ${name}`}>
          <p className="dim">It was removed. What was told to it stays in the list.</p>
        </Empty>
      )}
      <Section title="What was told to it">
        <ToldList channel={name} />
      </Section>
    </Page>
  );
}

function Ways({ channel }: { channel: ChannelView }) {
  const [question, setQuestion] = useState<Question | null>(null);
  const [changing, setChanging] = useState(false);
  const navigate = useNavigate();
  const remove = useNoticesChange(removeChannel);
  const { name } = channel;
  const ask = () =>
    setQuestion({
      title: `Remove the channel ${name}?`,
      text: <p>What still waits for it is given up. A channel that a rule tells is taken out of the rule first.</p>,
      action: "Remove it",
      run: async () => {
        await remove.mutateAsync(name);
        notify(`The channel ${name} is removed.`);
        await navigate({ to: "/notices", search: { tab: "channels" } });
      },
    });
  return (
    <>
      <Button variant="default" className="tone-bad" onClick={ask}>
        Remove
      </Button>
      <Button variant="default" onClick={() => setChanging(true)}>
        Change
      </Button>
      <TestButton name={name} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
      <ChannelWindow opened={changing} from={channel} onClose={() => setChanging(false)} />
    </>
  );
}

function Facts({ channel }: { channel: ChannelView }) {
  const { data: rules } = useQuery(rulesQuery);
  const own = (rules ?? []).filter(({ channels }) => channels.includes(channel.name));
  return (
    <>
      <Field label="By">{channelKind(channel.kind).name}</Field>
      <Field label="Leads to">
        {channel.leads_to} <span className="dim">· the rest is sealed, and shown to nobody</span>
      </Field>
      <Field label="Rules">
        {own.map((rule) => (
          <p key={rule.name}>
            <Link to="/notices/rules/$rule/change" params={{ rule: rule.name }} className="link">
              {rule.name}
            </Link>
            <span className="dim">
              : {tellsOf(rule)}
              {rule.paused && ", paused"}
            </span>
          </p>
        ))}
        {rules && own.length === 0 && <span className="dim">none tells it</span>}
      </Field>
      <Field label="Made">
        <Ago at={channel.made_at} /> by {byWord(channel.made_by)}
      </Field>
    </>
  );
}
