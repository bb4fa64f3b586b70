/** A run's log on a page: what is held of it, where one is, what is searched. */
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { api, ok } from "../../api/client";
import { useLine } from "../../api/LiveContext";
import { asProblem, type Problem } from "../../api/problem";
import type { LogLine, LogPage, RunView } from "../../api/types";
import { firstError, looksLikeError } from "../../lib/log/errors";
import { LogStore, PAGE_LINES, type Gap, type Unfinished } from "../../lib/log/store";
import { apiPath } from "../../lib/project";
import { SseStream } from "../../lib/sse";
import { useLogFind } from "./useLogFind";

/** Lines of stderr that are looked at for an error, from either end. */
const MOST_STDERR = 5000;

/** An order to the scroller; a new object each time, so that the same line can be gone to twice. */
export type Goto = { line: number } | { end: true } | { top: number };

/** The log that was last left, and the line on top of it: Back finds it there. */
let left: { log: string; top: number } | null = null;

export type LogController = ReturnType<typeof useLogController>;

/** `chosen` is the attempt that somebody asked for; else it is the newest one, also when that begins while the page is open. */
export function useLogController(run: RunView, chosen: number | undefined, enabled: boolean) {
  const id = run.id;
  const attempt = chosen ?? run.attempt;
  const name = `${id} ${attempt}`;
  const store = useMemo(() => ({ key: name, log: new LogStore() }).log, [name]);
  const [goto, setGoto] = useState<Goto | null>(null);
  const [follow, setFollow] = useState(false);
  const [marked, setMarked] = useState<{ line: number; error: boolean } | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [opened, setOpened] = useState<LogStore | null>(null);
  const [round, setRound] = useState(0);
  const failed = run.state === "failed" || run.state === "timed_out";
  const state = useRef({ failed });
  // The line of the address belongs to the log that the page was opened with.
  const linked = useRef<number | null>(hashLine());
  useEffect(() => {
    state.current = { failed };
  });

  const show = useCallback((line: number, error = false) => {
    setFollow(false);
    setMarked({ line, error });
    setGoto({ line });
  }, []);
  const leave = useCallback(
    (top: number) => {
      left = { log: name, top };
      setGoto({ top });
    },
    [name],
  );
  const seen = useRef<LogStore | null>(null);
  const again = useCallback(() => setRound((n) => n + 1), []);
  const { online } = useLine();
  useEffect(() => {
    if (online) setProblem((known) => (known?.status === 0 ? (again(), null) : known));
  }, [online, again]);

  useEffect(() => {
    if (!enabled || (seen.current === store && store.complete)) return;
    const life = new AbortController();
    const alive = () => !life.signal.aborted;
    let stream: SseStream | null = null;
    const open = async () => {
      const page = await fetchLog(id, { tail: PAGE_LINES, ...ofAttempt(attempt) });
      if (!alive()) return;
      store.put(page.lines);
      store.setFacts({ total: page.total, complete: page.complete, cutBytes: page.cut_bytes });
      setProblem(null);
      setOpened(store);
      const first = seen.current !== store;
      seen.current = store;
      const line = linked.current;
      linked.current = null;
      if (line !== null) show(line);
      else if (!first) setFollow((on) => on && !page.complete);
      else if (left?.log === name) setGoto({ top: left.top });
      else if (state.current.failed && page.complete) await showError();
      else {
        setMarked(null);
        setFollow(!page.complete);
        setGoto({ end: true });
      }
      if (!page.complete && alive()) stream = followLog(id, page, store);
    };
    const showError = async () => {
      const error = firstError(await findErrorLines(id, attempt, store));
      if (!alive()) return;
      if (error === null) setGoto({ end: true });
      else show(error, true);
    };
    open().catch((error: unknown) => {
      if (alive()) setProblem(asProblem(error));
    });
    return () => {
      life.abort();
      stream?.close();
    };
  }, [id, attempt, name, store, enabled, show, round]);

  const ensure = useCallback(
    (from: number, to: number) => {
      for (const gap of store.missing(from, to)) void fill(id, attempt, store, gap);
      store.trim(Math.round((from + to) / 2));
    },
    [id, attempt, store],
  );

  const find = useLogFind(
    id,
    attempt,
    store,
    useCallback((line: number) => {
      setFollow(false);
      setGoto({ line });
    }, []),
  );

  const navigate = useNavigate();
  const chooseAttempt = (number: number) =>
    void navigate({ to: "/runs/$id", params: { id }, search: number === run.attempt ? {} : { attempt: String(number) }, replace: true });
  /** Marks a line and puts it into the address, with its attempt where there may be several. */
  const link = (line: number) => {
    show(line);
    const search = run.max_attempts > 1 || run.attempt > 1 ? { attempt: String(attempt) } : {};
    void navigate({ to: "/runs/$id", params: { id }, search, hash: `L${line}`, replace: true, hashScrollIntoView: false });
  };
  const toggleFollow = () => {
    setFollow(!follow);
    if (!follow) setGoto({ end: true });
  };
  return {
    run,
    store,
    attempt,
    goto,
    follow,
    setFollow,
    toggleFollow,
    marked,
    show,
    link,
    leave,
    problem,
    again,
    opened: opened === store,
    ensure,
    find,
    chooseAttempt,
  };
}

