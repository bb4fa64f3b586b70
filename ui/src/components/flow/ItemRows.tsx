/** Items of a step that are in one state: each with why. */
import { Link } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useRef } from "react";

import type { StepRunView } from "../../api/types";
import { passedOf } from "../../lib/flow/steps";
import { clock, duration } from "../../lib/format";
import { useNow } from "../../lib/now";
import { isEnd, stateLabel } from "../../lib/states";
import { StateIcon } from "../StateIcon";
import { Ticked } from "../Ticked";
import classes from "./Flow.module.css";

const ROW = 32;

export function ItemRows({ runs }: { runs: readonly StepRunView[] }) {
  const scroller = useRef<HTMLDivElement>(null);
  const now = useNow(runs.some(({ state }) => !isEnd(state)));
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: runs.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
    paddingEnd: 24,
  });
  return (
    <div ref={scroller} className={classes.itemRows} tabIndex={0} role="region" aria-label="Items in this state">
      <div style={{ position: "relative", height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const run = runs[index];
          if (!run) return null;
          const passed = passedOf(run, now);
          return (
            <Link key={run.id} to="/runs/$id" params={{ id: run.id }} className={classes.itemRow} style={{ top: start, height: ROW }}>
              <StateIcon state={run.state} label={false} />
              <span className="num">item {run.item ?? index}</span>
              <span className="ellipsis">{run.message ? <Ticked text={run.message} /> : stateLabel(run.state)}</span>
              <span className={`mono dim ${classes.itemId ?? ""}`}>{run.short}</span>
              <span className={classes.rowTime}>{passed === null ? "–" : run.ended_at ? duration(passed) : clock(passed)}</span>
            </Link>
          );
        })}
      </div>
    </div>
  );
}
