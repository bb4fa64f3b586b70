/** The frame of a form whose foot stays in view: it is sent by its button or by Ctrl+Enter, and where it is not, the first mistake gets the focus. */
import { useRef, type ReactNode, type SyntheticEvent } from "react";

import foot from "./StartForm.module.css";

interface FormFrameProps {
  readonly label: string;
  /** Sends what is written; `false`: something of it is wrong, and is marked. */
  readonly submit: () => boolean;
  /** What marked fields are. */
  readonly marked?: string;
  readonly autoComplete?: "off";
  readonly children: ReactNode;
}

export function FormFrame({ label, submit, marked = "[aria-invalid=true]", autoComplete, children }: FormFrameProps) {
  const element = useRef<HTMLFormElement>(null);
  const send = () => {
    // After the next drawing, when the mistakes are marked.
    if (!submit()) requestAnimationFrame(() => element.current?.querySelector<HTMLElement>(marked)?.focus());
  };
  return (
    <form
      ref={element}
      className={foot.form}
      onSubmit={(event: SyntheticEvent) => {
        event.preventDefault();
        send();
      }}
      noValidate
      autoComplete={autoComplete}
      aria-label={label}
      onKeyDown={(event) => {
        if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
        event.preventDefault();
        send();
      }}
    >
      {children}
    </form>
  );
}
