/**
 * Where the lines of a log stand. Browsers cannot make an element as high as a million lines, and wrapped lines have
 * heights that nobody knows before they are drawn. So one line, the anchor, has a place, the others stand around it,
 * and the scroll bar's scale is an estimate that is put right while nobody scrolls.
 */

/** Height of a line that is not wrapped, in pixels. */
export const ROW = 20;
/** Firefox ends at about 17.8 million pixels. */
export const MAX_HEIGHT = 12_000_000;

/** A line, counted from 0, and the distance of its top from the top of all, in pixels. */
export interface Anchor {
  line: number;
  y: number;
}

export interface Range {
  first: number;
  /** Not included. */
  end: number;
}

/** Pixels for one line on the scroll bar's scale. */
export function unitOf(total: number): number {
  return total * ROW <= MAX_HEIGHT ? ROW : MAX_HEIGHT / total;
}

/** Whether every line's place is known beforehand. */
export function isExact(total: number, wrap: boolean): boolean {
  return !wrap && total * ROW <= MAX_HEIGHT;
}

export function anchorAt(scrollTop: number): Anchor {
  const line = Math.max(0, Math.floor(scrollTop / ROW));
  return { line, y: line * ROW };
}

/** The anchor for a far jump of the scroll bar. */
export function anchorForJump(scrollTop: number, total: number, viewport: number, height: number): Anchor {
  const visible = Math.floor(viewport / ROW);
  const part = Math.min(1, Math.max(0, scrollTop / Math.max(1, height - viewport)));
  return { line: Math.round(part * Math.max(0, total - visible)), y: scrollTop };
}

/** Lines to draw around the anchor. */
export function rangeOf(anchor: Anchor, total: number, viewport: number, overscan = 24): Range {
  const first = Math.max(0, Math.min(anchor.line, total) - overscan);
  return { first, end: Math.min(total, anchor.line + Math.ceil(viewport / ROW) + overscan) };
}

/** Height of everything: what is drawn below the anchor is known, what follows is estimated. */
export function heightOf(anchor: Anchor, total: number, range: Range, drawnBelow: number, wrap: boolean): number {
  if (isExact(total, wrap)) return total * ROW;
  return anchor.y + drawnBelow + (total - range.end) * unitOf(total);
}

/** The place that a line should have on the scroll bar's scale. */
export function placeOf(line: number, total: number): number {
  return Math.round(line * unitOf(total));
}

/** The line to put on top, so that line `n` (counted from 1) stands in the upper third. */
export function topFor(n: number, total: number, viewport: number): number {
  const visible = Math.max(1, Math.floor(viewport / ROW));
  return Math.max(0, Math.min(n - 1 - Math.floor(visible / 3), total - visible));
}
