/** Points in time: relative ones with the exact one on hover, and plain ones in the chosen zone. */
import { ago, moment } from "../lib/format";
import { useNow } from "../lib/now";
import { usePrefs } from "../lib/prefs";

export function Ago({ at }: { at: string }) {
  const now = useNow();
  const prefs = usePrefs();
  const time = Date.parse(at);
  return (
    <time dateTime={at} title={`${moment(time, now, prefs.zone || undefined)} (${at})`}>
      {ago(time, now)}
    </time>
  );
}

export function At({ at }: { at: string }) {
  const now = useNow(false);
  const prefs = usePrefs();
  return (
    <time dateTime={at} title={at}>
      {moment(Date.parse(at), now, prefs.zone || undefined)}
    </time>
  );
}
