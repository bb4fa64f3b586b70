/** Mail address and password, and a code where the account asks for one. */
import { Button } from "@mantine/core";
import { useEffect, useRef, useState } from "react";

import { signIn } from "../../api/account";
import type { Problem } from "../../api/problem";
import type { AccountView } from "../../api/types";
import { comeBack } from "../../lib/people";
import { sentence } from "../../lib/sentence";
import { FormProblem, PasswordField, TextField, useSending } from "../form/Fields";
import classes from "./Door.module.css";

interface SignInFormProps {
  onDone: (account: AccountView) => void;
  /** Known already, where a link says whose it is. */
  mail?: string | undefined;
  /** Where a new password comes by mail: asks for it, for the address that was typed. */
  onForgotten?: ((mail: string) => void) | undefined;
}

export function SignInForm({ onDone, mail: known = "", onForgotten }: SignInFormProps) {
  const [mail, setMail] = useState(known);
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [asked, setAsked] = useState(false);
  const codeField = useRef<HTMLInputElement>(null);
  const form = useSending(() => signIn({ mail, password, ...(asked ? { code } : {}) }), onDone);
  const needed = form.problem?.code === "second-factor-needed";
  // Asked for once, it stays: the next mistake may be another one.
  if (needed && !asked) setAsked(true);
  const wrongCode = needed && code !== "" ? form.problem : null;
  useEffect(() => {
    if (asked) codeField.current?.focus();
  }, [asked]);
  const wait = useWait(form.problem);
  return (
    <form className={classes.form} onSubmit={form.send} aria-label="Sign in">
      {!needed && <FormProblem error={form.error} />}
      {wait > 0 && (
        <p role="status" className="dim">
          It can be tried again in {comeBack(wait)}.
        </p>
      )}
      <TextField
        label="Mail address"
        type="email"
        name="mail"
        autoComplete="username"
        autoCapitalize="none"
        required
        withAsterisk={false}
        autoFocus={known === ""}
        value={mail}
        onChange={(event) => setMail(event.currentTarget.value)}
      />
      <PasswordField
        label="Password"
        name="password"
        autoComplete="current-password"
        required
        withAsterisk={false}
        autoFocus={known !== ""}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
      />
      {asked && (
        <TextField
          ref={codeField}
          label="Code"
          description="Six digits from the app on your telephone, or one of your recovery codes."
          name="code"
          autoComplete="one-time-code"
          autoCapitalize="none"
          spellCheck={false}
          required
          withAsterisk={false}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          mistake={wrongCode ? [sentence(wrongCode.message), wrongCode.cure].filter(Boolean).join(" ") : undefined}
        />
      )}
      <Button type="submit" loading={form.sending} disabled={wait > 0}>
        Sign in
      </Button>
      {onForgotten && (
        <button type="button" className={`${classes.plain ?? ""} ${classes.forgotten ?? ""}`} onClick={() => onForgotten(mail)}>
          Forgot your password?
        </button>
      )}
    </form>
  );
}

/** Seconds until it may be tried again, counted down; 0: now. */
function useWait(problem: Problem | null): number {
  const [left, setLeft] = useState(0);
  const after = problem?.code === "too-many-requests" ? (problem.retryAfter ?? 0) : 0;
  useEffect(() => {
    const end = Date.now() + after * 1000;
    const tick = () => setLeft(Math.max(0, (end - Date.now()) / 1000));
    tick();
    if (after === 0) return;
    const timer = setInterval(tick, 500);
    return () => clearInterval(timer);
  }, [problem, after]);
  return left;
}
