/** Files and folders of this computer become the next version of a dataset. */
import { getRouteApi } from "@tanstack/react-router";
import { useSyncExternalStore } from "react";

import { useRights } from "../api/rights";
import { Sending } from "../components/data/Sending";
import { UploadForm } from "../components/data/UploadForm";
import { Page } from "../components/Page";
import { Empty } from "../components/States";
import { currentUpload, watchCurrent } from "../lib/data/upload";

const route = getRouteApi("/data/-/upload");

export function UploadData() {
  const { to } = route.useSearch();
  const { run, archived, role } = useRights();
  const upload = useSyncExternalStore(watchCurrent, currentUpload);
  const crumbs = [
    { text: "Data", link: { to: "/data" } as const },
    ...(to ? [{ text: to, link: { to: "/data/$", params: { _splat: to } } as const }] : []),
    { text: to ? "Add a version" : "Upload" },
  ];
  if (!run || archived) {
    const title = archived ? "Nothing is added to what is archived" : role ? `A ${role} adds no data` : "You add no data here";
    return (
      <Page crumbs={crumbs}>
        <Empty icon="upload" title={title}>
          <p className="dim">{archived ? "An owner opens it again." : "Runners, editors and owners do. An owner gives roles."}</p>
        </Empty>
      </Page>
    );
  }
  return <Page crumbs={crumbs}>{upload ? <Sending upload={upload} /> : <UploadForm key={to ?? ""} to={to} />}</Page>;
}
