/** A due time: how soon, and by the clock of the schedule's zone. */
import { ago } from "../../lib/format";
import { useNow } from "../../lib/now";
import { usePrefs } from "../../lib/prefs";
import { dueClock } from "../../lib/schedule";

interface DueProps {
  at: string;
  zone?: string | undefined;
  /** Within a sentence. */
  said?: boolean;
}

export function Due({ at, zone, said = false }: DueProps) {
  const now = useNow();
  const prefs = usePrefs();
  const time = Date.parse(at);
  const clock = dueClock(time, now, zone ?? (prefs.zone || undefined));
  return (
    <time dateTime={at} title={at}>
      {time <= now ? "now" : ago(time, now)}
      {said ? ` (${clock})` : <span className="dim"> · {clock}</span>}
    </time>
  );
}
