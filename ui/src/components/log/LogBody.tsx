/** The lines of a log, drawn as far as they are seen. */
import { useEffect, useRef, useSyncExternalStore } from "react";

import { bytes } from "../../lib/format";
import { usePrefs } from "../../lib/prefs";
import { isEnd } from "../../lib/states";
import { Icon } from "../Icon";
import { Empty, Failure } from "../States";
import { Ticked } from "../Ticked";
import classes from "./Log.module.css";
import { LogLineRow, UnfinishedRow } from "./LogLineRow";
import type { LogController } from "./useLogController";
import { useLogScroll } from "./useLogScroll";

export function LogBody({ log }: { log: LogController }) {
  const { store } = log;
  useSyncExternalStore(store.subscribe, store.snapshot);
  if (log.problem) return <Failure error={log.problem} retry={log.again} />;
  if (!log.opened) return null;
  return store.total === 0 && store.unfinished.length === 0 ? <NoLines log={log} /> : <Lines log={log} />;
}

function Lines({ log }: { log: LogController }) {
  const { store, ensure, find, marked } = log;
  const prefs = usePrefs();
  const { total, unfinished } = store;
  const { scroller, below, anchor, range, height, handlers } = useLogScroll({
    total,
    unfinished: unfinished.length,
    wrap: prefs.logWrap,
    goto: log.goto,
    follow: log.follow,
    onFollow: log.setFollow,
  });
  useEffect(() => {
    // While the bar is dragged over a long log, only where it rests is asked for.
    const timer = setTimeout(() => ensure(range.first + 1, range.end), 40);
    return () => clearTimeout(timer);
  }, [ensure, range.first, range.end, total]);
  const place = useRef<number | null>(null);
  useEffect(() => {
    place.current = log.follow ? null : anchor.line;
  });
  const { leave } = log;
  useEffect(
    () => () => {
      if (place.current !== null) leave(place.current);
    },
    [leave],
  );
  const zone = prefs.logTimes === "off" ? null : prefs.logTimes === "utc" ? "UTC" : prefs.zone;
  const match = find.matches[find.at];
  const draw = (first: number, end: number) =>
    Array.from({ length: Math.max(0, end - first) }, (_, index) => {
      const n = first + index + 1;
      const mark = n === match ? "match" : marked?.line === n ? (marked.error ? "error" : "link") : "none";
      return <LogLineRow key={n} run={log.run.id} n={n} line={store.line(n)} zone={zone} find={find.q} mark={mark} onLink={log.link} />;
    });
  return (
    <div className={classes.frame}>
      <div
        ref={scroller}
        className={classes.scroller}
        data-wrap={prefs.logWrap || undefined}
        {...handlers}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={`Log, ${total} lines`}
      >
        <div className={classes.inner} style={{ height: height + 8, "--digits": Math.max(3, String(total).length) } as React.CSSProperties}>
          <div className={classes.block} style={{ bottom: height + 8 - anchor.y }}>
            {draw(range.first, Math.min(anchor.line, total))}
          </div>
          <div ref={below} className={classes.block} style={{ top: anchor.y }}>
            {draw(Math.min(anchor.line, total), range.end)}
          </div>
        </div>
        {unfinished.length > 0 && (
          <div className={classes.unfinished} style={{ "--digits": Math.max(3, String(total).length) } as React.CSSProperties}>
            {unfinished.map(({ stream, text }) => (
              <UnfinishedRow key={stream} run={log.run.id} stream={stream} text={text} zone={zone} />
            ))}
          </div>
        )}
      </div>
      {store.cutBytes > 0 && <p className={classes.cut}>The log was longer than its limit: {bytes(store.cutBytes)} were not kept.</p>}
      {!log.follow && !store.complete && (
        <button type="button" className={classes.toEnd} onClick={log.toggleFollow}>
          <Icon name="down" size={14} /> Follow
        </button>
      )}
    </div>
  );
}

function NoLines({ log }: { log: LogController }) {
  const { run } = log;
  if (run.attempt === 0)
    return <Empty icon="clock" title={isEnd(run.state) ? "It never started, so there is no log" : "The log begins when the run starts"} />;
  if (run.state === "starting") {
    return (
      <Empty icon="clock" title="It is being prepared">
        {run.message && (
          <p className="dim">
            <Ticked text={run.message} />
          </p>
        )}
      </Empty>
    );
  }
  return <Empty icon="file" title={log.store.complete ? "It wrote nothing" : "It has written nothing yet"} />;
}
