/** What happened to a run, and its attempts. */
import { useQuery } from "@tanstack/react-query";

import { attemptsQuery, eventsQuery } from "../../api/queries";
import type { AttemptView, EventView, RunView } from "../../api/types";
import { bytes, duration, plural } from "../../lib/format";
import { exitWord } from "../../lib/runText";
import { isEnd, isState, stateLabel } from "../../lib/states";
import { Section } from "../Page";
import { Failure } from "../States";
import { StateIcon } from "../StateIcon";
import { Ticked } from "../Ticked";
import { At } from "../Time";
import classes from "./Run.module.css";

export function EventsTab({ run, onAttempt }: { run: RunView; onAttempt: (number: number) => void }) {
  const attempts = useQuery(attemptsQuery(run.id));
  const events = useQuery(eventsQuery(run.id));
  const failed = [events, attempts].find((query) => query.error && !query.data);
  if (failed) return <Failure error={failed.error} retry={() => void failed.refetch()} />;
  if (!events.data || !attempts.data) return null;
  return (
    <div className={classes.tab} data-scroll-restoration-id="events" tabIndex={0} role="region" aria-label="Events">
      {attempts.data.items.length > 0 && !run.approval && (
        <Section title="Attempts">
          {attempts.data.items.map((attempt) => (
            <Attempt key={attempt.number} attempt={attempt} onOpen={() => onAttempt(attempt.number)} />
          ))}
        </Section>
      )}
      <Section title="Events">
        {events.data.map((event) => (
          <Event key={event.id} event={event} />
        ))}
      </Section>
    </div>
  );
}

function Attempt({ attempt, onOpen }: { attempt: AttemptView; onOpen: () => void }) {
  const took = attempt.started_at && attempt.ended_at ? duration(Date.parse(attempt.ended_at) - Date.parse(attempt.started_at)) : "";
  const exit = exitWord(attempt);
  return (
    <div className={classes.attempt}>
      <StateIcon state={attempt.state} label={false} />
      <span>{attempt.number}</span>
      <span className={classes.what}>
        {stateLabel(attempt.state)}
        {attempt.message && (
          <span className="dim">
            : <Ticked text={attempt.message} />
            {exit && ` (${exit})`}
          </span>
        )}
      </span>
      <span className="dim">{took}</span>
      <span className={`dim ${classes.optional ?? ""}`}>
        {attempt.usage.max_memory > 0 ? `${duration(attempt.usage.cpu_ms)} cpu, ${bytes(attempt.usage.max_memory)}` : ""}
      </span>
      <button type="button" className={classes.linkButton} onClick={onOpen}>
        Log, {isEnd(attempt.state) ? plural(attempt.log.lines, "line") : "live"}
      </button>
    </div>
  );
}

/** Those of flows, whose kinds alone say little. */
const OF_FLOWS: Record<string, string> = {
  steps: "Steps began or ended",
  answered: "Somebody answered",
  followed: "What follows was started",
};

/** "cancel-requested" as people write it. */
function kindWords(kind: string): string {
  const words = OF_FLOWS[kind] ?? stateLabel(kind).replace(/-/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function Event({ event }: { event: EventView }) {
  return (
    <div className={classes.event}>
      <span className="dim">
        <At at={event.at} />
      </span>
      <span className={classes.eventIcon}>
        {isState(event.kind) ? <StateIcon state={event.kind} size={14} label={false} still /> : null}
      </span>
      <span className={classes.what}>
        {kindWords(event.kind)}
        {event.attempt > 0 && <span className="dim"> attempt {event.attempt}</span>}
        {event.message && (
          <span className="dim">
            : <Ticked text={event.message} />
          </span>
        )}
      </span>
    </div>
  );
}
