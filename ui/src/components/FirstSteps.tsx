import { useRights } from "../api/rights";
import { inProject, quote } from "../lib/command";
import { DEFAULT_PROJECT, project } from "../lib/project";
import { Command } from "./CopyButton";
import classes from "./FirstSteps.module.css";

/** What to do in a folder without pipelines; which folder that is, is known of the default project's. */
export function FirstSteps({ folder: known }: { folder?: string | undefined }) {
  const { start: mayStart, archived, role } = useRights();
  const folder = project === DEFAULT_PROJECT ? known : undefined;
  return (
    <div className={classes.steps}>
      <h2>There are no pipelines yet</h2>
      <p>
        A pipeline is a folder with a <code>main.py</code>, a notebook or a command
        {folder && (
          <>
            {" "}
            in <code>{folder}</code>
          </>
        )}
        {project !== DEFAULT_PROJECT && (
          <>
            {" "}
            in the folder of the project <code>{project}</code>
          </>
        )}
        . It appears here as soon as it is there.
      </p>
      {mayStart && <Steps folder={folder} />}
      {!mayStart && !archived && <p className="dim">Editors and owners make them.{role && ` You are a ${role}.`}</p>}
    </div>
  );
}

function Steps({ folder }: { folder: string | undefined }) {
  return (
    <ol>
      <li>
        <p>Make one that works:</p>
        <Command text={`rigi init ${folder ? quote(`${folder}/hello`) : "hello"}`} />
      </li>
      <li>
        <p>Start it here, or in a terminal:</p>
        <Command text={inProject("rigi run hello --follow")} />
      </li>
      <li>
        <p>
          Change its <code>main.py</code>. The next run takes the new code; old runs keep what they ran.
        </p>
      </li>
    </ol>
  );
}
