/** Who did what, everywhere, filtered by what the address says. */
import { Button, NativeSelect, TextInput } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Input.css";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { auditQuery, groupsQuery, peopleQuery } from "../../api/people";
import { projectsQuery } from "../../api/queries";
import type { AuditView } from "../../api/types";
import { ACTIONS } from "../../lib/audit";
import { localTime, utcTime } from "../../lib/times";
import type { AdministrationSearch } from "../../router";
import { Empty, Failure } from "../States";
import { AuditLines } from "./AuditLines";
import classes from "./People.module.css";
import { PersonPicker } from "./PersonPicker";

export function AuditTab({ search }: { search: AdministrationSearch }) {
  const { actor, action, project, since, until } = search;
  const navigate = useNavigate();
  const query = useInfiniteQuery(auditQuery({ actor, action, project, since, until }));
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = query;
  const lines = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const names = useNames(lines);
  const { data: projects } = useQuery(projectsQuery);
  const several = (projects?.length ?? 0) > 1;
  const set = (change: AdministrationSearch) =>
    void navigate({ to: "/administration", search: { ...search, ...change, tab: "audit" }, replace: true });
  const filtered = [actor, action, project, since, until].some(Boolean);
  return (
    <>
      <div className={classes.tools} role="group" aria-label="Filters">
        <PersonPicker label="Who" placeholder="Anybody" value={actor ?? null} onChange={(id) => set({ actor: id ?? "" })} />
        <NativeSelect
          size="xs"
          aria-label="What"
          data={[{ value: "", label: "Anything" }, ...ACTIONS]}
          w={160}
          value={action ?? ""}
          onChange={(event) => set({ action: event.currentTarget.value })}
        />
        {several && (
          <NativeSelect
            size="xs"
            aria-label="Project"
            data={[{ value: "", label: "Everywhere" }, ...(projects ?? []).map(({ name }) => name)]}
            value={project ?? ""}
            onChange={(event) => set({ project: event.currentTarget.value })}
          />
        )}
        <Time label="From" value={since} onChange={(time) => set({ since: time })} />
        <Time label="To" value={until} onChange={(time) => set({ until: time })} />
        {filtered && (
          <Button variant="subtle" onClick={() => void navigate({ to: "/administration", search: { tab: "audit" }, replace: true })}>
            Clear
          </Button>
        )}
      </div>
      {error && !data && <Failure error={error} retry={() => void refetch()} />}
      {data && lines.length === 0 && (
        <Empty icon="search" title="Nothing fits">
          <p className="dim">Nobody did such a thing, or it is longer ago than lines are kept.</p>
        </Empty>
      )}
      <AuditLines lines={lines} names={names} withProject={several} />
      {hasNextPage && (
        <div className={classes.tools}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </div>
      )}
    </>
  );
}

function Time({ label, value, onChange }: { label: string; value: string | undefined; onChange: (time: string) => void }) {
  return (
    <label className={classes.inline}>
      <span className="dim">{label}</span>
      <TextInput
        w={176}
        type="datetime-local"
        value={localTime(value)}
        onChange={(event) => onChange(utcTime(event.currentTarget.value))}
      />
    </label>
  );
}

/** Names as far as they are known without asking for each. */
function useNames(lines: readonly AuditView[]): ReadonlyMap<string, string> {
  const { data: people } = useInfiniteQuery(peopleQuery("", 500));
  const { data: groups } = useQuery(groupsQuery);
  return useMemo(() => {
    const known = new Map<string, string>();
    for (const line of lines) if (line.actor_id) known.set(line.actor_id, line.actor);
    for (const { id, name } of people?.pages.flatMap((page) => page.items) ?? []) known.set(id, name);
    for (const { id, name } of groups ?? []) known.set(id, name);
    return known;
  }, [lines, people, groups]);
}
