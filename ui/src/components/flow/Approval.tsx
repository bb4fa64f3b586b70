/** What a step asks a person, who may answer, and the answer. */
import { Button, Textarea } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useState } from "react";

import { useAnswer, type Answer } from "../../api/flows";
import { useRights } from "../../api/rights";
import type { ApprovalView, RunView } from "../../api/types";
import { rank } from "../../lib/rights";
import { isEnd } from "../../lib/states";
import { ARCHIVED } from "../Archived";
import { FormProblem, useSending } from "../form/Fields";
import { Icon } from "../Icon";
import { FormWindow } from "../people/Confirm";
import people from "../people/People.module.css";
import { Ticked } from "../Ticked";
import { At } from "../Time";
import classes from "./Approval.module.css";

const LONGEST_NOTE = 1000;

export function Approval({ run, approval }: { run: RunView; approval: ApprovalView }) {
  const { answer } = approval;
  const [asking, setAsking] = useState<Answer | null>(null);
  const { role, archived, visitor } = useRights();
  const may = !visitor && rank(role) >= rank(approval.role);
  const open = !answer && !isEnd(run.state);
  const barred = archived ? { disabled: true, title: ARCHIVED } : {};
  return (
    <section className={classes.box} aria-label="What is asked" data-open={open || undefined}>
      <p className={classes.question}>
        <Ticked text={approval.message ?? "May the flow go on?"} />
      </p>
      {answer && (
        <div className={classes.answer}>
          <p>
            <span className={answer.approved ? "tone-ok" : "tone-bad"}>
              <Icon name={answer.approved ? "check" : "close"} size={14} /> {answer.approved ? "Approved" : "Rejected"}
            </span>{" "}
            by {answer.by}, <At at={answer.at} />
          </p>
          {answer.note && <blockquote className={classes.note}>{answer.note}</blockquote>}
        </div>
      )}
      {!answer && !open && <p className="dim">Nobody has answered before it ended.</p>}
      {open && (
        <div className={classes.foot}>
          <p className="dim">{mayWords(approval.role, may)}</p>
          {may && (
            <div className={classes.ways}>
              <Button variant="default" onClick={() => setAsking("reject")} {...barred}>
                Reject
              </Button>
              <Button onClick={() => setAsking("approve")} {...barred}>
                Approve
              </Button>
            </div>
          )}
        </div>
      )}
      <FormWindow
        title={asking === "reject" ? "Reject it?" : "Approve it?"}
        opened={asking !== null && open}
        onClose={() => setAsking(null)}
      >
        {asking && <AnswerForm run={run} answer={asking} onClose={() => setAsking(null)} />}
      </FormWindow>
    </section>
  );
}

function mayWords(role: string, may: boolean): string {
  const who = { runner: "Runners, editors and owners", editor: "Editors and owners", owner: "Owners" }[role] ?? `Whoever is ${role}`;
  return may ? `${who} may answer. The first answer counts.` : `${who} may answer. You may not.`;
}

function AnswerForm({ run, answer, onClose }: { run: RunView; answer: Answer; onClose: () => void }) {
  const [note, setNote] = useState("");
  const send = useAnswer(run);
  const form = useSending(() => send(answer, note), onClose);
  const yes = answer === "approve";
  return (
    <form className={people.dialog} onSubmit={form.send}>
      <p>{yes ? "The steps behind it go on." : "The step fails by it, and with it what needs it."}</p>
      <Textarea
        label="Note"
        description="For those who read the flow later. It may be empty."
        data-autofocus
        autosize
        minRows={2}
        maxRows={8}
        maxLength={LONGEST_NOTE}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
      <FormProblem error={form.error} />
      <div className={people.ways}>
        <Button variant="default" onClick={onClose}>
          Leave it open
        </Button>
        <Button type="submit" loading={form.sending} {...(yes ? {} : { color: "red", className: people.danger ?? "" })}>
          {yes ? "Approve" : "Reject"}
        </Button>
      </div>
    </form>
  );
}
