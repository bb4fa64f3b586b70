/** How a changed run changes what is cached: in place, without asking the server again. */
import type { InfiniteData, QueryClient, QueryKey } from "@tanstack/react-query";

import { counterOf, isEnd } from "../lib/states";
import { keys, type RunFilter } from "./keys";
import type { Page, PipelineSummary, RunMark, RunSummary, RunView, UsageSample } from "./types";

/** Whether a run that is new here may be that of a step, which is in no list. */
export type Doubtful = (run: RunSummary) => boolean;
const never: Doubtful = () => false;

type RunPages = InfiniteData<Page<RunSummary>>;

/** New runs that are put before a page; with more, the list is asked for anew. */
const MOST_NEW = 500;
/** Marks that a pipeline's strip shows. */
const MARKS = 30;

/** Whether a list with this filter would hold the run. */
export function fits(run: RunSummary, filter: RunFilter): boolean {
  if (filter.pipeline && run.pipeline !== filter.pipeline) return false;
  if (filter.state && !filter.state.split(",").includes(run.state)) return false;
  const labels = filter.label ?? [];
  if (
    !labels.every((label) => {
      const at = label.indexOf("=");
      return run.labels[label.slice(0, at)] === label.slice(at + 1);
    })
  )
    return false;
  if (!filter.q) return true;
  const q = filter.q.toLowerCase();
  const id = run.id.toLowerCase();
  return run.pipeline.toLowerCase().includes(q) || id.startsWith(q) || id.endsWith(q);
}

/** Puts changed runs into one list: known ones stay where they are, new ones come first, newest on top. */
export function foldPages(pages: RunPages, runs: RunSummary[], filter: RunFilter, doubtful = never): RunPages {
  const byId = new Map(runs.map((run) => [run.id, run]));
  const known = new Set<string>();
  const folded = pages.pages.map((page) => {
    if (!page.items.some((run) => byId.has(run.id))) return page;
    const items = page.items.map((run) => {
      const next = byId.get(run.id);
      if (next) known.add(run.id);
      return next ?? run;
    });
    return { ...page, items };
  });
  const first = folded[0];
  const fresh = freshOf(pages, runs, filter)
    .filter((run) => !doubtful(run))
    .sort((a, b) => (a.created_at < b.created_at ? 1 : -1));
  if (first && fresh.length > 0) folded[0] = { ...first, items: [...fresh, ...first.items] };
  return fresh.length > 0 || known.size > 0 ? { ...pages, pages: folded } : pages;
}

/** Runs that the list does not have and that would come first in it. An older one belongs further down, where it will be when that page is read. */
function freshOf(pages: RunPages, runs: RunSummary[], filter: RunFilter): RunSummary[] {
  const known = new Set(pages.pages.flatMap((page) => page.items.map(({ id }) => id)));
  const newest = pages.pages[0]?.items[0]?.created_at ?? "";
  return runs.filter((run) => !known.has(run.id) && fits(run, filter) && run.created_at >= newest);
}

/** Returns the lists that only a new answer can bring up to date, with the runs that they may lack. */
export function foldRunLists(cache: QueryClient, runs: RunSummary[], doubtful = never): { key: QueryKey; runs: RunSummary[] }[] {
  const lacking: { key: QueryKey; runs: RunSummary[] }[] = [];
  for (const query of cache.getQueryCache().findAll({ queryKey: keys.runLists })) {
    const data = query.state.data as RunPages | undefined;
    if (!data) continue;
    const filter = query.queryKey[1] as RunFilter;
    const lacks = freshOf(data, runs.filter(doubtful), filter);
    if (lacks.length > 0) lacking.push({ key: query.queryKey, runs: lacks });
    const next = foldPages(data, runs, filter, doubtful);
    if (next === data) continue;
    const [first] = next.pages;
    if (first && first.items.length > MOST_NEW + (query.queryKey[2] as number)) {
      cache.setQueryData(query.queryKey, { pages: [first], pageParams: next.pageParams.slice(0, 1) });
      void cache.invalidateQueries({ queryKey: query.queryKey, exact: true });
    } else cache.setQueryData(query.queryKey, next);
  }
  return lacking;
}

