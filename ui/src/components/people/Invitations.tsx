/** Invitations that can still be taken. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { waysInQuery } from "../../api/account";
import { invitationsQuery, invite, takeInvitationBack, usePeopleChange } from "../../api/people";
import type { InvitationView } from "../../api/types";
import { byWord, INVITATION_LIVES } from "../../lib/people";
import { ROLE_HELP, ROLES } from "../../lib/rights";
import { ChoiceField, FormProblem, TextField, useSending } from "../form/Fields";
import { Section } from "../Page";
import { Ago, At } from "../Time";
import { Confirm, FormWindow, type Question } from "./Confirm";
import { linkAddress, Once } from "./Once";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";

export const ROLE_CHOICES = ROLES.map((role) => ({ value: role, label: `${role}: ${ROLE_HELP[role]}` }));

export function Invitations() {
  const { data } = useQuery(invitationsQuery);
  const takeBack = usePeopleChange(takeInvitationBack);
  const [question, setQuestion] = useState<Question | null>(null);
  if (!data || data.length === 0) return null;
  const columns: Column<InvitationView>[] = [
    { title: "For", head: true, cell: ({ mail }) => mail ?? "whoever has the link" },
    { title: "As", narrow: true, cell: ({ role }) => role ?? "" },
    { title: "Taken", narrow: true, cell: ({ used, uses }) => (uses > 1 ? `by ${used} of ${uses}` : <span className="dim">not yet</span>) },
    {
      title: "Made",
      wide: true,
      cell: (invitation) => (
        <span className="dim">
          by {byWord(invitation.made_by)}, <Ago at={invitation.made_at} />
        </span>
      ),
    },
    { title: "Ends", narrow: true, cell: ({ until }) => <At at={until} /> },
    {
      title: "Take back",
      quiet: true,
      narrow: true,
      cell: (invitation) => (
        <Button
          variant="default"
          size="compact-sm"
          aria-label={`Take the invitation for ${invitation.mail ?? "whoever has the link"} back`}
          onClick={() =>
            setQuestion({
              title: "Take this invitation back?",
              text: <p>Its link leads nowhere from now on. Whoever has taken it already keeps what it gave.</p>,
              action: "Take it back",
              run: () => takeBack.mutateAsync(invitation.id),
            })
          }
        >
          Take back
        </Button>
      ),
    },
  ];
  return (
    <Section title="Invitations">
      <Table label="Invitations" columns={columns} rows={data} keyOf={({ id }) => id} />
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Section>
  );
}

export function InviteWindow({ opened, onClose, mail }: { opened: boolean; onClose: () => void; mail: string }) {
  return (
    <FormWindow title="Invite somebody" opened={opened} onClose={onClose}>
      <InviteForm onClose={onClose} mail={mail} />
    </FormWindow>
  );
}

const BESIDE = ["/mail", "/role", "/uses", "/expires_in"];

function InviteForm({ onClose, mail: known }: { onClose: () => void; mail: string }) {
  const [mail, setMail] = useState(known);
  const [role, setRole] = useState("viewer");
  const [uses, setUses] = useState("1");
  const [life, setLife] = useState("7d");
  const make = usePeopleChange(invite);
  const { data: ways } = useQuery(waysInQuery);
  const open = mail.trim() === "";
  const mailed = !open && ways?.mail === true;
  const form = useSending(() =>
    make.mutateAsync({ role, expires_in: life, ...(open ? { uses: Number(uses) || 1 } : { mail: mail.trim() }) }),
  );
  if (form.result) {
    return (
      <Once text={linkAddress(form.result.path)} what="link" onDone={onClose}>
        <p>
          {form.result.mailed_to
            ? `It is on its way to ${form.result.mailed_to} by mail. Should it not arrive, hand this link on yourself.`
            : open
              ? "Send this link to whomever it is for. Whoever opens it makes an account, or joins with the one they have."
              : `Send this link to ${mail.trim()}. It makes an account with this address, or lets the one in that has it.`}
        </p>
      </Once>
    );
  }
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label="Invite somebody">
      <TextField
        label="Mail address"
        description="Left empty, the invitation is for whoever has its link."
        type="email"
        autoComplete="off"
        data-autofocus
        value={mail}
        onChange={(event) => setMail(event.currentTarget.value)}
        mistake={form.at("/mail")}
      />
      <ChoiceField
        label="As"
        data={ROLE_CHOICES}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
        mistake={form.at("/role")}
      />
      {open && (
        <TextField
          label="So many may take it"
          inputMode="numeric"
          value={uses}
          onChange={(event) => setUses(event.currentTarget.value.replace(/\D/g, ""))}
          mistake={form.at("/uses")}
        />
      )}
      <ChoiceField
        label="Holds for"
        data={INVITATION_LIVES}
        value={life}
        onChange={(event) => setLife(event.currentTarget.value)}
        mistake={form.at("/expires_in")}
      />
      <FormProblem error={form.error} beside={BESIDE} />
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          {mailed ? "Mail the invitation" : "Make the link"}
        </Button>
      </div>
    </form>
  );
}
