/** What starts what, over all pipelines or around one of them. */
import { Select } from "@mantine/core";
import "@mantine/core/styles/CloseButton.css";
import "@mantine/core/styles/Combobox.css";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/Popover.css";
import "@mantine/core/styles/ScrollArea.css";
import { useQuery } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";

import { startsQuery } from "../../api/backfills";
import { plural } from "../../lib/format";
import { around, connected, pipelineId, startsOf } from "../../lib/starts";
import { Icon } from "../Icon";
import { Empty, Failure } from "../States";
import classes from "./Starts.module.css";
import { StartsDrawing } from "./StartsDrawing";

export function StartsView({ of }: { of: string | undefined }) {
  const navigate = useNavigate();
  const { data, error, refetch } = useQuery(startsQuery);
  const all = useMemo(() => data && connected(startsOf(data)), [data]);
  const shown = useMemo(() => (all && of !== undefined ? around(all, pipelineId(of)) : all), [all, of]);
  if (error && !data) return <Failure error={error} retry={() => void refetch()} />;
  if (!all || !shown || !data) return null;
  if (all.nodes.length === 0) return <None />;
  const names = all.nodes.flatMap(({ kind, name }) => (kind === "pipeline" ? [name] : []));
  const alone = data.pipelines.filter((name) => !names.includes(name)).length;
  return (
    <>
      <div className={classes.tools}>
        <Select
          aria-label="Around"
          placeholder="Around which pipeline"
          data={names}
          value={of ?? null}
          onChange={(name) => void navigate({ to: "/schedules", search: { view: "starts", ...(name ? { of: name } : {}) }, replace: true })}
          searchable
          clearable
          clearButtonProps={{ "aria-label": "All of them" }}
          limit={100}
          nothingFoundMessage="No pipeline is called so"
          w={240}
        />
        <div className={classes.legend} aria-hidden>
          <span>
            <Icon name="clock" size={14} /> schedule
          </span>
          <span>
            <Icon name="hook" size={14} /> webhook
          </span>
          <span>
            <Icon name="file" size={14} /> files
          </span>
          <span>
            <Icon name="pipelines" size={14} /> pipeline
          </span>
          <span>- - after a failure</span>
        </div>
      </div>
      {shown.nodes.length === 0 ? (
        <p className={classes.alone}>Nothing starts {of} by itself, and nothing follows it.</p>
      ) : (
        <StartsDrawing starts={shown} />
      )}
      {alone > 0 && of === undefined && (
        <p className={classes.alone}>{plural(alone, "pipeline is", "pipelines are")} started by people and programs alone.</p>
      )}
    </>
  );
}

function None() {
  return (
    <Empty icon="pipelines" title="Nothing starts by itself">
      <p className="dim">
        Schedules, webhooks, files that are waited for, and pipelines that follow others are drawn here. A spec says which follow when its
        run has ended:
      </p>
      <pre className={classes.spec}>
        {"downstream_triggers:\n  - {pipeline: report}\n  - {pipeline: alarm, on_success: false, on_failure: true}"}
      </pre>
    </Empty>
  );
}
