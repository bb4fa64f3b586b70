/** Webhooks in columns: which, whose runs, what came last, how it stands. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { useRights } from "../../api/rights";
import type { WebhookView } from "../../api/types";
import { kindOf, outcomeOf } from "../../lib/webhook";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Ago } from "../Time";
import { HookStanding, PauseHook } from "./Standing";
import classes from "./Webhooks.module.css";

interface HookTableProps {
  hooks: readonly WebhookView[];
  /** The page is about it. */
  withoutPipeline?: boolean;
  current?: string | null;
}

const STARTS: Column<WebhookView> = {
  title: "Starts",
  cell: ({ pipeline, schedule }) => (
    <>
      <Link to="/pipelines/$name" params={{ name: pipeline }} className={classes.name}>
        {pipeline}
      </Link>
      {schedule && <span className="dim"> as {schedule}</span>}
    </>
  ),
};

export function HookTable({ hooks, withoutPipeline = false, current }: HookTableProps) {
  const { archived } = useRights();
  const columns: Column<WebhookView>[] = [
    {
      title: "Webhook",
      head: true,
      cell: ({ name, kind }) => (
        <>
          <Link to="/webhooks/$name" params={{ name }} className={classes.name}>
            {name}
          </Link>
          <span className={`${classes.kind ?? ""} dim`}> · {kindOf(kind).name}</span>
        </>
      ),
    },
    ...(withoutPipeline ? [] : [STARTS]),
    { title: "Last came", cell: ({ last }) => (last ? <Last last={last} /> : <span className="dim">nothing yet</span>) },
    { title: "State", cell: (hook) => <HookStanding hook={hook} /> },
    ...(archived ? [] : [{ title: "Pause", quiet: true, narrow: true, cell: (hook: WebhookView) => <PauseHook hook={hook} /> }]),
  ];
  return <Table label="Webhooks" columns={columns} rows={hooks} keyOf={({ name }) => name} current={current} />;
}

function Last({ last }: { last: NonNullable<WebhookView["last"]> }) {
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

export function MakeHookButton() {
  return <Button renderRoot={(props) => <Link to="/webhooks/-/new" {...props} />}>Make a webhook</Button>;
}
