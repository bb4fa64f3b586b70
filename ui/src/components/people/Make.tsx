/** Makes accounts and groups. */
import { Button } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { makeGroup, makeLinkFor, makePerson, usePeopleChange } from "../../api/people";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { FormWindow } from "./Confirm";
import { linkAddress, Once } from "./Once";
import classes from "./People.module.css";

export type Making = "person" | "service" | "group";

const TITLES: Record<Making, string> = {
  person: "Add a person",
  service: "Add a service account",
  group: "Make a group",
};

export function MakeWindow({ making, onClose }: { making: Making | null; onClose: () => void }) {
  return (
    <FormWindow title={making ? TITLES[making] : ""} opened={making !== null} onClose={onClose}>
      {making === "person" && <MakePerson onClose={onClose} />}
      {making === "service" && <MakeNamed kind="service" onClose={onClose} />}
      {making === "group" && <MakeNamed kind="group" onClose={onClose} />}
    </FormWindow>
  );
}

function MakePerson({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [mail, setMail] = useState("");
  const make = usePeopleChange(async () => {
    const person = await makePerson({ name, mail, kind: "person" });
    return { person, link: await makeLinkFor({ id: person.id, kind: "reset" }) };
  });
  const form = useSending(() => make.mutateAsync(undefined));
  const navigate = useNavigate();
  if (form.result) {
    const { person, link } = form.result;
    const done = () => {
      onClose();
      void navigate({ to: "/administration/people/$id", params: { id: person.id } });
    };
    return (
      <Once text={linkAddress(link.path)} what="link" onDone={done}>
        <p>Send this link to {person.name}. It sets their first password, and ends in a day; you can make another one then.</p>
      </Once>
    );
  }
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label="Add a person">
      <TextField
        label="Name"
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      <TextField
        label="Mail address"
        description="They sign in with it."
        type="email"
        required
        withAsterisk={false}
        autoComplete="off"
        value={mail}
        onChange={(event) => setMail(event.currentTarget.value)}
        mistake={form.at("/mail")}
      />
      <FormProblem error={form.error} beside={["/name", "/mail"]} />
      <Ways sending={form.sending} onClose={onClose} />
    </form>
  );
}

function MakeNamed({ kind, onClose }: { kind: "service" | "group"; onClose: () => void }) {
  const [name, setName] = useState("");
  const navigate = useNavigate();
  const make = usePeopleChange((): Promise<{ id: string }> => (kind === "service" ? makePerson({ name, kind }) : makeGroup(name)));
  const form = useSending(
    () => make.mutateAsync(undefined),
    ({ id }) => {
      onClose();
      const to = kind === "service" ? "/administration/people/$id" : "/administration/groups/$id";
      void navigate({ to, params: { id } });
    },
  );
  return (
    <form className={classes.dialog} onSubmit={form.send} aria-label={TITLES[kind]}>
      <p className="dim">
        {kind === "service"
          ? "For a program. It signs in nowhere: it has tokens, and the roles that it is given."
          : "Whoever is in a group has the roles that the group has, as long as they are in it."}
      </p>
      <TextField
        label="Name"
        placeholder={kind === "service" ? "nightly-import" : "Analysts"}
        required
        withAsterisk={false}
        data-autofocus
        autoComplete="off"
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      <FormProblem error={form.error} beside={["/name"]} />
      <Ways sending={form.sending} onClose={onClose} />
    </form>
  );
}

function Ways({ sending, onClose }: { sending: boolean; onClose: () => void }) {
  return (
    <div className={classes.ways}>
      <Button variant="default" onClick={onClose}>
        Leave it
      </Button>
      <Button type="submit" loading={sending}>
        Make it
      </Button>
    </div>
  );
}
