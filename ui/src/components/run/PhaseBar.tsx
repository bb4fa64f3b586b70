/** How long the parts of a run took, as a bar; while it runs, how far it is. */
import type { RunView } from "../../api/types";
import { clock, duration } from "../../lib/format";
import { partsOf, sumsOf, type Part, type Span } from "../../lib/phases";
import { elapsed } from "../../lib/runText";
import { isEnd, stateTone } from "../../lib/states";
import classes from "./Run.module.css";

interface PhaseBarProps {
  run: RunView;
  /** Its attempts, where there are many. */
  spans: readonly Span[];
  now: number;
}

export function PhaseBar({ run, spans, now }: PhaseBarProps) {
  const parts = partsOf(run, spans, now);
  const named = sumsOf(parts).filter((part) => part.kind !== "rest");
  const words = (part: Part) => wordsOf(part, run, now);
  const fraction = run.progress?.fraction;
  return (
    <div className={classes.phases}>
      <div className={classes.bar} role="img" aria-label={named.map(words).join(", ")}>
        {parts.map((part, index) => (
          <span
            key={index}
            className={`${classes.part ?? ""} tone-${stateTone(run.state)}`}
            data-kind={part.kind}
            style={{ flexGrow: Math.max(part.ms, 1) }}
          />
        ))}
      </div>
      <p className={classes.partNames} aria-hidden>
        {named.map((part) => (
          <span key={part.kind}>
            <span className={`${classes.swatch ?? ""} tone-${stateTone(run.state)}`} data-kind={part.kind} />
            {words(part)}
          </span>
        ))}
        {!isEnd(run.state) && run.progress && (
          <span className={classes.progress}>
            {[fraction == null ? "" : `${Math.round(fraction * 100)} %`, run.progress.message].filter(Boolean).join(", ")}
          </span>
        )}
      </p>
    </div>
  );
}

function wordsOf({ kind, ms }: Part, run: RunView, now: number): string {
  switch (kind) {
    case "waited":
      return `between attempts ${duration(ms)}`;
    case "running": {
      const attempts = run.attempt > 1 ? ` in ${run.attempt} attempts` : "";
      if (run.state !== "running") return `ran ${duration(ms)}${attempts}`;
      const current = elapsed(run, now) ?? ms;
      return run.attempt > 1 ? `running ${clock(current)}, before that ${duration(Math.max(0, ms - current))}` : `running ${clock(ms)}`;
    }
    default:
      return `${kind} ${duration(ms)}`;
  }
}
