/** What the project is: its name, labels, where its runs execute, what is kept of them; and its end. Owners change it. */
import { useQuery } from "@tanstack/react-query";

import { changeProject, targetsQuery } from "../../api/projects";
import { useRights } from "../../api/rights";
import type { ProjectView } from "../../api/types";
import { labelLine } from "../../lib/labels";
import { renamedPath } from "../../lib/project";
import { keptLine } from "../../lib/quota";
import { Section } from "../Page";
import { Field } from "../people/Field";
import { NameForm } from "../people/NameForm";
import people from "../people/People.module.css";
import { At } from "../Time";
import { DetailsForm } from "./DetailsForm";
import { Ending } from "./Ending";
import { Export } from "./Export";
import { Openness } from "./Openness";
import classes from "./Project.module.css";

export function Details({ own }: { own: ProjectView }) {
  const { manage, people: withPeople } = useRights();
  const { data: targets, isPending } = useQuery(targetsQuery);
  // All of it at once: what comes later would move.
  if (isPending) return null;
  return (
    <>
      <Section title="What it is">
        <Name own={own} manage={manage} />
        <Field label="Made">
          <At at={own.created_at} />
        </Field>
        {manage ? <DetailsForm key={own.id} own={own} targets={targets ?? []} /> : <Facts own={own} />}
        {!manage && <p className={people.none}>Owners and administrators change this.</p>}
      </Section>
      {manage && withPeople && <Openness own={own} />}
      {manage && <Export own={own} />}
      {manage && <Ending own={own} />}
    </>
  );
}

function Name({ own, manage }: { own: ProjectView; manage: boolean }) {
  if (!manage || own.declared) {
    return (
      <Field label="Name">
        {own.name}
        {manage && own.declared && <p className={people.note}>The server’s configuration gives it, and is where it is changed.</p>}
      </Field>
    );
  }
  const rename = async (name: string) => {
    const now = await changeProject({ of: own.name, name: name.trim() });
    // A page is of one name from its loading on.
    if (now.name !== own.name) location.replace(renamedPath(location.pathname, now.name) + location.search);
  };
  return (
    <NameForm
      key={own.name}
      name={own.name}
      rename={rename}
      done="It has its new name."
      autoComplete="off"
      note="Links and commands with the old name go on working, until something else is called so."
    />
  );
}

/** As those see it who change nothing. */
function Facts({ own }: { own: ProjectView }) {
  const labels = labelLine(own.labels);
  return (
    <>
      <Field label="Labels">{labels || <span className={classes.fixed}>none</span>}</Field>
      <Field label="Runs execute">{own.target ? `on ${own.target}, unless they say where` : "where the server says, unless they do"}</Field>
      <Field label="Kept of ended runs">{keptLine(own.retention)}</Field>
      {own.public && <Field label="Public">Whoever comes may look at it, without signing in.</Field>}
    </>
  );
}
