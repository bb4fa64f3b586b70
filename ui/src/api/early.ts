/**
 * Changes of runs that were told before the runs themselves were known here, or while they were being read anew. The answer that
 * brings such a run may be older than the change.
 */
import type { QueryClient } from "@tanstack/react-query";

import { keys } from "./keys";

/** Runs that are remembered, the newest. */
const MOST = 1000;

export class Early {
  private readonly runs = new Set<string>();
  /** Those that are being read. */
  private readonly read = new Set<string>();

  constructor(private readonly cache: QueryClient) {
    cache.getQueryCache().subscribe((event) => {
      if (event.type !== "updated" || event.action.type !== "success") return;
      const key = event.query.queryKey as readonly unknown[];
      this.known(key, this.runs);
      // What was told is put in place by hand, and is no answer.
      if (!event.action.manual) this.known(key, this.read);
    });
  }

  /** A run that nobody here has read has changed. */
  note(id: string): void {
    this.runs.delete(id);
    this.runs.add(id);
    const [oldest] = this.runs;
    if (this.runs.size > MOST && oldest) this.runs.delete(oldest);
  }

  /** A run has changed while it was being read: the answer may be from before. */
  noteRead(id: string): void {
    if (this.cache.getQueryState(keys.run(id))?.fetchStatus === "fetching") this.read.add(id);
  }

  /** What was just read is asked for once more, if it may be old. */
  private known([kind, id, ...rest]: readonly unknown[], noted: Set<string>): void {
    if (kind !== keys.run("")[0] || typeof id !== "string" || rest.length > 0 || !noted.delete(id)) return;
    void this.cache.invalidateQueries({ queryKey: keys.run(id), predicate: ({ queryKey }) => queryKey[2] !== "usage" });
  }
}
