/** One dataset: what is said of it, its versions, what lies in one, what one has changed, and what was made of what. */
import { NativeSelect } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi, useNavigate } from "@tanstack/react-router";

import { datasetQuery, versionsQuery } from "../api/datasets";
import type { DatasetVersionView, DatasetView } from "../api/types";
import { Changes } from "../components/data/Changes";
import classes from "../components/data/Data.module.css";
import { DatasetActions } from "../components/data/DatasetActions";
import { DatasetHead } from "../components/data/DatasetHead";
import { Files } from "../components/data/Files";
import { Lineage } from "../components/data/Lineage";
import { Versions } from "../components/data/Versions";
import { Page } from "../components/Page";
import { Empty, Failure } from "../components/States";
import { TabView } from "../components/TabView";
import { tagsOf } from "../lib/dataset";

const route = getRouteApi("/data/$");

const TABS = ["files", "versions", "changes", "lineage"] as const;
type DatasetTab = (typeof TABS)[number];

export function Dataset() {
  const { _splat: name = "" } = route.useParams();
  const dataset = useQuery(datasetQuery(name));
  const versions = useInfiniteQuery(versionsQuery(name));
  const crumbs = [{ text: "Data", link: { to: "/data" } as const }, { text: name }];
  const failed = [dataset, versions].find((query) => query.error && !query.data);
  if (failed) {
    return (
      <Page crumbs={crumbs}>
        <Failure error={failed.error} retry={() => void failed.refetch()} />
      </Page>
    );
  }
  if (!dataset.data || !versions.data) return <Page crumbs={crumbs}>{null}</Page>;
  const all = versions.data.pages.flatMap((page) => page.items);
  return (
    <Page fill crumbs={crumbs} actions={<DatasetActions dataset={dataset.data} />} head={<DatasetHead dataset={dataset.data} />}>
      <Body key={name} dataset={dataset.data} versions={all} more={versions.hasNextPage ? () => void versions.fetchNextPage() : null} />
    </Page>
  );
}

interface BodyProps {
  dataset: DatasetView;
  versions: readonly DatasetVersionView[];
  /** Reads older versions. */
  more: (() => void) | null;
}

function Body({ dataset, versions, more }: BodyProps) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const { name } = dataset;
  const wanted = search.version ?? String(dataset.newest?.version ?? "");
  const number = dataset.tags[wanted] ?? Number(wanted);
  const known = versions.find(({ version }) => version === number);
  const tab: DatasetTab = TABS.find((one) => one === search.tab) ?? "files";
  const go = (change: { tab?: DatasetTab; version?: string; path?: string; from?: string }) =>
    void navigate({ to: "/data/$", params: { _splat: name }, search: { ...search, ...change } });
  if (versions.length === 0) {
    return (
      <Empty icon="data" title="It has no versions any more">
        <p className="dim">All of them were removed. The next one has another number.</p>
      </Empty>
    );
  }
  const options = versions.map(({ version }) => ({
    value: String(version),
    label: [`Version ${version}`, ...tagsOf(dataset, version)].join(" · "),
  }));
  // One that is older than those that were read.
  if (!known && Number.isInteger(number)) options.push({ value: String(number), label: `Version ${number}` });
  return (
    <TabView
      label="Dataset"
      tabs={[
        { value: "files", label: "Files", count: known?.files },
        { value: "versions", label: "Versions", count: more ? undefined : versions.length },
        { value: "changes", label: "Changes" },
        { value: "lineage", label: "Lineage" },
      ]}
      value={tab}
      onChange={(next) => go({ tab: next })}
      tools={
        tab !== "versions" && (
          <NativeSelect
            size="xs"
            aria-label="Version"
            data={options}
            value={String(number)}
            onChange={(event) => go({ version: event.currentTarget.value, from: "" })}
          />
        )
      }
    >
      <div className={classes.scroll} tabIndex={0} role="region" aria-label={tab} data-scroll-restoration-id={`dataset-${tab}`}>
        {tab === "files" && <Files name={name} version={number} path={search.path ?? ""} onPath={(path) => go({ path })} facts={known} />}
        {tab === "versions" && <Versions dataset={dataset} versions={versions} more={more} />}
        {tab === "changes" && (
          <Changes
            name={name}
            version={number}
            from={search.from ? Number(search.from) : undefined}
            others={versions.filter(({ version }) => version < number).map(({ version }) => version)}
            onFrom={(from) => go({ from: String(from) })}
          />
        )}
        {tab === "lineage" && <Lineage name={name} version={number} />}
      </div>
    </TabView>
  );
}
