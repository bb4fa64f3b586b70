/** Gives somebody who has an account, or a group, a role. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { setMember, usePeopleChange } from "../../api/people";
import { roleWord } from "../../lib/audit";
import { notify } from "../../lib/notices";
import { ChoiceField, FormProblem, TextField, useSending } from "../form/Fields";
import { FormWindow } from "./Confirm";
import { ROLE_CHOICES } from "./Invitations";
import classes from "./People.module.css";

interface AddMemberProps {
  opened: boolean;
  onClose: () => void;
  /** To somebody who has no account yet. */
  onInvite: (mail: string) => void;
}

export function AddMember({ opened, onClose, onInvite }: AddMemberProps) {
  return (
    <FormWindow title="Add somebody" opened={opened} onClose={onClose}>
      <AddForm onClose={onClose} onInvite={onInvite} />
    </FormWindow>
  );
}

function AddForm({ onClose, onInvite }: Omit<AddMemberProps, "opened">) {
  const [who, setWho] = useState("");
  const [role, setRole] = useState("viewer");
  const set = usePeopleChange(setMember);
  const form = useSending(
    () => set.mutateAsync({ who: who.trim(), role }),
    (member) => {
      notify(`${member.name} is ${roleWord(member.role)}.`);
      onClose();
    },
  );
  const unknown = form.problem?.code === "not-found";
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label="Add somebody">
      <TextField
        label="Mail address or name"
        description="Of somebody who has an account, or the name of a group."
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={who}
        onChange={(event) => setWho(event.currentTarget.value)}
        mistake={unknown ? "nobody here has this address or name" : undefined}
      />
      {unknown && (
        <p>
          Who has no account yet is invited:{" "}
          <button type="button" className={classes.plain} onClick={() => onInvite(who.includes("@") ? who.trim() : "")}>
            make an invitation
          </button>
        </p>
      )}
      <ChoiceField
        label="As"
        data={ROLE_CHOICES}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
        mistake={form.at("/role")}
      />
      {!unknown && <FormProblem error={form.error} beside={["/role"]} />}
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button type="submit" loading={form.sending}>
          Add
        </Button>
      </div>
    </form>
  );
}
