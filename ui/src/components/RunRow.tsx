/** One run in a list: a row on a wide screen, two lines on a narrow one. */
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { memo } from "react";

import { pipelinesQuery } from "../api/queries";
import type { RunSummary } from "../api/types";
import { clock, duration } from "../lib/format";
import { useNow } from "../lib/now";
import { elapsed, startedBy, stateDetail, stateShort } from "../lib/runText";
import { isEnd, stateTone } from "../lib/states";
import { plainWords } from "../lib/told";
import classes from "./RunRow.module.css";
import { StateIcon } from "./StateIcon";
import { Ago } from "./Time";

interface RunRowProps {
  run: RunSummary;
  /** Leaves out the pipeline's name, where the page is about it. */
  withoutPipeline?: boolean;
  /** Chosen with the keyboard. */
  current?: boolean;
  selected?: boolean;
  onSelect?: ((run: RunSummary, selected: boolean) => void) | undefined;
}

export const RunRow = memo(function RunRow({ run, withoutPipeline = false, current = false, selected = false, onSelect }: RunRowProps) {
  const ended = isEnd(run.state);
  const now = useNow(!ended);
  const expected = useExpected(run.pipeline);
  const detail = plainWords(stateDetail(run, now, expected));
  const passed = elapsed(run, now);
  return (
    <div
      className={classes.row}
      data-current={current || undefined}
      data-selected={selected || undefined}
      data-short={withoutPipeline || undefined}
      data-select={onSelect ? true : undefined}
    >
      {onSelect && (
        <label className={classes.select}>
          <input
            type="checkbox"
            checked={selected}
            onChange={(event) => onSelect(run, event.currentTarget.checked)}
            aria-label={`Select run ${run.short}`}
          />
        </label>
      )}
      <Link to="/runs/$id" params={{ id: run.id }} className={classes.link} tabIndex={current ? 0 : undefined}>
        <span className={classes.icon}>
          <StateIcon state={run.state} label={false} />
        </span>
        <span className={`${classes.id ?? ""} mono`}>{run.short}</span>
        {!withoutPipeline && <span className={classes.pipeline}>{run.pipeline}</span>}
        <span className={classes.state}>
          <span className={run.state === "succeeded" ? "dim" : `tone-${stateTone(run.state)}`}>{stateShort(run, now)}</span>
          {detail && <span className="dim"> · {detail}</span>}
        </span>
        <span className={classes.labels}>{labelsOf(run)}</span>
        <span className={classes.by}>{startedBy(run.trigger)}</span>
        <span className={classes.took}>{passed === null ? "–" : ended ? duration(passed) : clock(passed)}</span>
        <span className={classes.when}>
          <Ago at={run.started_at ?? run.created_at} />
        </span>
      </Link>
    </div>
  );
});

function labelsOf(run: RunSummary): string {
  return Object.entries(run.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

/** How long runs of a pipeline take, from what is known already. */
function useExpected(pipeline: string): number | undefined {
  const { data } = useQuery({
    ...pipelinesQuery,
    select: (list) => list.find(({ name }) => name === pipeline)?.expected_ms ?? undefined,
  });
  return data;
}
