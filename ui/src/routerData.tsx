/** Pages of datasets. A dataset's name has slashes, and its address has them too. */
import { createRoute, lazyRouteComponent } from "@tanstack/react-router";

import { compact, one, type Raw } from "./lib/search";
import type { Root } from "./router";

export interface DatasetSearch {
  /** `changes`, `lineage`, `versions`; else the files. */
  tab?: string;
  /** Number of a version; else the newest. */
  version?: string;
  /** A folder, or a file that is shown. */
  path?: string;
  /** What the version is held against; else the one before it. */
  from?: string;
}

export function buildData(root: Root) {
  const data = createRoute({
    getParentRoute: () => root,
    // With a slash at its end, so that it goes before the one of any name.
    path: "/data/",
    validateSearch: (raw: Raw) => compact({ q: one(raw.q) }),
    component: lazyRouteComponent(() => import("./routes/Data"), "Data"),
  });
  // No dataset has an address of this form, whatever it is called.
  const upload = createRoute({
    getParentRoute: () => root,
    path: "/data/-/upload",
    validateSearch: (raw: Raw) => compact({ to: one(raw.to) }),
    component: lazyRouteComponent(() => import("./routes/UploadData"), "UploadData"),
  });
  const dataset = createRoute({
    getParentRoute: () => root,
    path: "/data/$",
    validateSearch: (raw: Raw): DatasetSearch =>
      compact({ tab: one(raw.tab), version: one(raw.version), path: one(raw.path), from: one(raw.from) }),
    component: lazyRouteComponent(() => import("./routes/Dataset"), "Dataset"),
  });
  return [data, upload, dataset] as const;
}