function ofAttempt(attempt: number): { attempt?: number } {
  return attempt > 0 ? { attempt } : {};
}

function hashLine(): number | null {
  const match = /^#L(\d+)$/.exec(location.hash);
  return match ? Number(match[1]) : null;
}

async function fetchLog(id: string, query: { from?: number; tail?: number; limit?: number; attempt?: number; stream?: string }) {
  return ok(api.GET("/api/v1/runs/{id}/log", { params: { path: { id }, query } }));
}

async function fill(id: string, attempt: number, store: LogStore, gap: Gap): Promise<void> {
  store.setPending(gap, true);
  try {
    const page = await fetchLog(id, { from: gap.from, limit: gap.limit, ...ofAttempt(attempt) });
    store.put(page.lines);
  } catch {
    // Still missing: asked for again when it is scrolled to again.
  } finally {
    store.setPending(gap, false);
  }
}

/** Where to look for the error: a short log is held already, of a long one its stderr tells most, from both its ends. */
async function findErrorLines(id: string, attempt: number, store: LogStore): Promise<LogLine[]> {
  if (store.total <= PAGE_LINES) {
    return Array.from({ length: store.total }, (_, index) => store.line(index + 1)).filter((line) => line !== undefined);
  }
  const query = { stream: "stderr", ...ofAttempt(attempt) };
  const begin = await fetchLog(id, { from: 1, limit: MOST_STDERR, ...query });
  if (begin.lines.length < MOST_STDERR || begin.lines.some((line) => looksLikeError(line.text))) return begin.lines;
  return (await fetchLog(id, { tail: MOST_STDERR, ...query })).lines;
}

/** Follows one attempt to its end. The next one has a log of its own, which begins when the run tells of it. */
function followLog(id: string, page: LogPage, store: LogStore): SseStream {
  // Lines may come far more often than they can be drawn.
  let come: LogLine[] = [];
  let frame = 0;
  const put = () => {
    cancelAnimationFrame(frame);
    frame = 0;
    store.put(come);
    come = [];
  };
  const end = async () => {
    put();
    // How much was not kept is known at the end alone.
    const last = await fetchLog(id, { tail: 1, ...ofAttempt(page.attempt) }).catch(() => null);
    store.setFacts({ complete: true, ...(last ? { total: last.total, cutBytes: last.cut_bytes } : {}) });
  };
  const stream = new SseStream({
    url: () => apiPath(`/api/v1/runs/${encodeURIComponent(id)}/log/stream?attempt=${Math.max(1, page.attempt)}`),
    after: `${Math.max(1, page.attempt)}.${page.total}`,
    onMessage: ({ event, data }) => {
      if (event === "lines") {
        come.push(...(JSON.parse(data) as LogLine[]));
        // A page that is not seen draws no frames.
        if (document.hidden) put();
        else frame ||= requestAnimationFrame(put);
      } else if (event === "unfinished") {
        // After the lines that came before it.
        put();
        store.setUnfinished((JSON.parse(data) as { lines: Unfinished[] }).lines);
      } else if (event === "end") {
        stream.close();
        void end();
      }
    },
  });
  return stream;
}
