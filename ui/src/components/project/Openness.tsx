/** Whether whoever comes may look at a project, and whether people may ask to be in it. */
import { Switch } from "@mantine/core";
import "@mantine/core/styles/Input.css";
import "@mantine/core/styles/InlineInput.css";
import "@mantine/core/styles/Switch.css";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { waysInQuery } from "../../api/account";
import { changeProject, useProjectChange, type ProjectChange } from "../../api/projects";
import type { ProjectView } from "../../api/types";
import { notify } from "../../lib/notices";
import { pagePath } from "../../lib/project";
import { FormProblem } from "../form/Fields";
import { CopyButton } from "../CopyButton";
import { Section } from "../Page";
import { Confirm, type Question } from "../people/Confirm";
import { Field } from "../people/Field";
import people from "../people/People.module.css";

export function Openness({ own }: { own: ProjectView }) {
  return (
    <Section title="Who else">
      <Public own={own} />
      <Joinable own={own} />
    </Section>
  );
}

function useSwitch(own: ProjectView) {
  const change = useProjectChange(changeProject);
  const set = (to: Omit<ProjectChange, "of">, done: string) => change.mutateAsync({ of: own.name, ...to }).then(() => notify(done));
  return { set, change };
}

function Public({ own }: { own: ProjectView }) {
  const { set, change } = useSwitch(own);
  const [question, setQuestion] = useState<Question | null>(null);
  const { data: ways, isFetching } = useQuery(waysInQuery);
  // It stays set where the server lets nothing be public any more.
  const holds = isFetching || change.isPending || (ways?.public ?? []).includes(own.name);
  const address = location.origin + pagePath("/", own.name);
  const open: Question = {
    title: `Show ${own.name} to everybody?`,
    text: (
      <p>
        Whoever comes sees its pipelines, runs, logs and files without signing in, with the names of those who started them. Members, usage
        and secrets stay closed.
      </p>
    ),
    action: "Make it public",
    run: () => set({ public: true }, `${own.name} is public.`),
  };
  const turn = (on: boolean) => {
    if (on) setQuestion(open);
    else void set({ public: false }, `${own.name} is public no more.`).catch(() => undefined);
  };
  return (
    <Field label="Public">
      <div className={people.narrow}>
        <Switch
          label="Whoever comes may look at it, without signing in"
          checked={own.public}
          disabled={change.isPending}
          onChange={(event) => turn(event.currentTarget.checked)}
        />
        {own.public && holds ? (
          <p className={people.note}>
            It is at <code>{address}</code> <CopyButton text={address} label="Copy the address" />
          </p>
        ) : (
          <p className={people.note}>
            {own.public ? "Set, and not in force: the server lets nothing be public. An" : "Only where the server lets it: an"} operator
            sets <code>people.public_projects</code>.
          </p>
        )}
        {question === null && <FormProblem error={change.error} />}
      </div>
      <Confirm question={question} onClose={() => setQuestion(null)} />
    </Field>
  );
}

function Joinable({ own }: { own: ProjectView }) {
  const { set, change } = useSwitch(own);
  const turn = (on: boolean) =>
    void set({ joinable: on }, on ? `People may ask to join ${own.name}.` : `Nobody can ask to join ${own.name} any more.`).catch(
      () => undefined,
    );
  return (
    <Field label="May be asked to join">
      <div className={people.narrow}>
        <Switch
          label="People with an account may ask to be in it"
          checked={own.joinable}
          disabled={change.isPending}
          onChange={(event) => turn(event.currentTarget.checked)}
        />
        <p className={people.note}>They see its name and labels, and no more. Owners answer among the members.</p>
        <FormProblem error={change.error} />
      </div>
    </Field>
  );
}
