/** The one stream of events, and how it changes what is cached. */
import type { QueryClient } from "@tanstack/react-query";

import { setStale } from "../lib/now";
import { apiPath } from "../lib/project";
import { SseStream, type SseMessage } from "../lib/sse";
import { Early } from "./early";
import { foldPipelines, foldRun, foldRunLists, foldSample } from "./fold";
import { LiveFlows } from "./liveFlows";
import { keys } from "./keys";
import { isVisitor, noteAnswer } from "./session";
import type { AccountView, ProjectView, RunSummary, UsageSample } from "./types";

export type LineState = { online: true } | { online: false; since: number };

/** How long changes are gathered before the page is drawn again. */
const GATHER_MS = 120;
/** Counts of the server are asked for at most this often, and only after a change. */
const COUNTS_MS = 1500;
/** What schedules did is gathered so long: one may be due every second. */
const SCHEDULES_MS = 300;
/** Everything is asked for again at most this often. */
const RESET_MS = 500;

export class Live {
  private stream: SseStream | null = null;
  private watched: string | null = null;
  private changed = new Map<string, RunSummary>();
  private samples: { run: string; sample: UsageSample }[] = [];
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private countsTimer: ReturnType<typeof setTimeout> | undefined;
  private schedules = new Set<string>();
  private schedulesTimer: ReturnType<typeof setTimeout> | undefined;
  private gathered = new Map<string, ReturnType<typeof setTimeout>>();
  private resetTimer: ReturnType<typeof setTimeout> | undefined;
  private listeners = new Set<() => void>();
  private lineState: LineState = { online: true };
  private pipelinesAreExact = true;
  private wasOffline = false;
  private first = true;

  private readonly early: Early;
  private readonly flows: LiveFlows;

  constructor(private readonly cache: QueryClient) {
    this.early = new Early(cache);
    this.flows = new LiveFlows(cache);
  }

  start(): void {
    this.stream ??= new SseStream({
      url: () => apiPath(`/api/v1/events${this.watched ? `?usage=${encodeURIComponent(this.watched)}` : ""}`),
      onMessage: (message) => this.take(message),
      onConnected: (connected) => this.setConnected(connected),
      onRefused: (status) => noteAnswer(status, "open"),
    });
  }

  stop(): void {
    this.stream?.close();
    this.stream = null;
  }

