/** Triggers in columns: whose, what they wait for, what happened last, how they stand. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { useRights } from "../../api/rights";
import type { PipelineTriggerView } from "../../api/types";
import { nameOf, outcomeOf, waitsFor } from "../../lib/triggers";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Ago } from "../Time";
import { PauseTrigger, TriggerStanding } from "./Standing";
import classes from "./Triggers.module.css";

interface TriggerTableProps {
  triggers: readonly PipelineTriggerView[];
  /** The page is about their pipeline. */
  withoutPipeline?: boolean;
  label?: string;
  current?: string | null;
}

export function TriggerTable({ triggers, withoutPipeline = false, label = "Triggers", current }: TriggerTableProps) {
  const { archived } = useRights();
  const columns: Column<PipelineTriggerView>[] = [
    {
      title: "Trigger",
      head: true,
      cell: ({ pipeline, id }) => (
        <Link to="/triggers/$pipeline/$id" params={{ pipeline, id }} className={classes.name}>
          {!withoutPipeline && <span className="dim">{pipeline} / </span>}
          {id}
        </Link>
      ),
    },
    { title: "Waits for", cell: ({ trigger }) => <span className={classes.waits}>{waitsFor(trigger)}</span> },
    { title: "Last event", cell: ({ last }) => (last ? <Last last={last} /> : <span className={classes.none}>nothing yet</span>) },
    { title: "State", cell: (trigger) => <TriggerStanding trigger={trigger} /> },
    ...(archived
      ? []
      : [{ title: "Pause", quiet: true, narrow: true, cell: (trigger: PipelineTriggerView) => <PauseTrigger trigger={trigger} /> }]),
  ];
  return <Table label={label} columns={columns} rows={triggers} keyOf={nameOf} current={current} />;
}

function Last({ last }: { last: NonNullable<PipelineTriggerView["last"]> }) {
  const { word, state } = outcomeOf(last);
  return (
    <span className={classes.last}>
      <span className={classes.outcome}>
        <StateIcon state={state} label={false} />
        <span>{last.run ? "Run" : word}</span>
      </span>
      <span className="dim">
        <Ago at={last.at} />
      </span>
    </span>
  );
}

interface MakeTriggerButtonProps {
  /** Of this one; else it is chosen there. */
  pipeline?: string;
  /** It is not the first thing to do on the page. */
  quiet?: boolean;
}

export function MakeTriggerButton({ pipeline, quiet = false }: MakeTriggerButtonProps) {
  return (
    <Button
      {...(quiet ? { variant: "default" } : {})}
      renderRoot={(props) => <Link to="/triggers/-/new" search={pipeline === undefined ? {} : { pipeline }} {...props} />}
    >
      Make a trigger
    </Button>
  );
}
