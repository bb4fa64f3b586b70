/** What a sync changes, or would: a line for each pipeline, with its files and what keeps it from running. */
import type { SyncLine, SyncPlan } from "../../api/types";
import { plural } from "../../lib/format";
import { Ticked } from "../Ticked";
import classes from "./Repositories.module.css";
import { CommitLink } from "./Standing";

const MARKS: Record<string, { sign: string; tone: string; word: string }> = {
  added: { sign: "+", tone: "tone-ok", word: "added" },
  removed: { sign: "−", tone: "tone-bad", word: "removed" },
  changed: { sign: "~", tone: "tone-warn", word: "changed" },
  same: { sign: " ", tone: "", word: "as before" },
};

/** How many of what: `2 added, 1 cannot run`. */
export function planWords(plan: Pick<SyncPlan, "added" | "changed" | "removed" | "invalid">): string {
  const parts = [
    plan.added > 0 && `${plan.added} added`,
    plan.changed > 0 && `${plan.changed} changed`,
    plan.removed > 0 && `${plan.removed} removed`,
    plan.invalid > 0 && `${plan.invalid} cannot run`,
  ];
  return parts.filter(Boolean).join(", ") || "no pipeline changed";
}

export function PlanView({ plan }: { plan: SyncPlan }) {
  return (
    <div className={classes.plan}>
      <p className={classes.planHead}>
        <CommitLink commit={plan.commit} page={plan.page} />
        {plan.subject && <span>{plan.subject}</span>}
        <span className="dim">{planWords(plan)}</span>
      </p>
      <ul className={classes.lines} aria-label="Pipelines that change">
        {plan.pipelines.map((line) => (
          <Line key={line.name} line={line} />
        ))}
      </ul>
      {plan.same > 0 && <p className={classes.told}>{plural(plan.same, "pipeline")} as before</p>}
      {plan.told?.map((line) => (
        <p key={line} className={classes.told}>
          <Ticked text={line} />
        </p>
      ))}
    </div>
  );
}

function Line({ line }: { line: SyncLine }) {
  const mark = MARKS[line.change];
  return (
    <li className={classes.line}>
      <span className={`${classes.mark ?? ""} ${mark?.tone ?? ""}`} title={mark?.word}>
        <span aria-hidden>{mark?.sign}</span>
        <span className="sr">{mark?.word}</span>
      </span>
      <span className={classes.name}>{line.name}</span>
      <span className={classes.files}>
        <Files sign="~" files={line.files_changed} />
        <Files sign="+" files={line.files_added} />
        <Files sign="−" files={line.files_removed} />
      </span>
      {line.mistakes?.map((mistake) => (
        <p key={mistake} className={`${classes.below ?? ""} tone-bad`}>
          <Ticked text={mistake} />
        </p>
      ))}
      {line.warnings?.map((warning) => (
        <p key={warning} className={`${classes.below ?? ""} dim`}>
          <Ticked text={warning} />
        </p>
      ))}
    </li>
  );
}

function Files({ sign, files }: { sign: string; files: string[] | undefined }) {
  if (!files || files.length === 0) return null;
  return (
    <>
      {files.map((file) => (
        <code key={file}>
          {sign} {file}{" "}
        </code>
      ))}
    </>
  );
}