  /** Also asks for the usage of one run, while a page shows it. */
  watchRun(id: string): () => void {
    this.watched = id;
    this.stream?.reconnect();
    return () => {
      if (this.watched === id) this.watched = null;
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly state = (): LineState => this.lineState;

  private setConnected(connected: boolean): void {
    if (!connected) this.wasOffline = true;
    else if (this.first) {
      this.first = false;
      // What was answered before the stream stood may have changed in between.
      void this.cache.invalidateQueries({ predicate: (query) => query.state.dataUpdatedAt > 0 });
    } else if (this.wasOffline) {
      this.wasOffline = false;
      // The server may have been replaced meanwhile; what is on the page is asked for again, in place.
      void this.cache.invalidateQueries();
    } else if (this.watched) {
      // Measurements are told as they are made and not again.
      void this.cache.invalidateQueries({ queryKey: [...keys.run(this.watched), "usage"] });
    }
    if (connected === this.lineState.online) return;
    this.lineState = connected ? { online: true } : { online: false, since: this.stream?.heard ?? Date.now() };
    setStale(this.lineState.online ? null : this.lineState.since);
    for (const listener of this.listeners) listener();
  }

  private take(message: SseMessage): void {
    const data: unknown = JSON.parse(message.data);
    if (message.event === "run") this.gatherRun(data as RunSummary);
    else if (message.event === "usage") this.gatherUsage(data as { run: string; sample: UsageSample });
    else if (message.event === "pipeline") this.refetchPipeline((data as { name: string }).name);
    else if (message.event === "secret") void this.cache.invalidateQueries({ queryKey: keys.secrets });
    else if (message.event === "webhook") this.gather(keys.webhooks, keys.starts);
    else if (message.event === "trigger") this.gatherTrigger(data as { kind?: string });
    else if (message.event === "dataset") this.hearDataset();
    else if (message.event === "backfill") this.gather(keys.backfills);
    else if (message.event === "notice") this.gather(keys.notices);
    else if (message.event === "packages") this.gather(keys.packageAudits);
    else if (message.event === "repository") void this.cache.invalidateQueries({ queryKey: keys.repositories });
    else if (message.event === "schedule") this.gatherSchedule(data as { id: string; kind?: string });
    // Told of a project when it is written: servers go by it a moment later.
    else if (message.event === "reset" || message.event === "project") this.readAgain();
  }

  /** Soon asks for everything again that is on the page; once, however often it is told to. */
  private readAgain(): void {
    this.resetTimer ??= setTimeout(() => {
      this.resetTimer = undefined;
      void this.cache.invalidateQueries();
    }, RESET_MS);
  }

  private gatherRun(run: RunSummary): void {
    this.changed.set(run.id, run);
    this.flushTimer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private gatherUsage(usage: { run: string; sample: UsageSample }): void {
    this.samples.push(usage);
    this.flushTimer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  /** Soon asks for the list again, and for those that changed where they are shown. */
  private gatherSchedule({ id, kind }: { id: string; kind?: string }): void {
    // That one was due changes nothing of what starts what.
    if (kind !== "fired") this.gather(keys.starts);
    this.schedules.add(id);
    this.schedulesTimer ??= setTimeout(() => {
      const changed = this.schedules;
      this.schedules = new Set();
      this.schedulesTimer = undefined;
      const concerns = (of: unknown) => typeof of !== "string" || changed.has(of);
      void this.cache.invalidateQueries({ queryKey: keys.schedules, predicate: ({ queryKey }) => concerns(queryKey[1]) });
    }, SCHEDULES_MS);
  }

  /** Soon asks for them again; that something has happened for one changes nothing of what starts what. */
  private gatherTrigger({ kind }: { kind?: string }): void {
    this.gather(keys.triggers);
    if (kind !== "fired") this.gather(keys.starts);
  }

  /** Soon asks again for what is below keys, where that is shown. */
  private gather(...all: (readonly [string])[]): void {
    for (const key of all) {
      if (this.gathered.has(key[0])) continue;
      const timer = setTimeout(() => {
        this.gathered.delete(key[0]);
        void this.cache.invalidateQueries({ queryKey: key });
      }, SCHEDULES_MS);
      this.gathered.set(key[0], timer);
    }
  }

  /** What a run has left is told in its story too. */
  private hearDataset(): void {
    this.gather(keys.datasets);
    void this.cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] === "run" && queryKey[2] === "events" });
  }

  private refetchPipeline(name: string): void {
    void this.cache.invalidateQueries({ queryKey: keys.pipelines });
    void this.cache.invalidateQueries({ queryKey: keys.processTypes });
    void this.cache.invalidateQueries({ queryKey: keys.pipeline(name) });
    void this.cache.invalidateQueries({ queryKey: ["code", "pipeline", name] });
    // Its spec may say other times.
    void this.cache.invalidateQueries({ queryKey: keys.schedules });
    this.gather(keys.starts, keys.triggers);
    this.refetchCounts();
  }

  private flush(): void {
    this.flushTimer = undefined;
    const runs = [...this.changed.values()];
    const samples = this.samples;
    this.changed = new Map();
    this.samples = [];
    if (runs.length > 0) {
      for (const run of runs) {
        this.early.noteRead(run.id);
        if (!foldRun(this.cache, run)) this.early.note(run.id);
      }
      this.flows.hear(runs);
      if (runs.some(({ trigger }) => trigger.by.startsWith("backfill "))) this.gather(keys.backfills);
      const { listed, doubtful } = this.flows.sort(runs);
      this.flows.ask(foldRunLists(this.cache, listed, doubtful));
      this.refetchCounts(foldPipelines(this.cache, listed, doubtful));
    }
    for (const { run, sample } of samples) foldSample(this.cache, run, sample);
  }

  /** Soon asks for the server's counts, and for the pipelines' where they could not be told from the change alone. */
  private refetchCounts(pipelinesAreExact = true): void {
    this.pipelinesAreExact &&= pipelinesAreExact;
    this.countsTimer ??= setTimeout(() => {
      this.countsTimer = undefined;
      void this.cache.invalidateQueries({ queryKey: keys.system });
      // Of one project of one person, the server's counts are its own.
      const projects = this.cache.getQueryData<ProjectView[]>(keys.projects);
      const people = this.cache.getQueryData<AccountView>(keys.account)?.id != null;
      if (projects && (people || isVisitor() || projects.length > 1))
        void this.cache.invalidateQueries({ queryKey: keys.projects, exact: true });
      void this.cache.invalidateQueries({ queryKey: keys.projectUsage });
      if (!this.pipelinesAreExact) {
        void this.cache.invalidateQueries({ queryKey: keys.pipelines });
        void this.cache.invalidateQueries({ queryKey: keys.processTypes });
        void this.cache.invalidateQueries({ queryKey: keys.anyPipeline });
      }
      this.pipelinesAreExact = true;
    }, COUNTS_MS);
  }
}
