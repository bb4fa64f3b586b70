/** Channels: where somebody is told, and whether what is sent there arrives. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";

import { testChannel } from "../../api/notices";
import { asProblem } from "../../api/problem";
import { useRights } from "../../api/rights";
import type { ChannelView } from "../../api/types";
import { notify } from "../../lib/notices";
import { channelKind } from "../../lib/telling";
import { Table, type Column } from "../people/Table";
import { Ago } from "../Time";
import classes from "./Notices.module.css";

export function Channels({ channels }: { channels: readonly ChannelView[] }) {
  const { archived } = useRights();
  const columns: Column<ChannelView>[] = [
    {
      title: "Channel",
      head: true,
      cell: ({ name }) => (
        <Link to="/notices/channels/$channel" params={{ channel: name }} className={classes.name}>
          {name}
        </Link>
      ),
    },
    { title: "By", cell: ({ kind }) => channelKind(kind).name },
    { title: "Leads to", cell: ({ leads_to }) => <span className="dim">{leads_to}</span> },
    {
      title: "Made",
      wide: true,
      cell: ({ made_at, made_by }) => (
        <span className="dim">
          <Ago at={made_at} /> by {made_by}
        </span>
      ),
    },
    ...(archived
      ? []
      : [{ title: "Test", quiet: true, narrow: true, cell: ({ name }: ChannelView) => <TestButton name={name} size="compact-sm" /> }]),
  ];
  if (channels.length === 0) {
    return (
      <p className={classes.none}>
        There is none. A channel leads to where people are told: <code>rigi channels set team --kind slack https://hooks.slack.com/…</code>
      </p>
    );
  }
  return <Table label="Channels" columns={columns} rows={channels} keyOf={({ name }) => name} />;
}

/** Sends something there now, and says whether it was taken. */
export function TestButton({ name, size = "xs" }: { name: string; size?: string }) {
  const [sending, setSending] = useState(false);
  const send = async () => {
    setSending(true);
    try {
      await testChannel(name);
      notify(`${name} has taken a test.`);
    } catch (error) {
      const problem = asProblem(error);
      notify(problem.message, "bad", problem.cure);
    }
    setSending(false);
  };
  return (
    <Button
      variant="default"
      size={size}
      loading={sending}
      aria-label={size === "xs" ? undefined : `Send a test to ${name}`}
      onClick={() => void send()}
    >
      Send a test
    </Button>
  );
}
