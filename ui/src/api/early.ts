/** Changes of runs that were told before the runs themselves were known here. The answer that brings such a run may be older than the change. */
import type { QueryClient } from "@tanstack/react-query";

import { keys } from "./keys";

/** Runs that are remembered, the newest. */
const MOST = 1000;

export class Early {
  private readonly runs = new Set<string>();

  constructor(private readonly cache: QueryClient) {
    cache.getQueryCache().subscribe((event) => {
      if (event.type === "updated" && event.action.type === "success") this.known(event.query.queryKey as readonly unknown[]);
    });
  }

  /** A run that nobody here has read has changed. */
  note(id: string): void {
    this.runs.delete(id);
    this.runs.add(id);
    const [oldest] = this.runs;
    if (this.runs.size > MOST && oldest) this.runs.delete(oldest);
  }

  /** What was just read is asked for once more, if it may be old. */
  private known([kind, id, ...rest]: readonly unknown[]): void {
    if (kind !== keys.run("")[0] || typeof id !== "string" || rest.length > 0 || !this.runs.delete(id)) return;
    void this.cache.invalidateQueries({ queryKey: keys.run(id), predicate: ({ queryKey }) => queryKey[2] !== "usage" });
  }
}
