/** The scroller of a log: keeps the anchor, follows the end, goes to lines. See `lib/log/geometry`. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

import { anchorAt, anchorForJump, heightOf, isExact, placeOf, rangeOf, topFor, type Anchor } from "../../lib/log/geometry";
import type { Goto } from "./useLogController";

/** The scale is put right when nobody has scrolled for so long. */
const STILL_MS = 180;
/** How long after a turn of the wheel, a touch or a key a scroll is a person's; a pressed pointer may drag the bar. */
const HAND_MS = 1000;
const DRAG_MS = 8000;

interface Options {
  total: number;
  /** Lines behind the last one. */
  unfinished: number;
  wrap: boolean;
  goto: Goto | null;
  follow: boolean;
  onFollow: (follow: boolean) => void;
}

export function useLogScroll({ total, unfinished, wrap, goto, follow, onFollow }: Options) {
  const scroller = useRef<HTMLDivElement>(null);
  const below = useRef<HTMLDivElement>(null);
  const [anchor, setAnchor] = useState<Anchor>({ line: 0, y: 0 });
  const [viewport, setViewport] = useState(600);
  const [drawnBelow, setDrawnBelow] = useState(0);
  const last = useRef(0);
  const toEnd = useRef(false);
  const wanted = useRef<number | null>(null);
  const handUntil = useRef(0);
  const obeyed = useRef<Goto | null>(null);
  const still = useRef<ReturnType<typeof setTimeout>>(undefined);
  const exact = isExact(total, wrap);
  const range = rangeOf(anchor, total, viewport);
  const height = Math.max(heightOf(anchor, total, range, drawnBelow, wrap), 0);

  const moveTo = useCallback((element: HTMLElement, top: number) => {
    element.scrollTop = top;
    last.current = element.scrollTop;
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setViewport(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  // Orders, and the end while it is followed.
  useLayoutEffect(() => {
    if (!goto || (obeyed.current === goto && handUntil.current > 0)) return;
    if (obeyed.current !== goto) handUntil.current = 0;
    obeyed.current = goto;
    const visible = Math.ceil(viewport / 20);
    const line =
      "end" in goto
        ? Math.max(0, total - visible)
        : "top" in goto
          ? Math.min(goto.top, Math.max(0, total - visible))
          : topFor(goto.line, total, viewport);
    toEnd.current = "end" in goto;
    wanted.current = placeOf(line, total);
    setAnchor({ line, y: placeOf(line, total) });
    // A new order moves, and a view that changes its size before anybody has scrolled; `total` is read as it is then.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [goto, viewport]);
  useLayoutEffect(() => {
    if (!follow || total + unfinished === 0) return;
    const visible = Math.ceil(viewport / 20);
    const line = Math.max(0, total - visible);
    toEnd.current = true;
    setAnchor({ line, y: placeOf(line, total) });
  }, [follow, total, unfinished, viewport, wrap]);

  // After each drawing: heights are known now, so that places can be put right before anything is seen.
  // It ends by itself: the second time the height is the one that is known.
  // eslint-disable-next-line react-hooks/exhaustive-deps
  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const drawn = below.current?.offsetHeight ?? 0;
    if (drawn !== drawnBelow) setDrawnBelow(drawn);
    else if (toEnd.current) {
      toEnd.current = false;
      wanted.current = null;
      moveTo(element, element.scrollHeight);
    } else if (wanted.current !== null) {
      moveTo(element, wanted.current);
      wanted.current = null;
    }
  });

  const onScroll = useCallback(() => {
    const element = scroller.current;
    if (!element || wanted.current !== null || toEnd.current) return;
    const top = element.scrollTop;
    const by = top - last.current;
    last.current = top;
    const atEnd = top + element.clientHeight >= element.scrollHeight - 4;
    // Turning a phone or a growing head scrolls, too, but asks for nothing.
    if (by !== 0 && performance.now() < handUntil.current) onFollow(atEnd && (follow || by > 0));
    if (exact) setAnchor(anchorAt(top));
    else if (Math.abs(by) > element.clientHeight * 1.5) setAnchor(anchorForJump(top, total, element.clientHeight, element.scrollHeight));
    else setAnchor((known) => anchorInSight(element) ?? known);
    clearTimeout(still.current);
    if (!exact) {
      still.current = setTimeout(() => putRight(element, total, setAnchor, last), STILL_MS);
    }
  }, [exact, follow, onFollow, total]);

  useEffect(() => () => clearTimeout(still.current), []);
  const onHand = useCallback(() => {
    handUntil.current = performance.now() + HAND_MS;
  }, []);
  const onPress = useCallback(() => {
    handUntil.current = performance.now() + DRAG_MS;
  }, []);
  const handlers = { onScroll, onWheel: onHand, onTouchMove: onHand, onKeyDown: onHand, onPointerDown: onPress };
  return { scroller, below, anchor, range, height, handlers };
}

/** The line that the top of the view cuts, where it stands now. */
function anchorInSight(element: HTMLElement): Anchor | null {
  const edge = element.getBoundingClientRect().top;
  const origin = element.firstElementChild?.getBoundingClientRect().top ?? edge;
  for (const row of element.querySelectorAll<HTMLElement>("[data-n]")) {
    const box = row.getBoundingClientRect();
    if (box.bottom > edge) return { line: Number(row.dataset.n) - 1, y: box.top - origin };
  }
  return null;
}

/** Moves the scale under the lines, not the lines: after a long way the bar shows the right part again. */
function putRight(element: HTMLElement, total: number, setAnchor: (anchor: Anchor) => void, last: RefObject<number>): void {
  const top = element.scrollTop;
  const here = anchorInSight(element);
  if (!here) return;
  const place = placeOf(here.line, total);
  const atTop = top <= 0 && here.line > 0;
  if (Math.abs(place - here.y) < element.clientHeight && !atTop) return;
  const inside = top - here.y;
  setAnchor({ line: here.line, y: place });
  // The lines are drawn at their new place in the same frame.
  requestAnimationFrame(() => {
    element.scrollTop = place + inside;
    last.current = element.scrollTop;
  });
}
