/** How a repository stands: what it is at, what it takes, and what went wrong. */
import type { RepositoryView } from "../../api/types";
import { plural } from "../../lib/format";
import { Icon } from "../Icon";
import { Ticked } from "../Ticked";
import classes from "./Repositories.module.css";

export function takenWords({ branch, tag, commit }: Pick<RepositoryView, "branch" | "tag" | "commit">): string {
  if (branch) return `branch ${branch}`;
  if (tag) return `tag ${tag}`;
  return commit ? `commit ${commit.slice(0, 7)}` : "its own branch";
}

/** A commit, with its page where it has one. */
export function CommitLink({ commit, page }: { commit: string; page?: string | null | undefined }) {
  const short = <span className="mono">{commit.slice(0, 7)}</span>;
  if (!page) return <span title={commit}>{short}</span>;
  return (
    <a href={page} target="_blank" rel="noreferrer" className="link" title={`${commit} at its host`}>
      {short}
    </a>
  );
}

export function Standing({ repository, brief = false }: { repository: RepositoryView; brief?: boolean }) {
  const { failure, synced, pipelines } = repository;
  const wrong = pipelines.filter(({ version }) => !version).length;
  if (failure) {
    return (
      <span className={classes.state}>
        <span className="tone-bad">
          <Icon name="close" size={14} />
        </span>
        <span>
          {brief ? "Failed" : <Ticked text={`The last sync failed: ${failure.message}. ${failure.cure ?? ""}`} />}
          {!brief && synced && <span className="dim"> What was synced before stays.</span>}
        </span>
      </span>
    );
  }
  if (!synced) return <span className="dim">Not synced yet</span>;
  if (wrong > 0) {
    return (
      <span className={classes.state}>
        <span className="tone-warn">
          <Icon name="warning" size={14} />
        </span>
        {plural(wrong, "pipeline")} cannot run
      </span>
    );
  }
  return (
    <span className={classes.state}>
      <span className="tone-ok">
        <Icon name="check" size={14} />
      </span>
      In step
    </span>
  );
}
