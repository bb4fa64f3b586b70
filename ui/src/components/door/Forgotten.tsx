/** Asks for a link that sets a new password. What is said is the same whether there is such an account or not. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { askReset } from "../../api/account";
import { FormProblem, TextField, useSending } from "../form/Fields";
import { Door } from "./Door";
import classes from "./Door.module.css";

export function Forgotten({ mail: typed, onBack }: { mail: string; onBack: () => void }) {
  const [mail, setMail] = useState(typed);
  const [asked, setAsked] = useState(false);
  const form = useSending(
    () => askReset(mail),
    () => setAsked(true),
  );
  const back = (
    <button type="button" className={classes.plain} onClick={onBack}>
      Back to signing in
    </button>
  );
  if (asked) {
    return (
      <Door title="Look at your mail">
        <div className={classes.words} role="status">
          <p>If an account has the address {mail.trim()} and signs in with a password, a link that sets a new one is on its way there.</p>
          <p className="dim">It serves once, and ends in an hour. Nothing came? Look at what was sorted out as junk; then ask again.</p>
        </div>
        <p className={classes.other}>{back}</p>
      </Door>
    );
  }
  return (
    <Door title="A new password">
      <p>A link that sets it is mailed to the address that you sign in with.</p>
      <form className={classes.form} onSubmit={form.send} aria-label="A new password">
        <FormProblem error={form.error} />
        <TextField
          label="Mail address"
          type="email"
          name="mail"
          autoComplete="username"
          autoCapitalize="none"
          required
          withAsterisk={false}
          autoFocus
          value={mail}
          onChange={(event) => setMail(event.currentTarget.value)}
        />
        <Button type="submit" loading={form.sending}>
          Mail me a link
        </Button>
      </form>
      <p className={classes.other}>{back}</p>
    </Door>
  );
}
