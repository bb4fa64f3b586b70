/** Asks before something that cannot be taken back; for the worst, the name has to be typed. */
import { Button, Modal } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Modal.css";
import "@mantine/core/styles/ModalBase.css";
import "@mantine/core/styles/Overlay.css";
import "@mantine/core/styles/Paper.css";
import { useState, type ReactNode } from "react";

import { FormProblem, TextField, useSending } from "../form/Fields";
import classes from "./People.module.css";

export interface Question {
  title: string;
  text: ReactNode;
  /** What the button says. */
  action: string;
  /** Has to be typed first. */
  typed?: string;
  run: () => Promise<unknown>;
}

export function Confirm({ question, onClose }: { question: Question | null; onClose: () => void }) {
  return (
    <Modal
      opened={question !== null}
      onClose={onClose}
      title={question?.title ?? ""}
      size={420}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {question && <Asked question={question} onClose={onClose} />}
    </Modal>
  );
}

function Asked({ question, onClose }: { question: Question; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const form = useSending(question.run, onClose);
  const wanted = question.typed;
  const ready = wanted === undefined || typed.trim() === wanted;
  return (
    <form className={classes.dialog} onSubmit={form.send}>
      <div className={classes.words}>{question.text}</div>
      {wanted !== undefined && (
        <TextField
          label={
            <>
              To go on, type <b>{wanted}</b>
            </>
          }
          autoComplete="off"
          data-autofocus
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      <FormProblem error={form.error} />
      <div className={classes.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it
        </Button>
        <Button
          type="submit"
          color="red"
          className={classes.danger ?? ""}
          disabled={!ready}
          loading={form.sending}
          {...(wanted === undefined ? { "data-autofocus": true } : {})}
        >
          {question.action}
        </Button>
      </div>
    </form>
  );
}

/** A window with a form. */
export function FormWindow({
  title,
  opened,
  onClose,
  size = 420,
  held = false,
  children,
}: {
  title: string;
  opened: boolean;
  onClose: () => void;
  size?: number;
  /** A click beside it leaves it open: what it shows is not shown again. */
  held?: boolean;
  children: ReactNode;
}) {
  return (
    <Modal
      opened={opened}
      onClose={onClose}
      title={title}
      size={size}
      closeOnClickOutside={!held}
      closeButtonProps={{ "aria-label": "Close" }}
    >
      {opened && children}
    </Modal>
  );
}
