import { Link } from "@tanstack/react-router";

import { Page } from "../components/Page";
import { Empty } from "../components/States";

/** An address that leads nowhere. */
export function NotFound() {
  return (
    <Page crumbs={[{ text: "Not found" }]}>
      <Empty icon="search" title="There is no page at this address">
        <p>
          The link may be mistyped or from another version. Go to{" "}
          <Link to="/pipelines" className="link">
            the pipelines
          </Link>
          ,{" "}
          <Link to="/runs" className="link">
            the runs
          </Link>
          , or search with <kbd>Ctrl</kbd> <kbd>K</kbd>.
        </p>
      </Empty>
    </Page>
  );
}
