/** The versions of datasets that a run was given, and those that it has left. */
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { eventsQuery } from "../../api/queries";
import type { RunView } from "../../api/types";
import { leftBy } from "../../lib/dataset";
import { isEnd } from "../../lib/states";
import { DatasetLink } from "./DatasetLink";
import classes from "./Data.module.css";

/** Above its files: as which versions they are kept. Nothing is asked of a run that left nothing. */
export function LeftDatasets({ run }: { run: RunView }) {
  const { data } = useQuery({ ...eventsQuery(run.id), enabled: isEnd(run.state) && run.artifacts.count > 0 });
  const left = leftBy((data ?? []).flatMap(({ message }) => (message ? [message] : [])));
  if (left.length === 0) return null;
  return (
    <p className={classes.given}>
      {left.map(({ output, dataset, isNew }) => (
        <span key={output} className={classes.labels}>
          <code>{output}</code> {isNew ? "is" : "is the same as"} <DatasetLink reference={dataset} />
        </span>
      ))}
    </p>
  );
}

/** For the line of facts: what it was given. */
export function givenDatasets(run: RunView): ReactNode[] {
  const given = [...new Set(run.inputs.flatMap(({ dataset }) => (dataset ? [dataset] : [])))];
  return given.slice(0, 5).map((reference) => (
    <>
      given <DatasetLink reference={reference} />
    </>
  ));
}
