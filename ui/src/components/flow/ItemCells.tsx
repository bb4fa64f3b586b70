/** Up to ten thousand items as small cells, of which those that are on the screen are drawn. The arrow keys lead from one to the next. */
import { useNavigate } from "@tanstack/react-router";
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, useState, type KeyboardEvent, type MouseEvent } from "react";

import type { StepRunView } from "../../api/types";
import { passedOf } from "../../lib/flow/steps";
import { duration } from "../../lib/format";
import { pagePath } from "../../lib/project";
import { stateLabel, stateTone } from "../../lib/states";
import { StateIcon } from "../StateIcon";
import classes from "./Flow.module.css";

/** One cell and the space behind it, in pixels. */
const CELL = 22;

interface ItemCellsProps {
  step: string;
  /** Those that have begun, by item. */
  runs: readonly StepRunView[];
  all: number;
}

export function ItemCells({ step, runs, all }: ItemCellsProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const navigate = useNavigate();
  const columns = useColumns(scroller);
  const [current, setCurrent] = useState(0);
  const [moved, setMoved] = useState(false);
  const rows = Math.ceil(all / columns);
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: rows,
    getScrollElement: () => scroller.current,
    estimateSize: () => CELL,
    overscan: 6,
    paddingStart: 4,
    paddingEnd: 24,
  });
  useEffect(() => {
    if (!moved) return;
    virtual.scrollToIndex(Math.floor(current / columns));
    requestAnimationFrame(() => scroller.current?.querySelector<HTMLElement>(`[data-item="${current}"]`)?.focus());
  }, [current, moved, columns, virtual]);
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns, Home: -current, End: all - 1 - current }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    setMoved(true);
    setCurrent(Math.min(all - 1, Math.max(0, current + by)));
  };
  const onClick = (event: MouseEvent<HTMLElement>) => {
    const cell = event.target instanceof Element ? event.target.closest<HTMLElement>("a[data-run]") : null;
    if (!cell?.dataset.run || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    void navigate({ to: "/runs/$id", params: { id: cell.dataset.run } });
  };
  return (
    <div
      ref={scroller}
      className={classes.cells}
      role="group"
      aria-label={`Items of ${step}`}
      onKeyDown={onKey}
      onClick={onClick}
      tabIndex={-1}
      data-scroll-restoration-id={`items-${step}`}
    >
      <div style={{ position: "relative", height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => (
          <div key={index} className={classes.cellRow} style={{ top: start }}>
            {Array.from({ length: Math.min(columns, all - index * columns) }, (_, column) => {
              const item = index * columns + column;
              return <Cell key={item} item={item} run={runs[item]} current={item === current} />;
            })}
          </div>
        ))}
      </div>
    </div>
  );
}

function Cell({ item, run, current }: { item: number; run: StepRunView | undefined; current: boolean }) {
  const shared = { className: classes.cell, "data-item": item, tabIndex: current ? 0 : -1 };
  if (!run) {
    return <span {...shared} role="img" data-tone="none" aria-label={`item ${item}, not begun`} title={`item ${item}: not begun`} />;
  }
  const label = `item ${run.item ?? item}, ${wordsOf(run)}`;
  return (
    <a {...shared} href={pagePath(`/runs/${run.id}`)} data-run={run.id} data-tone={stateTone(run.state)} aria-label={label} title={label}>
      <StateIcon state={run.state} size={12} label={false} still />
    </a>
  );
}

function wordsOf(run: StepRunView): string {
  const passed = run.ended_at ? passedOf(run, 0) : null;
  return [stateLabel(run.state).toLowerCase(), run.message, passed !== null && duration(passed)].filter(Boolean).join(", ");
}

/** How many cells fit beside each other. */
function useColumns(box: React.RefObject<HTMLDivElement | null>): number {
  const [columns, setColumns] = useState(40);
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      const style = getComputedStyle(element);
      const width = element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
      setColumns(Math.max(1, Math.floor((width + 4) / CELL)));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [box]);
  return columns;
}
