/** Name and mail address of an account, to be changed by an administrator. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { waysInQuery } from "../../api/account";
import { changePerson, usePeopleChange, type PersonChange } from "../../api/people";
import type { PersonView } from "../../api/types";
import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Section } from "../Page";
import { Field } from "./Field";
import classes from "./People.module.css";

export function PersonFields({ person }: { person: PersonView }) {
  const [name, setName] = useState(person.name);
  const [mail, setMail] = useState(person.mail ?? "");
  const change = usePeopleChange(changePerson);
  const changed: PersonChange = {
    ...(name.trim() === person.name ? {} : { name }),
    ...(mail.trim() === (person.mail ?? "") ? {} : { mail }),
  };
  const { data: ways } = useQuery(waysInQuery);
  const confirmed = !person.mail
    ? undefined
    : person.mail_verified
      ? "Confirmed: mail to it arrives."
      : ways?.mail
        ? "Not confirmed."
        : undefined;
  const form = useSending(
    () => change.mutateAsync({ id: person.id, ...changed }),
    () => notify("It is changed."),
  );
  return (
    <Section title="Account">
      <form onSubmit={form.send} aria-label="Account">
        <Field label="Name">
          <div className={classes.narrow}>
            <TextField
              aria-label="Name"
              autoComplete="off"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              mistake={form.at("/name")}
            />
          </div>
        </Field>
        {person.kind === "person" && (
          <Field label="Mail address">
            <div className={classes.narrow}>
              <TextField
                aria-label="Mail address"
                type="email"
                autoComplete="off"
                value={mail}
                onChange={(event) => setMail(event.currentTarget.value)}
                mistake={form.at("/mail")}
                description={confirmed}
              />
            </div>
          </Field>
        )}
        <Field label="">
          <div className={classes.narrow}>
            <FormProblem error={form.error} beside={["/name", "/mail"]} />
            <div>
              <Button type="submit" variant="default" disabled={Object.keys(changed).length === 0} loading={form.sending}>
                Change
              </Button>
            </div>
          </div>
        </Field>
      </form>
    </Section>
  );
}
