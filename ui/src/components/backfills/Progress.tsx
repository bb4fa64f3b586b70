/** How far a backfill is, as a bar and in words, and how it stands. */
import { backfillState, progressOf, progressWords } from "../../lib/backfill";
import type { BackfillView } from "../../api/types";
import { count } from "../../lib/format";
import { StateIcon } from "../StateIcon";
import classes from "./Backfills.module.css";

const PARTS = ["succeeded", "failed", "active", "stopped"] as const;
const LOOKS = { succeeded: classes.ok, failed: classes.bad, active: classes.busy, stopped: classes.stopped };
const WORDS = { succeeded: "succeeded", failed: "failed", active: "running", stopped: "stopped" };

export function ProgressBar({ backfill, large = false }: { backfill: BackfillView; large?: boolean }) {
  const progress = progressOf(backfill);
  const words = progressWords(progress);
  return (
    <div className={classes.progress}>
      <div className={classes.bar} data-large={large || undefined} role="img" aria-label={words}>
        {PARTS.map(
          (part) => progress[part] > 0 && <span key={part} className={LOOKS[part]} style={{ flexGrow: progress[part], flexBasis: 0 }} />,
        )}
        {progress.left > 0 && <span style={{ flexGrow: progress.left, flexBasis: 0 }} />}
      </div>
      {large ? (
        <div className={classes.legend}>
          {PARTS.map(
            (part) =>
              progress[part] > 0 && (
                <span key={part}>
                  <i className={LOOKS[part]} aria-hidden />
                  {count(progress[part])} {WORDS[part]}
                </span>
              ),
          )}
          <span>
            <i aria-hidden />
            {count(progress.left)} left
          </span>
        </div>
      ) : (
        <span className={classes.words}>{words}</span>
      )}
    </div>
  );
}

export function BackfillStanding({ backfill }: { backfill: BackfillView }) {
  const { word, tone, shape } = backfillState(backfill.state);
  return (
    <span className={`${classes.state ?? ""} tone-${tone}`}>
      {shape === "paused" ? (
        <svg viewBox="0 0 16 16" width={16} height={16} fill="none" stroke="currentColor" strokeWidth={2} strokeLinecap="round" aria-hidden>
          <path d="M5.500 3.500v9M10.500 3.500v9" />
        </svg>
      ) : (
        <StateIcon state={shape} label={false} />
      )}
      {word}
    </span>
  );
}
