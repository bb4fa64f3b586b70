/** Who asks to be in this project: owners let them in, as what they say, or do not. */
import { Button, NativeSelect } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useState } from "react";

import { useAccept, useDecline, useRequests } from "../../api/joining";
import { asProblem } from "../../api/problem";
import type { JoinRequestView } from "../../api/types";
import { roleWord } from "../../lib/audit";
import { notify } from "../../lib/notices";
import { ROLES } from "../../lib/rights";
import { Section } from "../Page";
import { Ago } from "../Time";
import { Confirm, type Question } from "./Confirm";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

export function Requests() {
  const { data } = useRequests();
  const decline = useDecline();
  const [question, setQuestion] = useState<Question | null>(null);
  if (!data || data.length === 0) return null;
  const ask = ({ person, name }: JoinRequestView) =>
    setQuestion({
      title: `Decline ${name}’s request?`,
      text: <p>It goes. {name} gets no role, and may ask again.</p>,
      action: "Decline",
      run: () => decline.mutateAsync(person),
    });
  const columns: Column<JoinRequestView>[] = [
    { title: "Name", head: true, cell: ({ name }) => name },
    { title: "Message", cell: ({ note }) => (note ? <span className={classes.noteText}>{note}</span> : <span className="dim">none</span>) },
    { title: "Asked", wide: true, narrow: true, cell: ({ at }) => <span className="dim">{<Ago at={at} />}</span> },
    {
      title: "Answer",
      quiet: true,
      narrow: true,
      cell: (request) => <Answer request={request} onDecline={() => ask(request)} />,
    },
  ];
  return (
    <Section title="Asking to join">
      <Table label="Asking to join" columns={columns} rows={data} keyOf={({ person }) => person} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}

function Answer({ request: { person, name }, onDecline }: { request: JoinRequestView; onDecline: () => void }) {
  const [role, setRole] = useState("viewer");
  const accept = useAccept();
  const letIn = () =>
    // Said also where this line has gone meanwhile.
    void accept.mutateAsync({ who: person, role }).then(
      () => notify(`${name} is ${roleWord(role)}.`),
      (error: unknown) => {
        const problem = asProblem(error);
        notify(`${name} is not let in: ${problem.message}`, "bad", problem.cure);
      },
    );
  return (
    <span className={classes.answer}>
      <NativeSelect
        size="xs"
        w={104}
        aria-label={`Role for ${name}`}
        data={[...ROLES]}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      <Button size="compact-sm" aria-label={`Let ${name} in`} loading={accept.isPending} onClick={letIn}>
        Let in
      </Button>
      <Button variant="default" size="compact-sm" aria-label={`Decline ${name}`} onClick={onDecline}>
        Decline
      </Button>
    </span>
  );
}
