/** The part of a log that this page holds: some pages of it, never all. */
import type { LogLine } from "../../api/types";

/** Lines that are asked for at once. */
export const PAGE_LINES = 500;
/** Pages held; those farthest from what is looked at go first. */
const MAX_PAGES = 60;

export interface Gap {
  /** Number of the first missing line. */
  from: number;
  limit: number;
}

/** A line that the program has not ended, as it stands. */
export interface Unfinished {
  stream: string;
  text: string;
}

export class LogStore {
  /** Lines in the log, as far as known. */
  total = 0;
  complete = false;
  cutBytes = 0;
  /** Lines that have not ended: behind the last one, without a number. */
  unfinished: readonly Unfinished[] = [];
  /** Grows with every change; for drawing. */
  version = 0;
  private pages = new Map<number, (LogLine | undefined)[]>();
  private pending = new Set<number>();
  private listeners = new Set<() => void>();

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): number => this.version;

  /** Line `n`, counted from 1, if it is held. */
  line(n: number): LogLine | undefined {
    return this.pages.get(pageOf(n))?.[(n - 1) % PAGE_LINES];
  }

  put(lines: readonly LogLine[]): void {
    for (const line of lines) {
      const page = pageOf(line.n);
      let held = this.pages.get(page);
      if (!held) this.pages.set(page, (held = []));
      held[(line.n - 1) % PAGE_LINES] = line;
      if (line.n > this.total) this.total = line.n;
    }
    if (lines.length === 0) return;
    this.unfinished = this.unfinished.filter(({ stream }) => !lines.some((line) => line.stream === stream));
    this.changed();
  }

  setUnfinished(lines: readonly Unfinished[]): void {
    this.unfinished = lines;
    this.changed();
  }

  setFacts(facts: { total?: number; complete?: boolean; cutBytes?: number }): void {
    this.total = Math.max(this.total, facts.total ?? 0);
    this.complete = facts.complete ?? this.complete;
    if (this.complete) this.unfinished = [];
    this.cutBytes = facts.cutBytes ?? this.cutBytes;
    this.changed();
  }

  /** What has to be asked for, so that `from` to `to` can be drawn; each page once at a time. */
  missing(from: number, to: number): Gap[] {
    const gaps: Gap[] = [];
    const last = Math.min(to, this.total);
    for (let page = pageOf(Math.max(1, from)); page <= pageOf(last) && last > 0; page++) {
      if (this.pending.has(page)) continue;
      const start = page * PAGE_LINES + 1;
      const end = Math.min(start + PAGE_LINES - 1, this.total);
      let first = start;
      while (first <= end && this.line(first)) first++;
      if (first <= end) gaps.push({ from: first, limit: end - first + 1 });
    }
    return gaps;
  }

  /** Marks a gap as asked for, or as answered. */
  setPending(gap: Gap, pending: boolean): void {
    if (pending) this.pending.add(pageOf(gap.from));
    else this.pending.delete(pageOf(gap.from));
  }

  /** Lets go of what is far from line `n`. */
  trim(n: number): void {
    if (this.pages.size <= MAX_PAGES) return;
    const here = pageOf(Math.max(1, n));
    const far = [...this.pages.keys()].sort((a, b) => Math.abs(b - here) - Math.abs(a - here));
    for (const page of far.slice(0, this.pages.size - MAX_PAGES)) this.pages.delete(page);
  }

  /** Lines held now. */
  get held(): number {
    let sum = 0;
    for (const page of this.pages.values()) sum += page.reduce((n) => n + 1, 0);
    return sum;
  }

  private changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }
}

function pageOf(n: number): number {
  return Math.floor((n - 1) / PAGE_LINES);
}
