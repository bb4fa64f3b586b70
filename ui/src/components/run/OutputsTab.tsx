/** Files that a run left: pictures and texts shown, everything to download. */
import { useInfiniteQuery, useQueries } from "@tanstack/react-query";
import { useElementScrollRestoration } from "@tanstack/react-router";
import { useVirtualizer, type VirtualItem } from "@tanstack/react-virtual";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { artifactsQuery, artifactsZipUrl, artifactUrl } from "../../api/queries";
import type { ArtifactView, RunView } from "../../api/types";
import { bytes, plural } from "../../lib/format";
import { opensItself, previewOf } from "../../lib/preview/kind";
import { isEnd } from "../../lib/states";
import { LeftDatasets } from "../data/RunDatasets";
import { Icon } from "../Icon";
import { Preview } from "../preview/Preview";
import { previewQuery } from "../preview/query";
import { Empty, Failure } from "../States";
import classes from "./Outputs.module.css";

/** Pictures and texts that are shown without being asked for. */
const OPEN_AT_FIRST = 6;
/** A list up to this long is sorted by what can be seen; a longer one stays in the order of paths, in which it is read. */
const SORTED = 1000;
/** How long the first pictures and texts may keep the list waiting, in milliseconds. */
const PATIENCE_MS = 1500;
const RANK = ["image", "html", "notebook", "csv", "parquet", "arrow", "mzml", "markdown", "json", "text", "pdf", "audio", "video", "bytes"];

export function OutputsTab({ run }: { run: RunView }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(artifactsQuery(run.id));
  const items = useMemo(() => inOrder(data?.pages.flatMap((page) => page.items) ?? [], hasNextPage), [data, hasNextPage]);
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (items.length === 0) {
    return (
      <Empty icon="folder" title={isEnd(run.state) ? "It left no files" : "It has left no files yet"}>
        <p className="dim">
          What a run writes below <code>$RIGI_OUTPUTS</code> is kept with it and shown here.
        </p>
      </Empty>
    );
  }
  return <Files key={run.id} run={run} items={items} hasMore={hasNextPage} loadMore={loadMore} />;
}

function inOrder(items: ArtifactView[], more: boolean): ArtifactView[] {
  if (more || items.length > SORTED) return items;
  const rank = (item: ArtifactView) => RANK.indexOf(previewOf(item));
  return [...items].sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
}

/** The list that was last left, so that Back finds it as it was: what was open, and how high it stood. */
let left: { run: string; toggled: ReadonlyMap<string, boolean>; sizes: VirtualItem[] } | null = null;

interface FilesProps {
  run: RunView;
  items: ArtifactView[];
  hasMore: boolean;
  loadMore: () => void;
}

function Files({ run, items, hasMore, loadMore }: FilesProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [known] = useState(() => (left?.run === run.id ? left : null));
  const [toggled, setToggled] = useState<ReadonlyMap<string, boolean>>(
    () =>
      known?.toggled ??
      new Map(
        items
          .slice(0, OPEN_AT_FIRST)
          .filter(opensItself)
          .map((item) => [item.path, true]),
      ),
  );
  const ready = useReady(
    run.id,
    items.slice(0, OPEN_AT_FIRST).filter((item) => toggled.get(item.path)),
  );
  const entry = useElementScrollRestoration({ id: "outputs" });
  // Its object changes inside while it stays the same, which the compiler, were it used, would not see.
  // eslint-disable-next-line react-hooks/incompatible-library
  const virtual = useVirtualizer({
    count: ready ? items.length : 0,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => (toggled.get(items[index]?.path ?? "") ? 240 : 36),
    getItemKey: (index) => items[index]?.path ?? index,
    overscan: 8,
    paddingEnd: 40,
    initialOffset: entry?.scrollY ?? 0,
    initialMeasurementsCache: known?.sizes ?? [],
  });
  useEffect(
    () => () => {
      left = { run: run.id, toggled, sizes: virtual.measurementsCache };
    },
    [run.id, toggled, virtual],
  );
  const shown = virtual.getVirtualItems();
  const last = shown.at(-1)?.index ?? 0;
  useEffect(() => {
    if (hasMore && last >= items.length - 100) loadMore();
  }, [hasMore, last, items.length, loadMore]);
  return (
    <div ref={scroller} className={classes.outputs} data-scroll-restoration-id="outputs" tabIndex={0} role="region" aria-label="Outputs">
      <p className={classes.sum}>
        {plural(run.artifacts.count, "file")}, {bytes(run.artifacts.bytes)}
        {" · "}
        <a href={artifactsZipUrl(run.id)} download>
          Download all as zip
        </a>
      </p>
      <LeftDatasets run={run} />
      <div className={classes.inner} style={{ height: virtual.getTotalSize() }}>
        {shown.map(({ key, index, start }) => {
          const item = items[index];
          if (!item) return null;
          const open = toggled.get(item.path) ?? false;
          return (
            <div
              key={key}
              ref={virtual.measureElement}
              data-index={index}
              className={classes.item}
              style={{ transform: `translateY(${start}px)` }}
            >
              <Output run={run} item={item} open={open} onToggle={() => setToggled((known) => new Map(known).set(item.path, !open))} />
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Whether what is open at first has its size: then nothing below it moves when it comes. */
function useReady(run: string, open: ArtifactView[]): boolean {
  const queries = useQueries({ queries: open.map((item) => previewQuery(artifactUrl(run, item.path), item, previewOf(item))) });
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), PATIENCE_MS);
    return () => clearTimeout(timer);
  }, []);
  const settled = late || queries.every((query) => !query.isPending || query.fetchStatus === "idle");
  const [ready, setReady] = useState(settled);
  if (settled && !ready) setReady(true);
  return ready || settled;
}

interface OutputProps {
  run: RunView;
  item: ArtifactView;
  open: boolean;
  onToggle: () => void;
}

function Output({ run, item, open, onToggle }: OutputProps) {
  const kind = previewOf(item);
  return (
    <section className={classes.output} aria-label={item.path}>
      <div className={classes.line}>
        <button type="button" className={classes.name} aria-expanded={open} onClick={onToggle}>
          <span className={classes.chevron} data-open={open || undefined}>
            <Icon name="chevron" size={14} />
          </span>
          {item.path}
        </button>
        <span className={classes.facts}>
          {item.output && <span className={classes.declared}>{item.output}</span>}
          {bytes(item.size)}
          {item.attempt !== run.attempt && <span>attempt {item.attempt}</span>}
        </span>
        <a
          className={classes.download}
          href={artifactUrl(run.id, item.path, "download")}
          download={item.path.split("/").at(-1)}
          aria-label={`Download ${item.path}`}
          title={`Download, sha256 ${item.sha256}`}
        >
          <Icon name="download" size={14} />
        </a>
      </div>
      {open && <Preview url={artifactUrl(run.id, item.path)} item={item} kind={kind} />}
    </section>
  );
}
