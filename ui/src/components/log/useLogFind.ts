/** Search in a log: the server finds, n and N walk, further matches are asked for when they are come to. */
import { useCallback, useEffect, useRef, useState } from "react";

import { api, ok } from "../../api/client";
import type { LogStore } from "../../lib/log/store";

/** Matches asked for at once. */
const BATCH = 500;

export interface Find {
  q: string;
  /** Numbers of lines, in order. */
  matches: number[];
  /** Search on from this line; null when all are found. */
  next: number | null;
  /** Index of the current match. */
  at: number;
  busy: boolean;
}

const NONE: Find = { q: "", matches: [], next: null, at: -1, busy: false };

export function useLogFind(id: string, attempt: number, store: LogStore, onShow: (line: number) => void) {
  const [find, setFind] = useState<Find>(NONE);
  const latest = useRef(find);
  useEffect(() => {
    latest.current = find;
  });
  // What was found belongs to the log that was searched.
  useEffect(() => setFind(NONE), [store]);

  const ask = useCallback(
    async (q: string, from: number) => {
      for (let next = from; ;) {
        const query = { q, from: next, limit: BATCH, ...(attempt > 0 ? { attempt } : {}) };
        const found = await ok(api.GET("/api/v1/runs/{id}/log/search", { params: { path: { id }, query } }));
        // A very long log is searched in several goes, some of which find nothing.
        if (found.lines.length > 0 || found.next == null || latest.current.q !== q) {
          return { lines: found.lines.map((line) => line.n), next: found.next ?? null };
        }
        next = found.next;
      }
    },
    [id, attempt],
  );

  /** Finds `q` and shows the first match from `near` on. */
  const search = useCallback(
    async (q: string, near: number) => {
      if (q === "") {
        setFind(NONE);
        return;
      }
      setFind((known) => ({ ...known, q, busy: true }));
      const found = await ask(q, 1).catch(() => ({ lines: [], next: null }));
      const at = Math.max(
        0,
        found.lines.findIndex((line) => line >= near),
      );
      setFind((known) =>
        known.q === q ? { q, matches: found.lines, next: found.next, at: found.lines.length > 0 ? at : -1, busy: false } : known,
      );
      const line = found.lines[at];
      if (line !== undefined && latest.current.q === q) onShow(line);
    },
    [ask, onShow],
  );

  const step = useCallback(
    async (by: 1 | -1) => {
      const known = latest.current;
      if (known.matches.length === 0) return;
      let { matches, next } = known;
      if (known.at + by >= matches.length && next !== null) {
        setFind({ ...known, busy: true });
        const more = await ask(known.q, next).catch(() => ({ lines: [], next: null }));
        matches = [...matches, ...more.lines];
        next = more.next;
      }
      const at = (known.at + by + matches.length) % matches.length;
      setFind({ ...known, matches, next, at, busy: false });
      const line = matches[at];
      if (line !== undefined) onShow(line);
    },
    [ask, onShow],
  );

  const clear = useCallback(() => setFind(NONE), []);
  return { ...find, search, step, clear };
}
