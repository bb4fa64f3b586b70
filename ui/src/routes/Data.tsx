/** Datasets: which there are, how large they are, and when something of them changed. */
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useRef } from "react";

import { datasetsQuery } from "../api/datasets";
import { useRights } from "../api/rights";
import { DatasetTable } from "../components/data/DatasetTable";
import { NoData } from "../components/data/NoData";
import classes from "../components/data/Data.module.css";
import { Icon } from "../components/Icon";
import { Page } from "../components/Page";
import { useWalk } from "../components/people/useWalk";
import { Empty, Failure } from "../components/States";
import { useKeys } from "../lib/keys";

export function Data() {
  const { q = "" } = useSearch({ strict: false });
  const navigate = useNavigate();
  const { start } = useRights();
  const prefix = useDeferredValue(q.trim().toLowerCase());
  const list = useInfiniteQuery({ ...datasetsQuery(prefix), placeholderData: keepPreviousData });
  const all = list.data?.pages.flatMap((page) => page.items);
  const field = useRef<HTMLInputElement>(null);
  const current = useWalk(
    "Datasets",
    (all ?? []).map(({ name }) => name),
    (name) => void navigate({ to: "/data/$", params: { _splat: name } }),
    () => field.current?.focus(),
  );
  useKeys("Data", start ? [{ keys: "n", label: "Upload data", run: () => void navigate({ to: "/data/-/upload" }) }] : []);
  const crumbs = [{ text: "Data" }];
  if (!all) return <Page crumbs={crumbs}>{list.error && <Failure error={list.error} retry={() => void list.refetch()} />}</Page>;
  if (all.length === 0 && q === "") {
    return (
      <Page crumbs={crumbs}>
        <NoData />
      </Page>
    );
  }
  return (
    <Page
      fill
      crumbs={crumbs}
      actions={start && <Button renderRoot={(props) => <Link to="/data/-/upload" {...props} />}>Upload</Button>}
      head={
        <div className={classes.tools}>
          <TextInput
            ref={field}
            className={classes.search ?? ""}
            aria-label="Names that begin with"
            placeholder="Names that begin with"
            leftSection={<Icon name="search" size={14} />}
            value={q}
            onChange={(event) => {
              const text = event.currentTarget.value;
              void navigate({ to: "/data", search: text ? { q: text } : {}, replace: true });
            }}
          />
        </div>
      }
    >
      <div className={classes.scroll} tabIndex={0} role="region" aria-label="List" data-scroll-restoration-id="data">
        {all.length > 0 ? (
          <DatasetTable datasets={all} current={current} />
        ) : (
          <Empty icon="data" title={`No dataset’s name begins with “${q}”`} />
        )}
        {list.hasNextPage && (
          <div className={classes.more}>
            <Button variant="default" loading={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
              Show more
            </Button>
          </div>
        )}
      </div>
    </Page>
  );
}