/** Updates an open run at once; what only the full answer has is asked for when its state changed. False where it was not read yet. */
export function foldRun(cache: QueryClient, run: RunSummary): boolean {
  const key = keys.run(run.id);
  const known = cache.getQueryData<RunView>(key);
  if (!known) return false;
  // An answer may be ahead of what is still being told.
  if (run.attempt < known.attempt || (isEnd(known.state) && !isEnd(run.state))) return true;
  cache.setQueryData<RunView>(key, { ...known, ...dropAbsent(known, run) });
  if (known.state !== run.state || known.attempt !== run.attempt || known.cancel_requested_at !== run.cancel_requested_at) {
    void cache.invalidateQueries({ queryKey: key, predicate: ({ queryKey }) => queryKey[2] !== "usage" || isEnd(run.state) });
  }
  return true;
}

/** Puts a measurement behind those of the attempt that it is of: the current one, since that one's process began. */
export function foldSample(cache: QueryClient, id: string, sample: UsageSample): void {
  const run = cache.getQueryData<RunView>(keys.run(id));
  const at = Date.parse(sample.at);
  if (!run?.started_at || at < Date.parse(run.started_at)) return;
  cache.setQueryData<Page<UsageSample>>(keys.usage(id, run.attempt), (page) => {
    const last = page?.items.at(-1);
    return page && (!last || Date.parse(last.at) < at) ? { ...page, items: [...page.items, sample] } : page;
  });
}

/** Fields that a change took away must go, too: a run that starts has no place in the queue any more. */
function dropAbsent(known: RunView, run: RunSummary): RunSummary {
  const optional = ["reason", "message", "queue", "started_at", "ended_at", "next_attempt_at", "duration_ms", "progress"] as const;
  const gone: Record<string, undefined> = {};
  for (const field of optional) if (field in known && !(field in run)) gone[field] = undefined;
  return { ...gone, ...run };
}

/** Puts changed runs into their pipelines' strips and counters; false where only a new answer can tell. */
export function foldPipelines(cache: QueryClient, runs: RunSummary[], doubtful = never): boolean {
  let exact = true;
  const fold = <T extends PipelineSummary>(pipeline: T): T => {
    let next = pipeline;
    for (const run of runs) {
      if (run.pipeline !== next.name) continue;
      const folded = doubtful(run) && !next.recent.some((mark) => mark.id === run.id) ? null : foldStrip(next, run);
      if (folded) next = folded;
      else exact = false;
    }
    return next;
  };
  cache.setQueryData<PipelineSummary[]>(keys.pipelines, (list) => list?.map(fold));
  for (const name of new Set(runs.map((run) => run.pipeline))) {
    cache.setQueryData<PipelineSummary>(keys.pipeline(name), (pipeline) => pipeline && fold(pipeline));
  }
  return exact;
}

export function foldStrip<T extends PipelineSummary>(pipeline: T, run: RunSummary): T | null {
  const at = pipeline.recent.findIndex((mark) => mark.id === run.id);
  const newest = pipeline.recent.at(-1)?.created_at ?? "";
  if (at < 0 && run.created_at < newest) return null;
  const mark: RunMark = { id: run.id, state: run.state, created_at: run.created_at };
  if (run.duration_ms != null) mark.duration_ms = run.duration_ms;
  const recent = at < 0 ? [...pipeline.recent, mark].slice(-MARKS) : pipeline.recent.with(at, mark);
  const next = { ...pipeline, recent };
  const before = at < 0 ? null : counterOf(pipeline.recent[at]?.state ?? "");
  const after = counterOf(run.state);
  if (before !== after) {
    if (before) next[before] = Math.max(0, next[before] - 1);
    if (after) next[after] += 1;
  }
  return next;
}
