/** Everybody who has an account. */
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useDeferredValue, useMemo, useRef } from "react";

import { peopleQuery } from "../../api/people";
import type { PersonView } from "../../api/types";
import { byWord } from "../../lib/people";
import { Icon } from "../Icon";
import { Empty, Failure } from "../States";
import { Ago } from "../Time";
import classes from "./People.module.css";
import { Table, type Column } from "./Table";
import { useWalk } from "./useWalk";

const COLUMNS: Column<PersonView>[] = [
  {
    title: "Name",
    head: true,
    cell: (person) => (
      <>
        <Link to="/administration/people/$id" params={{ id: person.id }} className={classes.name}>
          {person.name}
        </Link>
        {person.kind === "service" && <span className={classes.tag}>service account</span>}
        {person.state === "blocked" && (
          <span className={classes.tag} data-tone="bad">
            blocked
          </span>
        )}
      </>
    ),
  },
  { title: "Mail address", cell: ({ mail }) => <span className="dim">{mail ?? "none"}</span> },
  {
    title: "Made",
    wide: true,
    cell: (person) => (
      <span className="dim">
        <Ago at={person.created_at} />
        {person.created_by !== person.name && ` by ${byWord(person.created_by)}`}
      </span>
    ),
  },
  { title: "Last seen", narrow: true, cell: ({ seen_at }) => (seen_at ? <Ago at={seen_at} /> : <span className="dim">never</span>) },
];

export function PeopleTab({ q, onMakeService }: { q: string; onMakeService: () => void }) {
  const navigate = useNavigate();
  const search = useRef<HTMLInputElement>(null);
  const { data, error, refetch, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(
    peopleQuery(useDeferredValue(q.trim())),
  );
  const people = useMemo(() => data?.pages.flatMap((page) => page.items) ?? [], [data]);
  const ids = useMemo(() => people.map(({ id }) => id), [people]);
  const current = useWalk(
    "People",
    ids,
    (id) => void navigate({ to: "/administration/people/$id", params: { id } }),
    () => search.current?.focus(),
  );
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  return (
    <>
      <div className={classes.tools}>
        <TextInput
          ref={search}
          type="search"
          aria-label="Search people"
          placeholder="Name or mail address"
          leftSection={<Icon name="search" size={14} />}
          rightSection={<kbd>/</kbd>}
          w={260}
          value={q}
          onChange={(event) =>
            void navigate({
              to: "/administration",
              search: event.currentTarget.value ? { q: event.currentTarget.value } : {},
              replace: true,
            })
          }
          onKeyDown={(event) => event.key === "Escape" && event.currentTarget.blur()}
        />
        <Button variant="default" onClick={onMakeService}>
          Add a service account
        </Button>
      </div>
      {data && people.length === 0 ? (
        <Empty icon="search" title={`Nobody is called “${q}”`}>
          <p className="dim">Names and mail addresses are searched.</p>
        </Empty>
      ) : (
        <Table label="People" columns={COLUMNS} rows={people} keyOf={({ id }) => id} current={current} />
      )}
      {people.length === 1 && q === "" && (
        <p className={classes.none}>You are the first. Add others here, or let owners invite them to what they own.</p>
      )}
      {hasNextPage && (
        <div className={classes.tools}>
          <Button variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
            More
          </Button>
        </div>
      )}
    </>
  );
}
