/** Datasets: which there are, how large they are, and when something of them changed. */
import { Button, TextInput } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useDeferredValue, useRef, useState } from "react";

import { datasetsQuery } from "../api/datasets";
import { useSystem } from "../api/queries";
import { useRights } from "../api/rights";
import { storageKeysQuery } from "../api/storageKeys";
import { DatasetTable } from "../components/data/DatasetTable";
import { NoData } from "../components/data/NoData";
import { StorageKeys } from "../components/data/StorageKeys";
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
  const asked = useSystem().data?.storage_gateway === true;
  const keys = useQuery({ ...storageKeysQuery, enabled: asked }).data;
  const [keysShown, setKeysShown] = useState(false);
  const crumbs = [{ text: "Data" }];
  const ways = (
    <>
      {keys && (
        <Button variant="default" onClick={() => setKeysShown(true)}>
          Storage keys
        </Button>
      )}
      {start && <Button renderRoot={(props) => <Link to="/data/-/upload" {...props} />}>Upload</Button>}
      {keys && <StorageKeys known={keys} opened={keysShown} onClose={() => setKeysShown(false)} />}
    </>
  );
  if (!all) return <Page crumbs={crumbs}>{list.error && <Failure error={list.error} retry={() => void list.refetch()} />}</Page>;
  if (all.length === 0 && q === "") {
    return (
      <Page crumbs={crumbs} actions={keys && ways}>
        <NoData />
      </Page>
    );
  }
  return (
    <Page
      fill
      crumbs={crumbs}
      actions={ways}
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
