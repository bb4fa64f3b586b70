/**
 * Flows, as what is told changes them. A step's run is told like any other, without the flow that it belongs to: whoever looks at
 * a flow has its steps asked for again, soon after any change and not more often than is of use. And what may be a step's run is
 * put into no list of runs by hand.
 */
import type { QueryClient, QueryKey } from "@tanstack/react-query";

import { isOver } from "../lib/flow/steps";
import type { Doubtful } from "./fold";
import { keys } from "./keys";
import type { PipelineSummary, RunSummary, StepRunView, StepView } from "./types";

/** Steps that are shown are asked for at most this often. */
const STEPS_MS = 300;
/** Lists that may lack a run are. */
const LISTS_MS = 700;
/** Runs whose lists were asked for, of which that is remembered. */
const MOST = 5000;

export class LiveFlows {
  private stepsTimer: ReturnType<typeof setTimeout> | undefined;
  private listsTimer: ReturnType<typeof setTimeout> | undefined;
  private lists = new Map<string, QueryKey>();
  private readonly asked = new Set<string>();

  constructor(private readonly cache: QueryClient) {}

  /** Changes what is shown of the runs of steps, and soon asks for the steps. */
  hear(runs: RunSummary[]): void {
    const byId = new Map(runs.map((run) => [run.id, run]));
    for (const query of this.cache.getQueryCache().findAll({ predicate: ({ queryKey }) => isOfSteps(queryKey) && queryKey.length > 3 })) {
      const items = query.state.data as StepRunView[] | undefined;
      if (items?.some(({ id }) => byId.has(id)))
        this.cache.setQueryData(
          query.queryKey,
          items.map((item) => changed(item, byId.get(item.id))),
        );
    }
    this.stepsTimer ??= setTimeout(() => {
      this.stepsTimer = undefined;
      void this.cache.invalidateQueries({
        predicate: ({ queryKey, state }) => isOfSteps(queryKey) && queryKey.length === 3 && !areOver(state.data),
      });
    }, STEPS_MS);
  }

  /** Without those that are surely runs of steps; and which of the others may be: any that is new, where there are flows. */
  sort(runs: RunSummary[]): { listed: RunSummary[]; doubtful: Doubtful } {
    const listed = runs.filter((run) => !("step" in run));
    const flows = listed.length > 0 && this.hasFlows();
    return { listed, doubtful: () => flows };
  }

  /** Soon asks for these lists; once for each run. */
  ask(lacking: readonly { key: QueryKey; runs: RunSummary[] }[]): void {
    for (const { key, runs } of lacking) {
      const list = JSON.stringify(key);
      const fresh = runs.map(({ id }) => `${list} ${id}`).filter((one) => !this.asked.has(one));
      if (fresh.length === 0) continue;
      if (this.asked.size > MOST) this.asked.clear();
      for (const one of fresh) this.asked.add(one);
      this.lists.set(list, key);
    }
    if (this.lists.size === 0) return;
    this.listsTimer ??= setTimeout(() => {
      this.listsTimer = undefined;
      const lists = this.lists;
      this.lists = new Map();
      for (const key of lists.values()) void this.cache.invalidateQueries({ queryKey: key, exact: true });
    }, LISTS_MS);
  }

  private hasFlows(): boolean {
    const all = this.cache.getQueryData<PipelineSummary[]>(keys.pipelines) ?? [];
    const open = this.cache.getQueriesData<PipelineSummary>({ queryKey: keys.anyPipeline });
    return [...all, ...open.map(([, pipeline]) => pipeline)].some((pipeline) => pipeline?.kind === "flow");
  }
}

function isOfSteps(key: QueryKey): boolean {
  return key[0] === keys.steps("")[0] && key[2] === keys.steps("")[2];
}

function areOver(data: unknown): boolean {
  return Array.isArray(data) && data.length > 0 && (data as StepView[]).every(isOver);
}

function changed(item: StepRunView, run: RunSummary | undefined): StepRunView {
  if (!run) return item;
  const { state, attempt, message, started_at, ended_at } = run;
  return { ...item, state, attempt, message, started_at, ended_at };
}
