/** A run's log on a page: what is held of it, where one is, what is searched. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api, ok } from "../../api/client";
import { asProblem, type Problem } from "../../api/problem";
import type { LogLine, LogPage, RunView } from "../../api/types";
import { firstError } from "../../lib/log/errors";
import { LogStore, PAGE_LINES, type Gap } from "../../lib/log/store";
import { SseStream } from "../../lib/sse";
import { useLogFind } from "./useLogFind";

/** An order to the scroller; a new object each time, so that the same line can be gone to twice. */
export type Goto = { line: number } | { end: true };

export type LogController = ReturnType<typeof useLogController>;

export function useLogController(run: RunView, chosen: number | undefined, enabled: boolean) {
  const id = run.id;
  const [generation, setGeneration] = useState(0);
  // A new store for each log; `generation` counts attempts that began while the page was open.
  const store = useMemo(() => ({ key: `${id} ${chosen ?? ""} ${generation}`, log: new LogStore() }).log, [id, chosen, generation]);
  const attempt = useRef<number | undefined>(chosen);
  const [goto, setGoto] = useState<Goto | null>(null);
  const [follow, setFollow] = useState(false);
  const [marked, setMarked] = useState<{ line: number; error: boolean } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [opened, setOpened] = useState(false);
  const failed = run.state === "failed" || run.state === "timed_out";
  const state = useRef({ failed, lines: run.log.lines });
  useEffect(() => {
    state.current = { failed, lines: run.log.lines };
  });

  const show = useCallback((line: number, error = false) => {
    setFollow(false);
    setMarked({ line, error });
    setGoto({ line });
  }, []);

  useEffect(() => {
    if (!enabled) return;
    const life = new AbortController();
    let stream: SseStream | null = null;
    attempt.current = chosen;
    const fail = (error: unknown) => {
      if (!life.signal.aborted) setProblem(asProblem(error));
    };
    const open = async () => {
      const page = await fetchLog(id, { tail: PAGE_LINES, ...(chosen ? { attempt: chosen } : {}) });
      if (life.signal.aborted) return;
      attempt.current = chosen ?? (page.attempt || undefined);
      store.put(page.lines);
      store.setFacts({ total: page.total, complete: page.complete, cutBytes: page.cut_bytes });
      setProblem(null);
      setOpened(true);
      const hash = hashLine();
      if (hash !== null) show(hash);
      else if (state.current.failed && page.complete) await showError();
      else {
        setMarked(null);
        setFollow(!page.complete);
        setGoto({ end: true });
      }
      if (!page.complete) stream = followLog(id, chosen, page, store, () => setGeneration((n) => n + 1));
    };
    const showError = async () => {
      const lines = await findErrorLines(id, attempt.current, store);
      const error = firstError(lines);
      if (life.signal.aborted) return;
      if (error === null) setGoto({ end: true });
      else show(error, true);
    };
    open().catch(fail);
    return () => {
      life.abort();
      stream?.close();
    };
  }, [id, chosen, store, enabled, show]);

  const ensure = useCallback((from: number, to: number) => {
    for (const gap of store.missing(from, to)) void fill(id, attempt.current, store, gap);
    store.trim(Math.round((from + to) / 2));
  }, [id, store]);

  const find = useLogFind(id, attempt, store, useCallback((line: number) => {
    setFollow(false);
    setGoto({ line });
  }, []));

  const navigate = useNavigate();
  const chooseAttempt = (number: number) =>
    void navigate({ to: "/runs/$id", params: { id }, search: number === run.attempt ? {} : { attempt: String(number) }, replace: true });
  const toggleFollow = () => {
    setFollow(!follow);
    if (!follow) setGoto({ end: true });
  };
  return { run, store, attempt: chosen ?? run.attempt, goto, follow, setFollow, toggleFollow, marked, show, problem, opened, ensure, find, chooseAttempt };
}

function hashLine(): number | null {
  const match = /^#L(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : null;
}

async function fetchLog(id: string, query: { from?: number; tail?: number; limit?: number; attempt?: number; stream?: string }) {
  return ok(api.GET("/api/v1/runs/{id}/log", { params: { path: { id }, query } }));
}

async function fill(id: string, attempt: number | undefined, store: LogStore, gap: Gap): Promise<void> {
  store.setPending(gap, true);
  try {
    const page = await fetchLog(id, { from: gap.from, limit: gap.limit, ...(attempt ? { attempt } : {}) });
    store.put(page.lines);
  } catch {
    // Still missing: asked for again when it is scrolled to again.
  } finally {
    store.setPending(gap, false);
  }
}

/** Where to look for the error: a short log is held already, of a long one its stderr tells most. */
async function findErrorLines(id: string, attempt: number | undefined, store: LogStore): Promise<LogLine[]> {
  if (store.total <= PAGE_LINES) {
    return Array.from({ length: store.total }, (_, index) => store.line(index + 1)).filter((line) => line !== undefined);
  }
  const page = await fetchLog(id, { from: 1, limit: 5000, stream: "stderr", ...(attempt ? { attempt } : {}) });
  return page.lines;
}

function followLog(id: string, chosen: number | undefined, page: LogPage, store: LogStore, onAttempt: () => void): SseStream {
  // Lines may come far more often than they can be drawn.
  let come: LogLine[] = [];
  let frame = 0;
  const put = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    store.put(come);
    come = [];
  };
  const stream = new SseStream({
    url: () => `/api/v1/runs/${encodeURIComponent(id)}/log/stream${chosen ? `?attempt=${chosen}` : ""}`,
    // Behind what is held, of that attempt: another may have begun meanwhile.
    after: `${Math.max(1, page.attempt)}.${page.total}`,
    onMessage: ({ event, data }) => {
      if (event === "lines") {
        come.push(...(JSON.parse(data) as LogLine[]));
        frame ||= requestAnimationFrame(put);
      } else if (event === "attempt" && !chosen) onAttempt();
      else if (event === "end") {
        put();
        store.setFacts({ complete: true });
        stream.close();
      }
    },
  });
  return stream;
}
