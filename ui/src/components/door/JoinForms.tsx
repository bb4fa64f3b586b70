/** What links ask for: an account to be made, or a new password. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { takeLink } from "../../api/account";
import type { AccountView, LinkLook } from "../../api/types";
import { FormProblem, NewPasswordField, TextField, useSending } from "../form/Fields";
import { Door } from "./Door";
import classes from "./Door.module.css";
import { SignInForm } from "./SignInForm";

interface NewAccountProps {
  linkKey: string;
  /** The one address that the link is for. */
  mail: string | null;
  onDone: (account: AccountView | null) => void;
}

const BESIDE = ["/name", "/mail", "/password"];

export function NewAccount({ linkKey, mail: meant, onDone }: NewAccountProps) {
  const [name, setName] = useState("");
  const [mail, setMail] = useState(meant ?? "");
  const [password, setPassword] = useState("");
  const form = useSending(() => takeLink({ key: linkKey, name, password, ...(meant === null ? { mail } : {}) }), onDone);
  return (
    <form className={classes.form} onSubmit={form.send} aria-label="Your account">
      <FormProblem error={form.error} beside={BESIDE} />
      <TextField
        label="Name"
        description="As others see you beside what you do."
        name="name"
        autoComplete="name"
        required
        withAsterisk={false}
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        mistake={form.at("/name")}
      />
      <TextField
        label="Mail address"
        description={meant === null ? "You sign in with it." : "The invitation is for this address; you sign in with it."}
        type="email"
        name="mail"
        autoComplete="username"
        autoCapitalize="none"
        required
        withAsterisk={false}
        readOnly={meant !== null}
        value={mail}
        onChange={(event) => setMail(event.currentTarget.value)}
        mistake={form.at("/mail")}
      />
      <NewPasswordField
        name="password"
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        mistake={form.at("/password")}
      />
      <Button type="submit" loading={form.sending}>
        Make the account
      </Button>
    </form>
  );
}

export function NewPassword({ linkKey, look }: { linkKey: string; look: LinkLook }) {
  const [password, setPassword] = useState("");
  const [set, setSet] = useState(false);
  const form = useSending(
    () => takeLink({ key: linkKey, password }),
    () => setSet(true),
  );
  if (set) {
    return (
      <Door title="Sign in">
        <p className={classes.note} role="status">
          The new password is set, and every session that there was has ended.
        </p>
        <SignInForm onDone={() => location.replace("/")} mail={look.mail ?? ""} />
      </Door>
    );
  }
  return (
    <Door title={look.name ? `A new password for ${look.name}` : "A new password"}>
      <p>When it is set, all sessions end, here and elsewhere, and you sign in with it.</p>
      <form className={classes.form} onSubmit={form.send} aria-label="A new password">
        <FormProblem error={form.error} beside={["/password"]} />
        {/* Tells password managers whose it is. */}
        {look.name && <input type="text" name="username" autoComplete="username" value={look.mail ?? look.name} readOnly hidden />}
        <NewPasswordField
          label="New password"
          name="password"
          autoFocus
          value={password}
          onChange={(event) => setPassword(event.currentTarget.value)}
          mistake={form.at("/password")}
        />
        <Button type="submit" loading={form.sending}>
          Set the password
        </Button>
      </form>
    </Door>
  );
}
