/** Many runs: drawn as far as they are seen, read further as one scrolls, walked with j and k. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useElementScrollRestoration, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";

import type { RunSummary } from "../api/types";
import { useKeys } from "../lib/keys";
import { Icon } from "./Icon";
import classes from "./RunList.module.css";
import { RunRow } from "./RunRow";

interface RunListProps {
  runs: RunSummary[];
  hasMore: boolean;
  loadMore: () => void;
  withoutPipeline?: boolean;
  selected?: ReadonlySet<string>;
  onSelect?: (run: RunSummary, selected: boolean) => void;
}

export function RunList({ runs, hasMore, loadMore, withoutPipeline = false, selected, onSelect }: RunListProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [current, setCurrent] = useState<string | null>(null);
  const held = useHeldBack(runs, scroller);
  const shown = held.shown;
  const rowHeight = useRowHeight();
  const entry = useElementScrollRestoration({ id: "runs" });
  // Its object changes inside while it stays the same, which the compiler, were it used, would not see.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => shown[index]?.id ?? index,
    overscan: 12,
    paddingStart: 4,
    paddingEnd: 24,
    initialOffset: entry?.scrollY ?? 0,
  });
  useEffect(() => virtual.measure(), [virtual, rowHeight]);
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= shown.length - 30) loadMore();
  }, [hasMore, last, shown.length, loadMore]);
  useWalk(shown, current, setCurrent, (index) => virtual.scrollToIndex(index));
  return (
    <div className={classes.frame}>
      {held.count > 0 && (
        <button type="button" className={classes.fresh} onClick={held.release}>
          <Icon name="up" size={14} /> {held.count} new
        </button>
      )}
      <div
        ref={scroller}
        className={classes.scroller}
        data-scroll-restoration-id="runs"
        tabIndex={-1}
        data-selecting={(selected?.size ?? 0) > 0 || undefined}
        {...held.pointer}
        role="list"
        aria-label="Runs"
      >
        <div className={classes.inner} style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const run = shown[item.index];
            if (!run) return null;
            return (
              <div key={item.key} role="listitem" className={classes.item} style={{ transform: `translateY(${item.start}px)` }}>
                <RunRow
                  run={run}
                  withoutPipeline={withoutPipeline}
                  current={run.id === current}
                  selected={selected?.has(run.id) ?? false}
                  onSelect={onSelect}
                />
              </div>
            );
          })}
        </div>
      </div>
    </div>
  );
}

function useRowHeight(): number {
  const [height, setHeight] = useState(() => (matchMedia("(max-width: 48em)").matches ? 56 : 32));
  useEffect(() => {
    const narrow = matchMedia("(max-width: 48em)");
    const update = () => setHeight(narrow.matches ? 56 : 32);
    update();
    narrow.addEventListener("change", update);
    return () => narrow.removeEventListener("change", update);
  }, []);
  return height;
}

/** New runs come in by themselves only where they move nothing: at the top, with the pointer elsewhere. */
function useHeldBack(runs: RunSummary[], scroller: React.RefObject<HTMLDivElement | null>) {
  const [top, setTop] = useState<string | null>(null);
  const hold = useCallback(() => setTop((known) => known ?? runs[0]?.id ?? null), [runs]);
  const release = useCallback(() => {
    scroller.current?.scrollTo({ top: 0 });
    setTop(null);
  }, [scroller]);
  const at = top === null ? 0 : runs.findIndex((run) => run.id === top);
  // The run that held the top is gone with a new filter: nothing to hold.
  const count = Math.max(0, at);
  const pointer = {
    onPointerEnter: hold,
    onPointerLeave: () => {
      if ((scroller.current?.scrollTop ?? 0) < 4) setTop(null);
    },
    onScroll: () => {
      if ((scroller.current?.scrollTop ?? 0) >= 4) hold();
    },
  };
  return { shown: count > 0 ? runs.slice(count) : runs, count, release, pointer };
}

function useWalk(runs: RunSummary[], current: string | null, setCurrent: (id: string) => void, scrollTo: (index: number) => void): void {
  const navigate = useNavigate();
  const step = (by: 1 | -1) => {
    const at = runs.findIndex((run) => run.id === current);
    const next = at < 0 ? 0 : Math.min(runs.length - 1, Math.max(0, at + by));
    const run = runs[next];
    if (!run) return;
    setCurrent(run.id);
    scrollTo(next);
  };
  useKeys("List of runs", [
    { keys: "j", label: "Next", run: () => step(1) },
    { keys: "k", label: "Previous", run: () => step(-1) },
    { keys: "Enter", label: "Open", run: () => void (current && navigate({ to: "/runs/$id", params: { id: current } })) },
  ]);
}
