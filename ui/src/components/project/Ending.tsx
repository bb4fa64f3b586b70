/** A project is archived, opened again, or deleted. */
import { Button } from "@mantine/core";
import { useState } from "react";

import { changeProject, deleteProject, deleteProjectNow, useProjectChange } from "../../api/projects";
import { asProblem } from "../../api/problem";
import { useRights } from "../../api/rights";
import type { ProjectView } from "../../api/types";
import { plural } from "../../lib/format";
import { notify } from "../../lib/notices";
import { Section } from "../Page";
import { Confirm, type Question } from "../people/Confirm";
import { Field } from "../people/Field";
import people from "../people/People.module.css";
import classes from "./Project.module.css";

export function Ending({ own }: { own: ProjectView }) {
  return (
    <Section title="Its end">
      <Archiving own={own} />
      <Deleting own={own} />
    </Section>
  );
}

function Archiving({ own }: { own: ProjectView }) {
  const change = useProjectChange(changeProject);
  const archived = own.state === "archived";
  const set = () =>
    change.mutate(
      { of: own.name, archived: !archived },
      {
        onSuccess: () =>
          notify(archived ? `${own.name} is open: runs can be started.` : `${own.name} is archived. Runs that go on end as usual.`),
        onError: (error) => notify(`${own.name} stays as it is: ${asProblem(error).message}`, "bad", asProblem(error).cure),
      },
    );
  if (own.fixed?.includes("archived")) {
    return <Field label="Archive">{archived ? "Archived" : "Open"}, as the server’s configuration says.</Field>;
  }
  return (
    <Field label="Archive">
      <div className={people.narrow}>
        <p>
          {archived
            ? "It can be read, and takes no runs, uploads and secrets. Nothing of it is lost."
            : "It can be read from then on, and takes no more runs, uploads and secrets. It can be opened again."}
        </p>
        <div>
          <Button variant="default" loading={change.isPending} onClick={set}>
            {archived ? "Open it again" : "Archive"}
          </Button>
        </div>
      </div>
    </Field>
  );
}

function Deleting({ own }: { own: ProjectView }) {
  const { administer } = useRights();
  const [question, setQuestion] = useState<Question | null>(null);
  const remove = useProjectChange(deleteProject);
  if (own.declared) {
    return <Field label="Delete">The server’s configuration says that it is there: it is deleted there.</Field>;
  }
  const later: Question = {
    title: `Delete ${own.name}?`,
    text: (
      <>
        <p>{stopped(own)} Nobody sees it any more.</p>
        <p>
          All of it goes 30 days later, unless the server’s configuration says otherwise: pipelines, runs, logs, files and secrets. Until
          then owners and administrators can bring it back.
        </p>
      </>
    ),
    action: "Delete it",
    typed: own.name,
    run: () => remove.mutateAsync(own.name),
  };
  return (
    <Field label="Delete">
      <div className={people.narrow}>
        <p>
          Nobody sees it then. It can be brought back for 30 days, or as long as the server’s configuration says; after that all of it goes.
        </p>
        <div className={classes.danger}>
          <Button variant="default" className="tone-bad" onClick={() => setQuestion(later)}>
            Delete
          </Button>
          {administer && (
            <Button
              variant="default"
              className="tone-bad"
              onClick={() => setQuestion(atOnce(own, () => location.assign("/administration?tab=projects")))}
            >
              Delete at once
            </Button>
          )}
        </div>
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Field>
  );
}

function stopped({ active, queued }: ProjectView): string {
  const parts = [active > 0 && plural(active, "active run"), queued > 0 && plural(queued, "waiting run")].filter(Boolean);
  return parts.length === 0 ? "Nothing runs in it and nothing waits." : `Its ${parts.join(" and ")} are stopped.`;
}

/** Asks before all of a project goes for ever. */
export function atOnce(project: ProjectView, onDone: () => void): Question {
  return {
    title: `Delete ${project.name} at once?`,
    text: (
      <>
        {project.state !== "deleted" && <p>{stopped(project)}</p>}
        <p>All of it goes now: pipelines, runs, logs, files and secrets. Nothing brings it back.</p>
      </>
    ),
    action: "Delete it at once",
    typed: project.name,
    run: async () => {
      await deleteProjectNow(project.name);
      onDone();
    },
  };
}
