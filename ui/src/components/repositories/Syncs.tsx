/** What became of syncs: what each changed, or what went wrong. */
import { Button } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { syncsQuery } from "../../api/repositories";
import type { SyncView } from "../../api/types";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { Failure } from "../States";
import { Ticked } from "../Ticked";
import { Ago } from "../Time";
import { PlanView, planWords } from "./PlanView";
import classes from "./Repositories.module.css";
import { CommitLink } from "./Standing";

const CAUSES: Record<string, string> = { webhook: "its host called", interval: "its time had come" };

export function Syncs({ name }: { name: string }) {
  const { data, error, refetch, hasNextPage, isFetchingNextPage, fetchNextPage } = useInfiniteQuery(syncsQuery(name));
  const [open, setOpen] = useState<number | null>(null);
  const syncs = data?.pages.flatMap((page) => page.items) ?? [];
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  const columns: Column<SyncView>[] = [
    { title: "Sync", head: true, narrow: true, cell: ({ number }) => number },
    { title: "When", cell: ({ ended_at }) => <Ago at={ended_at} /> },
    { title: "Commit", cell: ({ plan }) => (plan ? <CommitLink commit={plan.commit} page={plan.page} /> : <span className="dim">–</span>) },
    { title: "What changed, or went wrong", cell: (sync) => <Fate sync={sync} open={open === sync.number} onOpen={setOpen} /> },
    { title: "By", wide: true, cell: ({ cause, asked_by }) => <span className="dim">{CAUSES[cause] ?? asked_by}</span> },
  ];
  const opened = syncs.find(({ number }) => number === open);
  return (
    <Section title="Syncs so far">
      {data && syncs.length === 0 && <p className={people.none}>None yet. Each that changes something or goes wrong is told here.</p>}
      {syncs.length > 0 && <Table label="Syncs so far" columns={columns} rows={syncs} keyOf={({ number }) => String(number)} />}
      {opened?.plan && <PlanView plan={opened.plan} />}
      {hasNextPage && (
        <p className={classes.ways}>
          <Button variant="default" size="compact-sm" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            Older
          </Button>
        </p>
      )}
    </Section>
  );
}

interface FateProps {
  sync: SyncView;
  open: boolean;
  onOpen: (number: number | null) => void;
}

function Fate({ sync, open, onOpen }: FateProps) {
  if (!sync.plan) {
    return (
      <span className="tone-bad">
        <Ticked text={sync.message ?? "It failed"} />
      </span>
    );
  }
  return (
    <Button variant="subtle" size="compact-sm" aria-expanded={open} onClick={() => onOpen(open ? null : sync.number)}>
      {planWords(sync.plan)}
    </Button>
  );
}
