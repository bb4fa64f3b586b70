/** Where there are no datasets: what one is, and three ways in which one comes to be. */
import { Button } from "@mantine/core";
import { Link } from "@tanstack/react-router";

import { useRights } from "../../api/rights";
import { inProject } from "../../lib/command";
import { Command } from "../CopyButton";
import { Empty } from "../States";
import classes from "./Data.module.css";

export function NoData() {
  const { start, archived, role } = useRights();
  return (
    <Empty icon="data" title="There are no datasets yet">
      <p className="dim">
        A dataset is a set of files with a name, in versions that never change. Runs are given one, or a part of it, and leave one; what was
        made of what is kept. The same content is stored once.
      </p>
      {start && (
        <>
          <p className="dim">Upload files here, or in a terminal:</p>
          <Command text={inProject("rigi data put sea/level measurements/")} />
          <p className="dim">A run’s output becomes one where its spec says so:</p>
          <pre className={classes.spec}>{"outputs:\n  cleaned: {dataset: sea/cleaned}"}</pre>
          <Button renderRoot={(props) => <Link to="/data/-/upload" {...props} />}>Upload</Button>
        </>
      )}
      {!start && !archived && <p className="dim">Runners, editors and owners add them.{role && ` You are a ${role}.`}</p>}
    </Empty>
  );
}
