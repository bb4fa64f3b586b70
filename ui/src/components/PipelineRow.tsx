/** One pipeline in a list: what it is, how its last runs went, and Start. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";

import { useRights } from "../api/rights";
import type { PipelineSummary } from "../api/types";
import { plural } from "../lib/format";
import { plainLine } from "../lib/plainLine";
import { ARCHIVED } from "./Archived";
import { Icon } from "./Icon";
import { Mistakes } from "./Mistakes";
import classes from "./PipelineRow.module.css";
import { Strip } from "./Strip";
import { Ago } from "./Time";

interface PipelineRowProps {
  pipeline: PipelineSummary;
  current?: boolean;
}

export const PipelineRow = memo(function PipelineRow({ pipeline, current = false }: PipelineRowProps) {
  const { name } = pipeline;
  const { run: mayRun, archived } = useRights();
  const last = pipeline.recent.at(-1);
  const broken = pipeline.mistakes.length > 0;
  return (
    <div className={classes.outer}>
      <div className={classes.row} data-current={current || undefined}>
        <Link to="/pipelines/$name" params={{ name }} className={classes.link}>
          <span className={classes.name}>
            {broken && (
              <span className="tone-bad" title={plural(pipeline.mistakes.length, "mistake")}>
                <Icon name="warning" size={14} />
                <span className="sr">has a mistake</span>
              </span>
            )}
            <span className="ellipsis">{name}</span>
          </span>
          <span className={classes.summary}>{plainLine(pipeline.summary ?? "")}</span>
          <span className={classes.strip}>
            <Strip marks={pipeline.recent} />
          </span>
          <span className={classes.now}>{nowText(pipeline)}</span>
          <span className={classes.last}>{last ? <Ago at={last.created_at} /> : "never ran"}</span>
        </Link>
        {pipeline.runnable && !mayRun ? null : pipeline.runnable && archived ? (
          <Button variant="default" size="compact-sm" className={classes.start} aria-label={`Start ${name}`} disabled title={ARCHIVED}>
            Start
          </Button>
        ) : pipeline.runnable ? (
          <Button
            variant="default"
            size="compact-sm"
            className={classes.start}
            renderRoot={(props) => <Link to="/pipelines/$name/start" params={{ name }} {...props} />}
            aria-label={`Start ${name}`}
          >
            Start
          </Button>
        ) : (
          <span className={classes.cannot}>{broken ? "mistake" : "switched off"}</span>
        )}
      </div>
      {broken && (
        <div className={classes.mistakes}>
          <Mistakes mistakes={pipeline.mistakes.slice(0, 2)} />
          {pipeline.mistakes.length > 2 && <p className="dim">and {plural(pipeline.mistakes.length - 2, "other")}</p>}
        </div>
      )}
    </div>
  );
});

function nowText({ active, queued }: PipelineSummary): string {
  const parts = [];
  if (active > 0) parts.push(`${active} running`);
  if (queued > 0) parts.push(`${queued} waiting`);
  return parts.join(", ");
}
