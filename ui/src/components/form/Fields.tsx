/** Fields of forms that are not made from a schema: with a label, a help, and the server's words where it refused something. */
import {
  NativeSelect,
  PasswordInput,
  TextInput,
  type NativeSelectProps,
  type PasswordInputProps,
  type TextInputProps,
} from "@mantine/core";
import "@mantine/core/styles/ActionIcon.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/PasswordInput.css";
import { useEffect, useRef, useState, type ReactNode, type SyntheticEvent } from "react";

import { asProblem, isToldBeside, mistakeOf, type Problem } from "../../api/problem";
import { sentence } from "../../lib/sentence";
import { Ticked } from "../Ticked";
import classes from "./Fields.module.css";

const NAMES = { label: classes.label ?? "", description: classes.help ?? "", error: classes.mistake ?? "" };

function told(mistake: string | undefined): ReactNode {
  return mistake ? <Ticked text={sentence(mistake)} /> : undefined;
}

interface Told {
  /** What the server says is wrong with it. */
  mistake?: string | undefined;
}

export function TextField({ mistake, ...props }: TextInputProps & Told) {
  return <TextInput classNames={NAMES} error={told(mistake)} {...props} />;
}

export function ChoiceField({ mistake, ...props }: NativeSelectProps & Told) {
  return <NativeSelect size="xs" classNames={NAMES} error={told(mistake)} {...props} />;
}

export function PasswordField({ mistake, ...props }: PasswordInputProps & Told) {
  const [visible, setVisible] = useState(false);
  return (
    <PasswordInput
      classNames={{ ...NAMES, visibilityToggle: classes.eye ?? "" }}
      error={told(mistake)}
      aria-invalid={mistake === undefined ? undefined : true}
      visible={visible}
      onVisibilityChange={setVisible}
      visibilityToggleButtonProps={{ "aria-label": visible ? "Hide the password" : "Show the password", tabIndex: 0 }}
      {...props}
    />
  );
}

export const PASSWORD_RULE = "At least 12 characters, and none that is guessed first: a few words that do not belong together do well.";

/** A password to be chosen: says the rule before it is broken. */
export function NewPasswordField(props: PasswordInputProps & Told) {
  return (
    <PasswordField label="Password" description={PASSWORD_RULE} autoComplete="new-password" required withAsterisk={false} {...props} />
  );
}

/** What went wrong with a form as a whole; what is told beside a field is not told twice. */
export function FormProblem({ error, beside = [] }: { error: unknown; beside?: readonly string[] }) {
  if (!error) return null;
  const problem = asProblem(error);
  if (isToldBeside(problem, beside)) return null;
  return (
    <div role="alert" className={classes.problem}>
      <p>
        <Ticked text={sentence(problem.message)} />
      </p>
      {problem.cure && (
        <p className="dim">
          <Ticked text={problem.cure} />
        </p>
      )}
    </div>
  );
}

interface Sending<R> {
  sending: boolean;
  error: unknown;
  problem: Problem | null;
  /** What is wrong with one field. */
  at: (pointer: string) => string | undefined;
  /** Sends, for `onSubmit`; then the first field that was refused has the focus. */
  send: (event: SyntheticEvent<HTMLFormElement>) => void;
  result: R | undefined;
}

/** A form that is sent to the server, and told what is wrong with it. */
export function useSending<R>(call: () => Promise<R>, onDone?: (result: R) => void): Sending<R> {
  const [state, setState] = useState<{ sending: boolean; error: unknown; result: R | undefined }>({
    sending: false,
    error: null,
    result: undefined,
  });
  const form = useRef<HTMLFormElement>(null);
  // When it is marked.
  useEffect(() => {
    if (state.error) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [state.error]);
  const send = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    form.current = event.currentTarget;
    if (state.sending) return;
    setState((known) => ({ ...known, sending: true, error: null }));
    call().then(
      (result) => {
        setState({ sending: false, error: null, result });
        onDone?.(result);
      },
      (error: unknown) => {
        setState((known) => ({ ...known, sending: false, error }));
      },
    );
  };
  const problem = state.error ? asProblem(state.error) : null;
  return { ...state, problem, at: (pointer) => mistakeOf(problem, pointer), send };
}
