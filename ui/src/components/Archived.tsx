/** What is archived says so on each of its pages, and why nothing can be started. */
import { Link } from "@tanstack/react-router";

import { useOwn } from "../api/projects";
import { useRights } from "../api/rights";
import { Icon } from "./Icon";
import classes from "./Shell.module.css";

/** On what would start a run. */
export const ARCHIVED = "Archived: it takes no more runs";

export function ArchivedLine() {
  const { archived, manage } = useRights();
  const fixed = useOwn()?.fixed?.includes("archived");
  if (!archived) return null;
  return (
    <p className={classes.archived} role="status">
      <Icon name="info" size={14} />
      Archived: it can be read, and takes no more runs.
      {fixed ? (
        <span className="dim">The server’s configuration says so.</span>
      ) : manage ? (
        <Link to="/project" search={{ tab: "details" }} className="link">
          Open it again
        </Link>
      ) : (
        <span className="dim">An owner opens it again.</span>
      )}
    </p>
  );
}
