/** How long the parts of a run took, as a bar; while it runs, how far it is. */
import type { RunView } from "../../api/types";
import { clock, duration } from "../../lib/format";
import { elapsed } from "../../lib/runText";
import { isEnd, stateTone } from "../../lib/states";
import classes from "./Run.module.css";

interface Part {
  name: string;
  ms: number;
  kind: "queued" | "preparing" | "running" | "rest";
}

export function partsOf(run: RunView, now: number): Part[] {
  const ended = isEnd(run.state);
  const { phases } = run;
  const accepted = Date.parse(run.created_at);
  const parts: Part[] = [];
  const queued = run.state === "queued" ? Math.max(phases.queued_ms, now - accepted) : phases.queued_ms;
  parts.push({ name: "queued", ms: queued, kind: "queued" });
  const preparing = phases.preparing_ms ?? (run.state === "starting" ? Math.max(0, now - accepted - phases.queued_ms) : null);
  if (preparing != null) parts.push({ name: "preparing", ms: preparing, kind: "preparing" });
  const running = phases.running_ms ?? (run.attempt > 0 && run.state !== "starting" ? elapsed(run, now) : null);
  if (running != null) parts.push({ name: ended || run.state === "retrying" ? "ran" : "running", ms: running, kind: "running" });
  if (run.state === "running" && running != null) {
    const fraction = run.progress?.fraction;
    const all = fraction ? running / fraction : (run.expected_ms ?? 0);
    if (all > running) parts.push({ name: "", ms: all - running, kind: "rest" });
  }
  return parts;
}

export function PhaseBar({ run, now }: { run: RunView; now: number }) {
  const parts = partsOf(run, now);
  const fraction = run.progress?.fraction;
  const text = parts.filter((part) => part.name).map((part) => `${part.name} ${duration(part.ms)}`).join(", ");
  return (
    <div className={classes.phases}>
      <div className={classes.bar} role="img" aria-label={text}>
        {parts.map((part) => (
          <span key={part.kind} className={`${classes.part ?? ""} tone-${stateTone(run.state)}`} data-kind={part.kind} style={{ flexGrow: Math.max(part.ms, 1) }} />
        ))}
      </div>
      <p className={classes.partNames} aria-hidden>
        {parts.map((part) =>
          part.name ? (
            <span key={part.kind}>
              <span className={`${classes.swatch ?? ""} tone-${stateTone(run.state)}`} data-kind={part.kind} />
              {part.name} {run.state === "running" && part.kind === "running" ? clock(part.ms) : duration(part.ms)}
            </span>
          ) : null,
        )}
        {!isEnd(run.state) && run.progress && (
          <span className={classes.progress}>{[fraction == null ? "" : `${Math.round(fraction * 100)} %`, run.progress.message].filter(Boolean).join(", ")}</span>
        )}
      </p>
    </div>
  );
}
