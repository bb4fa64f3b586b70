/** What is said of a dataset: description, labels, tags, protection. */
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { untag } from "../../api/datasets";
import { keys } from "../../api/keys";
import { asProblem } from "../../api/problem";
import { useRights } from "../../api/rights";
import type { DatasetView } from "../../api/types";
import { bytes, plural } from "../../lib/format";
import { notify } from "../../lib/notices";
import { byWord } from "../../lib/people";
import { shortId } from "../../lib/runText";
import { Icon } from "../Icon";
import { Ago } from "../Time";
import classes from "./Data.module.css";
import { Labels } from "./DatasetTable";

export function DatasetHead({ dataset }: { dataset: DatasetView }) {
  const { newest, description } = dataset;
  return (
    <div className={classes.head}>
      {description && <p className={classes.description}>{description}</p>}
      <p className={classes.facts}>
        {newest && (
          <span>
            version {newest.version}: {plural(newest.files, "file")}, {bytes(newest.bytes)}
          </span>
        )}
        <span>
          changed <Ago at={dataset.changed_at} />
        </span>
        <span>
          made <Ago at={dataset.made_at} /> by <Maker by={dataset.made_by} />
        </span>
        {dataset.protected && (
          <span className={classes.named}>
            <Icon name="shield" size={14} /> protected
          </span>
        )}
        {Object.keys(dataset.labels).length > 0 && <Labels labels={dataset.labels} />}
        {Object.keys(dataset.tags).length > 0 && <Tags dataset={dataset} />}
      </p>
    </div>
  );
}

/** A person, or the run that has left it. */
function Maker({ by }: { by: string }) {
  if (!by.startsWith("run_")) return byWord(by);
  return (
    <>
      run{" "}
      <Link to="/runs/$id" params={{ id: by }} className="link mono">
        {shortId(by)}
      </Link>
    </>
  );
}

function Tags({ dataset: { name, tags } }: { dataset: DatasetView }) {
  const { start } = useRights();
  const cache = useQueryClient();
  const remove = (tag: string) =>
    void untag(name, tag).then(
      () => cache.invalidateQueries({ queryKey: keys.datasets }),
      (error: unknown) => notify(`${tag} stays: ${asProblem(error).message}`, "bad"),
    );
  return (
    <span className={classes.labels}>
      {Object.entries(tags).map(([tag, version]) => (
        <span key={tag} className={classes.tag} data-plain={!start || undefined}>
          <Link to="/data/$" params={{ _splat: name }} search={{ version: String(version) }}>
            {tag} = {version}
          </Link>
          {start && (
            <button
              type="button"
              aria-label={`Take the tag ${tag} away`}
              title="Take the tag away; the version stays"
              onClick={() => remove(tag)}
            >
              <Icon name="close" size={14} />
            </button>
          )}
        </span>
      ))}
    </span>
  );
}
