/** A name that can be changed where it stands: of an account, of a group. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { notify } from "../../lib/notices";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Field } from "./Field";
import classes from "./People.module.css";

interface NameFormProps {
  name: string;
  rename: (name: string) => Promise<unknown>;
  /** Said when it is done. */
  done: string;
  autoComplete: "name" | "off";
  /** What a new name means. */
  note?: string;
}

export function NameForm({ name: present, rename, done, autoComplete, note }: NameFormProps) {
  const [name, setName] = useState(present);
  const form = useSending(
    () => rename(name),
    () => notify(done),
  );
  return (
    <Field label="Name">
      <form className={classes.narrow} onSubmit={form.send} aria-label="Name">
        <div className={classes.inline}>
          <TextField
            aria-label="Name"
            className="grow"
            autoComplete={autoComplete}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            mistake={form.at("/name")}
          />
          <Button type="submit" variant="default" disabled={name.trim() === present} loading={form.sending}>
            Rename
          </Button>
        </div>
        {note && <p className={classes.note}>{note}</p>}
        <FormProblem error={form.error} beside={["/name"]} />
      </form>
    </Field>
  );
}
