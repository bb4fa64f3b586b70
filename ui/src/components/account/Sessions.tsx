/** Where one is signed in. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { endOtherSessions, endSession, sessionsQuery, signOut, useAccountChange } from "../../api/account";
import type { SessionView } from "../../api/types";
import { notify } from "../../lib/notices";
import { deviceOf } from "../../lib/people";
import { Section } from "../Page";
import { Confirm, type Question } from "../people/Confirm";
import classes from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Failure } from "../States";
import { Ago, At } from "../Time";

const WAYS: Record<string, string> = { password: "password", link: "a link", provider: "a provider", device: "a terminal" };

export function Sessions() {
  const { data, error, refetch } = useQuery(sessionsQuery);
  const [question, setQuestion] = useState<Question | null>(null);
  const end = useAccountChange(endSession);
  const endAll = useAccountChange(endOtherSessions);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const others = (data ?? []).filter(({ present }) => !present).length;
  const endOne = (session: SessionView) =>
    end.mutate(session.id, { onSuccess: () => notify(`The session of ${deviceOf(session.agent)} has ended.`) });
  const columns: Column<SessionView>[] = [
    {
      title: "Device",
      head: true,
      cell: (session) => (
        <>
          <span title={session.agent ?? undefined}>{deviceOf(session.agent)}</span>
          {session.present && <span className={classes.tag}>this one</span>}
        </>
      ),
    },
    { title: "Address", cell: ({ address }) => <span className="dim">{address ?? "unknown"}</span> },
    { title: "Signed in by", wide: true, cell: ({ way }) => <span className="dim">{WAYS[way] ?? way}</span> },
    { title: "Since", wide: true, narrow: true, cell: (session) => <At at={session.created_at} /> },
    { title: "Last seen", narrow: true, cell: (session) => (session.present ? "now" : <Ago at={session.seen_at} />) },
    {
      title: "End it",
      quiet: true,
      narrow: true,
      cell: (session) => (
        <Button
          variant="default"
          size="compact-sm"
          aria-label={session.present ? "Sign out here" : `End the session of ${deviceOf(session.agent)}`}
          onClick={() => (session.present ? void signOut() : endOne(session))}
        >
          {session.present ? "Sign out" : "End"}
        </Button>
      ),
    },
  ];
  return (
    <Section
      title="Sessions"
      aside={
        others > 0 && (
          <Button
            variant="default"
            size="compact-sm"
            onClick={() =>
              setQuestion({
                title: "End all other sessions?",
                text: <p>Wherever else you are signed in, you are signed out within seconds. Tokens go on.</p>,
                action: "End them",
                run: () => endAll.mutateAsync(undefined),
              })
            }
          >
            End all others
          </Button>
        )
      }
    >
      <Table label="Sessions" columns={columns} rows={data ?? []} keyOf={({ id }) => id} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}
