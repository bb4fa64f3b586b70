/** Every run, filtered by what the address says. */
import { Button, Select, TextInput } from "@mantine/core";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { useMany } from "../api/actions";
import { pipelinesQuery, runsQuery } from "../api/queries";
import { useRights } from "../api/rights";
import type { RunSummary } from "../api/types";
import { ARCHIVED } from "../components/Archived";
import { Icon } from "../components/Icon";
import { Page } from "../components/Page";
import { RunList } from "../components/RunList";
import { StateIcon } from "../components/StateIcon";
import { Empty, Failure } from "../components/States";
import { inProject } from "../lib/command";
import { useKeys } from "../lib/keys";
import { isEnd, RUN_STATES, stateLabel } from "../lib/states";
import type { RunsSearch } from "../router";
import classes from "./Runs.module.css";

const route = getRouteApi("/runs");

export function Runs() {
  const search = route.useSearch();
  const navigate = useNavigate();
  const query = useInfiniteQuery({ ...runsQuery(search), placeholderData: keepPreviousData });
  const { data, error, hasNextPage, isFetchingNextPage, fetchNextPage, isPlaceholderData } = query;
  const runs = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const [selected, setSelected] = useState<ReadonlyMap<string, RunSummary>>(new Map());
  const setSearch = useCallback(
    (change: { [K in keyof RunsSearch]?: RunsSearch[K] | undefined }) =>
      void navigate({ to: "/runs", search: withChange(search, change), replace: true }),
    [navigate, search],
  );
  const loadMore = useCallback(() => {
    if (hasNextPage && !isFetchingNextPage) void fetchNextPage();
  }, [hasNextPage, isFetchingNextPage, fetchNextPage]);
  // A page of a long search may be empty, and the next one not.
  const searching = data !== undefined && runs.length === 0 && !error;
  useEffect(() => {
    if (searching) loadMore();
  }, [searching, loadMore]);
  const onSelect = useCallback((run: RunSummary, on: boolean) => {
    setSelected((known) => {
      const next = new Map(known);
      if (on) next.set(run.id, run);
      else next.delete(run.id);
      return next;
    });
  }, []);
  const selectedIds = useMemo(() => new Set(selected.keys()), [selected]);
  const filtered = Object.keys(search).length > 0;
  const { run: mayRun, archived } = useRights();
  return (
    <Page
      fill
      crumbs={[{ text: "Runs" }]}
      actions={<Search search={search} onChange={setSearch} />}
      head={
        selected.size > 0 ? (
          <Selection runs={runs} selected={selected} onDone={() => setSelected(new Map())} />
        ) : (
          <Filters search={search} onChange={setSearch} />
        )
      }
    >
      {error && !data && <Failure error={error} retry={() => void query.refetch()} />}
      {data &&
        runs.length === 0 &&
        !isPlaceholderData &&
        (hasNextPage ? (
          <p className="dim" role="status">
            Searching older runs…
          </p>
        ) : (
          <NoRuns filtered={filtered} mayRun={mayRun} archived={archived} />
        ))}
      {runs.length > 0 && (
        <RunList
          key={JSON.stringify(search)}
          runs={runs}
          hasMore={hasNextPage}
          loadMore={loadMore}
          selected={selectedIds}
          {...(mayRun ? { onSelect } : {})}
        />
      )}
    </Page>
  );
}

function withChange(search: RunsSearch, change: { [K in keyof RunsSearch]?: RunsSearch[K] | undefined }): RunsSearch {
  const next = { ...search, ...change };
  return Object.fromEntries(
    Object.entries<string | string[] | undefined>(next).filter(([, value]) => value !== undefined && value.length > 0),
  );
}

function NoRuns({ filtered, mayRun, archived }: { filtered: boolean; mayRun: boolean; archived: boolean }) {
  if (!filtered && archived) return <Empty icon="runs" title="No run has ever been started" />;
  if (!filtered && !mayRun) {
    return (
      <Empty icon="runs" title="No run has been started yet">
        <p className="dim">Runners, editors and owners start them. You are a viewer.</p>
      </Empty>
    );
  }
  if (!filtered) {
    return (
      <Empty icon="runs" title="No run has been started yet">
        <p className="dim">
          Start one from{" "}
          <Link to="/pipelines" className="link">
            a pipeline
          </Link>
          , or in a terminal: <code>{inProject("rigi run NAME")}</code>.
        </p>
      </Empty>
    );
  }
  return (
    <Empty icon="search" title="No run fits">
      <Link to="/runs" className="link">
        Show all runs
      </Link>
    </Empty>
  );
}

