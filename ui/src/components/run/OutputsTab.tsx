/** Files that a run left: pictures and texts shown, everything to download. */
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { artifactsQuery, artifactUrl } from "../../api/queries";
import type { ArtifactView, RunView } from "../../api/types";
import { bytes, plural } from "../../lib/format";
import { previewOf } from "../../lib/preview";
import { isEnd } from "../../lib/states";
import { Icon } from "../Icon";
import { Empty, Failure } from "../States";
import { Preview } from "./Preview";
import classes from "./Outputs.module.css";

/** Pictures and texts that are shown without being asked for. */
const OPEN_AT_FIRST = 6;

export function OutputsTab({ run }: { run: RunView }) {
  const { data, error, refetch } = useQuery(artifactsQuery(run.id));
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!data) return null;
  if (data.items.length === 0) {
    return (
      <Empty icon="folder" title={isEnd(run.state) ? "It left no files" : "It has left no files yet"}>
        <p className="dim">
          What a run writes below <code>$RIGI_OUTPUTS</code> is kept with it and shown here.
        </p>
      </Empty>
    );
  }
  const rank = (item: ArtifactView) => ["image", "html", "csv", "markdown", "json", "text", "pdf", "none"].indexOf(previewOf(item));
  const items = [...data.items].sort((a, b) => rank(a) - rank(b) || a.path.localeCompare(b.path));
  return (
    <div className={classes.outputs}>
      <p className={classes.sum}>
        {plural(run.artifacts.count, "file")}, {bytes(run.artifacts.bytes)}
      </p>
      {items.map((item, index) => (
        <Output key={item.path} run={run} item={item} open={index < OPEN_AT_FIRST && item.size < 5 * 1024 * 1024} />
      ))}
    </div>
  );
}

function Output({ run, item, open }: { run: RunView; item: ArtifactView; open: boolean }) {
  const kind = previewOf(item);
  const [shown, setShown] = useState(open && kind !== "none");
  return (
    <section className={classes.output} aria-label={item.path}>
      <div className={classes.line}>
        <button type="button" className={classes.name} aria-expanded={shown} disabled={kind === "none"} onClick={() => setShown(!shown)}>
          <span className={classes.chevron} data-open={shown || undefined} data-none={kind === "none" || undefined}>
            <Icon name="chevron" size={14} />
          </span>
          {item.path}
        </button>
        <span className={classes.facts}>
          {item.output && <span className={classes.declared}>{item.output}</span>}
          {bytes(item.size)}
        </span>
        <a className={classes.download} href={artifactUrl(run.id, item.path, "download")} download={item.path.split("/").at(-1)} aria-label={`Download ${item.path}`} title={`Download, sha256 ${item.sha256}`}>
          <Icon name="download" size={14} />
        </a>
      </div>
      {shown && <Preview run={run.id} item={item} kind={kind} />}
    </section>
  );
}
