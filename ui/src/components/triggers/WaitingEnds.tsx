/** Of a trigger that waits for several pipelines: which have ended already, and which are missing, by key. */
import { Link } from "@tanstack/react-router";

import type { PipelineTriggerView } from "../../api/types";
import { waitingOf, type Waiting } from "../../lib/triggers";
import { Section } from "../Page";
import people from "../people/People.module.css";
import { Table, type Column } from "../people/Table";
import { StateIcon } from "../StateIcon";
import { Ago } from "../Time";
import classes from "./Triggers.module.css";

export function WaitingEnds({ trigger }: { trigger: PipelineTriggerView }) {
  const all = waitingOf(trigger);
  const there = trigger.trigger.on === "failure" ? "failed" : "succeeded";
  const keyed = trigger.trigger.key != null;
  const columns: Column<Waiting>[] = [
    ...(keyed ? [{ title: "Key", head: true, cell: ({ key }: Waiting) => <span className={classes.event}>{key}</span> }] : []),
    { title: "Of these", head: !keyed, cell: ({ ends }) => <Ends ends={ends} there={there} /> },
    {
      title: "The newest",
      narrow: true,
      cell: ({ at }) => (
        <span className="dim">
          <Ago at={at} />
        </span>
      ),
    },
  ];
  return (
    <Section title="What is there">
      {all.length === 0 ? (
        <p className={people.none}>None has ended since all of them did last. What has ended waits here for the others.</p>
      ) : (
        <Table label="What is there" columns={columns} rows={all} keyOf={({ key }) => key} />
      )}
    </Section>
  );
}

/** `there` is the shape of one that has ended. */
function Ends({ ends, there }: { ends: Waiting["ends"]; there: string }) {
  return (
    <span className={classes.ends}>
      {ends.map(({ pipeline, run }) => (
        <span key={pipeline} className={classes.end}>
          <StateIcon state={run ? there : "queued"} label={false} />
          <span>
            {pipeline}{" "}
            {run ? (
              <Link to="/runs/$id" params={{ id: run }} className="link mono">
                {run.slice(-4)}
              </Link>
            ) : (
              <span className="dim">is missing</span>
            )}
          </span>
        </span>
      ))}
    </span>
  );
}