interface FiltersProps {
  search: RunsSearch;
  onChange: (change: { [K in keyof RunsSearch]?: RunsSearch[K] | undefined }) => void;
}

/** What is filtered by is seen at every width. */
function Filters({ search, onChange }: FiltersProps) {
  const { data: pipelines } = useQuery(pipelinesQuery);
  const states = search.state?.split(",") ?? [];
  const toggle = (state: string) => {
    const next = states.includes(state) ? states.filter((other) => other !== state) : [...states, state];
    onChange({ state: next.join(",") });
  };
  return (
    <div className={classes.filters}>
      <div className={classes.states} role="group" aria-label="States">
        {RUN_STATES.map((state) => (
          <button key={state} type="button" className={classes.chip} aria-pressed={states.includes(state)} onClick={() => toggle(state)}>
            <StateIcon state={state} size={14} label={false} still />
            {stateLabel(state)}
          </button>
        ))}
      </div>
      <div className={classes.fields}>
        <LabelField labels={search.label ?? []} onChange={(label) => onChange({ label })} />
        <Select
          aria-label="Pipeline"
          placeholder="Any pipeline"
          data={pipelines?.map((pipeline) => pipeline.name) ?? (search.pipeline ? [search.pipeline] : [])}
          value={search.pipeline ?? null}
          onChange={(value) => onChange({ pipeline: value ?? undefined })}
          limit={200}
          searchable
          clearable
          className={classes.field}
          clearButtonProps={{ "aria-label": "Any pipeline" }}
        />
      </div>
    </div>
  );
}

function Search({ search, onChange }: FiltersProps) {
  const field = useRef<HTMLInputElement>(null);
  useKeys("Runs", [{ keys: "/", label: "Search", run: () => field.current?.focus() }]);
  return <SearchField ref={field} value={search.q ?? ""} onChange={(q) => onChange({ q })} />;
}

function LabelField({ labels, onChange }: { labels: string[]; onChange: (labels: string[]) => void }) {
  const [text, setText] = useState("");
  const wrong = text !== "" && !/^[^=\s]+=\S*$/.test(text);
  return (
    <>
      {labels.map((label) => (
        <button
          key={label}
          type="button"
          className={classes.chip}
          aria-pressed
          aria-label={`Remove label ${label}`}
          onClick={() => onChange(labels.filter((other) => other !== label))}
        >
          {label} <Icon name="close" size={12} />
        </button>
      ))}
      <TextInput
        aria-label="Label"
        placeholder="label=value"
        value={text}
        error={wrong && text.includes(" ")}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || !text || wrong) return;
          onChange([...new Set([...labels, text])]);
          setText("");
        }}
        className={classes.field}
      />
    </>
  );
}

function SearchField({ ref, value, onChange }: { ref: React.Ref<HTMLInputElement>; value: string; onChange: (value: string) => void }) {
  const [text, setText] = useState(value);
  const [told, setTold] = useState(value);
  // The address changed by something else, such as Back: it is right.
  if (told !== value) {
    setTold(value);
    setText(value);
  }
  const tell = useRef(onChange);
  useEffect(() => {
    tell.current = onChange;
  });
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => tell.current(text), 200);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <TextInput
      ref={ref}
      type="search"
      aria-label="Search runs"
      placeholder="Id or pipeline"
      leftSection={<Icon name="search" size={14} />}
      rightSection={<kbd>/</kbd>}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
      w={168}
    />
  );
}

function Selection({ runs, selected, onDone }: { runs: RunSummary[]; selected: ReadonlyMap<string, RunSummary>; onDone: () => void }) {
  const cancel = useMany("cancel");
  const retry = useMany("retry");
  const { archived } = useRights();
  const known = new Map(runs.map((run) => [run.id, run]));
  const chosen = [...selected.values()].map((run) => known.get(run.id) ?? run);
  const open = chosen.filter((run) => !isEnd(run.state));
  const ended = chosen.filter((run) => isEnd(run.state));
  return (
    <div className={classes.selection} role="toolbar" aria-label="Selected runs">
      <span>{chosen.length} selected</span>
      <Button
        variant="default"
        disabled={open.length === 0}
        loading={cancel.isPending}
        onClick={() => cancel.mutate(open, { onSuccess: onDone })}
      >
        Cancel {open.length || ""}
      </Button>
      <Button
        variant="default"
        disabled={ended.length === 0 || archived}
        {...(archived ? { title: ARCHIVED } : {})}
        loading={retry.isPending}
        onClick={() => retry.mutate(ended, { onSuccess: onDone })}
      >
        Retry {ended.length || ""}
      </Button>
      <Button variant="subtle" onClick={onDone}>
        Clear
      </Button>
    </div>
  );
}
