import { useLine } from "../api/LiveContext";
import { timeOfDay } from "../lib/format";
import { usePrefs } from "../lib/prefs";
import { Icon } from "./Icon";
import classes from "./Page.module.css";

/** Says that what is on the page is old, where nothing has to move for it. */
export function Offline() {
  const line = useLine();
  const { zone } = usePrefs();
  return (
    <div role="status" className={classes.offline}>
      {!line.online && (
        <span title="The server does not answer. The page goes on by itself when it does; runs go on without it.">
          <Icon name="warning" size={14} /> Offline, showing what was at {timeOfDay(line.since, zone || undefined).slice(0, 5)}
        </span>
      )}
    </div>
  );
}
