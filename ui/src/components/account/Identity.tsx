/** How others see one, and how one signs in: name, password, providers. */
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { askConfirmation, changeName, changePassword, useAccountChange, waysInQuery } from "../../api/account";
import { asProblem } from "../../api/problem";
import type { AccountView } from "../../api/types";
import { notify } from "../../lib/notices";
import { pagePath } from "../../lib/project";
import { ROLE_HELP, type Role } from "../../lib/rights";
import { Providers } from "../door/Providers";
import { FormProblem, NewPasswordField, PasswordField, useSending } from "../form/Fields";
import { Section } from "../Page";
import { Field } from "../people/Field";
import { NameForm } from "../people/NameForm";
import classes from "../people/People.module.css";

export function You({ account }: { account: AccountView }) {
  const { data: ways } = useQuery(waysInQuery);
  const providers = ways?.providers ?? [];
  return (
    <Section title="You">
      <Name key={account.name} account={account} />
      <Mail account={account} mails={ways?.mail === true} />
      {(account.identities.length > 0 || providers.length > 0) && (
        <Field label="Signs in with">
          {account.identities.map(({ issuer, mail }) => (
            <p key={`${issuer} ${mail ?? ""}`}>
              {issuer} {mail && <span className="dim">as {mail}</span>}
            </p>
          ))}
          <Providers providers={providers} returnTo={pagePath("/account")} verb="Link" inline />
        </Field>
      )}
      <Field label="Role">
        {account.administrator ? (
          <>
            administrator <span className="dim">may do everything</span>
          </>
        ) : (
          <Roles account={account} />
        )}
      </Field>
    </Section>
  );
}

function Mail({ account, mails }: { account: AccountView; mails: boolean }) {
  const ask = useAccountChange(askConfirmation);
  const confirm = () =>
    ask.mutate(undefined, {
      onSuccess: ({ mailed_to }) => notify(`A link is on its way to ${mailed_to}. It confirms the address.`),
      onError: (error) => notify(`There is no mail: ${asProblem(error).message}`, "bad", asProblem(error).cure),
    });
  const told = account.mail == null ? "" : account.mail_verified ? "confirmed" : mails ? "not confirmed" : "";
  return (
    <Field label="Mail address">
      <div className={classes.inline}>
        <span>{account.mail ?? "none"}</span>
        {told && <span className={classes.tag}>{told}</span>}
        {account.mail && mails && !account.mail_verified && (
          <Button variant="default" size="compact-sm" loading={ask.isPending} onClick={confirm}>
            Confirm it
          </Button>
        )}
        <span className="dim">An administrator changes it.</span>
      </div>
    </Field>
  );
}

function Roles({ account }: { account: AccountView }) {
  const [only, ...others] = account.roles;
  if (!only) return "none yet";
  return [only, ...others].map(({ project, role }) => (
    <p key={project}>
      {role}
      {others.length > 0 && (
        <>
          {" "}
          <span className="dim">in</span> {project}
        </>
      )}{" "}
      <span className="dim">{ROLE_HELP[role as Role]}</span>
    </p>
  ));
}

function Name({ account }: { account: AccountView }) {
  const change = useAccountChange(changeName);
  return (
    <NameForm
      name={account.name}
      rename={(name) => change.mutateAsync(name)}
      done="Others see your new name from now on."
      autoComplete="name"
    />
  );
}

export function Password({ account }: { account: AccountView }) {
  const [open, setOpen] = useState(false);
  return (
    <Field label="Password">
      {open ? (
        <PasswordForm account={account} onClose={() => setOpen(false)} />
      ) : (
        <Button variant="default" onClick={() => setOpen(true)}>
          {account.has_password ? "Change the password" : "Set a password"}
        </Button>
      )}
    </Field>
  );
}

function PasswordForm({ account, onClose }: { account: AccountView; onClose: () => void }) {
  const [present, setPresent] = useState("");
  const [next, setNext] = useState("");
  const change = useAccountChange(changePassword);
  const form = useSending(
    () => change.mutateAsync({ ...(account.has_password ? { present } : {}), new: next }),
    () => {
      notify("The new password is set. All your other sessions have ended.");
      onClose();
    },
  );
  return (
    <form className={classes.narrow} onSubmit={form.send} aria-label="Password">
      {/* Tells password managers whose it is. */}
      <input type="text" name="username" autoComplete="username" value={account.mail ?? account.name} readOnly hidden />
      {account.has_password && (
        <PasswordField
          label="Present password"
          autoComplete="current-password"
          autoFocus
          required
          withAsterisk={false}
          value={present}
          onChange={(event) => setPresent(event.currentTarget.value)}
          mistake={form.at("/present")}
        />
      )}
      <NewPasswordField
        label="New password"
        autoFocus={!account.has_password}
        value={next}
        onChange={(event) => setNext(event.currentTarget.value)}
        mistake={form.at("/new")}
      />
      <FormProblem error={form.error} beside={["/present", "/new"]} />
      <p className={classes.note}>All other sessions of yours end.</p>
      <div className={classes.inline}>
        <Button type="submit" loading={form.sending}>
          Set the password
        </Button>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
      </div>
    </form>
  );
}
